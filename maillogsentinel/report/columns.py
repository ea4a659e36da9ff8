"""Columns that line up on a terminal and in a mail, whatever letters the values are of."""

import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """Return how many cells of a terminal `text` takes: two for wide letters (CJK, emoji), none for combining ones."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(char: str) -> int:
    # Vowels and finals of old Hangul join the letter before them, though they are no combining characters.
    if unicodedata.category(char) in ("Mn", "Me", "Cf") or "\u1160" <= char <= "\u11ff":
        return char == "\xad"
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clip(text: str, cells: int) -> str:
    """Return `text`, cut and ended by ``...`` when it takes more than `cells`."""
    # Characters without a width are bounded as well: a thousand accents fit into one cell.
    if len(text) <= 2 * cells and width(text) <= cells:
        return text
    kept = used = 0
    for char in text[: 2 * cells]:
        used += _cells(char)
        if used > cells - 3:
            break
        kept += 1
    return text[:kept] + "..."


def fill(text: str, cells: int) -> str:
    """Return `text` with the spaces behind it that make it `cells` wide."""
    return text + " " * (cells - width(text))


def aligned(rows: Sequence[Sequence[str]], gap: str = "   ") -> list[str]:
    """Return a line for each of `rows`, whose cells all start where those of the other lines do."""
    if not rows:
        return []
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return [gap.join(map(fill, row, widths)).rstrip() for row in rows]


def box(lines: Sequence[str], least: int = 42) -> list[str]:
    """Return `lines` in a frame of number signs, at least `least` cells wide inside."""
    inner = max(least, *map(width, lines))
    edge = "#" * (inner + 8)
    return [edge, *(f"### {fill(line, inner)} ###" for line in lines), edge]
