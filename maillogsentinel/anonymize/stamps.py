"""Time stamps moved by a fixed span, in the form they had; what is no date of the calendar stays as it is."""

import re
from datetime import datetime, timedelta

from maillogsentinel.anonymize.cache import Cache

_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_ISO = re.compile(rb"([A-Z][a-z]{2} )?(\d{4})-(\d\d)-(\d\d)([T ])(\d\d):(\d\d):(\d\d)(.*)", re.S)
_BSD = re.compile(
    rb"(?:(\d{4}) )?([A-Z][a-z]{2})( {1,2})(\d{1,2})(?: (\d{4}))? {1,2}(\d{1,2}):(\d\d):(\d\d)(\.\d{1,9})?"
)
_UNIX = re.compile(rb"(\d{9,11})(\.\d{1,6})")
_SPAN = re.compile(r"([+-]?)((?:[0-9]{1,9}[wdhms])+|[0-9]{1,9})\Z")
_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_DAY = 86_400
LONGEST = 100 * 366 * 86_400
"""Seconds; a log is not moved by more."""


def span(text: str) -> int:
    """Return the seconds of ``-3d12h``, ``90m`` or ``86400``; ValueError for another form, or more than a century."""
    match = _SPAN.match(text)
    if not match:
        raise ValueError(text)
    sign, amount = match.groups()
    parts = re.findall(r"(\d+)([wdhms])", amount)
    seconds = sum(int(number) * _UNITS[unit] for number, unit in parts) if parts else int(amount)
    if seconds > LONGEST:
        raise ValueError(text)
    return -seconds if sign == "-" else seconds


def secret_span(key: bytes) -> int:
    """Return seconds that only `key` knows: between 30 and 200 days into the past.

    That is little enough for stamps without a year to stay in the year that tools take them for.
    """
    return -_DAY * 30 - int.from_bytes(key, "big") % (_DAY * 170)


class Shift:
    """Moves stamps by `seconds`. A stamp without a year is taken for one of the year before `reference`, which only
    matters around 29 February."""

    def __init__(self, seconds: int, reference: datetime) -> None:
        self.seconds = seconds
        self._span = timedelta(seconds=seconds)
        self._reference = reference + timedelta(days=1)
        self.stamps = Cache(self._moved)

    def microseconds(self, text: str) -> str:
        """Return the journal's time, in microseconds since 1970."""
        return str(max(0, int(text) + self.seconds * 1_000_000)) if re.fullmatch("[0-9]{1,18}", text) else text

    def _moved(self, raw: bytes) -> bytes:
        try:
            return self._form(raw)
        except (ValueError, OverflowError):
            return raw

    def _form(self, raw: bytes) -> bytes:
        match = _ISO.fullmatch(raw)
        if match:
            weekday, year, month, day, between, hour, minute, second, rest = match.groups()
            moment = self._at(int(year), int(month), int(day), int(hour), int(minute), int(second))
            front = _DAYS[moment.weekday()] + b" " if weekday else b""
            date = b"%04d-%02d-%02d" % (moment.year, moment.month, moment.day)
            return front + date + between + _time(moment, second) + rest
        match = _BSD.fullmatch(raw)
        if match:
            return self._bsd(match)
        match = _UNIX.fullmatch(raw)
        if match:
            return b"%d%s" % (max(0, int(match.group(1)) + self.seconds), match.group(2))
        return raw

    def _bsd(self, match: re.Match[bytes]) -> bytes:
        before, name, gap, day, behind, hour, minute, second, fraction = match.groups()
        month = _MONTHS.index(name) + 1
        given = before or behind
        year = int(given) if given else self._year(month, int(day))
        moment = self._at(year, month, int(day), int(hour), int(minute), int(second))
        number = b"%02d" % moment.day if len(day) == 2 and day[:1] == b"0" else b"%d" % moment.day
        # The day is padded to two places with a blank, or not at all, as it was.
        padded = len(gap) + len(day) == 3 and not (len(day) == 2 and day[:1] == b"0")
        text = _MONTHS[moment.month - 1] + b" " + (number.rjust(2) if padded else number)
        if before:
            text = b"%d " % moment.year + text
        return text + (b" %d" % moment.year if behind else b"") + b" " + _time(moment, second) + (fraction or b"")

    def _at(self, year: int, month: int, day: int, hour: int, minute: int, second: int) -> datetime:
        """The moment as moved; a leap second counts as the one before it."""
        return datetime(year, month, day, hour, minute, min(second, 59)) + self._span

    def _year(self, month: int, day: int) -> int:
        for year in range(self._reference.year, self._reference.year - 12, -1):
            try:
                if datetime(year, month, day) <= self._reference:
                    return year
            except ValueError:
                continue
        raise ValueError("no such date")


def _time(moment: datetime, second: bytes) -> bytes:
    return b"%02d:%02d:%s" % (moment.hour, moment.minute, second if second == b"60" else b"%02d" % moment.second)
