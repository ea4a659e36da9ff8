"""``maillogsentinel ipinfo``: country and AS of addresses, and which database said so; ``--update`` gets new ones."""

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from maillogsentinel import options, privileges
from maillogsentinel.commands import session
from maillogsentinel.config import Config, settings
from maillogsentinel.enrich.geo import Database, Geo, Place
from maillogsentinel.enrich.ipinfo import canonical
from maillogsentinel.enrich.special import kind_of
from maillogsentinel.errors import MailLogSentinelError, StoreError, UsageError
from maillogsentinel.model import safe_text

_BLOCK = 1 << 16
_LONGEST = 1024
_REMEMBERED = 20_000
_NOT_AN_ADDRESS = "not an IP address"


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.update and (args.address or args.json):
        raise UsageError("--update takes no addresses and no --json. Run the two commands one after the other.")
    if args.due and not args.update:
        raise UsageError("--due is for --update. Leave it out, or give both.")
    if args.update:
        return session.run(args, _update, from_cron=True)
    config = settings(args.config)
    privileges.become_owner(config[options.STATE_DIR])
    geo = Geo.open(config)
    if not geo.databases:
        print("maillogsentinel: There is no database. Run: maillogsentinel ipinfo --update", file=sys.stderr)
    answers = _Answers(geo, args.json)
    if not args.address or args.address == ["-"]:
        for lines in _blocks():
            sys.stdout.write(answers.to(lines))
            sys.stdout.flush()
    else:
        sys.stdout.write(answers.to(map(os.fsencode, args.address)))
    for problem in geo.problems:
        print(f"maillogsentinel: {problem}", file=sys.stderr)
    if answers.invalid:
        sys.stdout.flush()
        what = "1 of the addresses is none" if answers.invalid == 1 else f"{answers.invalid} of the addresses are none"
        raise MailLogSentinelError(f"{what}, and marked so in the output. The others were looked up.")
    return 0


def _update(args: argparse.Namespace, config: Config) -> int:
    """Get new databases; ``--due``: as the configuration says, and without a word where there is no network."""
    if args.due and not config[options.DB_UPDATE]:
        session.log.info("No new databases: [geolocation] update = no")
        return 0
    # Imported late: look-ups need none of it.
    from maillogsentinel import complaints
    from maillogsentinel.enrich import databases
    from maillogsentinel.progress import Bar
    from maillogsentinel.store.database import os_sentence
    from maillogsentinel.store.lock import locked

    state_dir = config[options.STATE_DIR]
    bar = Bar() if sys.stderr.isatty() and not args.quiet else None
    status = 0
    with locked(state_dir, name=databases.LOCK):
        try:
            for result in databases.update(config, bar.show if bar else None):
                if bar:
                    bar.close()
                session.log.log(logging.WARNING if result.failed else logging.INFO, "%s", result.sentence)
                if result.failed and not (result.away and args.due):
                    complaints.tell(result.sentence, state_dir)
                    status = 1
                elif session.interactive(args):
                    print(result.sentence)
        except OSError as error:
            raise StoreError(os_sentence(error, error.filename or state_dir)) from error
        finally:
            if bar:
                bar.close()
    return status


def _blocks() -> Iterator[list[bytes]]:
    """The lines of stdin, as many at once as are there; of one that is far too long, only the beginning."""
    rest = b""
    # Not buffered: whoever feeds us line by line gets answers line by line.
    while block := os.read(sys.stdin.fileno(), _BLOCK):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()[: _LONGEST + 1]
        yield lines
    yield [rest]


class _Answers:
    """Makes the line of output for an address; what follows the address is remembered by that."""

    def __init__(self, geo: Geo, as_json: bool) -> None:
        self.invalid = 0
        self._lookup = geo.lookup
        self._json = as_json
        self._begin = '{"ip": "' if as_json else ""
        databases = {item.column: item for item in geo.databases}
        country, asn = databases.get("country"), databases.get("asn")
        self._said_so = {"country_database": _object(country), "asn_database": _object(asn)}
        self._said = _said(country, asn)
        self._tails: dict[Place | tuple[Place, str], str] = {}

    def to(self, lines: Iterable[bytes]) -> str:
        """Return what is known of the address in each of `lines`, as a line; of an empty one nothing."""
        lookup, tails, begin = self._lookup, self._tails, self._begin
        found = []
        for line in map(bytes.strip, lines):
            try:
                ip = canonical(line.decode("ascii"))
            except ValueError:
                found.append(self._refused(line) if line else "")
                continue
            place, kind = lookup(ip), kind_of(ip)
            key = (place, kind) if kind else place
            tail = tails.get(key)
            if tail is None:
                if len(tails) >= _REMEMBERED:
                    tails.clear()
                tail = tails[key] = self._tail(place, kind)
            found += (begin, ip, tail)
        return "".join(found)

    def _refused(self, line: bytes) -> str:
        self.invalid += 1
        shown = safe_text(line[:80]) + ("..." if len(line) > 80 else "")
        if self._json:
            return json.dumps({"input": shown, "error": _NOT_AN_ADDRESS}) + "\n"
        return f"{shown}  {_NOT_AN_ADDRESS}\n"

    def _tail(self, place: Place, kind: str) -> str:
        if self._json:
            return '", ' + json.dumps({**place._asdict(), "special": kind or None, **self._said_so})[1:] + "\n"
        asn = None if place.asn is None else f"AS{place.asn}"
        notes = "; ".join(filter(None, (kind, self._said)))
        return "".join(f"  {value or 'null'}" for value in (place.country_code, asn, place.aso)) + f"  ({notes})\n"


def _object(database: Database | None) -> dict[str, Any] | None:
    if database is None:
        return None
    return {"path": database.path, "kind": database.kind, "date": _day(database)}


def _day(database: Database) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(database.date))


def _said(country: Database | None, asn: Database | None) -> str:
    def name(database: Database) -> str:
        return f"{safe_text(os.fsencode(os.path.basename(database.path)))} of {_day(database)}"

    if country and asn and country.path == asn.path:
        return name(country)
    named = [f"{what}: {name(item)}" for what, item in (("country", country), ("AS", asn)) if item]
    return "; ".join(named) or "no database"
