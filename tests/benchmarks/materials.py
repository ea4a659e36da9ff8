"""What the benchmarks read, made when the first of them asks for it: logs, histories, a DNS server."""

import datetime
import gzip
import ipaddress
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from installation import Installation
from make_history import write_history
from make_log import Shape, write_log
from measure import PYTHON, REPOSITORY, load_into_page_cache

HERE = Path(__file__).parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests" / "sources"), str(REPOSITORY / "tests" / "enrich")]

import journal_bed  # noqa: E402
from mmdb_fixture import write_mmdb  # noqa: E402

HISTORY_DAYS = 180
LONG = 10
"""How many times longer the long log is."""


class Log(NamedTuple):
    """A mail log and the number of failures in it."""

    path: Path
    failures: int


class Materials:
    """Files under one scratch directory. Each property makes its file at first use, and says so on stderr."""

    def __init__(self, scratch: Path, lines: int, addresses: int, history_rows: int, fleet_rows: int) -> None:
        self.scratch = scratch
        self.lines = lines
        self.addresses = addresses
        self.history_rows = history_rows
        self.fleet_rows = fleet_rows
        self.today = datetime.datetime.now(datetime.UTC).date()
        self._dns_server: subprocess.Popen[str] | None = None

    def _make_log(
        self,
        name: str,
        lines: int,
        addresses: int,
        *,
        failures: float = 0.02,
        named: float = 0.05,
        auth_lines: bool = False,
        nameless: bool = False,
    ) -> Log:
        print(f"making a log of {lines} lines", file=sys.stderr)
        path = self.scratch / name / "mail.log"
        path.parent.mkdir()
        shape = Shape(lines, failures, addresses, named, 7, self.today, "rfc3339", 1, auth_lines, nameless)
        failed = write_log(str(path), shape)[1]
        load_into_page_cache(path)
        return Log(path, failed)

    @cached_property
    def log(self) -> Log:
        """The log of the claims."""
        return self._make_log("plain", self.lines, self.addresses)

    @cached_property
    def recent_log(self) -> Log:
        """The same moved on by whole hours, so that its last line is of the last hour."""
        path = self.scratch / "recent" / "mail.log"
        path.parent.mkdir()
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        shift = datetime.timedelta(hours=now.hour + 24 * (now.date() - self.today).days)
        hours: dict[str, str] = {}
        with open(self.log.path, encoding="utf-8") as old, open(path, "w", encoding="utf-8") as new:
            for line in old:
                hour = line[:13]
                if hour not in hours:
                    moved = datetime.datetime.fromisoformat(f"{hour}:00") + shift
                    hours[hour] = moved.isoformat()[:13]
                new.write(hours[hour] + line[13:])
        load_into_page_cache(path)
        return Log(path, self.log.failures)

    @cached_property
    def named_log(self) -> Log:
        """The same in which Dovecot, too, writes a line on each failure."""
        return self._make_log("named", self.lines, self.addresses, auth_lines=True)

    @cached_property
    def old_log(self) -> Log:
        """The same of a Postfix that does not name the user: Dovecot's line does."""
        return self._make_log("old", self.lines, self.addresses, auth_lines=True, nameless=True)

    @cached_property
    def small_log(self) -> Log:
        """A log of 1,000 lines."""
        return self._make_log("small", 1000, 20)

    @cached_property
    def nameless_log(self) -> Log:
        """A short log whose clients have no verified name, so that each address has to be asked for."""
        return self._make_log("nameless", self.addresses * 15, self.addresses, failures=0.1, named=0)

    @cached_property
    def archive(self) -> Log:
        """The log of the claims gzipped as mail.log.1.gz; beside it a mail.log of 50 lines without a failure."""
        live = self._make_log("archive", 50, 1, failures=0).path
        os.utime(live)
        print("compressing the log", file=sys.stderr)
        path = live.with_name("mail.log.1.gz")
        with open(self.log.path, "rb") as plain, gzip.open(path, "wb", compresslevel=6) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)
        os.utime(path, (live.stat().st_mtime - 60,) * 2)
        load_into_page_cache(path)
        return Log(path, self.log.failures)

    @cached_property
    def journal(self) -> Log:
        """A journal with the lines of a log of its own, a fifth of them failures."""
        log = self._make_log("journal-lines", self.lines // 20, self.addresses, failures=0.2)
        print("making a journal of it", file=sys.stderr)
        path = self.scratch / "journal"
        parts = re.compile(r"(\S+) (\S+) ([^\s\[]+)\[(\d+)\]: (.*)")
        entries = []
        with open(log.path, encoding="utf-8") as file:
            for match in filter(None, map(parts.match, file)):
                stamp, host, program, pid, message = match.groups()
                at = round(datetime.datetime.fromisoformat(stamp).timestamp() * 1_000_000)
                entries.append({"at": at, "_HOSTNAME": host, "SYSLOG_IDENTIFIER": program, "SYSLOG_PID": pid})
                entries[-1].update(MESSAGE=message, SYSLOG_FACILITY="2", PRIORITY="6", _PID=pid, _TRANSPORT="syslog")
        journal_bed.write(f"{path}/system.journal", entries, monotonic=1_000_000_000)
        load_into_page_cache(path / "system.journal")
        return Log(path, log.failures)

    def long_log(self) -> Log:
        """Return a log ten times as long, with ten times as many addresses; None of the others is kept so large."""
        return self._make_log("long", self.lines * LONG, self.addresses * LONG)

    def long_log_size(self) -> int:
        """Return about how many bytes the long log will have."""
        return self.lines * LONG * 155

    @cached_property
    def reported_day(self) -> datetime.date:
        """A day in the middle of the history."""
        return self.today - datetime.timedelta(days=HISTORY_DAYS // 2)

    @property
    def yesterday(self) -> datetime.date:
        """The last day of the histories."""
        return self.today - datetime.timedelta(days=1)

    def _adopted(self, name: str, only: datetime.date | None, mail_log: Path) -> Installation:
        print(f"making a history: {name}", file=sys.stderr)
        place = Installation(self.scratch / name, mail_log)
        place.run("extract", "--offline")
        # To the program somebody has edited its CSV now: it takes the file as it is and indexes it anew.
        rows = write_history(str(place.csv), self.history_rows, HISTORY_DAYS, self.yesterday, only)
        run = place.extract(rows)
        print(f"  the program took in these {rows} records in {run.seconds:.1f} s", file=sys.stderr)
        return place

    @cached_property
    def long_history(self) -> Installation:
        """An installation with records of 180 days, which has read the log of the claims as well."""
        return self._adopted("long-history", None, self.log.path)

    @cached_property
    def covered_history(self) -> Installation:
        """The same, which is known to have read all of those days."""
        place = self.long_history
        end = datetime.datetime.combine(self.today, datetime.time(), datetime.UTC)
        start = end - datetime.timedelta(days=HISTORY_DAYS)
        span = (round(start.timestamp() * 1_000_000), round(end.timestamp() * 1_000_000))
        with sqlite3.connect(place.state / "state.db") as connection:
            connection.execute("INSERT INTO coverage VALUES ('history', ?, ?)", span)
        return place

    @cached_property
    def one_day_history(self) -> Installation:
        """An installation with the records of the reported day alone, which has read the same log."""
        return self._adopted("one-day-history", self.reported_day, self.log.path)

    @property
    def reported_count(self) -> int:
        """The number of records of the reported day."""
        place = HISTORY_DAYS - 1 - (self.yesterday - self.reported_day).days
        return self.history_rows * (place + 1) // HISTORY_DAYS - self.history_rows * place // HISTORY_DAYS

    @cached_property
    def small_history(self) -> Installation:
        """An installation that has read a log of 1,000 lines."""
        place = Installation(self.scratch / "small-history", self.small_log.path)
        place.extract(self.small_log.failures)
        return place

    def fleet(self, files: int, rows: int) -> tuple[list[Path], list[Path]]:
        """Return the CSVs of as many servers with `rows` records each, and the same without their headers."""
        print(f"making the CSVs of {files} servers", file=sys.stderr)
        place = self.scratch / "fleet"
        bodies = place / "bodies"
        bodies.mkdir(parents=True)
        paths = [place / f"mx{number:03}.csv" for number in range(files)]
        for path in paths:
            write_history(str(path), rows, HISTORY_DAYS, self.yesterday, server=f"{path.stem}.example.org")
            with open(path, "rb") as whole, open(bodies / path.name, "wb") as body:
                whole.readline()
                shutil.copyfileobj(whole, body, 1 << 20)
            load_into_page_cache(path)
        return paths, [bodies / path.name for path in paths]

    @property
    def asked(self) -> int:
        """The number of addresses that `ipinfo` is asked about."""
        return self.lines // 20

    @cached_property
    def asked_addresses(self) -> Path:
        """Addresses in a file, one a line: a fifth of IPv6, and three fifths of all in a network of `mmdb_files`."""
        chance = random.Random(1)
        path = self.scratch / "asked"
        with open(path, "w") as file:
            for number in range(self.asked):
                if number % 5:
                    file.write(f"{chance.choice(range(1, 100))}.{chance.randrange(256)}.{chance.randrange(256)}.7\n")
                else:
                    file.write(f"{ipaddress.IPv6Address((0x2A00 << 112) + (chance.randrange(3000) << 96) + 7)}\n")
        load_into_page_cache(path)
        return path

    @cached_property
    def mmdb_files(self) -> tuple[Path, Path]:
        """A database of countries and one of ASes, of 2,000 networks each."""
        networks = [f"{number}.{half}.0.0/9" for number in range(1, 61) for half in (0, 128)]
        networks += [f"2a00:{number:x}::/32" for number in range(1880)]
        paths = self.scratch / "country.mmdb", self.scratch / "asn.mmdb"
        write_mmdb(paths[0], {text: {"country_code": "FR" if len(text) % 2 else "DE"} for text in networks})
        system = "autonomous_system_number", "autonomous_system_organization"
        records = ((64496 + number, f"Example Network {number}") for number in range(len(networks)))
        write_mmdb(
            paths[1],
            {text: dict(zip(system, record, strict=True)) for text, record in zip(networks, records, strict=True)},
        )
        return paths

    @cached_property
    def dns_port(self) -> int:
        """The port of a DNS server on 127.0.0.1 that answers every question; it runs until `close`."""
        self._dns_server = subprocess.Popen([PYTHON, str(HERE / "dns_server.py")], stdout=subprocess.PIPE, text=True)
        assert self._dns_server.stdout is not None
        return int(self._dns_server.stdout.readline())

    def close(self) -> None:
        """Stop the DNS server."""
        if self._dns_server:
            self._dns_server.kill()
            self._dns_server.wait()
