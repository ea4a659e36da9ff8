"""A DNS server on loopback, UDP and TCP, whose behaviour for an address is a function that the test gives."""

import socket
import socketserver
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.reversename
import dns.rrset

Reply = bytes | None


class Asked:
    """One question as it came in, and the means to answer it."""

    def __init__(self, wire: bytes, over_tcp: bool, server: "DnsServer", client: tuple[str, int]) -> None:
        self.wire = wire
        self.query = dns.message.from_wire(wire)
        self.name = self.query.question[0].name
        self.address = dns.reversename.to_address(self.name)
        self.over_tcp = over_tcp
        self.server = server
        self.client = client

    def ptr(self, *names: str | dns.name.Name, ttl: int = 60) -> dns.message.Message:
        """Return an answer with a PTR record for each of `names`."""
        reply = dns.message.make_response(self.query)
        for name in names:
            target = dns.name.from_text(name) if isinstance(name, str) else name
            data = dns.rdata.from_wire("IN", "PTR", target.to_wire(), 0, len(target.to_wire()))
            reply.answer.append(dns.rrset.from_rdata(self.name, ttl, data))  # one each: a set would be shuffled
        return reply

    def code(self, code: dns.rcode.Rcode) -> bytes:
        """Return an answer with a response code and no records."""
        reply = dns.message.make_response(self.query)
        reply.set_rcode(code)
        return reply.to_wire()


class DnsServer:
    """Answers on a port of its own until `close`. `counts` says how often each address was asked about over UDP."""

    def __init__(self, behave: Callable[[Asked], Reply], host: str = "127.0.0.1", port: int = 0) -> None:
        self.behave = behave
        self.host = host
        self.counts: Counter[str] = Counter()
        self.tcp_counts: Counter[str] = Counter()
        self.clients: set[tuple[str, int]] = set()
        self.ids: set[bytes] = set()
        self.lock = threading.Lock()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                wire, sock = self.request
                with server.lock:
                    server.clients.add(self.client_address)
                    server.ids.add(wire[:2])
                reply = server._reply(wire, False, self.client_address)
                if reply is not None:
                    sock.sendto(reply, self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                (length,) = struct.unpack("!H", self.rfile.read(2))
                reply = server._reply(self.rfile.read(length), True, self.client_address)
                if reply is None:
                    time.sleep(5)
                    return
                framed = struct.pack("!H", len(reply)) + reply
                self.wfile.write(framed[:1])  # in pieces, as a network may deliver it
                self.wfile.flush()
                time.sleep(0.01)
                self.wfile.write(framed[1:])

        class UdpServer(socketserver.ThreadingUDPServer):
            address_family = family
            daemon_threads = True
            max_packet_size = 65535

        class TcpServer(socketserver.ThreadingTCPServer):
            address_family = family
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

        self.udp, self.tcp = self._bind(UdpServer, Udp, TcpServer, Tcp, port)
        self.port = self.udp.server_address[1]
        for each in (self.udp, self.tcp):
            threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _bind(self, udp_server, udp, tcp_server, tcp, port):
        """UDP and TCP on one port; the port that UDP got may be taken for TCP, so try a few."""
        for attempt in range(20):
            first = udp_server((self.host, port), udp)
            first.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            try:
                return first, tcp_server((self.host, first.server_address[1]), tcp)
            except OSError:
                first.server_close()
                if port or attempt == 19:
                    raise
        raise AssertionError

    def _reply(self, wire: bytes, over_tcp: bool, client: tuple[str, int]) -> Reply:
        asked = Asked(wire, over_tcp, self, client)
        with self.lock:
            (self.tcp_counts if over_tcp else self.counts)[asked.address] += 1
        return self.behave(asked)

    def close(self) -> None:
        for each in (self.udp, self.tcp):
            each.shutdown()
            each.server_close()


def by_last_byte(behaviours: dict[int, Callable[[Asked], Reply]]) -> Callable[[Asked], Reply]:
    """Return a behaviour that goes by the last byte of the address asked about; others get hostN.example.test."""

    def behave(asked: Asked) -> Reply:
        family = socket.AF_INET6 if ":" in asked.address else socket.AF_INET
        last = socket.inet_pton(family, asked.address)[-1]
        chosen = behaviours.get(last, lambda asked: asked.ptr(f"host{last}.example.test").to_wire())
        return chosen(asked)

    return behave
