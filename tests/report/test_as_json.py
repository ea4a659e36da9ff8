import json

from maillogsentinel.report.as_json import render
from maillogsentinel.report.summary import Gap, Loss
from maillogsentinel.report.tally import tally

from .samples import HOSTILE, hostile_rows, known_numbers, row, summary_of

KEYS = [
    "version", "test", "reported_at", "interval", "server", "first_day", "last_day", "today", "coverage", "read_until",
    "total", "attempts", "users", "addresses", "countries", "asos", "asns", "reverse_dns", "fleet", "not_covered",
    "losses", "troubles",
    "notices", "csv",
]  # fmt: skip


def test_the_report_is_one_object_on_one_line_with_the_documented_keys():
    text = render(summary_of(tally(hostile_rows(3))))
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    assert text.isascii()
    assert list(json.loads(text)) == KEYS


def test_the_numbers_are_those_of_the_tally():
    found = json.loads(render(summary_of(known_numbers())))
    assert found["total"] == 40
    assert found["attempts"][8] == {"user": None, "ip": "151.249.66.31", "hostname": None, "count": 1}
    assert found["users"]["top"][1] == {"value": "user.1@domain.tld", "count": 6}
    assert (found["countries"]["unknown"], found["countries"]["distinct"]) == (27, 8)
    assert found["reverse_dns"] == {"failed": 26, "by_errno": {"1": 24, "2": 2}, "not_asked": 3}
    assert found["csv"] == {"path": "/var/lib/maillogsentinel/maillogsentinel.csv", "bytes": 246886, "lines": 3613}


def test_every_value_comes_back_as_it_was():
    for user in HOSTILE:
        assert json.loads(render(summary_of(tally([row(user=user)]))))["users"]["top"][0]["value"] == user


def test_what_is_beside_the_numbers_is_told():
    gap = Gap("2025-05-27 03:00", "2025-05-27 05:00", "gone")
    loss = Loss("session", 2, 3)
    summary = summary_of(
        not_covered=(gap,), losses=(loss,), troubles=(("lost", 2),), notices=("old",), test=True, server_address=""
    )
    found = json.loads(render(summary))
    assert found["not_covered"] == [{"start": "2025-05-27 03:00", "end": "2025-05-27 05:00", "why": "gone"}]
    assert found["losses"] == [{"kind": "session", "times": 2, "missing": 3}]
    assert found["troubles"] == [{"kind": "lost", "count": 2}]
    assert (found["notices"], found["test"], found["coverage"]) == (["old"], True, "part")
    assert found["server"] == {"name": "mail.example.org", "address": None}


def test_a_day_that_was_not_read_has_no_total():
    found = json.loads(render(summary_of(nothing_read=True)))
    assert list(found) == KEYS
    assert (found["coverage"], found["total"], found["users"], found["reverse_dns"]) == ("none", None, None, None)
    assert json.loads(render(summary_of()))["total"] == 0
