"""Text of which nobody knows who wrote it: what is known as a word of a program stays, everything else is replaced.

Names that show themselves are replaced as such (addresses, mail addresses, NAME[ADDRESS], host names, queue ids), what
stands behind ``user=`` and the like whatever it is, and of the rest each word that is not among WORDS. Punctuation and
short numbers stay. What comes out is printable ASCII.
"""

import re
from collections.abc import Callable

from maillogsentinel.anonymize.cache import Cache
from maillogsentinel.anonymize.names import Names
from maillogsentinel.anonymize.words import WORDS

Moved = Callable[[bytes], bytes]
"""What a time stamp of a known form becomes."""

_USERS = b"user|sasl_username|sasl_sender|ruser|logname|login|username|orig_to|to|from|sender|recipient|acct"
_HOSTS = b"host|hostname|helo|client_name|rhost|realm|domain|server|reverse_client_name|peer"
_IDS = b"session|mail_id|msgid|message-id|resent-message-id|id|instance|orig_message-id|queued_as|orig_queue_id|cursor"
_NUMBERS = (
    b"size|nrcpt|in|out|bytes|pid|mpid|uid|gid|euid|ppid|top|hdr|body|del|expunged|deleted|trashed|retr|port|len|spt|dpt"
    b"|ttl|tos|window|limit|ms|msize"
)
_CHARACTERS = rb"\w.%+\x80-\xff@-"
_SIX = rb"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:(?<=:)\d{1,3}(?:\.\d{1,3}){3})?"
_ADDRESS = rb"(?:[0-9.]{7,15}|" + _SIX + rb")"
_CLOCK = rb"\d\d?:\d\d(?::\d\d)?(?![\w:])"
# Like an address, but with something else at an end of it: three groups, or two and what stands for others.
_GROUPS = (
    rb"(?:[" + _CHARACTERS + rb"]++(?<=\d)|(?<![" + _CHARACTERS + rb"])[0-9A-Fa-f]{1,4}|(?<!:):(?=:))"
    rb"(?::+[0-9A-Fa-f]+:+[0-9A-Fa-f]|:[0-9A-Fa-f]+::|::[0-9A-Fa-f]*\d)(?::*[" + _CHARACTERS + rb"])*"
)
# What ends so is a host unless it stands where programs are.
_PATH = rb"(?:/[" + _CHARACTERS + rb"]+)+"
_PROGRAM = (
    rb"(?<!/)(?<![" + _CHARACTERS + rb"])/(?:(?:usr|lib\d*|s?bin|opt)" + _PATH + rb"(?<=\.pl|\.py|\.sh|\.so|\.cc)"
    rb"|etc" + _PATH + rb"(?<=\.cf))(?![/" + _CHARACTERS + rb"])"
)
_BRACKETED = rb"\[(?:" + _ADDRESS + rb"|unknown)\](?::\d{1,5}(?![\w.]))?"
# What shows by itself where it begins and ends. What stands between is mostly the program's, and so the same again.
_SHOWN = re.compile(
    rb"((?<![\w.:-])[\w.-]{0,255}"
    + _BRACKETED
    + rb"|(?:(?<![\w.-])[a-z_-]{2,24}=)?<[^<>\s]*>|(?<![\w.-])(?:"
    + _USERS
    + rb")=<[^<>]*>|(?<=queued as )\w{5,40})"
)
_KEYED = re.compile(rb"(?:(" + _USERS + rb")|(" + _HOSTS + rb")|(" + _IDS + rb")|[a-z_-]{2,24})=")
_PIECE = re.compile(
    rb"(?P<key>(?<![\w.-])(?:(?P<user>" + _USERS + rb")|(?P<host>" + _HOSTS + rb")|(?P<id>" + _IDS + rb"))=)"
    rb"(?P<value>[^\s,;()<>\[\]\"']+(?![^\s,;)>\]\"']))"
    rb"|(?P<phrase>(?<![\w.-])(?:for|by|such|[Ii]nvalid|authenticating) user '?)(?P<owner>[^\s(),;'<>]+)"
    rb"|(?P<number>(?<![\w.-])(?:(?i:" + _NUMBERS + rb")=|(?:size|limit|length|bytes) )\d{1,12}(?![\w.]))"
    rb"|(?P<stamp>(?<![\w.])(?:[A-Z][a-z]{2} [ \d]\d|\d{4}-\d\d-\d\d[T ])[ \d]?\d\d?:\d\d:\d\d"
    rb"(?:\.\d{1,9}Z?|Z)?(?!\.?\w))"
    rb"|(?P<clock>(?:(?<![\w.:])|(?<=[A-Za-z]:))" + _CLOCK + rb")"
    rb"|(?P<openssl>(?<!\w)error:[0-9A-F]{8}(?=:))"
    rb"|(?P<six>(?<![\w.:])(?:(?P<tag>[A-Za-z][A-Za-z_-]{0,22}+(?<=[A-Za-z])[46]?):(?!"
    + _CLOCK
    + rb"))??"
    + _SIX
    + rb"(?!\.?\d|\w|:[\w:]))"
    rb"|(?P<hex>(?<![\w:])[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){3,}(?![\w:]))"
    rb"|(?P<program>" + _PROGRAM + rb")"
    rb"|(?P<groups>(?![.%+-]*" + _CLOCK + rb")" + _GROUPS + rb")"
    rb"|(?P<challenge>(?<!\w)PD[A-Za-z0-9+/]{10,}={0,2})"
    rb"|(?P<word>[" + _CHARACTERS + rb"]+)"
)
_EDGES = b".-+%_"
_NUMBER = re.compile(
    rb"(?:\d{1,7}|\d{1,4}\.\d{1,6}|\d(?:\.\d{1,4}){2}|\d{1,7}(?:s|ms|us|[kKMG]?B|[kKMG]|h|d|m|%|th|st|nd|rd)|0x[0-9a-f]{1,4})\Z"
)
QUEUE_ID = re.compile(
    rb"(?=[A-F]*\d)[0-9A-F]{8,20}\Z"
    rb"|(?=\D*\d)(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{12,20}\Z"
)
_FILE = re.compile(rb"(?:c|h|conf|db|sock|pem|crt|key|log|lmdb|cdb|sieve|svbin|lock|pid)\Z")
_PARTS = re.compile(rb"[-_+%.]")
_CONTROL = bytes.maketrans(bytes((*range(32), 127)), b"?" * 9 + b" " + b"?" * 23)
_SPELLINGS = frozenset((*WORDS, *(word.upper() for word in WORDS), *(word.capitalize() for word in WORDS)))
_OTHER_SPELLINGS = frozenset(
    b"|".join((_USERS, _HOSTS, _IDS, _NUMBERS)).split(b"|")
    + b"TLSv1 TLSv1.1 TLSv1.2 TLSv1.3 SSLv3 SSLv2 IPv4 IPv6 SMTPUTF8 DKIM2 OpenSSL openSSL DNSBL DNSWL SpamAssassin"
    b" ClamAV OpenDKIM OpenDMARC LiteSpeed rsyslogd swVersion main.cf master.cf i.e e.g UGFzc3dvcmQ6 VXNlcm5hbWU6"
    b" don't couldn't can't doesn't isn't MySQL PostgreSQL SQLite LDAP cfws x-pid x-info pam_unix pam_authenticate PTR"
    b" MX TXT SRV CNAME OK dynamicmaps.cf pam_deny.so pam_env.so pam_faillock.so pam_krb5.so pam_ldap.so pam_limits.so"
    b" pam_mysql.so pam_permit.so pam_sss.so pam_systemd.so pam_unix.so pam_winbind.so".split()
)
_LONGEST_WORD = 512
_SHORT_NUMBER = 7
CLIENT = re.compile(rb"([\w.-]{1,255})\[(" + _ADDRESS + rb"|unknown)\]((?::\d{1,5}(?![\w.]))?)")
"""A client or server as Postfix writes it."""


