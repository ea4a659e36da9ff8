"""The claims about speed and memory, one function each: it measures and returns rows of the table."""

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from installation import Installation
from make_log import Shape, failing_clients
from materials import HERE, Log, Materials, journal_bed
from measure import PYTHON, CommandError, Run, execute

MEGABYTE = 1e6
NEEDLE = "authentication failed"
LOCATION_DATABASE = "/usr/share/libloc-location/location.db"
QUICK_COMMANDS = 4
"""How many times more often than the others a command of some milliseconds is run."""


class Row(NamedTuple):
    """One line of the table; texts are ready to print."""

    claim: str
    ours: str = ""
    peer: str = ""
    ratio: str = ""
    cpu: str = ""
    """The ratio of CPU times, for a reader whose machine was busy; the claims are about wall time."""
    limit: str = ""
    verdict: str = ""


class Pair(NamedTuple):
    """Medians of our runs and the peer's."""

    ours: Run
    peer: Run


def judged(claim: str, pair: Pair, limit: float, *, unit: str = "s") -> Row:
    """Return the row of a claim that our time is at most `limit` times the peer's."""
    ratio = pair.ours.seconds / pair.peer.seconds
    cpu = f"{pair.ours.cpu / pair.peer.cpu:.2f}" if pair.peer.cpu else ""
    texts = (seconds(pair.ours.seconds, unit), seconds(pair.peer.seconds, unit), f"{ratio:.2f}", cpu)
    return Row(claim, *texts, f"at most {limit:g}", "ok" if ratio <= limit else "MISSED")


def judged_slower(claim: str, ours: Run, slow: Run, limit: float) -> Row:
    """Return the row of a claim that the peer takes at least `limit` times as long as we do."""
    ratio = slow.seconds / ours.seconds
    texts = (seconds(ours.seconds), seconds(slow.seconds), f"{ratio:.2f}", f"{slow.cpu / ours.cpu:.2f}")
    return Row(claim, *texts, f"at least {limit:g}", "ok" if ratio >= limit else "MISSED")


def judged_memory(claim: str, peak: float, limit: float, other: float | None = None) -> Row:
    """Return the row of a claim that a peak of memory decides; all in megabytes. `other` only stands beside it."""
    beside = ("", "") if other is None else (f"{other:.1f} MB", f"{peak / other:.2f}")
    return Row(claim, f"{peak:.1f} MB", *beside, "", f"at most {limit:g} MB", "ok" if peak <= limit else "MISSED")


def not_measured(claim: str, why: str) -> Row:
    """Return the row of a claim that could not be measured here."""
    return Row(claim, verdict=f"not measured: {why}")


def seconds(value: float, unit: str = "s") -> str:
    return f"{value * 1000:.1f} ms" if unit == "ms" else f"{value:.2f} s"


def report_progress(what: str, *values: float) -> None:
    """Tell each single run on stderr: the table has medians only."""
    print(f"  {what}: " + " ".join(f"{value:.4f}" for value in values), file=sys.stderr)


def alternate(name: str, runs: int, ours: Callable[[], Run], peer: Callable[[], Run]) -> Pair:
    """Measure ours and the peer in turn, so that whatever else the machine does meets both; return the medians."""
    pairs = []
    for _ in range(runs):
        pairs.append(Pair(ours(), peer()))
        report_progress(name, *(run.seconds for run in pairs[-1]))
    return Pair(middle([pair.ours for pair in pairs]), middle([pair.peer for pair in pairs]))


def middle(runs: list[Run]) -> Run:
    """Return the median times of `runs`."""
    return Run(median(run.seconds for run in runs), median(run.cpu for run in runs))


