"""The days of a trend as bars, and the hours of the last ones as a heat map."""

from collections.abc import Sequence
from datetime import date

from maillogsentinel.report.page.parts import bars, coloured, text
from maillogsentinel.report.page.style import HEAT, MUTED, inline
from maillogsentinel.report.trend import FULL, NONE, Day

MAPPED = 8
"""Days of the heat map: a column each, wide enough for its number on a phone."""

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NOT_READ = "not read"
_DASH = "\u2013"


def day_name(day: str) -> str:
    """Return ``2025-05-27`` as ``Tue 27 May``."""
    found = date.fromisoformat(day)
    return f"{_WEEKDAYS[found.weekday()]} {found.day} {_MONTHS[found.month - 1]}"


def days_text(count: int) -> str:
    """Return a number of days in words."""
    return "1 day" if count == 1 else f"{count} days"


def number(value: float) -> str:
    """Return a number with marks between the thousands."""
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def short(value: int) -> str:
    """Return a number in at most four letters: ``950``, ``1.2k``, ``27k``, ``3.1M``."""
    size, units = float(value), ["", "k", "M", "G"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.1f}{units[0]}" if units[0] and size < 9.95 else f"{size:.0f}{units[0]}"


def trend(days: Sequence[Day], unread: str = _NOT_READ) -> str:
    """Return the failures of each of `days` as bars, the last day first; `unread` stands for days without a number."""
    rows = [(text(day_name(day.day)), day.failures, _shown(day, unread)) for day in reversed(days)]
    return bars(
        f"Failed logins by day, {days_text(len(days))}", ("Day", "Failed logins"), rows, (34, 46, 20), now=rows[0][0]
    )


def _shown(day: Day, unread: str) -> str:
    if day.coverage == NONE:
        return coloured(text(unread), MUTED)
    return text(number(day.failures)) + ("" if day.coverage == FULL else coloured("*", MUTED))


def heat_map(days: Sequence[Day]) -> str:
    """Return the failures of each hour of `days`, a column each."""
    most = max((max(day.hours) for day in days), default=0)
    dates = [date.fromisoformat(day.day) for day in days]
    head = (
        f'<th scope="col" class="{MUTED}" style="font-weight:400;text-align:left;{inline(MUTED)}">Hour</th>'
        + "".join(
            f'<th scope="col" class="{MUTED}" style="font-weight:400;padding:0 0 3px;{inline(MUTED)}">'
            f"{_WEEKDAYS[found.weekday()]}<br>{found.day}</th>"
            for found in dates
        )
    )
    width = 100 * (len(days) + 1) // (MAPPED + 1)
    rows = "\n".join(
        f'<tr><th scope="row" style="font-weight:400;text-align:left">{hour:02d}</th>'
        f"{''.join(_heat(day, hour, most) for day in days)}</tr>"
        for hour in range(24)
    )
    return (
        f'<table width="{width}%" cellpadding="0" cellspacing="1" style="table-layout:fixed;font-size:12px;'
        'line-height:17px;text-align:center">\n'
        '<caption style="text-align:left;font-size:14px;font-weight:600;padding:0 0 6px">'
        f"Failed logins by hour, {days_text(len(days))}</caption>\n<tr>{head}</tr>\n{rows}\n</table>"
    )


def _heat(day: Day, hour: int, most: int) -> str:
    count = day.hours[hour]
    if day.coverage == NONE or hour in day.blank:
        return f'<td class="{MUTED}" style="{inline(MUTED)}">{_DASH}</td>'
    level = HEAT[0] if not count else HEAT[min(5, 1 + int(5 * (count / most) ** 0.5 - 1e-9))]
    return f'<td class="{level}" style="{inline(level)}">{short(count)}</td>'


def legend(days: Sequence[Day], unread: str = _NOT_READ) -> str:
    """Return what the charts' signs mean, as far as they occur."""
    parts = ["The stronger the colour, the more."]
    if any(day.coverage == NONE or day.blank for day in days):
        parts.append(f"{_DASH}: {unread}.")
    if any(day.coverage not in (FULL, NONE) for day in days):
        parts.append("*: not known whether all was read.")
    return coloured(text(" ".join(parts)), MUTED)
