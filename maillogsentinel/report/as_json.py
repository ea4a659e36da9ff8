"""The report as one JSON object, for other programs."""

import json
from typing import Any

from maillogsentinel.report.fleet import Fleet, Shared
from maillogsentinel.report.summary import Summary
from maillogsentinel.report.tally import Top
from maillogsentinel.report.trend import NONE, Comparison, Day, News, Novelty
from maillogsentinel.report.verdict import verdict


def render(summary: Summary) -> str:
    r"""Return the object as one line of ASCII (other characters as ``\uNNNN``) that ends in a newline.

    Its form is docs/report.schema.json; later versions may add keys. Unknown values are null; so is total, and all that
    is counted, when the coverage is ``none``.
    """
    tally = summary.tally
    known = summary.coverage != "none"
    lists = ("users", "addresses", "networks", "countries", "asos", "asns")
    counted: dict[str, Any] = {
        "total": tally.total,
        "attempts": [{**who._asdict(), "count": number} for who, number in tally.attempts],
        **{name: _list(getattr(tally, name)) for name in lists},
        "reverse_dns": {
            "failed": sum(tally.dns_failed.values()),
            "by_errno": {str(errno): number for errno, number in tally.dns_failed.items()},
            "not_asked": tally.dns_skipped,
        },
        "fleet": _fleet(tally.fleet) if tally.fleet else None,
    }
    report = {
        "version": summary.version,
        "test": summary.test,
        "reported_at": summary.reported_at,
        "interval": summary.interval,
        "server": {"name": summary.server_name, "address": summary.server_address or None},
        "first_day": summary.first_day,
        "last_day": summary.last_day,
        "today": summary.today,
        "coverage": "part" if summary.trend_note and summary.coverage == "full" else summary.coverage,
        "read_until": summary.read_until or None,
        "kept_since": summary.kept_since or None,
        "verdict": verdict(summary)._asdict(),
        "comparison": _comparison(summary.comparison) if summary.comparison else None,
        **(counted if known else dict.fromkeys(counted)),
        "findings": [finding._asdict() for finding in summary.findings],
        "more_findings": summary.more_findings,
        "allowed": summary.allowed,
        "not_looked_for": list(summary.not_looked_for),
        "new": _news(summary.news) if summary.news else None,
        "trend": [_day(day) for day in summary.trend],
        "trend_note": summary.trend_note or None,
        "not_covered": [gap._asdict() for gap in summary.not_covered],
        "losses": [loss._asdict() for loss in summary.losses],
        "troubles": [{"kind": kind, "count": number} for kind, number in summary.troubles],
        "notices": list(summary.notices),
        "databases": [database._asdict() for database in summary.databases],
        "csv": {"path": summary.csv_path, "bytes": summary.csv_size, "lines": summary.csv_lines},
    }
    return json.dumps(report) + "\n"


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        "failures": found.failures,
        "until_hour": found.until,
        "week": found.week._asdict(),
        "month": found.month._asdict(),
        "factor": found.factor,
    }


def _news(news: News) -> dict[str, Any]:
    return {"days": news.days, **{found.kind: _novelty(found) for found in news.kinds}}


def _novelty(found: Novelty) -> dict[str, Any]:
    examples = [{"value": value, "count": number} for value, number in found.examples]
    return {"distinct": found.distinct, "new": found.new, "exact": found.exact, "examples": examples}


def _day(day: Day) -> dict[str, Any]:
    known = day.coverage != NONE
    return {
        "day": day.day,
        "coverage": day.coverage,
        "failures": day.failures if known else None,
        "hours": [None if hour in day.blank else count for hour, count in enumerate(day.hours)] if known else None,
    }


def _fleet(fleet: Fleet) -> dict[str, Any]:
    servers = Top(fleet.servers, 0, fleet.distinct)
    lists = ("addresses", "networks", "users")
    return {"servers": _list(servers), **{name: _shared(getattr(fleet, name)) for name in lists}}


def _shared(shared: Shared) -> dict[str, Any]:
    return {
        "top": [{"value": value, "servers": servers, "count": number} for value, servers, number in shared.ranked],
        "distinct": shared.distinct,
    }


def _list(top: Top) -> dict[str, Any]:
    return {
        "top": [{"value": value, "count": number} for value, number in top.ranked],
        "unknown": top.unknown,
        "distinct": top.distinct,
    }
