import json
from pathlib import Path

import pytest

from maillogsentinel.report.as_json import render
from maillogsentinel.report.summary import Gap, Loss
from maillogsentinel.report.tally import tally

from .pages import PAGES
from .samples import HOSTILE, hostile_rows, known_numbers, row, summary_of
from .test_text import REPORTS

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/report.schema.json").read_text(encoding="utf-8"))
KEYS = list(SCHEMA["properties"])
ALL = {**REPORTS, **PAGES}


@pytest.fixture
def schema():
    """What judges an object by the documented form, in which here nothing else may stand."""
    jsonschema = pytest.importorskip("jsonschema", reason="install the Debian package python3-jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(_closed(SCHEMA))


def _closed(part):
    """The schema, in which objects have the documented keys and no others."""
    if isinstance(part, list):
        return [_closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    closed = {key: _closed(one) for key, one in part.items()}
    return {"additionalProperties": False, **closed} if "required" in part else closed


@pytest.mark.parametrize("name", ALL)
def test_every_report_has_the_documented_form(schema, name):
    schema.validate(json.loads(render(ALL[name])))


def test_so_has_the_report_of_a_fleet(schema):
    numbers = tally([row(server=f"mx{n % 3}", user=f"user{n % 7}") for n in range(50)], several_servers=True)
    found = json.loads(render(summary_of(numbers, trend_note="A note.")))
    assert found["coverage"] == "part"
    schema.validate(found)
    assert found["fleet"]["users"]["distinct"] == 7


def test_what_detection_and_the_days_before_say_is_there():
    found = json.loads(render(PAGES["compromised"]))
    assert found["verdict"] == {"level": "critical", "sentence": "Possible compromise of kim@example.org."}
    assert [finding["kind"] for finding in found["findings"]] == ["login", "network", "distributed", "burst"]
    assert (found["comparison"]["failures"], found["comparison"]["month"]["days"]) == (972, 26)
    assert found["new"]["countries"] == {
        "distinct": 5, "new": 1, "exact": True, "examples": [{"value": "SG", "count": 107}]
    }  # fmt: skip
    trend = {day["day"]: day for day in found["trend"]}
    assert trend["2025-05-22"] == {"day": "2025-05-22", "coverage": "none", "failures": None, "hours": None}
    assert trend["2025-05-24"]["hours"][14:16] == [15, None]
    assert trend["2025-05-27"]["failures"] == 972


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
