"""The table of who is at it now, as lines of a terminal."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from maillogsentinel.enrich.place import Place
from maillogsentinel.localtime import HOUR, MINUTE, LocalTime
from maillogsentinel.report.columns import clip, fill, width
from maillogsentinel.store.addresses import Activity

_OLD = 2 * HOUR
"""Extraction is each hour as shipped: what is older is not of now."""
_UNKNOWN = "-"


class Column(NamedTuple):
    """One column: its heading, and how wide it may become."""

    heading: str
    most: int
    least: int
    """Cells below which it had better not be there; 0: it always is."""
    right: bool = False


_COLUMNS = (
    Column("ADDRESS", 39, 0),
    Column("FAILED", 9, 0, right=True),
    Column("USERS", 7, 0, right=True),
    Column("LAST", 16, 16),
    Column("SINCE", 16, 16),
    Column("CC", 2, 2),
    Column("TRIED MOST", 40, 10),
    Column("ORGANISATION", 40, 12),
    Column("HOST NAME", 60, 12),
)
_GAP = "  "


def heading(activity: Activity, minutes: int, until: int, now: int, times: LocalTime) -> list[str]:
    """Return what the table is about: `minutes` up to `until`, when logs were last read; `now` tells how long
    ago that is. Both are UTC microseconds."""
    ago = now - until
    lines = [
        f"Failed logins, {minutes} minutes up to {times.text(until)} (logs read {_span(ago)} ago)",
        f"Failures: {activity.failures}   addresses: {activity.addresses}   users tried: {activity.users}",
    ]
    if ago > _OLD:
        lines.append("This is not of now: no log was read since. Run: maillogsentinel extract")
    return lines


def _span(micros: int) -> str:
    minutes = max(0, micros) // MINUTE
    for size, word in ((1440, "day"), (60, "hour")):
        if minutes >= 2 * size:
            return f"{minutes // size} {word}s"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def table(
    activity: Activity, place: Callable[[str], Place], times: LocalTime, cells: int, shown: Callable[[str], str]
) -> list[str]:
    """Return the table's lines, none of them wider than `cells`; `shown` makes of a text what the terminal can show."""
    rows = []
    for one in activity.worst:
        where = place(one.ip)
        row = (
            one.ip,
            str(one.failures),
            str(one.users),
            times.text(one.last)[:16],
            times.text(one.since)[:16],
            where.country_code,
            one.user,
            where.aso,
            one.hostname,
        )
        rows.append([shown(value or _UNKNOWN) for value in row])
    return _lines([[column.heading for column in _COLUMNS], *rows], cells)


def _lines(rows: Sequence[Sequence[str]], cells: int) -> list[str]:
    widths = _widths(rows, cells)
    lines = []
    for row in rows:
        parts = []
        for text, column, size in zip(row, _COLUMNS, widths, strict=True):
            if size:
                text = clip(text, size)
                parts.append(text.rjust(size) if column.right else fill(text, size))
        lines.append(clip(_GAP.join(parts).rstrip(), cells))
    return lines


def _widths(rows: Sequence[Sequence[str]], cells: int) -> list[int]:
    """How wide each column becomes; 0 for one that has no room. What is left over goes to the last ones."""
    wanted = [
        min(column.most, max(width(row[index][: 2 * column.most]) for row in rows))
        for index, column in enumerate(_COLUMNS)
    ]
    least = [min(want, column.least) if column.least else want for want, column in zip(wanted, _COLUMNS, strict=True)]
    sizes = [0] * len(_COLUMNS)
    left = cells + len(_GAP)
    for index, size in enumerate(least):
        if size + len(_GAP) > left and _COLUMNS[index].least:
            break
        sizes[index] = size
        left -= size + len(_GAP)
    for index, size in enumerate(sizes):
        if size:
            more = min(max(0, left), wanted[index] - size)
            sizes[index] += more
            left -= more
    return sizes
