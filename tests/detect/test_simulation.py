"""The detectors on simulated days: not worse than docs/detection.md says, which has the numbers over many more days."""

import pytest

from tests.detect.measure import findings, score, shipped
from tests.detect.simulation import SCENARIOS, simulate

LIMITS = shipped()
SMALL = range(2)
"""Days of a small and of a middle server; a third would be one of a busy one, which takes longer."""
RECALL = {"botnet on 100 users": 0.2, "burst": 0.5}
"""What is less than all; see the page for the reasons."""

HARMLESS = "old password in a new telephone"
"""What is told as a warning, and no more."""


def test_no_alarm_on_a_quiet_day():
    found = score("quiet day", range(3), LIMITS)
    assert found.wrong_alarms.total() == 0
    assert found.wrong.total() <= 6, "and few notices, all of the busy server"


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name not in ("quiet day", HARMLESS)])
def test_an_attack_is_found_and_nothing_else_alarms(scenario):
    found = score(scenario, SMALL, LIMITS)
    right = found.right.total()
    assert right >= RECALL.get(scenario, 1.0) * (right + found.missed.total())
    assert found.wrong_alarms.total() == 0
    assert found.wrong.total() <= 4, "and few notices: users under attack with a new telephone"


@pytest.mark.parametrize("scenario", ["compromised, botnet", "compromised, sprayer", "compromised, quietly"])
def test_a_compromised_account_is_an_alarm(scenario):
    assert score(scenario, SMALL, LIMITS).right_alarms["login"] == len(SMALL)


def test_what_is_harmless_but_looks_like_guessing_is_no_more_than_a_warning():
    for seed in SMALL:
        assert not [one for one in findings(simulate(HARMLESS, seed), LIMITS) if one.severity == "critical"]


def test_the_same_seed_makes_the_same_day():
    assert simulate("compromised, botnet", 4) == simulate("compromised, botnet", 4)
    assert simulate("compromised, botnet", 4) != simulate("compromised, botnet", 7)
