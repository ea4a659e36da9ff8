"""What the programs of a mail server write, as far as somebody else's text stands in it: that text is replaced whole.

A rule is an expression whose groups make up the whole message, and a letter for each group that says what becomes of
it. Where a client may put anything into a field, the rule finds the field's ends as the program's own format sets them
(Postfix: smtpd.c, smtpd_check.c, cleanup_message.c, postscreen; Dovecot: login-common, auth-request.c).
"""

import re
from collections.abc import Callable

from maillogsentinel.anonymize.header import LABEL
from maillogsentinel.anonymize.names import Names
from maillogsentinel.anonymize.text import CLIENT as _CLIENT
from maillogsentinel.anonymize.text import Text
from maillogsentinel.parse.dovecot import CLOSING, OPENING, WINDOW
from maillogsentinel.parse.postfix import SOLARIS

_MECHANISMS = frozenset(
    b"PLAIN LOGIN CRAM-MD5 DIGEST-MD5 NTLM GSSAPI GSS-SPNEGO SPNEGO XOAUTH2 OAUTHBEARER EXTERNAL ANONYMOUS OTP SRP APOP"
    b" RPA SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS KERBEROS_V4 SECURID".split()
)
_LONG_REASON = 1000
_MARKER = b", sasl_username="
QUEUE_ID = re.compile(rb"[0-9A-F]{5,20}|(?=\D*\d)[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,24}")
"""Short, or Postfix's long one."""
_IN_FRONT = (b"[ID ", b"message repeated ")
_MESSAGE = re.compile(rb"(" + SOLARIS + rb")(message repeated \d{1,9} times: \[ )?(.*)", re.S)
_NAMED = rb"[\w.-]{1,255}\[[^\]\s]{1,64}\](?::\d{1,5}(?![\w.]))?"
_BARE = rb"\[[^\]\s]{1,64}\](?::\d{1,5}(?![\w.]))?"
_SASL = re.compile(rb"(warning: )(" + _NAMED + rb")(: SASL )(.*)", re.S)
_PLAIN = re.compile(rb"([\w-]+)( authentication failed:)(?:( )(.*))?", re.S)
_FORGED = re.compile(rb"(.*)( authentication failed:)( )(Invalid authentication mechanism.*)", re.S)
_ANY_FAILED = re.compile(rb"(.*?)( authentication failed:)(?:( )(.*))?", re.S)
_ABORTED = re.compile(rb"(.*)( authentication aborted)", re.S)
_INVALID = re.compile(rb"(Invalid authentication mechanism: ')(.*)(')", re.S)
_GIVEN = re.compile(rb"(.*?(?:given password|\bresp|\bpassword)[:=] ?)(.*?)(\)?)", re.S)
_NAME_DISALLOWED = re.compile(rb"(.*\(username: )(.*)(\))", re.S)
_WORKER = re.compile(rb"((?:<\d{1,10}>)?)(.*)", re.S)

