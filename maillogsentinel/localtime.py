"""Times as people read them: the configured zone's dates, and the days that reports cover."""

import re
import time
from datetime import UTC, date, datetime, timedelta, tzinfo

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
_REMEMBERED = 20_000
_TWO_DIGITS = tuple(f"{number:02d}" for number in range(60))


class LocalTime:
    """Dates in one time zone; an empty name is the machine's own."""

    def __init__(self, zone: str, seconds: bool = False) -> None:
        self._zone: tzinfo | None = None
        if zone == "UTC":
            self._zone = UTC
        elif zone:
            import zoneinfo

            self._zone = zoneinfo.ZoneInfo(zone)
        self._seconds = seconds
        self._hours: dict[int, str] = {}

    def text(self, stamp: int) -> str:
        """Return UTC microseconds as the date column has them: ``2025-05-17 11:13``, with ``:SS`` where configured."""
        hour = stamp // HOUR
        text = self._hours.get(hour)
        if text is None:
            text = self._hour(hour)
        text = text + _TWO_DIGITS[stamp // MINUTE % 60] if text else self._form(stamp, "%Y-%m-%d %H:%M")
        return f"{text}:{_TWO_DIGITS[stamp // SECOND % 60]}" if self._seconds else text

    def _hour(self, hour: int) -> str:
        """What the texts of one hour of UTC begin with; empty where it is no whole hour of this zone."""
        if len(self._hours) >= _REMEMBERED:
            self._hours.clear()
        begin, end = (self._form(stamp, "%Y-%m-%d %H:%M") for stamp in (hour * HOUR, (hour + 1) * HOUR - SECOND))
        whole = begin[:14] == end[:14] and begin.endswith("00") and end.endswith("59")
        text = self._hours[hour] = begin[:14] if whole else ""
        return text

    def _form(self, stamp: int, form: str) -> str:
        return self.moment(stamp).strftime(form).zfill(16)  # strftime does not pad years before 1000

    def moment(self, stamp: int) -> datetime:
        """Return UTC microseconds as a datetime in this zone."""
        return datetime.fromtimestamp(stamp / SECOND, self._zone)

    def today(self, now: int) -> date:
        """Return the day in which `now` (UTC microseconds) lies."""
        return self.moment(now).date()

    def start(self, day: date) -> int:
        """Return the UTC microseconds at which `day` begins."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        return int(midnight.timestamp()) * SECOND

    def span(self, first: date, last: date) -> tuple[int, int]:
        """Return where the days from `first` to `last` begin and end."""
        return self.start(first), self.start(last + timedelta(days=1))


def now() -> int:
    """Return the present as UTC microseconds."""
    return time.time_ns() // 1000


def parse_day(text: str) -> date:
    """Return the day that ``YYYY-MM-DD`` names; ValueError for anything else."""
    match = re.fullmatch("([0-9]{4})-([0-9]{2})-([0-9]{2})", text)
    try:
        if match and 1970 <= int(match[1]) <= 9000:
            return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no day; write it as YYYY-MM-DD")
