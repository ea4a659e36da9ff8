"""Pseudonyms for names: by the key, the same for the same name wherever it stands, different for different names.

They consist of consonants, so that no word, name or number comes about by chance, and have 52 bits: among a million
names two share one with a probability of one in eight thousand. Upper and lower case are kept apart from the name, so
that ``Alice`` and ``alice`` differ and are one in the eyes of a tool that ignores case.
"""

import hashlib
import re
from itertools import product

from maillogsentinel.anonymize.addresses import Addresses
from maillogsentinel.anonymize.cache import Cache
from maillogsentinel.anonymize.secret import Secret

_LETTERS = b"bcdfghjklmnpqrstvwxz"
_TRIPLES = tuple(map(bytes, product(_LETTERS, repeat=3)))
_HEXADECIMAL = re.compile(rb"[0-9A-F]+\Z")
_LONG_ID = b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxy"  # Postfix's 52 without the z, which ends the time
_ID_PAIRS = tuple(map(bytes, product(_LONG_ID, repeat=2)))
_LABELS = re.compile(rb"[a-z0-9_-]{0,63}(?:\.[a-z0-9_-]{0,63})*\Z")
_SHORT = re.compile(rb"[a-z0-9]{1,3}\Z")
_SHORT_LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789"
_ROUNDS = 40
_LONGEST_NAME = 253  # RFC 1035 has 255 octets of another notation

# What says nothing about whose name it is. All names of two letters are country codes.
_PUBLIC = frozenset(
    b"com net org edu gov mil int arpa info biz name pro aero coop museum mobi asia cat jobs tel travel post xyz online"
    b" site shop app dev cloud top club icu local lan home internal intranet corp localdomain localhost example test"
    b" invalid onion".split()
)
_SECOND = frozenset(b"ac co com edu gob gov go gen id in-addr ip6 ltd me mil ne net nom or org plc sch".split())
UNNAMED = frozenset(b"unknown localhost localhost.localdomain ip6-localhost".split())
"""What stands in a host name's place and is none."""


