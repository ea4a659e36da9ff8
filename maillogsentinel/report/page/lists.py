"""Who tried, from where, and what of it is new."""

from maillogsentinel.report import wording
from maillogsentinel.report.page.charts import number
from maillogsentinel.report.page.parts import bars, beside, card, coloured, heading, name, table, text
from maillogsentinel.report.page.style import MUTED, NEW
from maillogsentinel.report.summary import Summary
from maillogsentinel.report.tally import Top
from maillogsentinel.report.trend import Novelty

_PLURAL = {
    "users": "Users",
    "addresses": "Addresses",
    "networks": "Networks",
    "countries": "Countries",
    "asns": "Organisations",
}
_HEADING = {
    "users": "User",
    "addresses": "Address",
    "networks": "Network",
    "countries": "Country",
    "asns": "Organisation",
}
_NAMED = 5
"""New names that are told of each kind."""


def tops(summary: Summary, most: int) -> str:
    """Return the users, addresses, networks, countries and organisations with most failures, at most `most` of each."""
    if not summary.tally.total or summary.coverage == "none":
        return ""
    lists = [_top(summary, kind, most) for kind in _PLURAL]
    return card(heading("Who tried, and from where"), beside(*lists, _attempts(summary, most)))


def _top(summary: Summary, kind: str, most: int) -> str:
    top: Top = getattr(summary.tally, kind)
    new = (
        {value for found in summary.news.kinds if found.kind == kind for value, _ in found.examples}
        if summary.news
        else set()
    )
    rows = [
        (_label(summary, kind, value) + (" " + coloured("new", NEW) if value in new else ""), count, number(count))
        for value, count in top.ranked[:most]
    ]
    if top.unknown:
        rows.append((coloured("not known", MUTED), top.unknown, number(top.unknown)))
    of = f" ({min(most, len(top.ranked))} of {number(top.distinct)})" if top.distinct > most else ""
    return bars(f"{_PLURAL[kind]}{of}", (_HEADING[kind], "Attempts"), rows)


def _label(summary: Summary, kind: str, value: str) -> str:
    if kind != "asns":
        return name(wording.shown(value))
    organisation = summary.tally.organisations.get(value)
    return name(f"{organisation} (AS{value})" if organisation else f"AS{value}")


def _attempts(summary: Summary, most: int) -> str:
    rows = [
        (f"{_known(who.user)}<br>{coloured('from', MUTED)} {_known(who.ip)}", count, number(count))
        for who, count in summary.tally.attempts[:most]
    ]
    return bars("User and address together", ("User, address", "Attempts"), rows)


def _known(value: str | None) -> str:
    return coloured("not known", MUTED) if value is None else name(wording.shown(value))


def news(summary: Summary) -> str:
    """Return what the days have that those before had not."""
    if summary.news is None or not summary.tally.total:
        return ""
    rows = [
        (
            _PLURAL[found.kind],
            ", ".join(
                f"{_label(summary, found.kind, value)} ({number(count)})" for value, count in found.examples[:_NAMED]
            )
            or coloured("none", MUTED),
            number(found.distinct),
            _new(found),
        )
        for found in summary.news.kinds
    ]
    caption = f"Not seen on the {summary.news.days} days before of which something is known"
    headings = ("Kind", "New ones, with attempts", "In all", "New")
    return card(heading(f"What is new {summary.when}"), table(caption, headings, (24, 48, 14, 14), rows, numbers=2))


def _new(found: Novelty) -> str:
    return text(number(found.new) if found.exact else f"about {number(found.new)}")


def fleet(summary: Summary, most: int) -> str:
    """Return what the records of several servers have in common; nothing for those of one."""
    found = wording.fleet_tables(summary)
    if not found:
        return ""
    servers, *shared = found
    rows = [(name(values[0]), count, number(count)) for values, count in servers.rows[:most]]
    blocks = [bars(servers.title, ("Server", "Attempts"), rows)]
    for one in shared:
        cells = [(name(values[0]), name(values[1]), number(count)) for values, count in one.rows[:most]]
        blocks.append(table(one.title, (*one.headings, "Attempts"), (48, 28, 24), cells, numbers=1) if cells else "")
    return card(heading("Servers"), beside(*blocks))
