"""What is news: of the last day, severe enough, and not told within the quiet time."""

import pytest

from maillogsentinel.detect import telling
from maillogsentinel.detect.finding import Finding

HOUR = 3_600_000_000
NOW = 1_800_000_000_000_000


def found(severity="warning", last=NOW):
    return Finding("spraying", severity, "192.0.2.7", "It tried.", 3, 3, 1, first=last, last=last)


@pytest.mark.parametrize(
    ("hours", "near"), [(0, True), (24, True), (25, False), (-24, True), (-25, False), (-24 * 365, False)]
)
def test_only_what_lies_within_a_day_of_the_present_is_near(hours, near):
    assert telling.near(found(last=NOW - hours * HOUR), NOW) is near


def test_what_has_no_time_is_not_near():
    assert not telling.near(found(last=None), NOW)


@pytest.mark.parametrize(
    ("minimum", "told"),
    [
        ("notice", ["notice", "warning", "critical"]),
        ("warning", ["warning", "critical"]),
        ("critical", ["critical"]),
    ],
)
def test_what_is_critical_is_severe_enough_whatever_the_minimum(minimum, told):
    assert [name for name in ("notice", "warning", "critical") if telling.severe(found(name), minimum)] == told


@pytest.mark.parametrize(
    ("told", "quiet"),
    [
        (None, False),
        ((NOW - 5 * HOUR, "warning"), True),
        ((NOW - 6 * HOUR, "warning"), False),
        ((NOW - 5 * HOUR, "critical"), True),
        ((NOW - 5 * HOUR, "notice"), False),
        ((NOW, "warning"), True),
    ],
)
def test_it_is_quiet_for_the_hours_given_unless_the_severity_rose(told, quiet):
    assert telling.quiet(found(), told, NOW, 6) is quiet


def test_without_a_quiet_time_all_is_told():
    assert not telling.quiet(found(), (NOW, "critical"), NOW, 0)
