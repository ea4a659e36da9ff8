"""Hours with far more failures than the same server's hours of the last weeks."""

from collections.abc import Sequence

from maillogsentinel.detect.finding import Finding
from maillogsentinel.detect.thresholds import Thresholds

HISTORY = 7
"""Earlier days that are needed; with fewer there is nothing to compare with, and no finding."""


def bursts(day: str, hours: Sequence[int], earlier: Sequence[Sequence[int]], limits: Thresholds) -> list[Finding]:
    """Return the bursts of `day` (YYYY-MM-DD), of which `hours` are the failures of each of its 24 hours.

    `earlier` are the same of each earlier day that was covered whole, at most the last 28; their order says nothing.
    """
    return []
