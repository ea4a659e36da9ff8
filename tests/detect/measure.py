"""Measure the detectors on simulated days: precision and recall of each, as the tables in docs/detection.md."""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from maillogsentinel import options
from maillogsentinel.config import Config
from maillogsentinel.detect.bursts import bursts
from maillogsentinel.detect.finding import KINDS, Finding
from maillogsentinel.detect.logins import compromises
from maillogsentinel.detect.patterns import patterns
from maillogsentinel.detect.thresholds import Thresholds, thresholds
from tests.detect.simulation import BAIT, SCENARIOS, Day, simulate


def shipped() -> Thresholds:
    """Return the thresholds as shipped, and one bait user."""
    return thresholds(Config({options.BAIT_USERS: frozenset({BAIT})}, {}, []))


def findings(day: Day, limits: Thresholds) -> list[Finding]:
    """Return all that is found in a day."""
    return [
        *patterns(day.attempts(), limits).findings,
        *compromises(day.logins, day.before(), limits, day.remembered),
        *bursts("2024-10-04", day.hours, day.earlier, limits),
    ]


class Score(NamedTuple):
    """How often each detector was right, by kind; alarms are findings above notice."""

    right: Counter[str]
    wrong: Counter[str]
    missed: Counter[str]
    right_alarms: Counter[str]
    wrong_alarms: Counter[str]


def score(scenario: str, seeds: range, limits: Thresholds) -> Score:
    """Return the numbers over the days of one scenario."""
    result = Score(Counter(), Counter(), Counter(), Counter(), Counter())
    for seed in seeds:
        day = simulate(scenario, seed)
        found = {(one.kind, one.subject): one for one in findings(day, limits)}
        for key, one in found.items():
            if one.kind in day.also and key not in day.labels:
                continue
            (result.right if key in day.labels else result.wrong)[one.kind] += 1
            if one.severity != "notice":
                (result.right_alarms if key in day.labels else result.wrong_alarms)[one.kind] += 1
        result.missed.update(kind for kind, subject in day.labels - found.keys())
    return result


def share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the detectors on simulated days.")
    parser.add_argument("--seeds", type=int, default=51, metavar="N", help="days of each scenario")
    seeds = range(parser.parse_args().seeds)
    limits = shipped()
    scores = {name: score(name, seeds, limits) for name in SCENARIOS}
    print("| simulated day | to be found | found | of these alarms | found beside | of these alarms |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, one in scores.items():
        right, wrong, missed = one.right.total(), one.wrong.total(), one.missed.total()
        alarms = f"{one.right_alarms.total()} | {wrong} | {one.wrong_alarms.total()}"
        print(f"| {name} | {right + missed} | {right} | {alarms} |")
    print("\n| detector | right | wrong | missed | precision | recall | precision of alarms |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for kind in KINDS:
        columns = zip(*scores.values(), strict=True)
        right, wrong, missed, right_alarms, wrong_alarms = (sum(one[kind] for one in column) for column in columns)
        rates = (
            share(right, right + wrong),
            share(right, right + missed),
            share(right_alarms, right_alarms + wrong_alarms),
        )
        print(f"| {kind} | {right} | {wrong} | {missed} | {' | '.join(rates)} |")


if __name__ == "__main__":
    main()