_SENDER = rb"(?=; from=<|; to=<|; proto=)"
_RULES: tuple[tuple[bytes, str, bytes], ...] = (
    # What stands in each such message, what becomes of the groups, and the expression. No two parts of one can be
    # divided in two ways, or the time that it takes would grow with a power of the length that a client chose.
    (
        b"client=",
        "=c=m=ut",
        rb"(client=)(" + _NAMED + rb")(?:(, sasl_method=)([^,]{1,100}))?"
        rb"(?:(, sasl_username=)((?>.*?(?=, (?:sasl_sender|orig_queue_id|orig_client)=|\Z))))?(.*)",
    ),
    (b"message-id=", "=M=", rb"((?:resent-)?message-id=<?)(.*?)(>?)"),
    (b"from=<", "=u=t", rb"((?:uid=\d{1,10} )?from=<)(.*?)(>(?=, size=|, status=|\Z))(.*)"),
    (b"to=<", "=u==u=t", rb"(to=<)((?>.*?(?=>, (?:orig_to=<|relay=))))(>)(?:(, orig_to=<)(.*?)(>(?=, relay=)))?(.*)"),
    # Header and body checks show what the sender wrote.
    (
        b" from ",
        "tiTe",
        rb"((?:reject|warning|discard|hold|filter|info|redirect|replace|prepend|strip|pass|bcc|delay): "
        rb"(?:header|body|mime-header|nested-header) (?:[A-Za-z-]{1,40}: )?)(.*)( from (?:"
        + _NAMED
        + rb"|local|unknown))"
        + _SENDER
        + rb"(.*)",
    ),
    (
        b" from ",
        "tc=<te",
        rb"([a-z_-]{1,24}: [A-Z-]{1,16} from )(" + _NAMED + rb"|" + _BARE + rb")(: \d{3} (?:\d\.\d{1,3}\.\d{1,3} )?)"
        rb"(?>(<.*?>)(?=: [A-Z]))?((?>.*?" + _SENDER + rb"))(.*)",
    ),
    # What a client sent in place of SMTP.
    (
        b" from ",
        "tcti",
        rb"((?:improper command pipelining after \S{1,32}|(?:warning: )?non-SMTP command"
        rb"|warning: Illegal address syntax|[A-Z]{3,12}(?: [A-Z-]{3,12})?(?: \d{1,9})?(?: after [\d.]{1,12})?) from )("
        + _NAMED
        + rb"|"
        + _BARE
        + rb")"
        rb"((?: after \S{1,32}| in [A-Z]{4} command)?: )(.*)",
    ),
    (b"< ", "=ci", rb"(< )(" + _NAMED + rb")(: .*)"),
    (b"hostname ", "tht", rb"((?:warning: )?hostname )([^\s:]+)( does not resolve to address .*)"),
    (b"hostname ", "th", rb"(warning: [0-9A-Fa-f.:]{2,45}: address not listed for hostname )([^\s:]+)"),
    # Dovecot, where a user is named in front of the message or among other fields.
    (b"user=<", "tu=t", rb"((?>.*?\buser=<))(.*)(>)(, (?:method|rip|lip)=.*)"),
    (
        b"(",
        "tu=t",
        rb"([a-z0-9-]{2,20}\((?:\d{1,10}, )?)((?!\d{1,10}\)).*?)(\)(?:<\d{1,10}>)?(?=<[^<>\s]{1,64}>: |: ))(.*)",
    ),
    # PAM, saslauthd, Plesk, cron, sshd
    (b" rhost=", "tu=h=u", rb"((?>.*?authentication failure; )(?>.*?ruser=))(.*)( rhost=)(\S*)(?:(  user=)(.*))?"),
    (
        b"[user=",
        "=uth=ht",
        rb"(do_auth +: auth failure: \[user=)(.*)(\] \[service=[^\[\]]*\] \[realm=)([^\[\]]*)"
        rb"(\] (?:\[remote=)?)([^\[\]]*)((?:\] )?\[mech=.*|\] .*)",
    ),
    (
        b"user '",
        "tut",
        rb"(No such user '|failed mail authenticat(?:icat)?ion attempt for user ')(.*)(' .*)",
    ),
    (b"CMD", "=u=t", rb"(\()([^()\s]{1,64})(\) CMD )(.*)"),
    (
        b" port ",
        "tutht",
        rb"((?:Failed|Accepted) [\w/-]{1,40} for (?:invalid user )?|[Ii]nvalid user "
        rb"|(?:Disconnected from|Connection (?:closed|reset) by) (?:invalid |authenticating )?user )"
        rb"(.*?)( (?:from )?)([0-9A-Fa-f.:]{2,45})( port .*)",
    ),
)
_BETWEEN = re.compile(rb"(; from=<)(.*)(>,? to=<)(.*)(>,? )|(; (?:from|to)=<)(.*)(>,? )|(; )")
_PROTOCOL = re.compile(rb"proto=(?:E?SMTP|LMTP|QMQP),?(?![^ ])")
_LONGEST = 4096
"""Bytes of a message that the rules are tried on; Postfix cuts its own at 2000."""


