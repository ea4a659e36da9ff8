"""What the page is built of: cells, tables, bars, cards. Every value passes `text` on its way in."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from maillogsentinel.report.columns import clip
from maillogsentinel.report.page.style import BAR, BAR_NOW, CARD, COLOURS, MUTED, RULE, inline

_NO_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""What HTML has no form for; only a CSV of another program has such."""
_CELLS = 64


class Detail(NamedTuple):
    """How much of everything a page shows."""

    lines: int = 10
    """Of each list of the most frequent."""
    sentences: int = 20
    """Of each list of sentences."""
    letters: int = 400
    """Of each sentence in a list."""
    hours: bool = True
    """With the heat map."""


LAYOUT = 'role="presentation" cellpadding="0" cellspacing="0"'
"""Attributes of a table that only puts things in their places."""

_BREAK = "word-break:break-word;overflow-wrap:anywhere"
_EDGE = f"border-top:1px solid {RULE}"


def text(value: str) -> str:
    """Return `value` as text of HTML, also within an attribute's quotes."""
    return escape(_NO_CHARACTERS.sub("\ufffd", value))


def name(value: str) -> str:
    """Return a name, which may be of any length, as text of HTML."""
    # Better broken behind the @ than within a word.
    return text(clip(value, _CELLS)).replace("@", "@<wbr>")


def sentence(value: str, letters: int = 400) -> str:
    """Return a sentence, whose names may be of any length, as text of HTML."""
    line = " ".join(value.split())
    return text(line if len(line) <= letters else line[:letters] + "...")


def subheading(title: str) -> str:
    """Return a heading within a card."""
    return f'<h3 style="margin:14px 0 6px;font-size:14px;line-height:1.3;font-weight:600">{text(title)}</h3>'


def coloured(html: str, colour: str) -> str:
    """Return `html` in a colour of `style.COLOURS`."""
    return f'<span class="{colour}" style="{inline(colour)}">{html}</span>'


def paragraph(html: str, colour: str = "") -> str:
    """Return a paragraph of `html`."""
    mark = f' class="{colour}"' if colour else ""
    return f'<p{mark} style="margin:8px 0 0;{_BREAK}{";" + inline(colour) if colour else ""}">{html}</p>'


def heading(title: str) -> str:
    """Return the heading of a card."""
    return f'<h2 style="margin:0 0 10px;font-size:18px;line-height:1.3;font-weight:600">{text(title)}</h2>'


def card(*content: str, mark: str = "") -> str:
    """Return a row of the page with `content` in a frame; `mark` colours its left edge."""
    edge = f"border-left:6px solid {COLOURS[mark].text};" if mark else ""
    style = f"border:1px solid {RULE};{edge}border-radius:6px;padding:16px 20px;{inline(CARD)}"
    inside = "\n".join(filter(None, content))
    return (
        f'<tr><td class="{CARD}{" e" + mark if mark else ""}" style="{style}">\n{inside}\n</td></tr>\n'
        '<tr><td style="height:12px;line-height:12px;font-size:1px">&nbsp;</td></tr>'
    )


def beside(*blocks: str) -> str:
    """Return `blocks` two in a row where there is room, else one below the other."""
    columns = [
        '<div class="c2" style="display:inline-block;width:100%;max-width:346px;padding:0 14px 14px 0;'
        f'box-sizing:border-box;vertical-align:top;font-size:14px">\n{block}\n</div>'
        for block in blocks
        if block
    ]
    return f'<div class="bs" style="font-size:0;margin-right:-14px">{"".join(columns)}</div>'


def table(
    caption: str, headings: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[str]], numbers: int = 0
) -> str:
    """Return a table of `rows`, whose cells are HTML: the first of each is its heading, the last `numbers` stand right.

    `widths` are those of the columns, in per cent.
    """
    first = len(headings) - numbers
    titles = "".join(_title(title, place >= first) for place, title in enumerate(headings))
    lines = [
        f"<tr valign=top>{''.join(_cell(cell, place, first) for place, cell in enumerate(row))}</tr>" for row in rows
    ]
    return _table(caption, widths, titles, lines)


def bars(
    caption: str,
    headings: tuple[str, str],
    rows: Sequence[tuple[str, int, str]],
    widths: tuple[int, int, int] = (52, 28, 20),
    now: str = "",
) -> str:
    """Return a table of `rows` (a label as HTML, a number, the number's text as HTML) with a bar for each number.

    `headings` are those of label and number, `widths` those of the columns in per cent; the row whose label is `now`
    stands out.
    """
    largest = max((number for _, number, _ in rows), default=0)
    lines = []
    for label, number, shown in rows:
        stands_out = bool(now) and label == now
        bar = _bar(number / largest if largest else 0, BAR_NOW if stands_out else BAR)
        parts = [f"<strong>{part}</strong>" if stands_out else part for part in (label, shown)]
        lines.append(f"<tr valign=top>{_cell(parts[0], 0, 2)}{_cell(bar, 1, 2)}{_cell(parts[1], 2, 2)}</tr>")
    titles = _title(headings[0], False) + _title(headings[1], True, 2)
    return _table(caption, widths, titles, lines)


def _table(caption: str, widths: Sequence[int], titles: str, lines: Iterable[str]) -> str:
    columns = "".join(f'<col width="{width}%">' for width in widths)
    body = "\n".join(lines)
    return (
        '<table class="ru" width="100%" cellpadding="3" cellspacing="0" style="table-layout:fixed;border-collapse:'
        f'collapse;font-size:14px;line-height:1.3;{_BREAK}">\n'
        f'<caption style="text-align:left;font-weight:600;padding:0 3px 6px">{text(caption)}</caption>\n'
        f"<colgroup>{columns}</colgroup>\n<tr>{titles}</tr>\n{body}\n</table>"
    )


def _title(title: str, right: bool, columns: int = 1) -> str:
    span = f' colspan="{columns}"' if columns > 1 else ""
    align = "right" if right else "left"
    return (
        f'<th scope="col"{span} align="{align}" class="{MUTED}"'
        f' style="text-align:{align};font-weight:400;{inline(MUTED)}">{text(title)}</th>'
    )


def _cell(html: str, place: int, first_number: int) -> str:
    if place == 0:
        return f'<th scope="row" align="left" style="{_EDGE};text-align:left;font-weight:400">{html}</th>'
    if place < first_number:
        return f'<td style="{_EDGE}">{html}</td>'
    return f'<td align="right" style="{_EDGE};white-space:nowrap">{html}</td>'


def _bar(share: float, colour: str) -> str:
    """A bar of this share of its cell; a table of its own, since that is what has a width in every mail program."""
    if not share:
        return ""
    return (
        f'<table {LAYOUT} width="{max(1, round(100 * share))}%" style="margin-top:2px"><tr>'
        f'<td class="{colour}" style="height:13px;line-height:13px;font-size:1px;padding:0;'
        f'background:{COLOURS[colour].background}">&nbsp;</td></tr></table>'
    )


def items(sentences: Sequence[str], detail: Detail) -> str:
    """Return a list of sentences."""
    shown = [sentence(one, detail.letters) for one in sentences[: detail.sentences]]
    if len(sentences) > len(shown):
        shown.append(f"And {len(sentences) - len(shown)} more.")
    points = "\n".join(f'<li style="margin:0 0 4px;{_BREAK}">{one}</li>' for one in shown)
    return f'<ul style="margin:8px 0 0;padding:0 0 0 20px">\n{points}\n</ul>' if points else ""
