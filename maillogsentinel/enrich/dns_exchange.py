"""Many DNS queries under way at once: one selectors loop over UDP sockets, with TCP for answers that did not fit.

dns.asyncresolver would do this as well, but its import alone costs half a second and 43 MB of a run that may last less.
Each try has a socket of its own, connected to the server: the kernel then picks a random source port, drops datagrams
that come from elsewhere, and hands ICMP errors to the query that they belong to.
"""

import errno
import re
import selectors
import socket
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from maillogsentinel.enrich import dns_wire

_LARGEST = 65535
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC)
_SILENT_AFTER = 8
"""Time-outs in a row after which a server is asked last."""


class Server(NamedTuple):
    """A DNS server as the socket module wants it."""

    family: int
    address: tuple[str, int] | tuple[str, int, int, int]


def server(address: str, port: int) -> Server | None:
    """Return the server at `address`, None when that is no address of this machine's networks."""
    try:
        # As bytes, since a str would make Python import its IDNA tables.
        found = socket.getaddrinfo(address.encode(), port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return Server(found[0][0], found[0][4])  # type: ignore[arg-type]


def servers_of(resolv_conf: str) -> tuple[str, ...]:
    """Return the name servers that a file in the form of resolv.conf(5) names, three at most as in the C library;
    none when it cannot be read."""
    try:
        with open(resolv_conf, "rb") as file:
            text = file.read(1 << 16).decode("ascii", "replace")
    except OSError:
        return ()
    return tuple(re.findall(r"(?m)^[ \t]*nameserver[ \t]+([0-9A-Fa-f.:]+(?:%[\w.-]+)?)", text)[:3])


class _Query:
    """One address that is being asked about."""

    __slots__ = ("address", "asked", "broken", "buffer", "deadline", "sent", "server", "socket", "tries", "verdict")

    def __init__(self, address: str, asked: bytes, tries: list[Server]) -> None:
        self.address = address
        self.asked = asked
        self.tries = tries
        self.server = tries[0]
        self.sent = b""
        self.socket: socket.socket | None = None
        self.buffer: bytes | None = None  # what came over TCP; None while UDP is tried
        self.deadline = 0.0
        self.broken = False
        self.verdict: dns_wire.Verdict | None = None


class Exchange:
    """Asks `servers` about addresses. Made once, so that it remembers which servers are silent."""

    def __init__(self, servers: list[Server], timeout: float, in_flight: int) -> None:
        self._servers = servers
        self._timeout = timeout
        self._in_flight = in_flight
        self._silence = dict.fromkeys(servers, 0)

    def run(self, addresses: Iterable[str], end: float, done: Callable[[str, dns_wire.Verdict], None]) -> None:
        """Ask about `addresses` in their order and call `done` for each that is settled, until all are or the clock
        (time.monotonic) says `end`; those left over get no call. Nothing that a server or the network does raises."""
        try:
            selector = selectors.DefaultSelector()
        except OSError:
            return
        loop = _Loop(self._servers, self._silence, self._timeout, selector, done)
        try:
            loop.run(iter(addresses), end, self._in_flight)
        finally:
            loop.close()


class _Loop:
    def __init__(
        self,
        servers: list[Server],
        silence: dict[Server, int],
        timeout: float,
        selector: selectors.BaseSelector,
        done: Callable[[str, dns_wire.Verdict], None],
    ) -> None:
        self._servers = servers
        self._silence = silence
        self._timeout = timeout
        self._selector = selector
        self._done = done
        self._flight: OrderedDict[_Query, None] = OrderedDict()  # ordered by deadline: every try gets the same time
        self._postponed: list[str] = []

    def run(self, addresses: Iterator[str], end: float, limit: int) -> None:
        more = True
        while True:
            while more and len(self._flight) < limit and time.monotonic() < end:
                address = self._postponed.pop() if self._postponed else next(addresses, None)
                if address is None:
                    more = False
                elif not self._begin(address):
                    # Out of file descriptors: as many as are open now must do, and one when none is.
                    limit = max(1, len(self._flight))
            now = time.monotonic()
            if not self._flight or now >= end:
                return
            wait = min(next(iter(self._flight)).deadline, end) - now
            for key, _ in self._selector.select(max(0.0, wait)):
                if time.monotonic() < end:
                    self._ready(key.data)
            self._expire()
            more = more or bool(self._postponed)

    def close(self) -> None:
        """Give up what is still under way."""
        for query in list(self._flight):
            self._drop_socket(query)
        self._selector.close()

    def _begin(self, address: str) -> bool:
        """Send the first query about `address`; False when there is no room for its socket now."""
        try:
            asked = dns_wire.question(address)
        except ValueError:
            self._done(address, dns_wire.Verdict(dns_wire.SKIPPED))
            return True
        tries = sorted(self._servers, key=lambda server: self._silence[server] >= _SILENT_AFTER)
        query = _Query(address, asked, tries if len(tries) > 1 else tries * 2)
        return self._try(query)

    def _try(self, query: _Query) -> bool:
        """Send the query to the next server that takes it, or settle it when no try is left."""
        while query.tries:
            query.server = query.tries.pop(0)
            try:
                self._open(query, socket.SOCK_DGRAM)
                return True
            except OSError as error:
                self._drop_socket(query)
                if error.errno in _NO_ROOM and self._flight:
                    self._postponed.append(query.address)
                    return False
        self._settle(query, query.verdict or _given_up(query))
        return True

    def _open(self, query: _Query, kind: socket.SocketKind) -> None:
        query.sent = dns_wire.query(query.asked)
        query.socket = sock = socket.socket(query.server.family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        if kind == socket.SOCK_DGRAM:
            query.buffer = None
            sock.connect(query.server.address)
            sock.send(query.sent)
            self._selector.register(sock, selectors.EVENT_READ, query)
        else:
            query.buffer = b""
            sock.connect_ex(query.server.address)  # EINPROGRESS; whatever else it is comes out in _ready
            self._selector.register(sock, selectors.EVENT_WRITE, query)
        query.deadline = time.monotonic() + self._timeout
        self._flight[query] = None
        self._flight.move_to_end(query)

    def _drop_socket(self, query: _Query) -> None:
        self._flight.pop(query, None)
        if query.socket is not None:
            try:
                self._selector.unregister(query.socket)
            except (KeyError, ValueError, OSError):
                pass  # it never got that far
            query.socket.close()
            query.socket = None

    def _settle(self, query: _Query, verdict: dns_wire.Verdict) -> None:
        self._drop_socket(query)
        self._done(query.address, verdict)

    def _next(self, query: _Query) -> None:
        """This try came to nothing: make the next one."""
        self._drop_socket(query)
        self._try(query)  # when there is no room for it, it is postponed, and begins anew

    def _ready(self, query: _Query) -> None:
        sock, over_tcp = query.socket, query.buffer is not None
        if sock is None:
            return
        try:
            received = self._receive_tcp(query, sock) if over_tcp else sock.recv(_LARGEST)
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, EOFError):  # ICMP unreachable, connection refused or cut
            self._next(query)
            return
        if received is None:
            return
        self._silence[query.server] = 0
        if not dns_wire.answers(query.sent, received):
            # Not ours, so it must not end the query; but when no answer follows, the broken one is what to report.
            query.broken = query.broken or not dns_wire.is_message(received)
            if over_tcp:
                self._next(query)
        elif not over_tcp and dns_wire.is_truncated(received):
            self._ask_again_over_tcp(query)
        else:
            self._judge(query, dns_wire.read(received))

    def _judge(self, query: _Query, verdict: dns_wire.Verdict) -> None:
        if verdict.status in (dns_wire.TRY_AGAIN, dns_wire.REFUSED_OR_BROKEN):
            # Another server may know; the same one is not asked again. What the first one said is what counts.
            query.verdict = query.verdict or verdict
            query.tries = [server for server in query.tries if server != query.server]
            self._next(query)
        else:
            self._settle(query, verdict)

    def _ask_again_over_tcp(self, query: _Query) -> None:
        self._drop_socket(query)
        try:
            self._open(query, socket.SOCK_STREAM)
        except OSError:
            self._next(query)

    def _receive_tcp(self, query: _Query, sock: socket.socket) -> bytes | None:
        """Return the message once it is whole, None before. Each has its length in two bytes in front (RFC 7766)."""
        if self._selector.get_key(sock).events == selectors.EVENT_WRITE:
            failure = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failure:
                raise OSError(failure, "connect")
            sock.sendall(struct.pack("!H", len(query.sent)) + query.sent)  # fits into any socket's empty buffer
            self._selector.modify(sock, selectors.EVENT_READ, query)
            return None
        part = sock.recv(_LARGEST + 2)
        if not part:
            raise EOFError
        query.buffer = (query.buffer or b"") + part
        whole = 2 + int.from_bytes(query.buffer[:2], "big")
        return query.buffer[2:whole] if 2 <= len(query.buffer) >= whole else None

    def _expire(self) -> None:
        now = time.monotonic()
        while self._flight:
            query = next(iter(self._flight))
            if query.deadline > now:
                return
            if not query.broken:
                self._silence[query.server] += 1
            self._next(query)


def _given_up(query: _Query) -> dns_wire.Verdict:
    return dns_wire.Verdict(dns_wire.REFUSED_OR_BROKEN if query.broken else dns_wire.TRY_AGAIN)
