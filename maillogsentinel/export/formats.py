"""The forms in which other programs take a list of addresses and networks."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from maillogsentinel.export.blocklist import Entry
from maillogsentinel.localtime import SECOND

PLAIN = "plain"
_NAME = "maillogsentinel"
_IPSET_MOST = 131_072
"""Elements that an ipset may have; it cannot be changed later, and is more than [blocklist] max_entries may be."""
_IPSET_SECONDS = 2_147_483
"""The longest time-out of an ipset (ipset(8))."""


def lines(form: str, entries: Sequence[Entry], now: int, heading: str) -> Iterator[str]:
    """Yield the list in one of `FORMS`, line by line; `heading` becomes a comment where there are comments.

    What has a time-out counts it from `now` (UTC microseconds).
    """
    if FORMS[form].comments:
        yield f"# {heading}"
    yield from FORMS[form].write(entries, now)


def _plain(entries: Sequence[Entry], now: int) -> Iterator[str]:
    """An address or network a line. Alone, as xargs(1) takes it, it is what fail2ban-client(1) bans."""
    return map(_text, entries)


def _postfix_cidr(entries: Sequence[Entry], now: int) -> Iterator[str]:
    """cidr_table(5), for check_client_access and, having no text, postscreen_access_list."""
    return (f"{_text(entry)} REJECT" for entry in entries)


def _crowdsec(entries: Sequence[Entry], now: int) -> Iterator[str]:
    """The CSV of ``cscli decisions import``."""
    yield "duration,reason,scope,type,value"
    for entry in entries:
        scope = "Range" if "/" in _text(entry) else "Ip"
        yield f"{_seconds(entry, now)}s,{_NAME},{scope},ban,{_text(entry)}"


def _nftables(entries: Sequence[Entry], now: int) -> Iterator[str]:
    """nft(8): one transaction that empties two sets and fills them again, and makes them the first time."""
    kinds = ((4, "ipv4"), (6, "ipv6"))
    yield f"table inet {_NAME} {{"
    for _, kind in kinds:
        yield f"\tset {kind} {{ type {kind}_addr; flags interval, timeout; }}"
    yield "}"
    for _, kind in kinds:
        yield f"flush set inet {_NAME} {kind}"
    for version, kind in kinds:
        elements = [
            f"\t{_text(entry)} timeout {_seconds(entry, now)}s,"
            for entry in entries
            if entry.network.version == version
        ]
        if elements:
            yield f"add element inet {_NAME} {kind} {{"
            yield from elements
            yield "}"


def _ipset(entries: Sequence[Entry], now: int) -> Iterator[str]:
    """ipset(8), for ``restore``: a new set is filled and takes the place of the old one."""
    for version, family in ((4, "inet"), (6, "inet6")):
        name, new = f"{_NAME}{version}", f"{_NAME}{version}-new"
        for one in (name, new):
            yield f"create {one} hash:net family {family} maxelem {_IPSET_MOST} timeout 0"
        yield f"flush {new}"
        for entry in entries:
            if entry.network.version == version:
                yield f"add {new} {_text(entry)} timeout {min(_seconds(entry, now), _IPSET_SECONDS)}"
        yield f"swap {new} {name}"
        yield f"destroy {new}"


def _text(entry: Entry) -> str:
    network = entry.network
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _seconds(entry: Entry, now: int) -> int:
    return max(1, (entry.until - now) // SECOND)


class Form(NamedTuple):
    """A form of the list."""

    write: Callable[[Sequence[Entry], int], Iterator[str]]
    comments: bool = True
    join: bool = True
    """Whether adjacent addresses become a network."""


FORMS = {
    PLAIN: Form(_plain),
    "nftables": Form(_nftables),
    "ipset": Form(_ipset),
    # Debian's nftables action of fail2ban makes sets that take no networks.
    "fail2ban": Form(_plain, comments=False, join=False),
    "crowdsec": Form(_crowdsec, comments=False),
    "postfix-cidr": Form(_postfix_cidr),
}
