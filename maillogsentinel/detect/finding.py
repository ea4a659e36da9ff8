"""What detection finds, in the form in which reports, alerts and other programs get it."""

from typing import NamedTuple

SEVERITIES = ("notice", "warning", "critical")
"""From the least to the most severe. Critical: somebody may be in. Warning: an attack beyond the daily noise. Notice:
worth a line in a report."""

KINDS = ("login", "bait", "distributed", "spraying", "network", "organisation", "country", "burst")
"""Each detector with the name that its findings have."""


class Finding(NamedTuple):
    """One thing that somebody should look at. All texts are safe (see `model.safe_text`)."""

    kind: str
    """One of `KINDS`."""
    severity: str
    """One of `SEVERITIES`."""
    subject: str
    """Whom it is about: a user, an address, a network, an AS number, a country code or an hour. The same kind and
    subject is the same thing when it is found again."""
    sentence: str
    """What happened, in one sentence for an admin."""
    attempts: int
    """Failures that it rests on."""
    users: int
    """Different users among them."""
    addresses: int
    """Different addresses among them."""
    first: int | None = None
    """When it began, UTC microseconds; None where only days are known."""
    last: int | None = None
    """When it was last seen, the same."""
    servers: tuple[str, ...] = ()
    """Which servers saw it; empty where there is only one."""
    examples: tuple[str, ...] = ()
    """A few of its addresses (of a user) or users (of an address, network, organisation or country)."""


def order(finding: Finding) -> tuple[int, int, str, str]:
    """Return what sorts the most severe first, then those of most failures."""
    return -SEVERITIES.index(finding.severity), -finding.attempts, finding.kind, finding.subject
