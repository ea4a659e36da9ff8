"""Successful logins: smtpd's line on a mail of somebody who logged in, and Dovecot's Login lines.

smtpd: ``QUEUEID: client=NAME[ADDR], sasl_method=M, sasl_username=USER``, where ``, sasl_sender=`` or what a proxy told
(``, orig_queue_id=``, ``, orig_client=``) may follow. Dovecot (its default login_log_format_elements):
``imap-login: Login: user=<USER>, method=M, rip=ADDR, lip=ADDR, ...``; 2.4 says ``Logged in`` in place of ``Login``.
"""

import re
from typing import NamedTuple

from maillogsentinel.model import safe_text
from maillogsentinel.parse.header import MAX_LINE, header
from maillogsentinel.parse.postfix import SOLARIS, address
from maillogsentinel.parse.stamp import Clock

WORD = b"hod="
"""The end of ``method=``, which stands in all of these lines."""
_LONGEST = 255
"""Bytes of a user name; no account has a longer one."""

_STAMP = rb"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.:Z+-]{0,16}|[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d) [^\s\[\]]{1,255} "
_MAIL = rb"\w{1,64}: client="
_LOGIN = rb"(?:imap|pop3|managesieve|submission)-login: (?:Info: )?(?:Login|Logged in): user=<"
_COMMON_BEGIN = re.compile(
    _STAMP + rb"(?:[^\s\[\]:]*/smtpd\[\d{1,10}\]: " + _MAIL + rb"|dovecot(?:\[\d{1,10}\])?: " + _LOGIN + rb")"
)
_MAIL_BEGIN = re.compile(SOLARIS + _MAIL)
_LOGIN_BEGIN = re.compile(SOLARIS + _LOGIN)
_MAIL_END = re.compile(
    rb"[\w.-]{1,255}\[([^\]\s]{1,64})\](?::\d{1,5})?, sasl_method=[^,]{1,100}, sasl_username="
    rb"(.*?)(?:, (?:sasl_sender|orig_queue_id|orig_client)=.*)?\Z",
    re.S,
)
# The user may hold anything, what follows is the server's: so the last ``>, method=`` ends it.
_LOGIN_END = re.compile(
    rb"(.*)>, method=[^,]{0,100},(?: [a-z]{1,32}=[^,]{0,64},){0,4} rip=([0-9A-Fa-f.:]{2,64})(?:,.*)?\Z", re.S
)


class Login(NamedTuple):
    """Who logged in from where."""

    user: str
    """Safe text."""
    ip: str
    network: str
    """The /24 of an IPv4 address, the /48 of an IPv6 one."""


_REMEMBERED = 8192
_logins: dict[bytes, Login | None] = {}


def essence(data: bytes, start: int, hit: int, stop: int, clock: Clock) -> bytes | None:
    """Return what a line ``data[start:stop]``, with `WORD` at `hit`, says of who logged in from where, which `login`
    reads; None when it is no line on a successful login. The same user's next login from there has mostly the same."""
    match = _COMMON_BEGIN.match(data, start, stop)
    if match:
        end = match.end()
        if data[end - 1] == 61:  # the = of client=
            return data[end:stop]
        # What changes from login to login stands behind; the user may hold the like of it, so it is the last one.
        last = data.rfind(b", lip=", end, stop)
        return b"<" + data[end : stop if last < 0 else last]
    if stop - start > MAX_LINE:
        return None
    parts = header(data[start:stop], clock, needs_pid=False)
    if parts is None:
        return None
    if parts.program == b"dovecot":
        match = _LOGIN_BEGIN.match(parts.message)
        return b"<" + parts.message[match.end() :] if match else None
    if parts.program.endswith(b"/smtpd") or (parts.bare_program and parts.program == b"postfix"):
        match = _MAIL_BEGIN.match(parts.message)
        return parts.message[match.end() :] if match else None
    return None


def login(raw: bytes) -> Login | None:
    """Return the login that `raw`, an `essence`, tells of; None when there was none, or its address is not known."""
    if raw in _logins:
        return _logins[raw]
    if len(_logins) >= _REMEMBERED:
        _logins.clear()
    found = _logins[raw] = _login(raw)
    return found


def _login(raw: bytes) -> Login | None:
    if raw[:1] == b"<":
        match = _LOGIN_END.match(raw, 1)
        user, addr = match.groups() if match else (b"", b"")
    else:
        match = _MAIL_END.match(raw)
        addr, user = match.groups() if match else (b"", b"")
    if not 0 < len(user) <= _LONGEST:
        return None
    ip = address(addr)
    return None if ip is None else Login(safe_text(user), ip, network(ip))


def network(ip: str) -> str:
    """Return the network that a canonical address is counted to: the first 24 bits of IPv4, the first 48 of IPv6."""
    if ":" not in ip:
        return ip.rpartition(".")[0] + ".0/24"
    from socket import AF_INET6, inet_ntop, inet_pton

    return inet_ntop(AF_INET6, inet_pton(AF_INET6, ip)[:6] + bytes(10)) + "/48"


def network_of(text: str) -> str:
    """Return the network of what should be an address; where it is none, `text` itself."""
    found = address(text.encode("utf-8", "replace"))
    return network(found) if found else text
