"""What Dovecot's authentication processes say of a failed login (``auth_verbose = yes``), for Postfix asks them.

Forms, all seen on 2.3.19 and 2.4.1 (src/auth/auth-request.c, get_log_identifier):

- 2.2 and 2.3: ``dovecot: auth: sql(USER,IP): Password mismatch``; from a worker ``dovecot: auth-worker(5787): conn
  unix:auth-worker (pid=27359,uid=97): auth-worker<55>: pam(USER,IP): ...``; ``auth: Error: `` where the server failed.
- 2.4: ``dovecot: auth(USER,IP,sasl:plain): sql: ...`` and ``auth-worker(USER,IP)<476>: request [1]: pam: ...``.
- PAM's own: ``pam_unix(dovecot:auth): authentication failure; ... ruser=USER rhost=IP  user=USER``.

USER is at most 64 characters, ``?`` where there is none; IMAP and POP clients have a session id behind the address.
With ``auth_verbose_passwords`` the password stands at the end of such a line: nothing of a line is kept but what
`Companion` holds.
"""

import re

from maillogsentinel.model import safe_text
from maillogsentinel.parse.companion import Companion
from maillogsentinel.parse.header import MAX_LINE, NO_HOSTS, Header, header
from maillogsentinel.parse.postfix import address, text_of
from maillogsentinel.parse.stamp import Clock, fraction

_LEVEL = rb"(?:(Error|Warning|Info|Debug|Fatal|Panic): )?"
_IP = rb"([0-9a-fA-F:.]{2,45})"
# Header and the commonest forms in one; a user of other characters, or anything else unusual, is left to the slow way.
_COMMON = re.compile(
    rb"(?:(\d{4}-\d\d-\d\dT[012]\d):([0-5]\d):([0-5]\d|60)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)"
    rb"|([A-Z][a-z]{2} [ 1-3]\d [012]\d):([0-5]\d):([0-5]\d|60)) ([^\s\[\]]{1,255}) dovecot(?:\[\d{1,10}\])?: auth"
    rb"(?:(?:-worker\(\d{1,10}\): conn unix:auth-worker \(pid=\d{1,10},uid=\d{1,10}\): auth-worker<\d{1,10}>)?: "
    rb"([a-z0-9-]{1,32})\(([\w.@+-]{1,64})," + _IP + rb"(,<[^<>\s]{1,128}>)?\)"
    rb"|\(([\w.@+-]{1,64})," + _IP + rb",sasl:[\w-]{1,32}\)(<[^<>\s]{1,128}>)?: ([\w.-]{1,32}))"
    rb": (?:[Uu]nknown user|Password mismatch)"
)
OPENING = re.compile(
    rb"(?:dovecot: )?auth(?:"
    rb"(?:-worker)?(?:\(\w{1,16}\))?: " + _LEVEL + rb"(?:conn \S{1,64} \([^)]{0,64}\): auth-worker<\d{1,10}>: )?"
    rb"([a-zA-Z0-9_-]{1,32})\("
    rb"|(?:-worker)?(\())"
)
WINDOW = 64 * 4 + 1
"""Bytes from the start of the user in which the address must begin: 64 characters of UTF-8."""
CLOSING = re.compile(
    rb"," + _IP + rb"(?:,master)?(?:,sasl:[\w.-]{1,32})?(?:(,<[^<>\s]{0,128}>)|,)?\)((?:<[^<>\s]{1,128}>){0,3}): "
)
_NEW_TEXT = re.compile(_LEVEL + rb"(?:request \[\d{1,20}\]: )?([\w.-]{1,64}): ")
_FAILED = re.compile(
    rb"[Uu]nknown user|[Pp]assword mismatch|[Ii]nvalid |pam_\w{1,32}\(\) failed|Login failed|Empty username|missing "
    rb"|No password returned|User found from deny|[Pp]assword expired|[Uu]ser (?:is |account )?(?:disabled|expired)"
    rb"|allow_(?:real_)?nets check failed|Username (?:character disallowed|contains disallowed)"
    rb"|Requested [\w.-]{1,64} scheme, but we have |Authentication failure due to policy server refusal"
)
_DISALLOWED = re.compile(
    rb"Username character disallowed by auth_username_chars: 0x[0-9a-f]{2} \(username: (.*)\)\Z", re.S
)
# The server's fault, but with one account alone: no password fits it, and who tries is no less an attacker.
_OF_ACCOUNT = re.compile(rb"Unknown scheme|Password data is not valid|Invalid password")
_NEXT = b" - trying the next passdb"
_PAM = re.compile(rb"pam_\w{1,32}\(dovecot:auth\): authentication failure; ")
_PAM_USER = re.compile(rb" ruser=(.*)\Z", re.S)
_PAM_REST = re.compile(_IP + rb"(?:  user=(.*))?\Z", re.S)
_new = tuple.__new__  # half the time of calling the class
_OWN = (b"dovecot", b"dovecot-auth", b"auth")


def companion(line: bytes, clock: Clock) -> Companion | None:
    """Return what `line` (without its newline) says of a failed login, or None when it says nothing of one.

    A line behind which Dovecot asks its next password database is none: that one has the last word.
    """
    if len(line) > MAX_LINE:
        return None
    match = _COMMON.match(line)
    if match and line.find(b"): ", match.end()) < 0:
        if line.endswith(_NEXT):
            return None
        try:
            return _common(match, clock)
        except ValueError:
            return None
    parts = header(line, clock, needs_pid=False)
    if parts is None or parts.program not in _OWN:
        return None
    return _pam(parts) if _PAM.match(parts.message) else _auth(parts)


