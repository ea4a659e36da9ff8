"""The whole page."""

from maillogsentinel.report import wording
from maillogsentinel.report.page import lists, sections
from maillogsentinel.report.page.parts import Detail, coloured, name, text
from maillogsentinel.report.page.style import FONT, MUTED, PAGE, inline, style_block
from maillogsentinel.report.summary import Summary

LARGEST = 98_000
"""Bytes of a page at most: Gmail cuts a mail's HTML off at 102 KB."""


_DETAILS = (
    Detail(),
    Detail(lines=5, sentences=10, letters=250),
    Detail(lines=5, sentences=5, letters=120, hours=False),
    Detail(lines=2, sentences=3, letters=80, hours=False),
)
"""What is left out, step by step, where names are so long that the page would be too large."""


def render(summary: Summary) -> str:
    """Return the page, at most `LARGEST` bytes; every value in it is escaped."""
    page = ""
    for detail in _DETAILS:
        page = _page(summary, detail)
        if len(page.encode()) <= LARGEST:
            break
    return page


def _page(summary: Summary, detail: Detail) -> str:
    cards = (
        sections.headline(summary),
        sections.findings(summary, detail),
        sections.before(summary, detail),
        lists.tops(summary, detail.lines),
        lists.news(summary),
        lists.fleet(summary, detail.lines),
        sections.missing(summary, detail),
        sections.about_report(summary),
    )
    rows = "\n".join(filter(None, cards))
    server = coloured(f"MailLogSentinel &middot; {name(summary.server_name)} &middot; {text(_dates(summary))}", MUTED)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{text(wording.subject(summary)[:400])}</title>
<style>{style_block()}</style>
</head>
<body class="{PAGE}" style="margin:0;padding:0;{inline(PAGE)}">
<table role="presentation" class="{PAGE}" width="100%" cellpadding="0" cellspacing="0" style="{inline(PAGE)}">
<tr><td align="center" style="padding:14px 8px;{FONT};font-size:15px;line-height:1.45">
<!--[if mso]><table role="presentation" width="720" cellpadding="0" cellspacing="0"><tr><td><![endif]-->
<main>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:720px;text-align:left">
<tr><td style="padding:0 4px 10px;font-size:14px;word-break:break-word">{server}</td></tr>
{rows}
</table>
</main>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr>
</table>
</body>
</html>
"""


def _dates(summary: Summary) -> str:
    if summary.first_day == summary.last_day:
        return summary.first_day
    return f"{summary.first_day} to {summary.last_day}"
