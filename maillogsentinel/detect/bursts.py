"""Hours with far more failures than the same server's hours of the last weeks."""

from collections.abc import Sequence
from typing import NamedTuple

from maillogsentinel.detect.finding import Finding, order
from maillogsentinel.detect.thresholds import Thresholds

HISTORY = 7
"""Earlier days that are needed; with fewer there is nothing to compare with, and no finding."""
HOURS = 24


class Burst(NamedTuple):
    """Hours of a day that follow each other."""

    hours: tuple[int, int]
    """The first one, and the one behind the last."""
    finding: Finding


def bursts(day: str, hours: Sequence[int], earlier: Sequence[Sequence[int]], limits: Thresholds) -> list[Finding]:
    """Return the bursts of `day` (YYYY-MM-DD), of which `hours` are the failures of each of its 24 hours.

    `earlier` are the same of each earlier day that was covered whole, at most the last 28; their order says nothing.
    Hours of a burst that follow each other are one finding.
    """
    return sorted((burst.finding for burst in spans(day, hours, earlier, limits)), key=order)


def spans(day: str, hours: Sequence[int], earlier: Sequence[Sequence[int]], limits: Thresholds) -> list[Burst]:
    """Return the same, each with its hours, in their order."""
    if not limits.burst_factor or len(earlier) < HISTORY:
        return []
    usual = [_usual(hour, earlier) for hour in range(HOURS)]
    found: list[Burst] = []
    start = 0
    while start < HOURS:
        end = start
        while end < HOURS and _is_burst(hours[end], usual[end], limits):
            end += 1
        if end > start:
            found.append(Burst((start, end), _finding(day, start, end, hours, usual, limits)))
        start = end + 1
    return found


def _usual(hour: int, earlier: Sequence[Sequence[int]]) -> int:
    """Return how many failures the hour has at most as a rule: of each earlier day the largest of three hours, since
    what comes daily is not punctual; of these the one that a quarter of the days exceeds. So earlier bursts, even on
    each fourth day, hide no burst."""
    near = range(max(0, hour - 1), min(HOURS, hour + 2))
    largest = sorted(max(counts[at] for at in near) for counts in earlier)
    return largest[(len(largest) * 3 + 3) // 4 - 1]


def _is_burst(count: int, usual: int, limits: Thresholds) -> bool:
    return count >= max(limits.burst_minimum, usual * limits.burst_factor)


def _finding(day: str, start: int, end: int, hours: Sequence[int], usual: Sequence[int], limits: Thresholds) -> Finding:
    attempts = sum(hours[start:end])
    peak = max(range(start, end), key=lambda hour: hours[hour])
    more = limits._replace(
        burst_minimum=limits.burst_minimum * limits.warning_factor,
        burst_factor=limits.burst_factor * limits.warning_factor,
    )
    severe = any(_is_burst(hours[hour], usual[hour], more) for hour in range(start, end))
    sentence = (
        f"From {start:02}:00 to {end:02}:00 there were {attempts} failures"
        f"{f', {hours[peak]} of them from {peak:02}:00 on' if end > start + 1 else ''}; the last weeks had"
        f" {'none' if usual[peak] == 0 else f'up to {usual[peak]}'} in such an hour as a rule."
    )
    subject = f"{day} {start:02}:00"
    return Finding("burst", "warning" if severe else "notice", subject, sentence, attempts, 0, 0)