def _common(match: re.Match[bytes], clock: Clock) -> Companion | None:
    (
        hour, minute, second, digits, zone, bsd_hour, bsd_minute, bsd_second, host,
        old_kind, old_user, old_ip, old_session, new_user, new_ip, new_session, new_kind,
    ) = match.groups()  # fmt: skip
    if hour is not None:
        stamp = clock.zoned(hour, zone) + (int(minute) * 60 + int(second)) * 1_000_000
        if digits is not None:
            stamp += int(digits) if len(digits) == 6 else fraction(digits)
    else:
        stamp = clock.bsd(bsd_hour, bsd_minute, bsd_second)
    ip = address(old_ip or new_ip)
    if ip is None:
        return None
    return _new(
        Companion,
        (
            stamp,
            None if host in NO_HOSTS else text_of(host),
            ip,
            text_of(old_user or new_user),
            text_of(old_kind or new_kind),
            bool(old_session or new_session),
            False,
        ),
    )


def _auth(parts: Header) -> Companion | None:
    place = _place(parts.message)
    if place is None:
        return None
    level, kind, user, ip, session, text = place
    if level in (None, b"Info", b"Warning"):
        if not _FAILED.match(text) or text.endswith(_NEXT):
            return None
    elif level != b"Error":
        return None
    if user == b"?" and (named := _DISALLOWED.match(text)):
        user = named.group(1)
    elif user == b"?":
        user = b"" if text == b"Empty username" else None
    temporary = level == b"Error" and not _OF_ACCOUNT.match(text)
    return _companion(parts, ip, user, kind, session, temporary)


def _place(message: bytes) -> tuple[bytes | None, bytes, bytes | None, bytes, bool, bytes] | None:
    """Level, password database, user, address, whether there is a session, and the text behind; None for another form.

    The user may hold the very characters that end it, where the administrator allows all of them, and so may a password
    behind it. Where the user may end in two places, none is taken.
    """
    opening = OPENING.match(message)
    if not opening:
        return None
    start = opening.end()
    closing = CLOSING.search(message, start, start + WINDOW + 512)
    if not closing or closing.start() > start + WINDOW:
        return None
    ip, session, behind = closing.groups()
    level, kind, _ = opening.groups()
    end = closing.end()
    if kind is None:
        rest = _NEW_TEXT.match(message, end)
        if not rest:
            return None
        level, kind = rest.groups()
        end = rest.end()
        # Behind the parenthesis of a worker stands its own number as well: <476>, or <476><SESSION>.
        session = session or re.sub(rb"\A<\d{1,10}>", b"", behind)
    user: bytes | None = message[start : closing.start()]
    for again in CLOSING.finditer(message, closing.start() + 1, start + WINDOW + 512):
        if again.start() <= start + WINDOW and address(again.group(1)) is not None:
            user = None
    return level, kind, user, ip, bool(session), message[end:]


def _pam(parts: Header) -> Companion | None:
    """PAM's line: the address stands behind the last ``rhost=``, for what stands before is the client's text."""
    before, marker, rest = parts.message.rpartition(b" rhost=")
    ruser, client = _PAM_USER.search(before), _PAM_REST.match(rest)
    if not marker or not client:
        return None
    user = (ruser.group(1) if ruser else b"") or client.group(2)
    return _companion(parts, client.group(1), user or None, b"pam_unix", False, False)


def _companion(
    parts: Header, ip: bytes, user: bytes | None, kind: bytes, session: bool, temporary: bool
) -> Companion | None:
    canonical = address(ip)
    if canonical is None:
        return None
    return Companion(
        parts.stamp,
        None if parts.host is None else safe_text(parts.host),
        canonical,
        None if user is None else safe_text(user),
        kind.decode("ascii"),
        session,
        temporary,
    )


_ANY_AUTH = re.compile(
    rb"(?:\bdovecot\b.{0,128}?[ (:]|^[^a-z]{0,3}(?:[A-Z][a-z]{2} )?[^a-z\"]{8,40})auth(?:-worker)?[\[(:]", re.S
)
_GIVEN = re.compile(rb"\(?(?:SHA1 of )?given password|\bresp=|\bpassword=")


def masked(line: bytes, clock: Clock) -> bytes:
    """Return `line` as it may be shown: of what Dovecot's authentication says, nothing behind the client's address.

    Dovecot writes passwords there when it is told to (``auth_verbose_passwords``, ``auth_debug_passwords``).
    """
    if line[:1] == b"{":
        parts = header(line, clock, needs_pid=False) if len(line) <= MAX_LINE else None
        if parts and parts.program in _OWN:
            return parts.program + b": " + masked_message(parts.message)
        if parts is None and b"dovecot" in line:
            return b"{..."  # where its message ends, nobody knows
    else:
        match = _ANY_AUTH.search(line, 0, 400)
        if match:
            begin = line.rindex(b"auth", 0, match.end())
            return line[:begin] + masked_message(line[begin:])
    given = _GIVEN.search(line)
    return line[: given.start()] + b"..." if given else line


def masked_message(message: bytes) -> bytes:
    """Return the message up to the parenthesis that holds the client, or only its first word."""
    opening = OPENING.match(message)
    if opening:
        closing = CLOSING.search(message, opening.end(), opening.end() + WINDOW + 512)
        if closing and closing.start() <= opening.end() + WINDOW:
            return message[: closing.end() - 1] + b" ..."
    return re.split(rb"[(: ]", message, maxsplit=1)[0] + b": ..."
