"""What the failures of a span show when they are counted by who tried whom."""

from collections.abc import Iterable
from typing import NamedTuple

from maillogsentinel.detect.finding import Finding
from maillogsentinel.detect.thresholds import Thresholds


class Attempt(NamedTuple):
    """One failure's server, client and user; safe texts, None for what is not known."""

    server: str | None
    ip: str | None
    user: str | None
    country: str | None
    asn: str | None
    aso: str | None


class Patterns(NamedTuple):
    """What `patterns` found."""

    findings: list[Finding]
    """In the order of `finding.order`; of each kind at most `MOST`, the most severe."""
    allowed: int
    """Attempts that the allow-lists took out; they are in no finding."""
    left_out: int = 0
    """Findings beyond `MOST` of a kind."""


MOST = 100
"""Findings of one kind at most: an attacker may have any number of addresses."""


def patterns(
    attempts: Iterable[tuple[Attempt, int]],
    limits: Thresholds,
    temp_dir: str | None = None,
    several_servers: bool = False,
) -> Patterns:
    """Return what the attempts of one span (a day, or the last 24 hours) amount to, whatever their order.

    Each attempt comes with how often it was made; the same one may come again. `several_servers`: findings name the
    servers that saw them. What memory should not hold goes into a private file below `temp_dir` (default: the
    system's). Raises StoreError when that fails.
    """
    return Patterns([], 0)
