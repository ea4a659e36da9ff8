"""The table fits the terminal, whatever is in it."""

import pytest

from maillogsentinel.enrich.place import NOWHERE, Place
from maillogsentinel.localtime import HOUR, MINUTE, LocalTime
from maillogsentinel.report.columns import width
from maillogsentinel.store.addresses import Active, Activity
from maillogsentinel.top.table import heading, table

TIMES = LocalTime("UTC")
NOW = 1_748_382_300_000_000  # 2025-05-27 21:45
WIDE = Active("2001:db8:1234:5678:9abc:def0:1234:5678", 12345, NOW, NOW - 90 * HOUR, 321, "用户" * 300, "ä" * 80)
ODD = Active("203.0.113.7", 2, NOW, NOW, 1, "e" + "\u0301" * 4000, None)
PLAIN = Active("203.0.113.80", 2, NOW, NOW, 1, "info", "mx.example.org")


def made(cells, *worst, place=NOWHERE, shown=str):
    return table(Activity(5, 2, 3, list(worst)), lambda ip: place, TIMES, cells, shown)


def test_all_columns_are_there_where_there_is_room():
    lines = made(200, PLAIN, place=Place("FR", 64496, "Example"))
    assert lines == [
        "ADDRESS       FAILED  USERS  LAST              SINCE             CC  TRIED MOST  ORGANISATION  HOST NAME",
        "203.0.113.80       2      1  2025-05-27 21:45  2025-05-27 21:45  FR  info        Example       mx.example.org",
    ]


@pytest.mark.parametrize("cells", [1, 10, 20, 40, 60, 79, 80, 100, 132, 200, 300])
def test_no_line_is_wider_than_the_terminal(cells):
    lines = made(cells, WIDE, ODD, PLAIN, place=Place("SG", 64501, "Ünïted 株式会社" * 20))
    assert len(lines) == 4
    assert all(width(line) <= max(cells, 3) for line in lines)
    assert all(len(line) <= 4 * max(cells, 3) for line in lines), "accents without end"


def test_columns_line_up_beside_wide_letters():
    lines = made(300, WIDE._replace(user="用户", hostname="mx.example.org"), PLAIN)
    places = {width(line[: line.index("mx.example.org")]) for line in lines[1:]}
    assert places == {width(lines[0][: lines[0].index("HOST NAME")])}


def test_a_narrow_terminal_keeps_who_and_how_often():
    lines = made(40, PLAIN, place=Place("FR", 64496, "Example"))
    assert lines[0].split() == ["ADDRESS", "FAILED", "USERS"]
    assert lines[1].split() == ["203.0.113.80", "2", "1"]


def test_what_the_terminal_cannot_show_is_counted_as_it_is_shown():
    def ascii_only(text):
        return text.encode("ascii", "backslashreplace").decode()

    lines = made(300, PLAIN._replace(user="漢"), PLAIN, shown=ascii_only)
    assert "\\u6f22" in lines[1]
    assert {line.index("mx.example") for line in lines[1:]} == {lines[0].index("HOST NAME")}


@pytest.mark.parametrize(
    "ago,text,old",
    [
        (0, "0 minutes", False), (MINUTE, "1 minute", False), (119 * MINUTE, "119 minutes", False),
        (121 * MINUTE, "2 hours", True), (47 * HOUR, "47 hours", True), (72 * HOUR, "3 days", True),
    ],
)  # fmt: skip
def test_the_heading_says_of_when_it_is(ago, text, old):
    lines = heading(Activity(5, 2, 3, []), 60, NOW, NOW + ago, TIMES)
    assert lines[0] == f"Failed logins, 60 minutes up to 2025-05-27 21:45 (logs read {text} ago)"
    assert lines[1] == "Failures: 5   addresses: 2   users tried: 3"
    assert [line for line in lines if "not of now" in line] == lines[2:]
    assert bool(lines[2:]) is old
