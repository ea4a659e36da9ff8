"""Time stamps of log lines, in every form that syslog daemons and containers write, as UTC microseconds."""

import time
from datetime import date, datetime

_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1
    )
}
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY = 86_400
_SECOND = 1_000_000
_POSTFIX = 915_148_800 * _SECOND  # 1999, the year of its first release
_FIRST_YEAR, _LAST_YEAR = 1970, 9000  # what a date in the CSV can stand for in every zone
LATEST = (date(_LAST_YEAR, 1, 1).toordinal() - _EPOCH_DAY) * _DAY * _SECOND
"""UTC microseconds; no stamp lies behind."""
_CACHED_HOURS = 10_000
_OLDEST_YEARS = 12  # how far back a 29 February may lie: eight years around 1900 and 2100, and some more


def fraction(digits: bytes | None) -> int:
    """Return the microseconds that the digits behind a decimal point stand for."""
    if not digits:
        return 0
    return int(digits) if len(digits) == 6 else int(digits[:6].ljust(6, b"0"))


def latest(mtime: int, now: int) -> int:
    """Return the latest moment at which a file's lines can have been written, all in UTC microseconds.

    That is its mtime; now where the mtime lies in the future, or in a time before there was Postfix, as on hosts that
    began without a clock.
    """
    return mtime if _POSTFIX <= mtime <= now else now


class Clock:
    """Turns stamps into UTC microseconds and remembers hours, since neighbouring lines share them.

    `reference` (UTC microseconds) is the latest moment at which the lines can have been written: a file's mtime or
    now. A stamp without a year (RFC 3164) is given the latest year that is not more than a day after it. Stamps
    without an offset are in the machine's time zone.
    """

    def __init__(self, reference: int) -> None:
        self.reference = reference
        self._zoned: dict[tuple[bytes, bytes], int] = {}
        self._local: dict[bytes, int | None] = {}

    def zoned(self, hour: bytes, zone: bytes) -> int:
        """Return the start of ``2025-05-17T11`` in zone ``Z``, ``+02``, ``+0200`` or ``+02:00``; ValueError if none."""
        key = (hour, zone)
        start = self._zoned.get(key)
        if start is None:
            if len(self._zoned) >= _CACHED_HOURS:
                self._zoned.clear()
            year = int(hour[:4])
            if not _FIRST_YEAR <= year <= _LAST_YEAR:
                raise ValueError("no such year")
            days = date(year, int(hour[5:7]), int(hour[8:10])).toordinal() - _EPOCH_DAY
            offset = 0
            if zone != b"Z":
                minutes = int(zone[-2:]) if len(zone) > 3 else 0
                offset = (int(zone[1:3]) * 60 + minutes) * 60
                if offset >= _DAY or minutes > 59:
                    raise ValueError("no such zone")
                offset = -offset if zone[:1] == b"-" else offset
            if int(hour[11:13]) > 23:
                raise ValueError("no such time")
            start = self._zoned[key] = (days * _DAY + int(hour[11:13]) * 3600 - offset) * _SECOND
        return start

    def bsd(self, hour: bytes, minute: bytes, second: bytes) -> int:
        """Return the time of RFC 3164's ``May  7 11`` with its minute and second; ValueError if there is none."""
        if hour not in self._local:
            if len(self._local) >= _CACHED_HOURS:
                self._local.clear()
            self._local[hour] = self._steady_hour(hour)
        start = self._local[hour]
        if start is None:
            return self.yearless(_MONTHS[hour[:3]], int(hour[4:6]), int(hour[7:9]), int(minute), int(second))
        return start + (int(minute) * 60 + int(second)) * _SECOND

    def _steady_hour(self, hour: bytes) -> int | None:
        """The hour's start; None where the zone changes within it, or where its end lies in another year's hour."""
        month = _MONTHS.get(hour[:3])
        if month is None:
            raise ValueError("no month")
        day, clock_hour = int(hour[4:6]), int(hour[7:9])
        start = self.yearless(month, day, clock_hour, 0, 0)
        return start if self.yearless(month, day, clock_hour, 59, 59) - start == 3599 * _SECOND else None

    def yearless(self, month: int, day: int, hour: int, minute: int, second: int) -> int:
        """Return the local time in the latest year that is not more than a day after the reference.

        Raises ValueError for a date that no year has, such as 30 February.
        """
        latest = self.reference + _DAY * _SECOND
        this_year = time.gmtime(latest // _SECOND).tm_year + 1
        for year in range(this_year, this_year - _OLDEST_YEARS, -1):
            if month == 2 and day == 29 and not _leap(year):
                continue
            stamp = local(year, month, day, hour, minute, second)
            if stamp <= latest:
                return stamp
        raise ValueError("no such date")


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_number(name: bytes) -> int:
    """Return 1 for ``Jan``; ValueError for what is no month."""
    if name not in _MONTHS:
        raise ValueError("no month")
    return _MONTHS[name]


def local(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Return a time in the machine's zone as UTC microseconds; ValueError for a date that the calendar lacks.

    Of a time that the zone's clocks show twice it is the first; one that they pass over is counted on from before.
    (time.mktime leaves open which it is, and answers by what it was asked last.)
    """
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError("no such year")
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError("no such time")
    return int(datetime(year, month, day, hour, minute).timestamp() + second) * _SECOND
