"""The commonest lines of rsyslog's and Postfix's default forms, by the quickest way to what `lines` makes of them.

Nothing is decided here: what is not exactly of such a form is left to the others, and a test compares the two.
"""

import re
from collections.abc import Callable

from maillogsentinel.anonymize.cache import MOST, Cache
from maillogsentinel.anonymize.names import Names
from maillogsentinel.anonymize.programs import QUEUE_ID, Programs
from maillogsentinel.anonymize.stamps import Shift
from maillogsentinel.anonymize.text import CLIENT, Text
from maillogsentinel.parse.header import MAX_LINE, NO_HOSTS

_LINE = re.compile(
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?(?:Z|[+-]\d\d:\d\d)|[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d) "
    rb"([A-Za-z0-9][A-Za-z0-9.-]{1,63}) "
    rb"((?:postfix[a-z-]{0,12}\d{0,3}(?:/[a-z]{3,20}){1,2}\[\d{1,10}\]|dovecot(?:\[\d{1,10}\])?): )"
    rb"([^\r]*)"
)
_COUNTERS = re.compile(
    rb"(?: (?:helo|ehlo|starttls|auth|mail|rcpt|data|bdat|rset|noop|vrfy|etrn|quit|xclient|xforward|unknown|commands)"
    rb"=\d{1,6}(?:/\d{1,6})?)+"
)
_MAILBOX = rb"(?:[\w.+-]{1,64}(?:@[A-Za-z0-9.-]{1,255})?)?"
_USER = rb"[\w.+-]{1,64}(?:@[A-Za-z0-9.-]{1,255})?"
_MESSAGE_ID = re.compile(rb"message-id=<([\w.+$-]{1,200}@[A-Za-z0-9.-]{1,255})>")
_QUEUED = re.compile(rb"from=<(" + _MAILBOX + rb")>(, size=\d{1,12}, nrcpt=\d{1,6} \(queue active\))")
_DELAY = rb"\d{1,7}(?:\.\d{1,6})?"
_DELIVERED = re.compile(
    rb"to=<(" + _MAILBOX + rb")>, (?:orig_to=<(" + _MAILBOX + rb")>, )?relay=([^,\s]{1,330})"
    rb"(, (?:conn_use=\d{1,6}, )?delay="
    + _DELAY
    + rb", delays=(?:"
    + _DELAY
    + rb"/){3}"
    + _DELAY
    + rb", dsn=\d\.\d{1,3}\.\d{1,3},"
    rb" status=(?:sent|deferred|bounced))"
    rb" (\([^\x00-\x1f\x7f]*\))"
)
_LOGIN = re.compile(rb"([^,]{1,330}), sasl_method=(PLAIN|LOGIN), sasl_username=(" + _USER + rb")")
_FAILED = re.compile(
    rb"warning: ([^\s:]{1,330}|[^\s\[\]]{1,255}\[[0-9A-Fa-f:.]{2,45}\]): (SASL (?:PLAIN|LOGIN) authentication failed: "
    rb"(?:\(reason unavailable\)|authentication failure|UGFzc3dvcmQ6)(?:, sasl_username=)?)((?<==)" + _USER + rb")?"
)
_LOST = re.compile(rb"((?:lost connection|timeout) after [A-Z-]{3,16} from )(.{1,330})")
# In what begins so nothing is a client's but its name and address.
_NO_TEXT = (
    b"PASS OLD ", b"PASS NEW ", b"CONNECT from ", b"DISCONNECT ", b"HANGUP after ", b"DNSBL rank ",
    b"SSL_accept error from ", b"Anonymous TLS connection ", b"Trusted TLS connection ",
    b"Untrusted TLS connection ", b"Verified TLS connection ",
)  # fmt: skip
_SESSION = re.compile(
    rb"([^<>\[\]\"]{1,120}user=<)(" + _USER + rb")(>)(, method=[A-Z0-9-]{1,20}, rip=)([0-9A-Fa-f:.]{2,45})(, lip=)"
    rb"([0-9A-Fa-f:.]{2,45})((?:, mpid=\d{1,7})?(?:, TLS)?, session=)<([\w+/]{8,40})>"
)
_AUTH = re.compile(
    rb"(auth: [a-z-]{2,20}\()(" + _USER + rb"),([0-9A-Fa-f:.]{2,45})(\): (?:unknown user|Password mismatch))"
)


