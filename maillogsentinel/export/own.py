"""Which addresses are this host's own, as far as its interfaces and /etc/hosts tell: nobody is asked."""

import socket
from collections.abc import Iterable, Iterator


def own_addresses(names: Iterable[str], net: str = "/proc/net", hosts: str = "/etc/hosts") -> list[str]:
    """Return the addresses of this host's interfaces (and networks that are routed to itself), and those that `hosts`
    gives one of `names`.

    A name that is an address stands for itself. What cannot be read adds nothing.
    """
    wanted = {name.lower() for name in names}
    found = [*_ipv4(net), *_ipv6(net), *_named(hosts, wanted), *filter(_is_address, wanted)]
    return list(dict.fromkeys(found))


def _ipv4(net: str) -> Iterator[str]:
    """A leaf of fib_trie, ``|-- ADDRESS``, is followed by its routes (linux/net/ipv4/fib_trie.c)."""
    leaf = ""
    for line in _lines(f"{net}/fib_trie"):
        words = line.split()
        if words[:1] == ["|--"]:
            leaf = words[-1]
        elif words[1:] == ["host", "LOCAL"]:
            yield leaf + words[0].removesuffix("/32")


def _ipv6(net: str) -> Iterator[str]:
    """A line of if_inet6 begins with the 32 digits of an address (linux/net/ipv6/addrconf.c)."""
    for line in _lines(f"{net}/if_inet6"):
        yield socket.inet_ntop(socket.AF_INET6, bytes.fromhex(line[:32]))


def _named(hosts: str, wanted: set[str]) -> Iterator[str]:
    for line in _lines(hosts):
        address, *names = line.partition("#")[0].split() or [""]
        if _is_address(address) and not wanted.isdisjoint(map(str.lower, names)):
            yield address


def _is_address(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True


def _lines(path: str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            yield from file
    except OSError:
        return
