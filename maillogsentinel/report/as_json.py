"""The report as one JSON object, for other programs."""

import json
from typing import Any

from maillogsentinel.report.fleet import Fleet, Shared
from maillogsentinel.report.summary import Summary
from maillogsentinel.report.tally import Top


def render(summary: Summary) -> str:
    r"""Return the object as one line of ASCII (other characters as ``\uNNNN``) that ends in a newline.

    Keys, which later versions may add to: version, test, reported_at, interval, server (name, address), first_day,
    last_day, today, coverage (``full``, ``part`` or ``none``), read_until, total, attempts (user, ip, hostname, count),
    users, addresses, countries, asos, asns (each: top, a list of value and count; unknown; distinct), reverse_dns
    (failed, by_errno, not_asked), fleet (null but for CSVs that were named; servers, as the lists before; addresses,
    networks and users, each: top, a list of value, servers and count; distinct, how many several servers have seen),
    not_covered (start, end, why), losses (kind: ``session``, ``rsyslog`` or ``journald``; times; missing), troubles
    (kind, count), notices, csv (path, bytes, lines). Unknown values are null;
    so is total, and all that is counted, when the coverage is ``none``.
    """
    tally = summary.tally
    known = summary.coverage != "none"
    lists = ("users", "addresses", "countries", "asos", "asns")
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
        "coverage": summary.coverage,
        "read_until": summary.read_until or None,
        **(counted if known else dict.fromkeys(counted)),
        "not_covered": [gap._asdict() for gap in summary.not_covered],
        "losses": [loss._asdict() for loss in summary.losses],
        "troubles": [{"kind": kind, "count": number} for kind, number in summary.troubles],
        "notices": list(summary.notices),
        "csv": {"path": summary.csv_path, "bytes": summary.csv_size, "lines": summary.csv_lines},
    }
    return json.dumps(report) + "\n"


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
