"""Which of the things found are told at once."""

from maillogsentinel.detect.finding import SEVERITIES, Finding

DAY = 86_400_000_000
"""Microseconds; what lies farther from the present makes no alert."""


def near(finding: Finding, now: int) -> bool:
    """Whether a finding is of the last day by a clock that says `now` (UTC microseconds)."""
    return finding.last is not None and abs(now - finding.last) <= DAY


def severe(finding: Finding, minimum: str) -> bool:
    """Whether a finding is at least as severe as `minimum`."""
    return SEVERITIES.index(finding.severity) >= SEVERITIES.index(minimum)


def quiet(finding: Finding, told: tuple[int, str] | None, now: int, hours: int) -> bool:
    """Whether the same was told less than `hours` before `now`, and as no less severe.

    `told` says since when it is quiet (UTC microseconds), and as how severe it was told; None where it never was.
    """
    if told is None or SEVERITIES.index(finding.severity) > SEVERITIES.index(told[1]):
        return False
    return now - told[0] < hours * DAY // 24
