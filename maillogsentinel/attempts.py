"""The failures that detection looks at: those of the last 24 hours, and those before a login."""

import json
from collections.abc import Callable, Iterator, Sequence

from maillogsentinel import options
from maillogsentinel.config import Config
from maillogsentinel.detect.counts import COUNTRY, ORGANISATION, group_name, network_of
from maillogsentinel.detect.finding import Finding
from maillogsentinel.detect.logins import Before, NewLogin
from maillogsentinel.detect.names import known_as
from maillogsentinel.detect.patterns import Attempt
from maillogsentinel.enrich.geo import Geo, Place
from maillogsentinel.enrich.place import NOWHERE
from maillogsentinel.localtime import HOUR
from maillogsentinel.store.database import Database

SPAN = 24 * HOUR
_BOUND = "attempts_from"


class Attempts:
    """The failures of the last 24 hours, counted by server, address and user in a temporary table of SQLite's.

    Records have ascending numbers, but only roughly ascending stamps. The first record of the last 24 hours can only
    move on, though, as long as the clock does: what has the lower number than the first one of the last look needs no
    look.
    """

    def __init__(self, config: Config, database: Database, geo: Geo, now: int) -> None:
        self._database = database
        self._geo = geo
        self._end = now + SPAN  # other hosts' clocks may be ahead
        self._bounds: dict[str, list[int]] = {}
        self._bound(now - SPAN - config[options.LOGIN_HOURS] * HOUR, "logins")
        self._bound(now - SPAN, "day")
        self._server_name = config[options.SERVER_NAME]
        database.run("DROP TABLE IF EXISTS temp.attempt")
        begin, record = self._bounds["day"]
        database.run(
            "CREATE TEMP TABLE attempt AS SELECT server, ip, user, count(*) AS times, min(stamp) AS first,"
            " max(stamp) AS last, max(record) AS record FROM event WHERE record >= ? AND stamp >= ? AND stamp < ?"
            " GROUP BY ip, user, server",
            (record, begin, self._end),
        )

    def _bound(self, begin: int, name: str) -> None:
        """Find the first record that is not older than `begin`, from the one on that it was in the last look."""
        before, record = json.loads(self._database.get(_BOUND, "{}")).get(name, (0, 0))
        record = max([record, *(first for _, first in self._bounds.values())])
        found = self._database.rows(
            "SELECT record FROM event WHERE record >= ? AND stamp >= ? AND stamp < ? ORDER BY record LIMIT 1",
            (record if before <= begin else 0, begin, self._end),
        )
        self._bounds[name] = [begin, found[0][0] if found else self._database.get("next_record", 1)]

    def logins(self, oldest: int, most: int) -> list[NewLogin]:
        """Return the latest `most` logins since `oldest` that detection has not seen; all came from networks that were
        new for the user."""
        rows = self._database.rows(
            "SELECT stamp, user, ip, network, country, known_since, known_network, known_country FROM new_login"
            " WHERE judged = 0 AND stamp >= ? ORDER BY id DESC LIMIT ?",
            (oldest, most),
        )
        return [NewLogin._make([*row[:-2], bool(row[-2]), bool(row[-1])]) for row in reversed(rows)]

    def save(self) -> None:
        """Note where the next look may begin; in a transaction of the caller."""
        self._database.put(_BOUND, json.dumps(self._bounds))

    def reach(self, record: int) -> bool:
        """Whether any has `record` as its number, or a higher one."""
        return bool(self._database.rows("SELECT 1 FROM temp.attempt WHERE record >= ? LIMIT 1", (record,)))

    def several_servers(self) -> bool:
        """Whether the log is one of several servers."""
        if self._server_name:
            return False
        return bool(self._database.rows("SELECT count(DISTINCT server) > 1 FROM temp.attempt")[0][0])

    def counted(self) -> Iterator[tuple[Attempt, int]]:
        """Yield each attempt with how often it was made."""
        for server, ip, user, times, _, _, _, place in self._rows():
            asn = None if place.asn is None else str(place.asn)
            yield Attempt(self._server_name or server, ip, user, place.country_code, asn, place.aso), times

    def dated(self, found: Sequence[Finding], record: int) -> list[Finding]:
        """Return those findings to which records from number `record` on belong, with the times of their attempts."""
        spans: dict[str, dict[str | None, list[int]]] = {}
        for finding in found:
            spans.setdefault(finding.kind, {})[finding.subject] = []
        subjects = [(_SUBJECTS[kind], of_kind) for kind, of_kind in spans.items()]
        for _, ip, user, _, first, last, newest, place in self._rows(bool(spans.keys() & _PLACES)) if found else ():
            for subject, of_kind in subjects:
                span = of_kind.get(subject(ip, user, place))
                if span:
                    span[:] = min(span[0], first), max(span[1], last), max(span[2], newest)
                elif span is not None:
                    span[:] = first, last, newest
        dated = []
        for finding in found:
            span = spans[finding.kind][finding.subject]
            if span and span[2] >= record:
                dated.append(finding._replace(first=span[0], last=span[1]))
        return dated

    def _rows(self, places: bool = True) -> Iterator[tuple[str, str | None, str | None, int, int, int, int, Place]]:
        """Yield the table's rows, which are ordered by address, each with its place, or without `places` nowhere."""
        known: str | None = None
        place = NOWHERE
        for row in self._database.each("SELECT server, ip, user, times, first, last, record FROM temp.attempt"):
            if row[1] != known:
                known = row[1]
                place = self._geo.lookup(known) if places and known is not None else NOWHERE
            yield *row, place

    def before(self, logins: Sequence[NewLogin], span: int) -> Iterator[Before]:
        """Yield the failures within `span` microseconds before any of the logins, of the same users and networks at
        least."""
        database = self._database
        begin, end = min(login.stamp for login in logins) - span, max(login.stamp for login in logins)
        database.run("DROP TABLE IF EXISTS temp.judged")
        database.run("CREATE TEMP TABLE judged (value TEXT PRIMARY KEY) WITHOUT ROWID")
        users, networks = {_local(login.user) for login in logins}, {login.network[:-4] for login in logins}
        database.run_many("INSERT INTO temp.judged VALUES (?)", ((value,) for value in users | networks))
        since, record = self._bounds["logins"]
        # Without its last digits an IPv4 address is its network. IPv6 addresses, and names that SQLite cannot make
        # small letters of, are few: all of them are given.
        for row in database.each(
            "SELECT stamp, ip, user FROM event WHERE record >= ? AND stamp BETWEEN ? AND ? AND"
            " (rtrim(ip, '0123456789') IN temp.judged OR instr(ip, ':') > 0 OR user GLOB '*[^ -~]*'"
            " OR lower(substr(user, 1, instr(user || '@', '@') - 1)) IN temp.judged)",
            (record if begin >= since else 0, begin, end),
        ):
            yield Before(*row)


def _local(user: str) -> str:
    """The name without its domain, in small letters as SQLite makes them."""
    return user.partition("@")[0].encode().lower().decode()


_Subject = Callable[[str | None, str | None, Place], str | None]
_SUBJECTS: dict[str, _Subject] = {
    "distributed": lambda _ip, user, _place: None if user is None else known_as(user),
    "spraying": lambda ip, _user, _place: ip,
    "bait": lambda ip, _user, _place: ip,
    "network": lambda ip, _user, _place: network_of(ip),
    "organisation": lambda _ip, _user, place: group_name(ORGANISATION, None if place.asn is None else str(place.asn)),
    "country": lambda _ip, _user, place: group_name(COUNTRY, place.country_code),
}
"""By the kinds of findings: the subject that an address, user and place belong to."""
_PLACES = {"organisation", "country"}
"""The kinds that have a place as their subject."""
