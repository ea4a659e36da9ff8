"""Logins that may be somebody else's: after failures, or from a country that is new for the user."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from maillogsentinel.detect.finding import Finding
from maillogsentinel.detect.thresholds import Thresholds


class NewLogin(NamedTuple):
    """One successful login, and what was known of its user before it."""

    stamp: int
    """UTC microseconds."""
    user: str
    """Safe text, as logged."""
    ip: str
    network: str
    """The /24 of an IPv4 address, the /48 of an IPv6 one."""
    country: str | None
    """ISO 3166 code; None when it is not known."""
    known_since: int | None
    """When the user was first seen to log in from anywhere, UTC microseconds; None: never before."""
    known_network: bool
    """Whether the user had logged in from this network before."""
    known_country: bool
    """Whether the user had logged in from this country before; without meaning where that is None."""


class Before(NamedTuple):
    """One failure."""

    stamp: int
    """UTC microseconds."""
    ip: str | None
    user: str | None


def compromises(logins: Sequence[NewLogin], failures: Iterable[Before], limits: Thresholds) -> list[Finding]:
    """Return those of `logins` that may be somebody else's, in the order of `finding.order`.

    `failures` are at least those of the `limits.login_hours` before each login; others are passed over.
    """
    return []
