"""Who never is a finding: the addresses and users of the allow-lists."""

from socket import AF_INET, AF_INET6, inet_pton

from maillogsentinel.detect.finding import Finding
from maillogsentinel.detect.names import known_as
from maillogsentinel.detect.thresholds import Thresholds


def bits(ip: str) -> tuple[int, int] | None:
    """Return an address as its length in bits and its number; None for what is none, as a CSV edited by hand has."""
    try:
        data = inet_pton(AF_INET6 if ":" in ip else AF_INET, ip)
    except (OSError, ValueError):
        return None
    return len(data) * 8, int.from_bytes(data, "big")


class Allowed:
    """Tells who is on an allow-list, also for those who count failures by themselves."""

    def __init__(self, limits: Thresholds) -> None:
        self.users = limits.allow_users
        self._networks: dict[tuple[int, int], set[int]] = {}
        """By length of the address and number of bits that do not matter: those that do."""
        for network in limits.allow_networks:
            ip, _, prefix = network.partition("/")
            found = bits(ip)
            if found:
                size, number = found
                rest = size - int(prefix or size)
                self._networks.setdefault((size, rest), set()).add(number >> rest)

    def __bool__(self) -> bool:
        return bool(self.users or self._networks)

    def address(self, ip: str | None) -> bool:
        """Tell whether `ip` is in an allowed network."""
        found = bits(ip) if ip and self._networks else None
        return found is not None and any(
            found[0] == size and found[1] >> rest in numbers for (size, rest), numbers in self._networks.items()
        )

    def finding(self, found: Finding) -> bool:
        """Tell whether `found` is about one who is allowed, as of before the list had it."""
        if found.kind in ("login", "distributed"):
            return found.subject in self.users or (found.kind == "login" and any(map(self.address, found.examples[:1])))
        return found.kind in ("spraying", "bait") and self.address(found.subject)

    def attempt(self, ip: str | None, user: str | None) -> bool:
        """Tell whether a failure of `ip` for `user` is counted apart."""
        return (user is not None and bool(self.users) and known_as(user) in self.users) or self.address(ip)