class Names:
    """The pseudonyms of one secret. All take and return the name's bytes, in any case and of any bytes."""

    def __init__(self, secret: Secret) -> None:
        self._key = secret.key(b"names")
        self._id_key = secret.key(b"ids")
        self._label_key = secret.key(b"labels")
        addresses = Addresses(secret.key(b"addresses"))
        self.addresses = Cache(lambda raw: addresses.text(raw) or b"")
        """An address, by an address; nothing for what is none."""
        self.words = Cache(self._word)
        """A name by itself: a user, a local part, a host without a domain, an unknown word."""
        self.hosts = Cache(self._host)
        """A host or domain name, label by label; an address in its place is replaced by one."""
        self.users = Cache(self._user)
        """A mail address or user name; local part and domain are replaced apart."""
        self.queue_ids = Cache(self._queue_id)
        """A queue id, by one of its form: hexadecimal, or Postfix's long one."""
        self.ids = Cache(self._id)
        """A session or message id, or any text that is no name."""
        self._domains = Cache(self._domain)

    def _number(self, key: bytes, what: bytes) -> int:
        return int.from_bytes(hashlib.blake2b(what, digest_size=16, key=key).digest(), "big")

    def _letters(self, key: bytes, what: bytes) -> bytes:
        rest, first = divmod(self._number(key, what), 8000)
        rest, second = divmod(rest, 8000)
        rest, third = divmod(rest, 8000)
        return _TRIPLES[first] + _TRIPLES[second] + _TRIPLES[third] + _TRIPLES[rest % 8000]

    def _word(self, raw: bytes) -> bytes:
        return _cased(raw, self._letters(self._key, raw.lower())) if raw else b""

    def _id(self, raw: bytes) -> bytes:
        return self._letters(self._id_key, b"id " + raw) if raw else b""

    def _queue_id(self, raw: bytes) -> bytes:
        number = self._number(self._id_key, raw)
        if _HEXADECIMAL.match(raw):
            return b"%015X" % (number >> 68)
        found = []
        for _ in range(7):
            number, which = divmod(number, len(_ID_PAIRS))
            found.append(_ID_PAIRS[which])
        whole = b"".join(found)
        return whole[:10] + b"z" + whole[10:]

    def _user(self, raw: bytes) -> bytes:
        local, at, domain = raw.rpartition(b"@")
        if not at:
            return self._word(raw)
        return self.words[local] + b"@" + (self.hosts[domain] if domain.strip(b".") else domain)

    def _host(self, raw: bytes) -> bytes:
        if raw in UNNAMED or not raw:
            return raw
        address = self._literal(raw)
        if address:
            return address
        lower = raw.lower()
        if len(raw) > _LONGEST_NAME or not _LABELS.match(lower) or b"." not in lower:
            return self._word(raw)
        found = self._domains[lower]
        if len(found) > _LONGEST_NAME:
            found = self._letters(self._label_key, lower) + b"." + self._domains[lower.rpartition(b".")[2]]
        return _cased(raw, found)

    def _literal(self, raw: bytes) -> bytes:
        """The address for an address, or for a literal of RFC 5321, such as ``[IPv6:2001:db8::1]``; else nothing."""
        if raw[:1] == b"[" and raw[-1:] == b"]":
            tag = raw[1:6] if raw[1:6].lower() == b"ipv6:" else b""
            address = self.addresses[raw[1 + len(tag) : -1]]
            return address and b"[" + tag + address + b"]"
        return self.addresses[raw]

    def _domain(self, lower: bytes) -> bytes:
        label, dot, rest = lower.partition(b".")
        if not dot:
            return lower if lower in _PUBLIC or _is_country(lower) else self.words[lower]
        # By the whole name from here on: a label says the same in no two domains, nor does an octet in a PTR name.
        country = _is_country(rest)
        if country or rest == b"arpa":
            if label in _SECOND:
                return label + b"." + rest
            if country and _SHORT.match(label):
                # Whether co.uk is a domain or a name is seen by length; tools group by that.
                return self._short(label, rest) + b"." + rest
        return (self._letters(self._label_key, lower) if label else b"") + b"." + self._domains[rest]

    def _short(self, label: bytes, domain: bytes) -> bytes:
        """A label of as many characters, none that is kept: a permutation that is walked until it leaves those."""
        while True:
            label = self._permuted(label, domain)
            if label not in _SECOND:
                return label

    def _permuted(self, label: bytes, domain: bytes) -> bytes:
        """One of the 36, 1296 or 46656 labels of this length, by swap or not (Hoang, Morris, Rogaway 2012)."""
        base, size = len(_SHORT_LETTERS), len(_SHORT_LETTERS) ** len(label)
        number = 0
        for letter in label:
            number = number * base + _SHORT_LETTERS.index(letter)
        for round_ in range(_ROUNDS):
            what = b"%d %d %s" % (round_, len(label), domain)
            partner = (self._number(self._label_key, b"pair " + what) - number) % size
            larger = max(number, partner)
            if self._number(self._label_key, b"swap %d " % larger + what) & 1:
                number = partner
        found = bytearray()
        for _ in label:
            number, which = divmod(number, base)
            found.append(_SHORT_LETTERS[which])
        return bytes(found)


def _is_country(domain: bytes) -> bool:
    """Whether `domain` can be a country code: two letters, which digits are not."""
    return len(domain) == 2 and domain.isalpha()


def _cased(raw: bytes, lower: bytes) -> bytes:
    """`lower`, which has a letter, in upper and lower case as `raw` is."""
    if raw.islower() or raw == raw.lower():
        return lower
    letters = [letter for letter in raw if 65 <= letter <= 90 or 97 <= letter <= 122]
    if all(letter <= 90 for letter in letters):
        return lower.upper()
    places = [place for place, letter in enumerate(lower) if 97 <= letter <= 122]
    result = bytearray(lower)
    for number, letter in enumerate(letters):
        if letter <= 90:
            result[places[number % len(places)]] ^= 32
    if result.isupper():  # which means that all of them are
        result[places[-1]] ^= 32
    return bytes(result)
