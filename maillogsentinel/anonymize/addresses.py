"""Addresses for addresses: two that share N leading bits share N leading bits afterwards, so networks stay networks.

That is the idea of Crypto-PAn (Xu, Fan, Ammar, Moon 2002): whether a bit is flipped depends, by the key, on the bits in
front of it. Here no bit is flipped on the way to a range that has a meaning of its own (private, link-local and the
like), so each of these maps into itself, all others into what is none of them, and no two addresses into one.
"""

import hashlib
from collections.abc import Iterable
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from maillogsentinel.anonymize.cache import Cache

# Their names say all that is to know: loopback, unspecified, broadcast, multicast, and what nobody may use.
_AS_THEY_ARE = ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/128", "::1/128", "ff00::/8")
_WITHIN = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
# Their last 32 bits are an IPv4 address: mapped, behind a translator (NAT64, RFC 6052), and of the old form ::a.b.c.d.
_OF_FOUR = ("::ffff:0:0/96", "64:ff9b::/96", "::/96")
_WITHIN_SIX = ("::/8", "2000::/3", "fc00::/7", "fe80::/10", *_OF_FOUR)
_FOUR_BEHIND = frozenset(ip_network(text).network_address.packed[:12] for text in _OF_FOUR)


def _prefixes(networks: Iterable[str], version: int) -> list[str]:
    found = []
    for text in networks:
        network = ip_network(text)
        if network.version == version:
            found.append(f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen])
    return found


class _Tree:
    """The flips of one family, an octet at a time."""

    def __init__(self, key: bytes, version: int) -> None:
        self._key = key
        self._version = bytes((version,))
        self._fixed = _prefixes(_AS_THEY_ARE, version)
        # A flip in front of these would move them, one among or behind them would not.
        own = _prefixes((*_WITHIN, *_WITHIN_SIX), version)
        self._guarded = {prefix[:length] for prefix in (*self._fixed, *own) for length in range(len(prefix))}
        whole = (prefix for prefix in self._guarded if len(prefix) % 8 == 0)
        self._guarded_octets = {int(prefix or "0", 2).to_bytes(len(prefix) // 8, "big") for prefix in whole}
        self._head = 3 if version == 4 else 8
        self._heads = Cache(self._mapped)

    def map(self, packed: bytes) -> bytes:
        bits = "".join(f"{octet:08b}" for octet in packed)
        if any(bits.startswith(prefix) for prefix in self._fixed):
            return packed
        place = self._head
        head = self._heads[packed[:place]]
        return head + bytes(self._octet(packed[:at], packed[at]) for at in range(place, len(packed)))

    def _mapped(self, head: bytes) -> bytes:
        return bytes(self._octet(head[:place], octet) for place, octet in enumerate(head))

    def _octet(self, before: bytes, octet: int) -> int:
        """What becomes of an octet behind these: one hash has a bit for each of the 255 beginnings of an octet."""
        digest = hashlib.blake2b(self._version + before, digest_size=32, key=self._key).digest()
        path = "".join(f"{item:08b}" for item in before) if before in self._guarded_octets else None
        result, node = 0, 1
        for shift in range(7, -1, -1):
            bit = octet >> shift & 1
            flip = digest[node >> 3] >> (node & 7) & 1
            if path is not None:
                flip = 0 if path in self._guarded else flip
                path += str(bit)
            result |= (bit ^ flip) << shift
            node = node << 1 | bit
        return result


class Addresses:
    """The map of one key."""

    def __init__(self, key: bytes) -> None:
        self._four = _Tree(key, 4)
        self._six = _Tree(key, 6)

    def text(self, raw: bytes) -> bytes | None:
        """Return the address for the address `raw`, in canonical form (RFC 5952); None when it is none."""
        packed = _packed(raw)
        if packed is None:
            return None
        if len(packed) == 4:
            return inet_ntop(AF_INET, self._four.map(packed)).encode()
        if packed[:12] in _FOUR_BEHIND:
            return inet_ntop(AF_INET6, packed[:12] + self._four.map(packed[12:])).encode()
        return inet_ntop(AF_INET6, self._six.map(packed)).encode()


def _packed(raw: bytes) -> bytes | None:
    try:
        return inet_pton(AF_INET6 if b":" in raw else AF_INET, raw.decode("ascii"))
    except (OSError, ValueError):
        return None
