"""The cards of the page but the lists: verdict, findings, days before, what is missing, this report."""

from maillogsentinel.report import wording
from maillogsentinel.report.page.charts import MAPPED, days_text, heat_map, legend, number, trend
from maillogsentinel.report.page.parts import (
    LAYOUT,
    Detail,
    beside,
    card,
    coloured,
    heading,
    items,
    name,
    paragraph,
    sentence,
    subheading,
    table,
    text,
)
from maillogsentinel.report.page.style import LEVEL, LINK, MUTED, SEVERITY, inline
from maillogsentinel.report.summary import Summary
from maillogsentinel.report.trend import BEFORE, LEAST, NONE, Comparison
from maillogsentinel.report.verdict import ATTACK, CRITICAL, MORE, QUIET, UNKNOWN, USUAL, about, verdict

_WORDS = {
    CRITICAL: "Critical",
    ATTACK: "Attack",
    MORE: "Unusual",
    USUAL: "Usual",
    QUIET: "Quiet",
    UNKNOWN: "Not known",
}
"""What the colour of the verdict says, for those who do not see it."""


def headline(summary: Summary) -> str:
    """Return the verdict, and the numbers behind it."""
    found = verdict(summary)
    mark = LEVEL[found.level]
    parts = [
        f'<p class="{mark}" style="margin:0;font-size:14px;font-weight:600;{inline(mark)}">{_WORDS[found.level]}</p>',
        '<h1 style="margin:4px 0 0;font-size:22px;line-height:1.3;font-weight:600;word-break:break-word">'
        f"{sentence(found.sentence)}</h1>",
    ]
    if summary.test:
        parts.insert(0, f'<p style="margin:0 0 8px;font-weight:600">{text(wording.SAMPLE)}</p>')
    if summary.coverage != "none":
        parts.append(_figures(summary))
    parts += [paragraph(sentence(line)) for line in wording.total_lines(summary)[1:] if line]
    return card(*parts, mark=mark)


def _figures(summary: Summary) -> str:
    """The total, and the means of the days before where there are enough."""
    single = summary.first_day == summary.last_day
    figures = [(f"failed logins {summary.when}", number(summary.tally.total))]
    compared = summary.comparison
    if compared:
        if not single:
            figures.append(("a day on average", about(compared.failures)))
        until = "" if compared.until is None else f" until {compared.until:02d}:00"
        figures += [
            (f"on average of {days_text(mean.days)} before{until}", about(mean.failures))
            for mean in dict.fromkeys((compared.week, compared.month))
        ]
    cells = "".join(
        '<td style="padding:0 20px 0 0;vertical-align:top">'
        f'<span style="font-size:26px;line-height:1.2;font-weight:600">{figure}</span><br>'
        f"{coloured(text(what), MUTED)}</td>"
        for what, figure in figures
    )
    note = _compared(compared) if compared else _not_compared(summary)
    layout = f'<table {LAYOUT} style="margin:14px 0 0;font-size:14px"><tr>{cells}</tr></table>'
    return layout + (paragraph(text(note), MUTED) if note else "")


def _compared(compared: Comparison) -> str:
    if compared.until is None:
        return ""
    count, hour = number(compared.failures), f"{compared.until:02d}:00"
    return f"Compared are the {count} failed logins until {hour} with those of other days until then."


def _not_compared(summary: Summary) -> str:
    if not summary.trend or summary.trend_note:
        return ""
    return (
        f"Nothing is compared: for that, {LEAST} of the {BEFORE} days before must have been read whole, and this one."
    )


def findings(summary: Summary, detail: Detail) -> str:
    """Return what detection found, and what it could not look for."""
    beside_them = items(wording.beside_findings(summary), detail)
    if summary.coverage == "none" and not summary.findings:
        return ""
    if not summary.findings:
        return card(heading(wording.FINDINGS_TITLE), paragraph("Nothing that stands out."), beside_them)
    rows = [
        (f"<strong>{coloured(text(severity), SEVERITY[severity])}</strong>", sentence(what, detail.letters))
        for severity, what in wording.findings(summary)[: detail.sentences]
    ]
    caption = _count(len(summary.findings) + summary.more_findings)
    return card(heading(wording.FINDINGS_TITLE), table(caption, ("Severity", "What"), (24, 76), rows), beside_them)