class Text:
    """Replaces names in texts; `shift` moves the times in them."""

    def __init__(self, names: Names, shift: Moved | None = None) -> None:
        self._names = names
        self._shift = shift
        self.insides = Cache(self._inside)
        """What stands in angle brackets: nothing, a mail address, a host, an address, a number or a name."""
        self.clients = Cache(self._client)
        """``NAME[ADDRESS]`` or ``NAME[ADDRESS]:PORT`` as `CLIENT` matches it."""
        self._plain = Cache(self._between)
        self._shown = Cache(self._one)
        self._words = Cache(self._word)

    def text(self, raw: bytes) -> bytes:
        """Return the text as it may be shown; that depends on nothing but itself."""
        if b"<" not in raw and raw.count(b"queued as ") + raw.count(b"[") < 2:
            return self._simple(raw)
        return b"".join(self._parts(raw))

    def _simple(self, raw: bytes) -> bytes:
        """A text in which at most one thing shows by itself; that is found in a fraction of the time."""
        mark = raw.find(b"queued as ")
        begin = raw.rfind(b" ", 0, raw.find(b"[") + 1) + 1 if mark < 0 else mark + 10
        match = _SHOWN.match(raw, begin) if mark >= 0 or b"[" in raw else None
        if not match:
            return self._plain[raw] if b"[" not in raw else b"".join(self._parts(raw))
        return self._plain[raw[:begin]] + self._shown[match.group()] + self._plain[raw[match.end() :]]

    def _parts(self, raw: bytes) -> list[bytes]:
        parts = _SHOWN.split(raw)
        parts[::2] = map(self._plain.__getitem__, parts[::2])
        parts[1::2] = map(self._shown.__getitem__, parts[1::2])
        return parts

    def _one(self, raw: bytes) -> bytes:
        """What shows by itself: a client, something in angle brackets or behind ``queued as``."""
        if raw[-1:] == b">":
            key = _KEYED.match(raw)
            return self._angle(key, raw) if key else b"<" + self.insides[raw[1:-1]] + b">"
        if b"[" in raw:
            name, _, rest = raw.partition(b"[")
            address, _, port = rest.partition(b"]")
            return b"%s[%s]%s" % (self._names.hosts[name], self.address(address), port)
        return self.message_id(raw)

    def _angle(self, key: re.Match[bytes], raw: bytes) -> bytes:
        inside = raw[key.end() + 1 : -1]
        user, host, number = key.groups()
        shown = self._names.users[inside] if user else self.message_id(inside) if number else self.insides[inside]
        return (key.group() if user or host or number else self._plain[key.group()]) + b"<" + shown + b">"

    def _between(self, raw: bytes) -> bytes:
        return _PIECE.sub(self._piece, raw.translate(_CONTROL))

    def _piece(self, match: re.Match[bytes]) -> bytes:
        kind = match.lastgroup
        names = self._names
        whole: bytes = match.group()
        if kind == "word":
            return self._words[whole]
        if kind in ("number", "clock", "openssl"):
            return whole
        if kind == "value":
            return self._keyed(match)
        if kind == "owner":
            return match.group("phrase") + names.users[match.group(kind)]
        if kind == "stamp":
            return self._shift(whole) if self._shift else whole
        if kind == "six":
            tag = match.group("tag")
            return self._six(whole) if tag is None else self._words[tag] + b":" + self._six(whole[len(tag) + 1 :])
        if kind == "program":
            front, slash, name = whole.rpartition(b"/")
            stem = name[:-3]
            return self._plain[front] + slash + (name if kept(stem + b".c") else self._words[name])
        if kind == "challenge":
            return b"PD" + names.ids[whole]
        return names.ids[whole]

    def _six(self, whole: bytes) -> bytes:
        """What has the form of an IPv6 address; it may be one with a colon behind it, or none."""
        names = self._names
        if names.addresses[whole] or whole[-1:] != b":":
            return names.addresses[whole] or self._words[whole]
        address = names.addresses[whole[:-1]]
        return address + b":" if address else names.ids[whole]

    def _keyed(self, match: re.Match[bytes]) -> bytes:
        key, value = match.group("key"), match.group("value")
        if match.group("id"):
            return key + self.message_id(value)
        return key + (self._names.users if match.group("user") else self.insides)[value]

    def message_id(self, raw: bytes) -> bytes:
        """Return what replaces a message id, its domain apart; a queue id in its place is replaced as such."""
        local, at, domain = raw.rpartition(b"@")
        if at:
            return self._names.ids[local] + at + self._names.hosts[domain]
        return self._names.queue_ids[raw] if QUEUE_ID.match(raw) else self._names.ids[raw]

    def _inside(self, raw: bytes) -> bytes:
        if CLIENT.fullmatch(raw):
            return self.clients[raw]
        if b"@" in raw:
            return self._names.users[raw]
        return raw if raw.isdigit() and len(raw) <= _SHORT_NUMBER else self._names.hosts[raw]

    def _client(self, raw: bytes) -> bytes:
        match = CLIENT.fullmatch(raw)
        if not match:
            return self.text(raw)
        name, address, port = match.groups()
        return b"%s[%s]%s" % (self._names.hosts[name], self.address(address), port)

    def address(self, raw: bytes) -> bytes:
        """Return the address for one, ``unknown`` for that, and a name for anything else."""
        return self._names.addresses[raw] or (raw if raw == b"unknown" else self._names.words[raw])

    def _word(self, raw: bytes) -> bytes:
        core = raw.strip(_EDGES)
        if kept(core):
            return raw
        begin = raw.find(core)
        front, behind = raw[:begin], raw[begin + len(core) :]
        return front + self._replaced(core) + behind

    def _replaced(self, core: bytes) -> bytes:
        names = self._names
        if b"@" in core:
            return names.users[core]
        if QUEUE_ID.match(core):
            return names.queue_ids[core]
        if b"." in core and len(core) <= _LONGEST_WORD:
            return names.hosts[core]
        return names.words[core]


def kept(core: bytes) -> bool:
    """Return whether a word of a text stays: it is a program's, or says nothing by itself."""
    if len(core) < 2 or core in _SPELLINGS or core in _OTHER_SPELLINGS or _NUMBER.match(core):
        return core < b"\x80"
    if len(core) > _LONGEST_WORD:
        return False
    parts = _PARTS.split(core)
    if len(parts) < 2 or sum(part[:1].isdigit() for part in parts) > 1:  # two numbers in one word may be of an address
        return False
    if b"." in core:
        parts = core.split(b".")
        return bool(_FILE.match(parts.pop())) and all(map(kept, parts))
    return all(map(kept, parts))