class Quick:
    """The quick way; `line` has no answer for most forms, and for all that are unusual in any way."""

    def __init__(self, names: Names, text: Text, programs: Programs, shift: Shift | None) -> None:
        self._hosts = Cache(lambda raw: raw if raw in NO_HOSTS else names.hosts[raw])
        self._users = names.users
        self._text = text
        self._message = programs.message
        self._stamps = shift.stamps if shift else None
        self._clients = Cache(lambda raw: text.clients[raw] if CLIENT.fullmatch(raw) else b"")
        self._ids = Cache(lambda raw: names.queue_ids[raw] if QUEUE_ID.fullmatch(raw) else b"")
        self._counters = Cache(lambda raw: raw if _COUNTERS.fullmatch(raw) else b"")
        self._relays = Cache(lambda raw: self._clients[raw] or text.text(raw))
        self._tags: dict[bytes, Callable[[bytes], bytes]] = {}

    def line(self, line: bytes) -> bytes:
        """Return what replaces `line`; nothing where that is not for here to say."""
        match = _LINE.fullmatch(line) if len(line) <= MAX_LINE else None
        if not match:
            return b""
        stamp, host, tag, message = match.groups()
        said = (self._tags.get(tag) or self._tag(tag))(message)
        if not said:
            if message[:13] == b"Last message ":  # syslog-ng's, which is about the line before it
                return b""
            said = self._message(message)
        if self._stamps is not None:
            stamp = self._stamps[stamp]
        return b"%s %s %s%s" % (stamp, self._hosts[host], tag, said)

    def _tag(self, tag: bytes) -> Callable[[bytes], bytes]:
        """What knows the messages of the program behind a tag such as ``postfix/smtpd[123]: ``."""
        if len(self._tags) >= MOST:
            self._tags.clear()
        program = tag.partition(b"[")[0].rstrip(b": ").rpartition(b"/")[2]
        found = self._tags[tag] = {
            b"smtpd": self._smtpd,
            b"cleanup": self._cleanup,
            b"qmgr": self._qmgr,
            b"dovecot": self._dovecot,
            b"postscreen": self._postscreen,
        }.get(program, self._delivery)
        return found

    def _smtpd(self, message: bytes) -> bytes:
        if message[:13] == b"connect from ":
            client = self._clients[message[13:]]
            return client and b"connect from " + client
        if message[:16] == b"disconnect from ":
            raw, blank, counters = message[16:].partition(b" ")
            client, counters = self._clients[raw], self._counters[blank + counters] if blank else b" "
            return client and counters and b"disconnect from " + client + counters.rstrip(b" ")
        match = _FAILED.fullmatch(message)
        if match:
            raw, said, user = match.groups()
            client = self._clients[raw]
            return client and b"warning: " + client + b": " + said + (b"" if user is None else self._users[user])
        match = _LOST.fullmatch(message)
        if match:
            client = self._clients[match.group(2)]
            return client and match.group(1) + client
        return self._text.text(message) if message.startswith(_NO_TEXT) else self._received(message)

    def _received(self, message: bytes) -> bytes:
        """``QUEUEID: client=NAME[ADDRESS]``, with a login or without."""
        raw, _, rest = message.partition(b": client=")
        number = self._ids[raw]
        if not number:
            return b""
        client = self._clients[rest]
        if client:
            return number + b": client=" + client
        match = _LOGIN.fullmatch(rest)
        if not match:
            return b""
        raw, method, user = match.groups()
        client = self._clients[raw]
        return client and b"%s: client=%s, sasl_method=%s, sasl_username=%s" % (
            number,
            client,
            method,
            self._users[user],
        )

    def _cleanup(self, message: bytes) -> bytes:
        raw, _, rest = message.partition(b": ")
        number, match = self._ids[raw], _MESSAGE_ID.fullmatch(rest)
        return b"%s: message-id=<%s>" % (number, self._text.message_id(match.group(1))) if number and match else b""

    def _qmgr(self, message: bytes) -> bytes:
        raw, _, rest = message.partition(b": ")
        number = self._ids[raw]
        if not number:
            return b""
        if rest == b"removed":
            return number + b": removed"
        match = _QUEUED.fullmatch(rest)
        return b"%s: from=<%s>%s" % (number, self._users[match.group(1)], match.group(2)) if match else b""

    def _delivery(self, message: bytes) -> bytes:
        raw, _, rest = message.partition(b": ")
        number = self._ids[raw]
        match = _DELIVERED.fullmatch(rest) if number else None
        if not match:
            return b""
        to, first, relay, status, reply = match.groups()
        between = b"" if first is None else b"orig_to=<%s>, " % self._users[first]
        relay = self._relays[relay]
        return b"%s: to=<%s>, %srelay=%s%s %s" % (
            number,
            self._users[to],
            between,
            relay,
            status,
            self._text.text(reply),
        )

    def _postscreen(self, message: bytes) -> bytes:
        return self._text.text(message) if message.startswith(_NO_TEXT) else b""

    def _dovecot(self, message: bytes) -> bytes:
        match = _AUTH.fullmatch(message)
        if match:
            begin, user, address, end = match.groups()
            return begin + self._users[user] + b"," + self._text.address(address) + end
        match = _SESSION.fullmatch(message)
        if not match:
            return b""
        begin, user, bracket, method, remote, between, local, behind, session = match.groups()
        text = self._text
        front = text.text(begin) + self._users[user] + bracket + text.text(method) + text.address(remote) + between
        return front + text.address(local) + behind + b"<" + text.message_id(session) + b">"