def _count(number: int) -> str:
    return "1 finding" if number == 1 else f"{number} findings, the most severe first"


def before(summary: Summary, detail: Detail) -> str:
    """Return the trend and, in full detail, the heat map of the last days; both from the first day on that is known."""
    if not summary.trend:
        return ""
    title = heading("The days before")
    first = next((place for place, day in enumerate(summary.trend) if day.coverage != NONE), None)
    if first is None:
        why = "their records are not kept" if summary.kept_since else "no log of these days was read"
        return card(title, paragraph(f"Nothing is known of them: {why}."))
    days, unread = summary.trend[first:], "no record" if summary.trend_note else "not read"
    heat = heat_map(days[-MAPPED:]) if detail.hours else ""
    notes = [paragraph(legend(days, unread))]
    if first:
        why = unread if summary.trend_note else f"{unread}, or not kept"
        notes.append(paragraph(text(f"Days before {days[0].day}: {why}."), MUTED))
    if summary.trend_note:
        notes.append(paragraph(sentence(summary.trend_note), MUTED))
    return card(title, beside(trend(days, unread), heat), *notes)


def missing(summary: Summary, detail: Detail) -> str:
    """Return what the numbers leave out: hours, lines, the server's own trouble, notices."""
    parts = []
    if summary.not_covered:
        shown = summary.not_covered[: detail.sentences]
        gaps = [(text(gap.start), text(gap.end), sentence(gap.why, detail.letters)) for gap in shown]
        parts += [_space(), table(wording.GAPS_TITLE, ("From", "To", "Why"), (28, 28, 44), gaps)]
        more = len(summary.not_covered) - len(shown)
        parts.append(paragraph(text(wording.GAPS_NOTE) + (f" And {more} times more." if more else ""), MUTED))
    if summary.troubles:
        troubles = [(name(kind), number(count)) for kind, count in summary.troubles[: detail.sentences]]
        parts += [_space(), table(wording.TROUBLE_TITLE, ("What", "Times"), (80, 20), troubles, numbers=1)]
    if summary.losses:
        parts += [subheading(wording.LOSS_TITLE), items(wording.losses(summary), detail)]
    if summary.notices:
        parts += [subheading(wording.NOTICES_TITLE), items(summary.notices, detail)]
    return card(heading("What to know about the server and its logs"), *parts) if parts else ""


def _space() -> str:
    return '<div style="height:8px;line-height:8px;font-size:1px">&nbsp;</div>'


def about_report(summary: Summary) -> str:
    """Return what the report was made of."""
    rows = [
        ("Server", text(wording.server(summary))),
        ("Report at", text(summary.reported_at)),
        ("Extraction interval", text(summary.interval)),
        ("Version", text(summary.version)),
    ]
    rows += [
        (
            {"country": "Database of countries", "asn": "Database of networks"}[database.column],
            f"{days_text(database.days)} old {coloured(name(database.path), MUTED)}",
        )
        for database in summary.databases
    ]
    if summary.tally.total:
        rows += _reverse_dns(summary)
    rows.append(("CSV", text(f"{wording.size(summary.csv_size)}, {number(summary.csv_lines)} lines")))
    link = f'<a class="{LINK}" href="{text(wording.DOCUMENTATION)}" style="{inline(LINK)}">Documentation</a>'
    return card(
        heading("About this report"),
        table("What it was made of", ("What", "Value"), (34, 66), rows),
        paragraph(sentence(wording.csv_lines(summary)[-1])),
        paragraph(link),
    )


def _reverse_dns(summary: Summary) -> list[tuple[str, str]]:
    failed = ", ".join(
        f"{number(count)} Errno {errno}"
        + (f" ({wording.ERRNO_MEANING[errno]})" if errno in wording.ERRNO_MEANING else "")
        for errno, count in summary.tally.dns_failed.items()
    )
    total = number(sum(summary.tally.dns_failed.values()))
    return [
        ("Reverse look-ups failed", text(f"{total}: {failed}" if failed else total)),
        ("Reverse look-ups not asked", text(number(summary.tally.dns_skipped))),
    ]
