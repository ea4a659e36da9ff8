"""Names of client addresses, by PTR queries (RFC 1035) within the time that one run may spend on them."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from maillogsentinel.config import Config
from maillogsentinel.enrich.dns_exchange import Exchange, server, servers_of
from maillogsentinel.enrich.dns_wire import NO_SUCH_HOST, OK, SKIPPED, TRY_AGAIN, Verdict
from maillogsentinel.options import (
    CACHE_TTL,
    DNS_BUDGET,
    DNS_ENABLED,
    DNS_IN_FLIGHT,
    DNS_PORT,
    DNS_SERVERS,
    DNS_TIMEOUT,
)

RESOLV_CONF = "/etc/resolv.conf"

_KEEP_NO_SUCH_HOST = 3600.0
_KEEP_FAILURE = 300.0

_log = logging.getLogger("maillogsentinel")


class Answer(NamedTuple):
    """What reverse DNS says of one address."""

    hostname: str | None
    """The PTR name, safe text, without the dot at its end."""
    status: str
    """``OK``, ``Errno 1`` to ``Errno 4`` (h_errno of netdb.h) or ``Skipped``."""
    keep: float
    """Seconds that the answer may be kept; 0: not beyond this run."""


class Cache(Protocol):
    """Where answers are kept from batch to batch and from run to run."""

    def get(self, addresses: Sequence[str]) -> dict[str, Answer]:
        """Return the answers that are still valid, or were put in this run."""

    def put(self, answers: Mapping[str, Answer]) -> None:
        """Keep each answer for its seconds, and in any case until the run ends."""


_SKIPPED = Answer(None, SKIPPED, 0.0)
_NO_TIME = Answer(None, TRY_AGAIN, 0.0)


class Resolver:
    """Asks for the names of addresses, once for each in a run, and spends no more than the budget over all calls."""

    def __init__(self, config: Config, cache: Cache, offline: bool = False) -> None:
        self._cache = cache
        self._on = config[DNS_ENABLED] and not offline
        self._own_servers = config[DNS_SERVERS]
        self._port = config[DNS_PORT]
        self._timeout = config[DNS_TIMEOUT]
        self._in_flight = config[DNS_IN_FLIGHT]
        self._longest = float(config[CACHE_TTL])
        self._left = config[DNS_BUDGET]
        self._exchange: Exchange | None = None
        self.problems: list[str] = []
        """Sentences on what keeps names from being asked for."""

    @property
    def asks(self) -> bool:
        """Whether anything is asked at all; else every answer is ``Skipped``."""
        return self._on

    def resolve(self, addresses: Sequence[str]) -> dict[str, Answer]:
        """Return an answer for each of `addresses`, which are distinct and canonical, those that matter most first:
        when time is short they are the ones that get asked about. Nothing that a server does raises."""
        if not self._on:
            return dict.fromkeys(addresses, _SKIPPED)
        result = {address: _SKIPPED for address in addresses if not self._may_be_asked(address)}
        wanted = [address for address in addresses if address not in result]
        if wanted:
            result.update(self._cache.get(wanted))
        missing = [address for address in wanted if address not in result]
        _log.debug("reverse DNS: %d addresses, %d in the cache", len(addresses), len(wanted) - len(missing))
        if missing and not self._library():
            return {address: result.get(address, _SKIPPED) for address in addresses}
        if missing:
            fresh = self._ask(missing)
            if fresh:
                self._cache.put(fresh)
            result.update(fresh)
        return {address: result.get(address, _NO_TIME) for address in addresses}

    def _library(self) -> bool:
        """Whether dnspython is there, which only now is needed; without it nothing is asked, and that is said."""
        try:
            import dns.message
            import dns.reversename  # noqa: F401
        except ImportError:
            self._on = False
            self.problems.append(
                "Names of clients are not asked for, as Python's dnspython is missing. Install the package"
                " python3-dnspython, or set [reverse_dns] enabled = no."
            )
        return self._on

    def _may_be_asked(self, address: str) -> bool:
        """Public servers know nothing of private addresses, and whom one talks to inside is not their business."""
        import ipaddress

        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        if self._own_servers:
            return True
        return parsed.is_global and not parsed.is_multicast

    def _ask(self, addresses: list[str]) -> dict[str, Answer]:
        """Return the answers to what could be asked in the time that is left."""
        answers: dict[str, Answer] = {}
        loud = _log.isEnabledFor(logging.DEBUG)

        def done(address: str, verdict: Verdict) -> None:
            answers[address] = answer = self._answer(verdict)
            if loud:
                _log.debug("reverse DNS: %s: %s %s", address, answer.status, answer.hostname or "")

        begin = time.monotonic()
        if self._left > 0:
            exchange = self._exchange_with_servers()
            if exchange is not None:
                exchange.run(addresses, begin + self._left, done)
        self._left -= time.monotonic() - begin
        if len(answers) < len(addresses):
            _log.debug("reverse DNS: no time or no server for %d addresses", len(addresses) - len(answers))
        return answers

    def _answer(self, verdict: Verdict) -> Answer:
        if verdict.status == OK:
            return Answer(verdict.hostname, OK, float(min(self._longest, verdict.ttl)))
        if verdict.status == SKIPPED:
            return _SKIPPED
        keep = _KEEP_NO_SUCH_HOST if verdict.status == NO_SUCH_HOST else _KEEP_FAILURE
        return Answer(None, verdict.status, keep)

    def _exchange_with_servers(self) -> Exchange | None:
        """Return what asks the servers, None when no server is known."""
        if self._exchange is None:
            named = self._own_servers or servers_of(RESOLV_CONF)
            servers = [found for found in (server(address, self._port) for address in named) if found is not None]
            if not servers:
                _log.debug("reverse DNS: no server is known")
                return None
            self._exchange = Exchange(list(dict.fromkeys(servers)), self._timeout, self._in_flight)
        return self._exchange