class Programs:
    """Replaces what is not the program's own in its messages."""

    def __init__(self, names: Names, text: Text) -> None:
        self._names = names
        self._text = text
        self._texts = text.text
        self._makers: dict[str, Callable[[bytes], bytes]] = {
            "=": bytes,
            "t": self.free,
            "u": names.users.__getitem__,
            "h": names.hosts.__getitem__,
            "c": self.client,
            "i": names.ids.__getitem__,
            "m": self.mechanism,
            "M": text.message_id,
            "T": self.source,
            "<": self.angle,
            "e": self.envelope,
        }
        self._rules = [
            (word, re.compile(expression, re.S), [self._makers[letter] for letter in letters])
            for word, letters, expression in _RULES
        ]

    def message(self, raw: bytes) -> bytes:
        """Return the message that may be shown."""
        match = _MESSAGE.fullmatch(raw) if raw.startswith(_IN_FRONT) else None
        if not match:
            return self._single(raw)
        begin, repeated, rest = match.groups()
        bracket = b"]" if repeated and rest[-1:] == b"]" else b""
        front, blank, label = begin[:-2].rpartition(b" ")
        if label and not LABEL.fullmatch(label):
            begin = front + blank + self._names.words[label] + b"] "
        return begin + (repeated or b"") + self._single(rest.removesuffix(bracket)) + bracket

    def _single(self, raw: bytes) -> bytes:
        """A message without what a syslog daemon put in front of it."""
        front, colon, rest = raw.partition(b": ")
        if colon and QUEUE_ID.fullmatch(front):
            return self._names.queue_ids[front] + colon + self.said(rest)
        if raw.startswith(b"NOQUEUE: "):
            return raw[:9] + self.said(raw[9:])
        return self.said(raw)

    def said(self, raw: bytes) -> bytes:
        """Return a message without its queue id as it may be shown."""
        sasl = _SASL.fullmatch(raw)
        if sasl:
            return sasl.group(1) + self.client(sasl.group(2)) + sasl.group(3) + self.attempt(sasl.group(4))
        opening = OPENING.match(raw)
        if opening:
            shown = self._auth(raw, opening.end())
            if shown is not None:
                return shown
        if len(raw) > _LONGEST:
            return self.free(raw)
        for word, expression, makers in self._rules:
            match = expression.fullmatch(raw) if word in raw else None
            if match:
                groups = match.groups()
                return b"".join([make(part) for make, part in zip(makers, groups, strict=True) if part])
        return self.free(raw)

    def free(self, raw: bytes) -> bytes:
        """Return a text of any program; a password that one gives away is no part of it."""
        given = _GIVEN.fullmatch(raw) if b"passw" in raw or b"resp=" in raw else None
        if given and given.group(2):
            return self._texts(given.group(1)) + self._names.ids[given.group(2)] + given.group(3)
        return self._texts(raw)

    def client(self, raw: bytes) -> bytes:
        """Return ``NAME[ADDRESS]:PORT``, each part replaced but the port, whether or not the address is one."""
        if _CLIENT.fullmatch(raw):
            return self._text.clients[raw]
        name, bracket, rest = raw.partition(b"[")
        address, _, port = rest.rpartition(b"]")
        return self._names.hosts[name] + bracket + self._text.address(address) + b"]" + port

    def source(self, raw: bytes) -> bytes:
        """Return `` from NAME[ADDRESS]``, or `` from local``."""
        return raw[:6] + self.client(raw[6:]) if raw.endswith(b"]") else raw

    def angle(self, raw: bytes) -> bytes:
        """Return ``<WHAT WAS REFUSED>``."""
        return b"<" + self._text.insides[raw[1:-1]] + b">"

    def envelope(self, raw: bytes) -> bytes:
        """Return the end of a reject: ``; from=<> to=<> proto=ESMTP helo=<>``, with commas in postscreen's.

        Any of the three may hold the like of the next: what cannot be told apart is replaced as one.
        """
        place = raw.find(b"> proto=") + 2
        if place < 2:
            place = raw.find(b">, proto=") + 3 if b">, proto=" in raw else 2 if raw.startswith(b"; proto=") else 0
        between = _BETWEEN.fullmatch(raw, 0, place)
        if not place or not between:
            return self._texts(raw[:2]) + self._names.ids[raw[2:]]
        parts = [part for part in between.groups() if part is not None]
        users = self._names.users
        front = b"".join([users[part] if number % 2 else part for number, part in enumerate(parts)])
        return front + self._greeting(raw[place:])

    def _greeting(self, raw: bytes) -> bytes:
        """``proto=ESMTP helo=<NAME>``, and who had logged in."""
        protocol = _PROTOCOL.match(raw)
        if not protocol:
            return self._names.ids[raw]
        rest = raw[protocol.end() :]
        if not rest.startswith(b" helo=<"):
            return protocol.group() + self._texts(rest)
        user_at = rest.rfind(b" sasl_username=")
        user_at = len(rest) if user_at < 0 else user_at
        end = rest.rfind(b">", 7, user_at)
        said = rest.find(b">: ", 7, user_at)  # a check's own text behind
        end = said if said >= 0 else end
        if end < 0:
            return protocol.group() + rest[:7] + self._names.ids[rest[7:]]
        shown = protocol.group() + rest[:7] + self._text.insides[rest[7:end]] + b">"
        shown += self._texts(rest[end + 1 : user_at])
        name = rest[user_at + 15 :]
        if name[:1] == b"<" and name[-1:] == b">":
            return shown + b" sasl_username=<" + self._names.users[name[1:-1]] + b">"
        return shown + rest[user_at : user_at + 15] + self._names.users[name]

    def mechanism(self, raw: bytes) -> bytes:
        """Return a SASL mechanism that exists as it is, and a name for what the client sent in its place."""
        return raw if raw.upper() in _MECHANISMS else self._names.words[raw]

    def attempt(self, raw: bytes) -> bytes:
        """Return what stands behind ``SASL`` in a line on a failed or aborted login."""
        match = _PLAIN.fullmatch(raw)
        if match:
            mechanism = self.mechanism(match.group(1))
        else:
            match = _FORGED.fullmatch(raw) or _ANY_FAILED.fullmatch(raw)
            if not match:
                return self._aborted(raw)
            mechanism = b'"' + self._names.ids[match.group(1)] + b'"'
        reason, marker, user = (match.group(4) or b"").partition(_MARKER)
        return (
            mechanism
            + match.group(2)
            + (match.group(3) or b"")
            + self.reason(reason)
            + marker
            + (user if user == b"(unavailable)" else self._names.users[user])
        )

    def _aborted(self, raw: bytes) -> bytes:
        match = _ABORTED.fullmatch(raw)
        if not match:
            return self.free(raw)
        word = re.fullmatch(rb"[\w-]+", match.group(1))
        mechanism = self.mechanism(match.group(1)) if word else b'"' + self._names.ids[match.group(1)] + b'"'
        return mechanism + match.group(2)

    def reason(self, raw: bytes) -> bytes:
        """Return the reason of a failed login; newer versions name the mechanism there, and so the client's text."""
        match = _INVALID.fullmatch(raw)
        if match:
            return match.group(1) + self.mechanism(match.group(2)) + match.group(3)
        return self._names.ids[raw] if len(raw) > _LONG_REASON else self._texts(raw)

    def _auth(self, raw: bytes, begin: int) -> bytes | None:
        """A line of Dovecot's authentication about one client; None when it is another one."""
        closing = CLOSING.search(raw, begin)
        if not closing:
            return None
        if closing.start() > begin + WINDOW:  # no user name is so long: nobody knows what this is
            return self._texts(raw[:begin]) + self._names.ids[raw[begin:]]
        user, rest = raw[begin : closing.start()], raw[closing.end() :]
        shown = self._texts(raw[:begin]) + (user if user in (b"", b"?") else self._names.users[user])
        shown += self._closing(raw[closing.start() : closing.end()])
        named = _NAME_DISALLOWED.fullmatch(rest)
        if named:
            return shown + self._texts(named.group(1)) + self._names.users[named.group(2)] + named.group(3)
        return shown + self.free(rest)

    def _closing(self, raw: bytes) -> bytes:
        """``,ADDRESS,sasl:MECHANISM,<SESSION>): `` or the like."""
        return re.sub(rb"<[^<>]*>|(?<=,sasl:)[\w.-]+|[0-9A-Fa-f.:]{2,45}(?=[,)])", self._closing_part, raw)

    def _closing_part(self, match: re.Match[bytes]) -> bytes:
        part: bytes = match.group()
        if match.string[: match.start()].endswith(b"sasl:"):
            return self.mechanism(part)
        if part[:1] != b"<":
            return self._text.address(part)
        inside = part[1:-1]
        return part if inside.isdigit() else b"<" + self._names.ids[inside] + b">"
