"""Hours beside the same hours of the weeks before."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maillogsentinel.detect.bursts import HISTORY, bursts, spans
from maillogsentinel.detect.finding import Finding, order
from maillogsentinel.detect.thresholds import Thresholds

DAY = "2025-05-27"
LIMITS = Thresholds(burst_factor=5, burst_minimum=50, warning_factor=3)
USUAL = [[20] * 24 for _ in range(28)]


def hours(**counts):
    """A day with 20 failures in each hour but those named, as h03=100."""
    return [counts.get(f"h{hour:02}", 20) for hour in range(24)]


def test_bursts_are_also_given_with_their_hours():
    found = spans(DAY, hours(h03=100, h04=300, h23=100), USUAL, LIMITS)
    assert [(burst.hours, burst.finding.subject) for burst in found] == [
        ((3, 5), f"{DAY} 03:00"),
        ((23, 24), f"{DAY} 23:00"),
    ]


def test_an_hour_of_five_times_the_usual_failures_is_a_burst_and_one_of_less_is_none():
    assert bursts(DAY, hours(h03=100), USUAL, LIMITS) == [
        Finding(
            "burst", "notice", "2025-05-27 03:00",
            "From 03:00 to 04:00 there were 100 failures; the last weeks had up to 20 in such an hour as a rule.",
            100, 0, 0,
        )
    ]  # fmt: skip
    assert bursts(DAY, hours(h03=99), USUAL, LIMITS) == []


def test_hours_that_follow_each_other_are_one_burst_and_others_are_several():
    found = bursts(DAY, hours(h03=100, h04=300, h05=100, h07=100, h23=200), USUAL, LIMITS)
    assert [(one.subject, one.attempts, one.severity) for one in found] == [
        ("2025-05-27 03:00", 500, "warning"), ("2025-05-27 23:00", 200, "notice"), ("2025-05-27 07:00", 100, "notice"),
    ]  # fmt: skip
    assert found[0].sentence == (
        "From 03:00 to 06:00 there were 500 failures, 300 of them from 04:00 on; the last weeks had up to 20 in such an"
        " hour as a rule."
    )


def test_few_failures_are_no_burst_however_quiet_it_was():
    quiet = [[0] * 24] * 28
    assert bursts(DAY, [0] * 23 + [49], quiet, LIMITS) == []
    (found,) = bursts(DAY, [0] * 23 + [50], quiet, LIMITS)
    assert (
        found.sentence
        == "From 23:00 to 24:00 there were 50 failures; the last weeks had none in such an hour as a rule."
    )


def test_without_a_week_before_it_nothing_is_a_burst():
    assert bursts(DAY, [10_000] * 24, USUAL[: HISTORY - 1], LIMITS) == []
    assert len(bursts(DAY, [10_000] * 24, USUAL[:HISTORY], LIMITS)) == 1


def test_zero_looks_for_none():
    assert bursts(DAY, [10_000] * 24, USUAL, LIMITS._replace(burst_factor=0)) == []


def test_bursts_of_some_earlier_days_hide_none():
    outliers = [[5_000] * 24] * 6 + USUAL[6:]
    assert len(bursts(DAY, hours(h03=100), outliers, LIMITS)) == 1


def test_what_every_third_day_has_is_no_burst_and_what_every_fourth_has_is_one():
    often = [[100] * 24] * 8 + USUAL[8:]
    assert bursts(DAY, hours(h03=499), often, LIMITS) == []
    assert len(bursts(DAY, hours(h03=499), [[100] * 24] * 7 + USUAL[7:], LIMITS)) == 1


def test_what_comes_daily_is_no_burst_nor_is_it_when_it_comes_an_hour_late():
    daily = [[20] * 3 + [400] + [20] * 20 for _ in range(28)]
    for late in ({"h02": 400}, {"h03": 400}, {"h04": 400}):
        assert bursts(DAY, hours(**late), daily, LIMITS) == []
    assert len(bursts(DAY, hours(h06=400), daily, LIMITS)) == 1


@pytest.mark.parametrize("seed", range(20))
def test_an_ordinary_day_has_no_burst_at_any_size(seed):
    chance = random.Random(seed)
    busy = 10 ** chance.uniform(0, 4)

    def day():
        factor = busy * chance.lognormvariate(0, 0.3)
        return [int(factor * (1 + (9 < hour < 18)) * chance.uniform(0.5, 1.5)) for hour in range(24)]

    assert bursts(DAY, day(), [day() for _ in range(28)], LIMITS) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 500), min_size=24, max_size=24), min_size=8, max_size=29), st.randoms())
def test_the_order_of_earlier_days_makes_no_difference(days, chance):
    found = bursts(DAY, days[0], days[1:], LIMITS)
    assert found == sorted(found, key=order)
    earlier = days[1:]
    chance.shuffle(earlier)
    assert bursts(DAY, days[0], earlier, LIMITS) == found
