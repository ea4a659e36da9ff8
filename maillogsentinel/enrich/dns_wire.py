"""DNS messages for reverse look-ups (RFC 1035, RFC 3596): the question for an address, and what an answer says.

dnspython encodes names and takes answers apart. Only the twelve fixed bytes of the header are read and written here:
they decide whether a datagram is an answer at all, and most that are not, or say no, need not be taken apart.
dnspython is imported by the functions that use it: most runs find nothing new, or everything in the cache.
"""

import os
import struct
from typing import NamedTuple

from maillogsentinel.model import safe_text

_HEADER = struct.Struct("!HHHHHH")
_RECURSION_DESIRED = 0x0100
_TRUNCATED = 0x0200
_RESPONSE_AND_OPCODE = 0xF800
_RESPONSE_TO_QUERY = 0x8000
_PTR_IN = b"\x00\x0c\x00\x01"

_MOST_RECORDS = 50

_NOERROR, _SERVFAIL, _NXDOMAIN = 0, 2, 3
_WITHOUT_QUESTION = (1, 2, 4, 5)
"""Response codes (FORMERR, SERVFAIL, NOTIMP, REFUSED) that a server may send without repeating the question."""

NO_SUCH_HOST = "Errno 1"
TRY_AGAIN = "Errno 2"
REFUSED_OR_BROKEN = "Errno 3"
NO_PTR = "Errno 4"
OK = "OK"
SKIPPED = "Skipped"


class Verdict(NamedTuple):
    """What one answer says of an address."""

    status: str
    hostname: str | None = None
    ttl: int = 0
    """Seconds; the smallest of the PTR record and the aliases that led to it."""


def question(address: str) -> bytes:
    """Return the question section that asks for the name of `address`. Raises ValueError when that is no address."""
    import dns.reversename

    try:
        name = dns.reversename.from_address(address)
    except Exception as error:  # dns.exception.SyntaxError, but 2.3 lets others through for odd text
        raise ValueError(f"{address!r} is no address") from error
    return name.to_wire() + _PTR_IN  # type: ignore[operator]


def query(asked: bytes) -> bytes:
    """Return a query message for the question section `asked`, with a random id."""
    (random_id,) = struct.unpack("!H", os.urandom(2))
    return _HEADER.pack(random_id, _RECURSION_DESIRED, 1, 0, 0, 0) + asked


def answers(sent: bytes, received: bytes) -> bool:
    """Tell whether `received` is an answer to the query `sent`: same id, same question, and marked as an answer."""
    if len(received) < _HEADER.size or received[:2] != sent[:2]:
        return False
    _, flags, questions, *_ = _HEADER.unpack_from(received)
    if flags & _RESPONSE_AND_OPCODE != _RESPONSE_TO_QUERY:
        return False
    if questions == 0:
        return flags & 15 in _WITHOUT_QUESTION
    # Servers may return the name in another case. The question begins with the name and no compression can precede it.
    return questions == 1 and received[_HEADER.size : len(sent)].lower() == sent[_HEADER.size :].lower()


def is_message(received: bytes) -> bool:
    """Tell whether `received` can be read as a DNS message at all."""
    import dns.message

    try:
        dns.message.from_wire(received)
    except Exception:  # whatever bytes made dnspython raise, they are no message
        return False
    return True


def is_truncated(received: bytes) -> bool:
    """Tell whether the answer did not fit and must be asked for over TCP (the TC bit); an error code says enough."""
    flags: int = _HEADER.unpack_from(received)[1]
    return bool(flags & _TRUNCATED) and flags & 15 == _NOERROR


def read(received: bytes) -> Verdict:
    """Return what an answer says; never raises, since its records come from whoever runs the client's reverse zone."""
    code = _HEADER.unpack_from(received)[1] & 15
    if code == _NXDOMAIN:
        return Verdict(NO_SUCH_HOST)
    if code == _SERVFAIL:
        return Verdict(TRY_AGAIN)
    if code != _NOERROR:
        return Verdict(REFUSED_OR_BROKEN)
    try:
        return _first_ptr(received)
    except Exception:  # dnspython has an exception for each fault of form, and hostile bytes find others
        return Verdict(REFUSED_OR_BROKEN)


def _first_ptr(received: bytes) -> Verdict:
    """The chain of aliases is that of classless delegation, RFC 2317; dnspython follows at most 16.

    Only the first records of the answer section are taken apart: 64 KiB of them, which anybody with a reverse zone can
    send, would cost a third of a second, and the sections behind do not matter.
    """
    import dns.message

    count = min(_HEADER.unpack_from(received)[3], _MOST_RECORDS)
    head = received[:6] + struct.pack("!HHH", count, 0, 0)
    message = dns.message.from_wire(head + received[_HEADER.size :], ignore_trailing=True)
    if not isinstance(message, dns.message.QueryMessage):
        return Verdict(REFUSED_OR_BROKEN)
    found = message.resolve_chaining()
    if not found.answer:
        return Verdict(NO_PTR)
    # The labels' own bytes: dnspython's text form would escape them for zone files, safe_text escapes for readers.
    hostname = safe_text(b".".join(found.answer[0].target.labels[:-1]))  # the last label is the root's
    if not hostname:
        return Verdict(NO_PTR)
    return Verdict(OK, hostname, found.minimum_ttl)
