"""A writer of small files in the MaxMind DB format 2.0 (maxmind.github.io/MaxMind-DB), for tests."""

import ipaddress
import struct
from pathlib import Path
from typing import Any, NamedTuple


class _Typed(NamedTuple):
    """A number of the type that libmaxminddb insists on in the metadata."""

    kind: int
    number: int


def _uint16(number: int) -> _Typed:
    return _Typed(5, number)


def _uint64(number: int) -> _Typed:
    return _Typed(9, number)


def _encode(value: Any) -> bytes:
    """One field of the data section: a control byte (type and size), then the value."""
    if isinstance(value, str):
        data = value.encode()
        return _control(2, len(data)) + data
    if isinstance(value, bool):
        return _control(14, int(value))
    if isinstance(value, int):
        data = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return _control(6, len(data)) + data
    if isinstance(value, _Typed):
        data = value.number.to_bytes((value.number.bit_length() + 7) // 8, "big")
        return _control(value.kind, len(data)) + data
    if isinstance(value, dict):
        return _control(7, len(value)) + b"".join(_encode(key) + _encode(item) for key, item in value.items())
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encode, value))
    raise TypeError(type(value))


def _control(kind: int, size: int) -> bytes:
    extended = b"" if kind <= 7 else bytes((kind - 7,))
    first = kind << 5 if kind <= 7 else 0
    if size < 29:
        return bytes((first | size,)) + extended
    if size < 285:
        return bytes((first | 29,)) + extended + bytes((size - 29,))
    return bytes((first | 30,)) + extended + struct.pack("!H", size - 285)


def write_mmdb(path: Path, networks: dict[str, dict[str, Any]], date: int = 1_750_000_000, ip_version: int = 6) -> None:
    """Write `networks` (a network as text, its record) to `path`; IPv4 lies under ::/96 as the format asks."""
    records = [_encode(record) for record in networks.values()]
    offsets, at = [], 0
    for record in records:
        offsets.append(at)
        at += len(record)
    nodes: list[list[int | None]] = [[None, None]]  # a child is a node, -1 - data, or None
    for (text, _), index in zip(networks.items(), range(len(records)), strict=True):
        network = ipaddress.ip_network(text)
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        if ip_version == 6 and network.version == 4:
            bits = "0" * 96 + bits
        node = 0
        for bit in bits[:-1]:
            child = nodes[node][int(bit)]
            if child is None:
                nodes.append([None, None])
                child = nodes[node][int(bit)] = len(nodes) - 1
            node = child
        nodes[node][int(bits[-1])] = -1 - index
    tree = b""
    for node_children in nodes:
        for child in node_children:
            if child is None:
                value = len(nodes)
            elif child < 0:
                value = len(nodes) + 16 + offsets[-1 - child]
            else:
                value = child
            tree += struct.pack("!I", value)
    metadata = {
        "node_count": len(nodes),
        "record_size": _uint16(32),
        "ip_version": _uint16(ip_version),
        "database_type": "Test",
        "languages": ["en"],
        "binary_format_major_version": _uint16(2),
        "binary_format_minor_version": _uint16(0),
        "build_epoch": _uint64(date),
        "description": {"en": "made by a test"},
    }
    path.write_bytes(tree + bytes(16) + b"".join(records) + b"\xab\xcd\xefMaxMind.com" + _encode(metadata))
