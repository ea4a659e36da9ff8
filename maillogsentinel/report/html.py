"""The report as one HTML document that needs nothing beside itself: no script, no style sheet, no picture."""

from html import escape

from maillogsentinel.report import wording
from maillogsentinel.report.summary import Summary

_STYLE = (
    "body{font-family:sans-serif;line-height:1.4;margin:1em auto;max-width:70em;padding:0 1em;"
    "color:#1a1a1a;background:#fff}"
    "table{border-collapse:collapse;margin:0 0 1.5em}"
    "caption{font-weight:bold;text-align:left;padding:.3em 0}"
    "th,td{border:1px solid #767676;padding:.2em .6em;text-align:left;overflow-wrap:anywhere}"
    ".n{text-align:right}"
    ".test{border:3px solid #8a0000;padding:.5em}"
)


def render(summary: Summary) -> str:
    """Return the document, with the same numbers as the text report; every value in it is escaped."""
    title = wording.subject(summary)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>",
        "<body>",
        "<main>",
        f"<h1>MailLogSentinel: failed logins {escape(summary.when)}</h1>",
    ]
    if summary.test:
        parts.append(f'<p class="test"><strong>{escape(wording.SAMPLE)}</strong></p>')
    parts += _header(summary)
    parts += [f"<p>{escape(line)}</p>" for line in wording.total_lines(summary) if line]
    parts += [_ranking(table) for table in wording.tables(summary)]
    if summary.tally.total:
        parts += _reverse_dns(summary)
    parts += _remarks(summary)
    parts += [f"<p>{escape(line)}</p>" for line in wording.csv_lines(summary) if line]
    parts.append(f'<p><a href="{escape(wording.DOCUMENTATION)}">Documentation of MailLogSentinel</a></p>')
    parts += ["</main>", "</body>", "</html>"]
    return "\n".join(parts) + "\n"


def _table(caption: str, headings: tuple[str, ...], rows: list[tuple[str | int, ...]]) -> str:
    """Return a table; whole numbers stand at the right of their cells."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table>\n<caption>{escape(caption)}</caption>\n<tr>{head}</tr>\n{body}\n</table>"


def _cell(value: str | int) -> str:
    return f'<td class="n">{value}</td>' if isinstance(value, int) else f"<td>{escape(value)}</td>"


def _header(summary: Summary) -> list[str]:
    pairs = (
        ("Version", summary.version),
        ("Extraction interval", summary.interval),
        ("Report at", summary.reported_at),
        ("Server", wording.server(summary)),
    )
    rows = (f'<tr><th scope="row">{name}</th><td>{escape(value)}</td></tr>' for name, value in pairs)
    return ["<table>", "<caption>This report</caption>", *rows, "</table>"]


def _ranking(table: wording.Table) -> str:
    rows: list[tuple[str | int, ...]] = [(rank, *values, number) for rank, (values, number) in enumerate(table.rows, 1)]
    if table.unknown:
        rows.append(("", "(unknown)", table.unknown))
    return _table(table.title, ("Rank", *table.headings, "Times"), rows)


def _reverse_dns(summary: Summary) -> list[str]:
    rows: list[tuple[str | int, ...]] = [
        (f"Errno {errno}", wording.ERRNO_MEANING.get(errno, ""), number)
        for errno, number in summary.tally.dns_failed.items()
    ]
    rows.append(("Not asked", "", summary.tally.dns_skipped))
    return [
        f"<h2>{wording.REVERSE_DNS_TITLE}</h2>",
        f"<p>{escape(wording.failed_lookups(summary))}</p>",
        _table("Breakdown by error type", ("Error", "Meaning", "Times"), rows),
    ]


def _remarks(summary: Summary) -> list[str]:
    """Return what the numbers leave out: hours, lines, the server's own trouble, notices."""
    parts = []
    if summary.not_covered:
        gaps: list[tuple[str | int, ...]] = [tuple(gap) for gap in summary.not_covered]
        parts += [f"<h2>{wording.GAPS_TITLE}</h2>", f"<p>{wording.GAPS_SENTENCE}</p>"]
        parts.append(_table(wording.GAPS_TITLE, ("From", "To", "Why"), gaps))
    if summary.losses:
        parts += [f"<h2>{wording.LOSS_TITLE}</h2>", "<ul>"]
        parts += [*(f"<li>{escape(line)}</li>" for line in wording.losses(summary)), "</ul>"]
    if summary.troubles:
        troubles: list[tuple[str | int, ...]] = [(kind, number) for kind, number in summary.troubles]
        parts.append(f"<h2>{wording.TROUBLE_TITLE}</h2>")
        parts.append(_table("Server trouble", ("What", "Times"), troubles))
    if summary.notices:
        parts += [f"<h2>{wording.NOTICES_TITLE}</h2>", "<ul>"]
        parts += [*(f"<li>{escape(notice)}</li>" for notice in summary.notices), "</ul>"]
    return parts
