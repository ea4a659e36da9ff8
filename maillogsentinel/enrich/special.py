"""Addresses that belong to nobody, by the IANA registries of special-purpose addresses (RFC 6890)."""

import socket
from bisect import bisect_right
from collections.abc import Iterator

_NETWORKS = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "private, behind a provider's NAT",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved",
    "192.0.2.0/24": "documentation",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "benchmarks",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "::/128": "unspecified",
    "::1/128": "loopback",
    "64:ff9b:1::/48": "private, behind NAT64",
    "100::/64": "discarded",
    "2001:db8::/32": "documentation",
    "3fff::/20": "documentation",
    "fc00::/7": "private",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
}


def _ranges() -> dict[int, tuple[list[bytes], list[tuple[bytes, str]]]]:
    found: dict[int, tuple[list[bytes], list[tuple[bytes, str]]]] = {4: ([], []), 16: ([], [])}
    for network, kind in _NETWORKS.items():
        address, _, length = network.partition("/")
        packed = _packed(address)
        host = (1 << 8 * len(packed) - int(length)) - 1
        last = (int.from_bytes(packed, "big") | host).to_bytes(len(packed), "big")
        starts, ends = found[len(packed)]
        starts.append(packed)
        ends.append((last, kind))
    return found


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


_RANGES = _ranges()


def _beginnings() -> Iterator[str]:
    """What stands in front of the first dot or colon of special addresses; of most others it does not."""
    yield from ("", "0")
    for starts, ends in _RANGES.values():
        for start, (last, _) in zip(starts, ends, strict=True):
            if len(start) == 4:
                yield from map(str, range(start[0], last[0] + 1))
            else:
                yield from (f"{group:x}" for group in range(start[0] << 8 | start[1], (last[0] << 8 | last[1]) + 1))


_BEGINNINGS = frozenset(_beginnings())


def kind_of(address: str) -> str:
    """Return what kind of special address the canonical `address` is; nothing when it may be anybody's."""
    if address.partition(":" if ":" in address else ".")[0] not in _BEGINNINGS:
        return ""
    if address.startswith("::ffff:") and "." in address:
        address = address[7:]
    packed = _packed(address)
    starts, ends = _RANGES[len(packed)]
    index = bisect_right(starts, packed) - 1
    if index < 0:
        return ""
    last, kind = ends[index]
    return kind if packed <= last else ""
