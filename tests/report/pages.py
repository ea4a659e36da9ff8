"""Reports with all that a page can show, of documentation addresses and names."""

import random
from datetime import date, timedelta
from typing import Any

from maillogsentinel.detect.finding import Finding
from maillogsentinel.report.summary import DatabaseAge, Gap, Loss, Summary
from maillogsentinel.report.tally import Tally, Tallying
from maillogsentinel.report.trend import FULL, NONE, PART, Day, News, Novelty, compare

from .samples import row, summary_of

LAST = date(2025, 5, 27)
USERS = [
    "info",
    "admin",
    "test",
    "contact",
    "office",
    "sales",
    "root",
    "postmaster",
    "scanner",
    "noreply",
    "kim",
    "lee",
]
NETWORKS = {
    "203.0.113": ("NL", "64497", "Example Hosting B.V."),
    "198.51.100": ("BR", "64498", "Example Telecom"),
    "192.0.2": ("FR", "64496", "Example Access, Inc."),
    "2001:db8:bad:": ("SG", "64501", "Example Cloud Pte"),
    "2001:db8:77:": ("CN", "64499", "Example Mobile"),
}
COMPROMISE = Finding(
    "login",
    "critical",
    "kim@example.org",
    '"kim@example.org" logged in from 203.0.113.50 (NL), a country never seen for this user, after 31 failures of that'
    " address.",
    31,
    1,
    1,
    examples=("203.0.113.50",),
)
FINDINGS = (
    Finding(
        "network",
        "warning",
        "203.0.113.0/24",
        "38 addresses of 203.0.113.0/24 tried 11 different users, 412 times in all.",
        412,
        11,
        38,
    ),
    Finding(
        "distributed",
        "warning",
        "info@example.org",
        '87 addresses tried the user "info@example.org" and hardly anybody else, 143 times in all: distributed'
        " guessing.",
        143,
        1,
        87,
    ),
    Finding(
        "burst",
        "notice",
        "2025-05-27 21:00",
        "From 21:00 to 22:00 there were 190 failures; the last weeks had up to 12 in such an hour as a rule.",
        190,
        0,
        0,
    ),
)


def rows(count: int, seed: int = 1) -> list[Any]:
    """Records of a day with an attack on top of the daily noise."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        place = chance.choices(list(NETWORKS), (40, 20, 12, 9, 6))[0]
        country, asn, aso = NETWORKS[place]
        end = min(254, 1 + int(chance.expovariate(0.05)))
        made.append(
            row(
                ip=f"{place}:{end:x}" if ":" in place else f"{place}.{end}",
                user=f"{USERS[min(int(chance.expovariate(0.4)), len(USERS) - 1)]}@example.org",
                reverse_dns_status=chance.choice(["OK", "Errno 1", "Errno 1", "Errno 2", "Skipped"]),
                country_code=country,
                asn=asn,
                aso=aso,
            )
        )
    return made


def days(last_day: tuple[int, ...], usual: int = 12, number: int = 29, seed: int = 2) -> tuple[Day, ...]:
    """A trend up to a day with these hours; one of its days was not read, one in part."""
    chance = random.Random(seed)
    found = []
    for place in range(number):
        day = (LAST - timedelta(days=number - 1 - place)).isoformat()
        hours = tuple(max(0, int(chance.gauss(usual + 8 * (9 < hour < 22), 5))) for hour in range(24))
        found.append(Day(day, hours, FULL))
    found[-6] = found[-6]._replace(hours=(0,) * 24, coverage=NONE)
    found[-4] = found[-4]._replace(
        hours=(*found[-4].hours[:15], *(0,) * 9), coverage=PART, blank=frozenset(range(15, 24))
    )
    found[-1] = found[-1]._replace(hours=last_day)
    return tuple(found)


NEW = {("countries", "SG"), ("asns", "64501"), ("networks", "2001:db8:bad::/48")}


def news(numbers: Tally, known: int) -> News:
    """What is new, as the numbers have it."""
    kinds = ("users", "addresses", "networks", "countries", "asns")
    return News(
        known,
        tuple(
            Novelty(kind, getattr(numbers, kind).distinct, len(numbers.chosen[kind]), True, tuple(numbers.chosen[kind]))
            for kind in kinds
        ),
    )


def attacked(**values: Any) -> Summary:
    """A day under attack, with everything that a page has a place for."""
    hours = (9, 7, 6, 4, 5, 8, 12, 14, 19, 22, 31, 26, 24, 30, 28, 26, 33, 41, 55, 96, 171, 190, 84, 31)
    with Tallying(chosen=lambda kind, name: (kind, name) in NEW or (kind == "addresses" and "bad" in name)) as counting:
        for batch in counting.batches(rows(sum(hours))):
            counting.add(batch)
        numbers = counting.finish()
    trend = days(hours)
    usual: dict[str, Any] = {
        "findings": FINDINGS,
        "allowed": 6,
        "trend": trend,
        "comparison": compare(trend[-1:], trend[:-1]),
        "news": news(numbers, 27),
        "not_covered": (Gap("2025-05-27 03:00", "2025-05-27 03:20", "the log was not read"),),
        "troubles": (("the authentication server cut the connection", 12), ("out of memory", 1)),
        "losses": (Loss("rsyslog", 1, 12),),
        "databases": (
            DatabaseAge("country", "/var/lib/maillogsentinel/user-country.mmdb", 3),
            DatabaseAge("asn", "/var/lib/maillogsentinel/origin-asn.mmdb", 3),
        ),
    }
    return summary_of(numbers, **{**usual, **values})


def quiet(**values: Any) -> Summary:
    """A day as most are: less than usual, nothing found."""
    trend = days((1,) * 24)
    with Tallying(chosen=lambda kind, name: False) as counting:
        counting.add(rows(24))
        numbers = counting.finish()
    return summary_of(
        numbers, **{"trend": trend, "comparison": compare(trend[-1:], trend[:-1]), "news": news(numbers, 28), **values}
    )


PAGES = {
    "attacked": attacked(),
    "compromised": attacked(findings=(COMPROMISE, *FINDINGS), not_covered=()),
    "quiet": quiet(),
    "unread": summary_of(
        nothing_read=True, not_covered=(Gap("2025-05-27 00:00", "2025-05-28 00:00", "the log was not read"),)
    ),
    "sample": summary_of(test=True),
}