class Claims:
    """The benchmarks by name, over one set of materials."""

    def __init__(self, materials: Materials, runs: int) -> None:
        self.materials = materials
        self.runs = runs
        self.output = materials.scratch / "peer-output"

    def fresh(self, mail_log: Path | str, dns_port: int | None = None, alerts: bool = True) -> Installation:
        """Return an installation that has never run."""
        return Installation(self.materials.scratch / "fresh", mail_log, dns_port, alerts)

    def first_run(self, log: Log) -> Run:
        """Extract `log` for the first time; making the state directory is not in the time."""
        return self.fresh(log.path).extract(log.failures)

    def count_with(self, command: list[str], log: Log) -> Run:
        """Count the failures with a grep; it has to find the same number."""
        run = execute([*command, NEEDLE, str(log.path)], self.output)
        if int(run.output) != log.failures:
            raise CommandError(f"{command[0]} found {run.output.strip()} of {log.failures}")
        return run

    def plain(self) -> Iterator[Row]:
        """A first run over a plain log, beside grep over the same file and, once, pflogsumm."""
        log = self.materials.log
        self.first_run(log)
        pair = alternate(
            "plain, grep", self.runs, lambda: self.first_run(log), lambda: self.count_with(["grep", "-cF"], log)
        )
        yield judged("extract, plain log : grep -cF", pair, 8)
        claim = "pflogsumm, same log : extract"
        if not shutil.which("pflogsumm"):
            yield not_measured(claim, "apt-get install pflogsumm")
            return
        slow = execute(["pflogsumm", str(log.path)], self.output)
        report_progress("pflogsumm", slow.seconds)
        yield judged_slower(claim, pair.ours, slow, 15)

    def naming(self) -> Iterator[Row]:
        """A first run over a log in which Dovecot names the users, beside one over the plain log."""
        plain = self.materials.log
        for log, claim in (
            (self.materials.named_log, "extract, Dovecot's lines beside Postfix's names : plain log"),
            (self.materials.old_log, "extract, Dovecot alone names the users : plain log"),
        ):
            self.first_run(log)
            pair = alternate(claim, self.runs, lambda log=log: self.first_run(log), lambda: self.first_run(plain))
            yield judged(claim, pair, 1.5)

    def alerts(self) -> Iterator[Row]:
        """A first run that looks for what matters, beside one that does not."""
        log = self.materials.recent_log
        self.first_run(log)
        pair = alternate(
            "alerts on, off",
            self.runs,
            lambda: self.first_run(log),
            lambda: self.fresh(log.path, alerts=False).extract(log.failures),
        )
        yield judged("extract, alerts on : alerts off", pair, 1.1)

    def gzip(self) -> Iterator[Row]:
        """A first run over the same log as a gzipped sibling, beside zgrep."""
        log = self.materials.archive
        mail_log = log.path.with_name("mail.log")
        pair = alternate(
            "gzip, zgrep",
            self.runs,
            lambda: self.fresh(mail_log).extract(log.failures),
            lambda: self.count_with(["zgrep", "-cF"], log),
        )
        yield judged("extract, gzipped log : zgrep -cF", pair, 1)

    def journal(self) -> Iterator[Row]:
        """A first run over a journal, beside journalctl over the same files."""
        claim = "extract, journal : journalctl -o json"
        if journal_bed.MISSING:
            yield not_measured(claim, "apt-get install systemd-journal-remote")
            return
        log = self.materials.journal
        command = ["sh", "-c", 'journalctl --directory="$1" -o json > /dev/null', "sh", str(log.path)]
        pair = alternate(
            "journal, journalctl",
            self.runs,
            lambda: self.fresh(f"journal:{log.path}").extract(log.failures),
            lambda: execute(command, self.output),
        )
        yield judged(claim, pair, 1.3)

    def nothing_new(self) -> Iterator[Row]:
        """A run with nothing to do, beside an empty Python; once with a small log and CSV, once with large ones."""
        for size in ("small", "large"):
            place = self.materials.small_history if size == "small" else self.materials.long_history
            expected = place.records()
            place.extract(expected, offline=False)
            pair = alternate(
                f"nothing new ({size}), python3 -c pass",
                self.runs * QUICK_COMMANDS,
                lambda place=place: place.run("extract"),
                lambda: execute([PYTHON, "-c", "pass"], self.output),
            )
            place.extract(expected, offline=False)
            claim = f"nothing new, {size} log and CSV : python3 -c pass"
            yield judged(claim, pair, 5, unit="ms")

    def peak(self, name: str, log: Log, dns_port: int | None = None) -> float:
        """Return the median of the peaks of anonymous memory of first runs over `log`, in megabytes."""
        peaks = []
        for _ in range(self.runs):
            place = self.fresh(log.path, dns_port)
            run = place.extract(log.failures, offline=dns_port is None, sample_memory=True)
            if dns_port and place.resolved() != log.failures:
                raise CommandError(f"only {place.resolved()} of {log.failures} records got their name")
            peaks.append(run.peak_anonymous / MEGABYTE)
        report_progress(name, *peaks)
        return median(peaks)

    def memory(self) -> Iterator[Row]:
        """Memory of a first run: offline, with DNS, and over a log ten times as long."""
        normal = self.peak("memory, offline", self.materials.log)
        yield judged_memory("peak memory, offline", normal, 40)
        with_dns = self.peak("memory, DNS", self.materials.nameless_log, self.materials.dns_port)
        yield judged_memory(f"peak memory, {self.materials.addresses} DNS queries", with_dns, 70)
        claim = "peak memory, offline, ten times the log : the log"
        needed = self.materials.long_log_size() * 5 // 4
        if shutil.disk_usage(self.materials.scratch).free < needed:
            yield not_measured(claim, f"needs {needed >> 30} GB of free space under --scratch")
            return
        log = self.materials.long_log()
        try:
            run = self.fresh(log.path).extract(log.failures, sample_memory=True)
        finally:
            log.path.unlink()
        long = run.peak_anonymous / MEGABYTE
        report_progress("memory, ten times as long (and seconds)", long, run.seconds)
        yield judged_memory(claim, long, 40, normal)

    def report(self) -> Iterator[Row]:
        """A report of one day out of many, beside one of the same day from a history of that day alone."""
        long, short = self.materials.long_history, self.materials.one_day_history
        count = self.materials.reported_count
        arguments = ["report", "--stdout", "--day", self.materials.reported_day.isoformat()]

        def of(place: Installation) -> Run:
            run = place.run(*arguments)
            if str(count) not in run.output.replace(",", ""):
                raise CommandError(f"the report does not name the day's {count} failures: {run.output[:2000]}")
            return run

        of(long), of(short)
        pair = alternate("report of long history, of one day", self.runs, lambda: of(long), lambda: of(short))
        claim = "report, one day of 180 : of a history of that day"
        yield judged(claim, pair, 2)

    def page(self) -> Iterator[Row]:
        """A report with detection and the 28 days before, as HTML, beside one that only counts the day."""
        place, day, count = self.materials.covered_history, self.materials.reported_day, self.materials.reported_count
        arguments = ["report", "--stdout", "--format", "html", "--day", day.isoformat()]
        plain = [PYTHON, str(HERE / "plain_report.py"), str(place.config), day.isoformat()]

        def checked(run: Run, *expected: str) -> Run:
            if any(one not in run.output for one in expected):
                raise CommandError(f"the report of {day} has not {expected}: {run.output[:2000]}")
            return run

        def ours(sample_memory: bool = False) -> Run:
            run = place.run(*arguments, sample_memory=sample_memory)
            return checked(run, f"{count:,}", "of 28 days before", "What detection found")

        first = ours(sample_memory=True)
        report_progress("page, the first one (and megabytes)", first.seconds, first.peak_anonymous / MEGABYTE)
        pair = alternate(
            "page, plain report", self.runs, ours, lambda: checked(execute(plain, self.output), str(count))
        )
        yield judged("report as HTML, detection, 28 days before : numbers alone", pair, 3)
        later = ours(sample_memory=True).peak_anonymous
        yield judged_memory("peak memory of it, also of the first one", max(first.peak_anonymous, later) / MEGABYTE, 60)

    def anonymize(self) -> Iterator[Row]:
        """The log anonymized, beside sed that replaces IPv4 addresses and nothing else; both into /dev/null."""
        path = str(self.materials.log.path)
        ours = [PYTHON, "-m", "maillogsentinel", "anonymize", "-i", path, "-o", "/dev/null"]
        sed = f"exec sed -E 's/([0-9]{{1,3}}\\.){{3}}[0-9]{{1,3}}/192.0.2.1/g' '{path}' >/dev/null"
        runs = min(self.runs, 3)
        for locale, claim in (("C.UTF-8", "anonymize : sed -E, in UTF-8"), ("C", "anonymize : sed -E, LC_ALL=C")):
            pair = alternate(
                claim,
                runs,
                lambda: execute(ours, self.output),
                lambda locale=locale: execute(["env", f"LC_ALL={locale}", "sh", "-c", sed], self.output),
            )
            yield judged(claim, pair, 2)
            rate = os.path.getsize(path) / MEGABYTE / pair.ours.seconds
            report_progress("megabytes a second", rate)
        peak = execute(ours, self.output, sample_memory=True).peak_anonymous / MEGABYTE
        yield judged_memory("peak memory, anonymize", peak, 100)

    def ipinfo(self) -> Iterator[Row]:
        """Addresses from standard input, beside a loop over the same reader: MMDB, and Debian's."""
        addresses = self.materials.asked_addresses
        country, asn = self.materials.mmdb_files
        place = self.fresh("/nonexistent")
        configured = place.config.read_text()
        with_mmdb = configured + f"[geolocation]\ncountry_db_path = {country}\n[ASN_ASO]\nasn_db_path = {asn}\n"
        for kind, text, databases in (
            ("MMDB", with_mmdb, [str(country), str(asn)]),
            ("Debian's database", configured, [LOCATION_DATABASE]),
        ):
            claim = f"ipinfo of {self.materials.asked} addresses, {kind} : loop"
            if not all(map(os.path.exists, databases)):
                yield not_measured(claim, "apt-get install libloc-database python3-location")
                continue
            place.config.write_text(text)

            def looked_up(*command: str, known: str) -> Run:
                run = execute(["sh", "-c", 'exec "$@" <"$0"', str(addresses), *command], self.output)
                lines = [line.split("  ") for line in run.output.splitlines()]
                found = sum(re.fullmatch(known, line[2]) is not None for line in lines)
                if len(lines) != self.materials.asked or found < self.materials.asked // 4:
                    raise CommandError(f"{command[1]} said {len(lines)} lines, {found} with an AS: {run.output[:500]}")
                return run

            loop = [PYTHON, str(HERE / "bare_lookup_loop.py"), *databases]
            pair = alternate(
                claim,
                self.runs,
                lambda ask=looked_up: ask(*place.command("ipinfo"), known=r"AS\d+"),
                lambda ask=looked_up, loop=loop: ask(*loop, known=r"\d+"),
            )
            yield judged(claim, pair, 1.5)

    def dns(self) -> Iterator[Row]:
        """The resolver over 20,000 addresses, beside dnspython and a semaphore; then the same within a whole run."""
        number, port = self.materials.addresses, self.materials.dns_port
        shape = Shape(0, 0, number, 0, 1, self.materials.today, "rfc3339", 1)
        clients = failing_clients(shape, random.Random(1))
        addresses = self.materials.scratch / "addresses"
        addresses.write_text("\n".join(client[len("unknown[") : -1] for client in clients))

        def loop(script: str) -> Run:
            output = execute([PYTHON, str(HERE / script), str(addresses), str(port), "100"], self.output).output
            took, names = output.split()
            if int(names) != number:
                raise CommandError(f"{script} got {names} names of {number}")
            return Run(float(took))

        pair = alternate(
            "resolver, dnspython", self.runs, lambda: loop("our_dns_loop.py"), lambda: loop("bare_dns_loop.py")
        )
        claim = f"reverse DNS of {number} addresses : dnspython loop"
        yield judged(claim, pair, 1.5)
        log = self.materials.nameless_log
        whole = alternate(
            "extract with DNS, offline",
            self.runs,
            lambda: self.fresh(log.path, port).extract(log.failures, offline=False),
            lambda: self.first_run(log),
        )
        more = Run(whole.ours.seconds - whole.peer.seconds)
        claim = "extract with DNS minus offline : dnspython loop"
        yield judged(claim, Pair(more, pair.peer), 1.5)

    def merge(self) -> Iterator[Row]:
        """Merges of few long and of many short CSVs, each once, beside sort -m, which has to write the same lines."""
        for files, rows in ((50, self.materials.fleet_rows), (500, self.materials.fleet_rows // 10)):
            claim = f"merge of {files} x {rows} records"
            if shutil.disk_usage(self.materials.scratch).free < files * rows * 110 * 5:
                yield not_measured(claim, f"needs {files * rows * 110 * 5 >> 30} GB of free space under --scratch")
                continue
            paths, bodies = self.materials.fleet(files, rows)
            try:
                yield from self._merge(claim, paths, bodies)
            finally:
                shutil.rmtree(paths[0].parent)

    def _merge(self, claim: str, paths: list[Path], bodies: list[Path]) -> Iterator[Row]:
        ours, peers = paths[0].parent / "merged", paths[0].parent / "sorted"
        command = [PYTHON, "-m", "maillogsentinel", "merge", "-o", str(ours), *map(str, paths)]
        run = execute(command, self.output, sample_memory=True)
        # The header's second column would come last: sort gets the records alone.
        sort = ["sort", "-m", "-t,", "-k2,2", "-T", str(ours.parent), "-o", str(peers), *map(str, bodies)]
        pair = Pair(run, execute(sort, self.output))
        report_progress(claim, pair.ours.seconds, pair.peer.seconds)
        # Servers differ, and so do dates: the order is the same.
        execute(["sh", "-c", 'tail -n +2 "$1" | cmp - "$2"', "sh", str(ours), str(peers)], self.output)
        yield judged(f"{claim} : sort -m", pair, 4)
        yield judged_memory(f"peak memory, {claim}", run.peak_anonymous / MEGABYTE, 60)


NAMES = (
    *("plain", "alerts", "naming", "gzip", "journal", "nothing_new", "memory", "page", "report"),
    *("anonymize", "ipinfo", "dns", "merge"),
)


def measure(claims: Claims, name: str) -> Iterator[Row]:
    """Yield the rows of one benchmark; when it fails, a row that says so, for the others shall still be measured."""
    print(f"{name}:", file=sys.stderr)
    try:
        yield from getattr(claims, name)()
    except (CommandError, OSError, ValueError) as error:
        print(f"  {error}", file=sys.stderr)
        yield Row(name, verdict="FAILED: " + str(error).split("\n")[-1][:80])


def install_peers() -> None:
    """Install the Debian packages of peers and databases that are missing, when this process may."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    wanted = {"pflogsumm": "/usr/sbin/pflogsumm", "libloc-database": LOCATION_DATABASE}
    wanted["systemd-journal-remote"] = "/lib/systemd/systemd-journal-remote"
    wanted["python3-location"] = "/usr/lib/python3/dist-packages/location"
    wanted["python3-dnspython"] = "/usr/lib/python3/dist-packages/dns"
    missing = [package for package, path in wanted.items() if not Path(path).exists()]
    if missing:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
