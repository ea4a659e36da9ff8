"""What a report says, before it has a form: no clock and no file stands behind it."""

import re
from typing import NamedTuple

from maillogsentinel.detect.finding import Finding
from maillogsentinel.report.tally import Tally
from maillogsentinel.report.trend import Comparison, Day, News


class Gap(NamedTuple):
    """Hours of the days covered that were not read."""

    start: str
    """``YYYY-MM-DD HH:MM`` as the CSV's dates."""
    end: str
    why: str
    """A few words, such as ``the log was gone``; may be empty."""


class Loss(NamedTuple):
    """Lines of the days covered that are missing from the log."""

    kind: str
    """``session``: sessions ended with more refused AUTH commands than there are lines for; ``rsyslog``, ``journald``:
    that daemon said that it dropped messages."""
    times: int
    """How many sessions or notices told of it."""
    missing: int
    """How many lines at least, as far as they told."""


class DatabaseAge(NamedTuple):
    """One of the databases of countries and networks that are in use."""

    column: str
    """``country`` or ``asn``."""
    path: str
    days: int


class Summary(NamedTuple):
    """Everything that a rendering needs. All texts are safe (see `model.safe_text`); days and times are local ones."""

    version: str
    interval: str
    """How often extraction runs, as `interval_of` says it."""
    reported_at: str
    """``YYYY-MM-DD HH:MM``."""
    server_name: str
    server_address: str
    """Empty when there is none to show."""
    first_day: str
    """``YYYY-MM-DD``."""
    last_day: str
    """The same as `first_day` for one day."""
    today: bool
    """The last day covered is the day of the report, and so is not over."""
    tally: Tally
    csv_path: str
    csv_size: int
    """Bytes, up to the committed length."""
    csv_lines: int
    read_until: str = ""
    """``YYYY-MM-DD HH:MM`` up to which logs were read, when `today`; empty: not known."""
    nothing_read: bool = False
    """No hour of these days was read: their number is not 0 but not known."""
    not_covered: tuple[Gap, ...] = ()
    troubles: tuple[tuple[str, int], ...] = ()
    """The server's own trouble, which is no attack: what happened, and how often."""
    losses: tuple[Loss, ...] = ()
    notices: tuple[str, ...] = ()
    """Sentences: complaints that still hold, possible gaps, the age of databases."""
    attachment: str = ""
    """The sentence that says what is attached to the mail, or why nothing is; empty when this is not a mail."""
    kept_since: str = ""
    """``YYYY-MM-DD``, where days covered lie before it whose records were pruned; empty: no such day."""
    test: bool = False
    """A sample by ``--test``."""
    findings: tuple[Finding, ...] = ()
    """In the order of `finding.order`."""
    more_findings: int = 0
    """Findings that were left out, since there are so many."""
    allowed: int = 0
    """Failures that the allow-lists took out of the findings; they are in the numbers."""
    not_looked_for: tuple[str, ...] = ()
    """Sentences: which detectors had nothing to work on."""
    trend: tuple[Day, ...] = ()
    """The days up to the last one covered, in order; empty where nothing is known of them."""
    trend_note: str = ""
    """A sentence on what the trend lacks."""
    comparison: Comparison | None = None
    news: News | None = None
    databases: tuple[DatabaseAge, ...] = ()

    @property
    def no_record(self) -> str:
        """A sentence where CSVs have no record, which need not mean that nothing failed; else empty."""
        if not self.trend_note or self.tally.total:
            return ""
        return f"There is no record {self.when}: nothing failed, or nothing was read."

    @property
    def when(self) -> str:
        """The days covered, as headings say them: ``today``, ``on 2025-05-27``, ``from 2025-05-20 to 2025-05-27``."""
        return "today" if self.today and self.first_day == self.last_day else self.dates

    @property
    def dates(self) -> str:
        """The days covered, as somebody reads them who does not know the day of the report."""
        if self.first_day == self.last_day:
            return f"on {self.first_day}"
        return f"from {self.first_day} to {self.last_day}"

    @property
    def not_kept(self) -> str:
        """Why nothing is known where the records of all days covered were pruned; else empty."""
        if not self.kept_since or self.last_day >= self.kept_since:
            return ""
        return f"records of before {self.kept_since} are not kept"

    @property
    def coverage(self) -> str:
        """``none``: nothing was read, or is kept, and nothing is known; ``part``: hours are missing; ``full``."""
        if self.nothing_read and not self.tally.total:
            return "none"
        return "part" if self.nothing_read or self.not_covered else "full"


NOT_SCHEDULED = "not scheduled"

_NAMES = {
    "@hourly": "hourly",
    "@daily": "daily",
    "@midnight": "daily",
    "@weekly": "weekly",
    "@monthly": "monthly",
    "@yearly": "yearly",
    "@annually": "yearly",
    "@reboot": "at boot",
}
_CRON_LINE = re.compile(r"\s*(@[a-z]+|[0-9A-Za-z*,/~-]+(?:\s+[0-9A-Za-z*,/~-]+){4})\s+\S+\s+(\S.*)")
_OPERATORS = re.compile(r"&&|\|\||[;|&()]")


def interval_of(cron_text: str) -> str:
    """Return how often the cron.d file `cron_text` runs ``maillogsentinel extract``: ``hourly``, ``every 5 minutes``.

    The form is that of crontab(5) with a user field. A time that has no plain name is given as its five fields.
    """
    found = []
    for line in cron_text.splitlines():
        match = _CRON_LINE.fullmatch(line.rstrip())
        if match and any(_extracts(part.split()) for part in _OPERATORS.split(match.group(2))):
            found.append(_NAMES.get(match.group(1)) or _plain(match.group(1).split()))
    return " and ".join(dict.fromkeys(found)) or NOT_SCHEDULED


def _extracts(words: list[str]) -> bool:
    """Whether a simple command is ours with the command ``extract``, which is also what it does without one."""
    if not words or words[0] in ("[", "[[", "test"):
        return False
    rest = iter(words)
    if not any(word.rpartition("/")[2] == "maillogsentinel" for word in rest):
        return False
    for word in rest:
        if word in ("-c", "--config", ">", ">>", "2>", "<"):
            next(rest, None)
        elif word[0] != "-" and not re.match("[0-9]*[<>]", word):
            return word == "extract"
        elif re.match("--?(report|setup|reset|purge|version|help)$", word):
            return False
    return True


def _plain(fields: list[str]) -> str:
    as_written = " ".join(fields)
    if len(fields) != 5 or fields[2:] != ["*", "*", "*"]:
        return as_written
    minutes = _even(fields[0], 60)
    hours = _even(fields[1], 24)
    if minutes is None or hours is None:
        return as_written
    if minutes < 60:
        return as_written if hours > 1 else "every minute" if minutes == 1 else f"every {minutes} minutes"
    return {1: "hourly", 24: "daily"}.get(hours, f"every {hours} hours")


def _even(field: str, size: int) -> int | None:
    """Return the distance of a field's times when it is always the same, also over the end of the hour or the day."""
    times: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(?:\*|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([0-9]{1,2}))?", part)
        if not match:
            return None
        low, high, step = (int(text) if text else None for text in match.groups())
        if step is not None and (step == 0 or (low is not None and high is None)):
            return None
        last = high if high is not None else size - 1 if low is None else low
        times.update(range(low or 0, last + 1, step or 1))
    order = sorted(times)
    if not order or order[-1] >= size:
        return None
    gaps = {later - earlier for earlier, later in zip(order, [*order[1:], order[0] + size], strict=True)}
    return gaps.pop() if len(gaps) == 1 else None
