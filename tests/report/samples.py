"""Rows, tallies, summaries and configurations that several tests here start from."""

import random
from pathlib import Path
from typing import Any

from maillogsentinel import config
from maillogsentinel.model import Row
from maillogsentinel.report.summary import Summary
from maillogsentinel.report.tally import Attempt, Tally, Top, tally


def row(**values: Any) -> Row:
    """A record; what `values` does not say is that of a common failure."""
    usual = {
        "server": "mx",
        "date": "2025-05-27 11:13",
        "ip": "192.0.2.7",
        "user": "bob",
        "hostname": None,
        "reverse_dns_status": "Errno 1",
        "country_code": "CN",
        "asn": "4837",
        "aso": "CHINA UNICOM",
    }
    return Row(**{**usual, **values})


HOSTILE = [
    "bob", "Bob", "", " ", "  bob  ", "null", "'null", "漢字ユーザー", "ＦＵＬＬ", "😀😀😀", "e\u0301" * 20,
    "\u0301" * 900, "x" * 2000, "漢" * 500, "\U0010ffff", "\U0010ffff\U0010ffff", "\uffff", "ä", "z", "\u200b" * 40,
    "\u1112\u1161\u11ab",
    "<script>alert(1)</script>", "&amp;", '"><img src=x>', "ישראל", "a\\x00b", "\\u202E", "=1+1", "a, b; c",
]  # fmt: skip


def hostile_rows(seed: int, count: int = 400) -> list[Row]:
    """Rows of few different values each, so that counts tie; every column that can be unknown sometimes is."""
    chance = random.Random(seed)
    pick = chance.choice
    return [
        row(
            ip=pick([None, "192.0.2.1", "192.0.2.10", "2001:db8::1"]),
            user=pick([None, *HOSTILE]),
            hostname=pick([None, "a.example", "A.example", "h" * 255]),
            reverse_dns_status=pick(["OK", "Skipped", "Errno 1", "Errno 2", "Errno 4"]),
            country_code=pick([None, "CN", "RU", "AU", "FR"]),
            asn=pick([None, *map(str, range(30))]),
            aso=pick([None, *HOSTILE[:20]]),
        )
        for _ in range(count)
    ]


def top(pairs: list[tuple[str, int]], unknown: int = 0) -> Top:
    return Top(pairs, unknown, len(pairs))


def summary_of(numbers: Tally | None = None, **values: Any) -> Summary:
    """A report of the whole of 2025-05-27, mailed the night after; `values` replace its fields."""
    usual: dict[str, Any] = {
        "version": "1.0.0",
        "interval": "hourly",
        "reported_at": "2025-05-28 00:07",
        "server_name": "mail.example.org",
        "server_address": "192.0.2.25",
        "first_day": "2025-05-27",
        "last_day": "2025-05-27",
        "today": False,
        "tally": numbers if numbers is not None else tally([]),
        "csv_path": "/var/lib/maillogsentinel/maillogsentinel.csv",
        "csv_size": 246_886,
        "csv_lines": 3613,
        "attachment": "Please see attached: maillogsentinel.csv",
    }
    return Summary(**{**usual, **values})


def known_numbers() -> Tally:
    """The numbers of the report that the first version's documentation showed."""
    attempts = [
        ("user.1@domain.tld", "220.182.17.122", None),
        ("user.1", "81.189.180.120", None),
        ("qijoxuli@domain.tld", "31.25.31.12", "121.31.25.31.convex-tagil.ru"),
        ("qijoxuli", "124.155.204.160", "124.155.204-160.unknown.starhub.net.sg"),
        ("user2@domain.tld", "91.45.76.228", "p5b2d4ce4.dip0.t-ipconnect.de"),
        ("user2", "158.222.23.245", None),
        ("info@domain.com", "208.56.156.50", "dynamic-208.56.156.50.tvscable.com"),
        ("user.1@domain.tld", "74.208.177.56", None),
        (None, "151.249.66.31", None),
        ("info@domain.com", "73.197.194.98", "c-73-197-194-98.hsd1.nj.comcast.net"),
    ]
    users = [("user.1", 12), ("user.1@domain.tld", 6), ("contact@domain.com", 3), ("qijoxuli", 1)]
    countries = [("CN", 6), ("RU", 1), ("MY", 1), ("AU", 1), ("AE", 1), ("BR", 1), ("US", 1), ("MD", 1)]
    asos = [
        ("CHINA UNICOM China169 Backbone", 2),
        ("PJSC Moscow city telephone network", 1),
        ("Hulum Almustakbal Company for Communication Engineering and Services Ltd", 1),
    ]
    return Tally(
        total=40,
        attempts=[(Attempt(*who), 1) for who in attempts],
        users=top(users, 18),
        addresses=top([("192.0.2.7", 40)]),
        countries=top(countries, 27),
        asos=top(asos, 27),
        asns=top([("4837", 2), ("25513", 1), ("203214", 1)], 27),
        dns_failed={1: 24, 2: 2},
        dns_skipped=3,
    )


def configured(tmp_path: Path, **report: object) -> config.Config:
    """The configuration whose section [report] has these values."""
    path = tmp_path / "maillogsentinel.conf"
    path.write_text("[report]\n" + "".join(f"{key} = {value}\n" for key, value in report.items()))
    return config.load(str(path))
