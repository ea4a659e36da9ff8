"""A batch on its way from failures to the lines of the CSV: counted, enriched and encoded together."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from maillogsentinel.enrich.geo import Geo, Place
from maillogsentinel.enrich.reverse_dns import Answer, Resolver
from maillogsentinel.localtime import LocalTime
from maillogsentinel.model import Failure
from maillogsentinel.sources.scan import Batch
from maillogsentinel.store.csvfile import cell
from maillogsentinel.store.days import DayMap, add_run

_REMEMBERED = 16_384
_TAILS = 8_192
_OK = "OK"
_SKIPPED = "Skipped"


class Encoded:
    """What a batch becomes: the CSV's lines, where each day's lie among them, and the events for state.db."""

    def __init__(self) -> None:
        self.rows = b""
        self.days: DayMap = {}
        self.count = 0
        self.events: list[tuple[Any, ...]] = []


class Encoder:
    """Enriches failures and makes them the CSV's lines. It remembers what repeats: addresses and user names."""

    def __init__(
        self, times: LocalTime, delimiter: str, server_name: str, machine: str, geo: Geo, dns: Resolver
    ) -> None:
        self._times = times
        self._delimiter = delimiter
        self._server_name = server_name
        self._machine = machine
        self._geo = geo
        self._dns = dns
        self._users: dict[str | None, str] = {}
        self._servers: dict[str | None, str] = {}
        self._places: dict[Place, str] = {}
        self._placed: dict[str, str] = {}
        self._tails: dict[str | None | tuple[str | None, str], tuple[str, str]] = {}

    def encode(self, batch: Batch, source: str, first_record: int, oldest_event: int) -> Encoded:
        """Return the batch's lines and events; events older than `oldest_event` (UTC microseconds) are not kept."""
        result = Encoded()
        names = self._ask(batch)
        delimiter, text = self._delimiter, self._times.text
        users, servers, events, days = self._users, self._servers, result.events, result.days
        if self._dns.asks or len(self._tails) >= _TAILS:
            self._tails = {}  # the next answer about an address may be another one
        tails = self._tails
        lines: list[str] = []
        record, at = first_record, 0
        day, day_start, day_count = "", 0, 0
        for stamp, server, ip, user, hostname, mechanism, reason, service, pid, repeat in batch.failures:
            key = ip if hostname is None else (ip, hostname)
            tail = tails.get(key)
            if tail is None:
                tail = tails[key] = self._tail(ip, hostname, names)
            date = text(stamp)
            if date[:10] != day:
                add_run(days, day, day_start, at, day_count)
                day, day_start, day_count = date[:10], at, 0
            line = (
                f"{servers.get(server) or self._server(server)}{delimiter}{date}{delimiter}{tail[0]}"
                f"{users[user] if user in users else self._user(user)}{tail[1]}"
            )
            size = len(line) if line.isascii() else len(line.encode())
            for _ in range(repeat):
                lines.append(line)
                if stamp >= oldest_event:
                    events.append((record, stamp, source, server, ip, user, mechanism, service, reason, pid))
                record += 1
            at += size * repeat
            day_count += repeat
        add_run(days, day, day_start, at, day_count)
        result.rows = "".join(lines).encode()
        result.count = record - first_record
        return result

    def by_server(self, failures: Sequence[Failure]) -> dict[str, int]:
        """Return how many records `failures` make of each server, by its name in the CSV."""
        counts: Counter[str | None] = Counter()
        for failure in failures:
            counts[failure.server] += failure.repeat
        found: Counter[str] = Counter()
        for server, count in counts.items():
            found[self._server_name or server or self._machine] += count
        return found

    def identity(self, failure: Failure) -> tuple[str, str]:
        """Return a failure's day, and its server, date, address and user as `csvfile.identity` has them."""
        date = self._times.text(failure.stamp)
        server = self._servers.get(failure.server) or self._server(failure.server)
        user = self._user(failure.user)
        return date[:10], self._delimiter.join((server, date, failure.ip or "null", user))

    def _ask(self, batch: Batch) -> dict[str, Answer]:
        """The PTR names of clients that Postfix has none for, the most frequent asked first."""
        if not self._dns.asks:
            return {}
        counts: Counter[str] = Counter()
        for failure in batch.failures:
            if failure.hostname is None and failure.ip is not None:
                counts[failure.ip] += failure.repeat
        return self._dns.resolve([ip for ip, _ in counts.most_common()])

    def _tail(self, ip: str | None, hostname: str | None, names: dict[str, Answer]) -> tuple[str, str]:
        """The cells around the user: ``ip,`` before and ``,hostname,status,country,asn,aso`` behind, encoded."""
        delimiter = self._delimiter
        status = _OK
        if hostname is None:
            answer = names.get(ip) if ip is not None else None
            hostname, status = (answer.hostname, answer.status) if answer else (None, _SKIPPED)
        place = "null" + 2 * f"{delimiter}null" if ip is None else self._placed.get(ip) or self._place(ip)
        return (
            f"{ip or 'null'}{delimiter}",
            f"{delimiter}{cell(hostname, delimiter)}{delimiter}{status}{delimiter}{place}\n",
        )

    def _place(self, ip: str) -> str:
        """The cells of country and AS, remembered by address, and by place, of which there are few."""
        place = self._geo.lookup(ip)
        text = self._places.get(place)
        if text is None:
            if len(self._places) >= _REMEMBERED:
                self._places.clear()
            asn = None if place.asn is None else str(place.asn)
            delimiter = self._delimiter
            text = delimiter.join(cell(value, delimiter) for value in (place.country_code, asn, place.aso))
            self._places[place] = text
        if len(self._placed) >= _REMEMBERED:
            self._placed.clear()
        self._placed[ip] = text
        return text

    def _user(self, user: str | None) -> str:
        if len(self._users) >= _REMEMBERED:
            self._users.clear()
        text = self._users[user] = cell(user, self._delimiter)
        return text

    def _server(self, server: str | None) -> str:
        if len(self._servers) >= _REMEMBERED:
            self._servers.clear()
        text = self._servers[server] = cell(self._server_name or server or self._machine, self._delimiter)
        return text
