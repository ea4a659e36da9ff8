"""A DNS server for benchmarks: answers every question on a free loopback port with one PTR record, cheaply.

Writes its port to standard output. Lives until it is killed, an hour at most.
"""

import signal
import socket
import struct
import sys
from zlib import crc32

LIFETIME = 3600
RESPONSE = struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
"""Behind the ID: a response with recursion, one question, one answer."""
NAME = b"\x0c%s\x07example\x03net\x00"
RECORD = struct.pack("!HHHIH", 0xC00C, 12, 1, 86400, len(NAME % (b"h" * 12)))
"""An answer to the question at offset 12: PTR, IN, a day to live."""


def answer(query: bytes) -> bytes:
    """Return the response to `query`: the name is ``host`` and eight digits that follow from the question."""
    question = query[12 : query.index(b"\0", 12) + 5]
    return b"".join((query[:2], RESPONSE, question, RECORD, NAME % (b"host%08x" % crc32(question))))


def main() -> None:
    signal.alarm(LIFETIME)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        endpoint.bind(("127.0.0.1", 0))
        print(endpoint.getsockname()[1], flush=True)
        receive, send = endpoint.recvfrom, endpoint.sendto
        while True:
            query, client = receive(4096)
            try:
                send(answer(query), client)
            except (ValueError, OSError) as error:
                print(f"not answered: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
