"""Whether the clock was set: what went by on the wall beside what went by since the start of the machine."""

import pytest

from maillogsentinel.clock import Moment, moment, sentence, set_by

HOUR = 3_600_000_000
DAY = 24 * HOUR
BEFORE = Moment("boot", 5 * HOUR, 1_800_000_000_000_000)


def after(uptime, wall, boot="boot"):
    return Moment(boot, BEFORE.uptime + uptime, BEFORE.wall + wall)


@pytest.mark.parametrize(
    ("later", "shift"),
    [
        (after(HOUR, HOUR), 0),
        (after(HOUR, HOUR + 60_000_000), 0),
        (after(30 * DAY, 30 * DAY), 0),
        (after(HOUR, 4 * HOUR), 3 * HOUR),
        (after(HOUR, -2 * HOUR), -3 * HOUR),
        (after(-4 * HOUR, 20 * DAY, "another"), 0),
        (after(-4 * HOUR, -20 * DAY, "another"), -20 * DAY),
        (after(HOUR, 9 * HOUR, ""), 0),
    ],
)
def test_only_what_no_time_explains_was_set(later, shift):
    assert set_by(BEFORE, later) == shift


def test_where_nobody_knows_the_start_of_the_machine_only_going_back_is_seen():
    unknown = BEFORE._replace(boot="")
    assert set_by(unknown, unknown._replace(wall=unknown.wall + DAY)) == 0
    assert set_by(unknown, unknown._replace(wall=unknown.wall - DAY)) == -DAY


def test_this_machine_does_not_set_its_clock_between_two_looks():
    assert set_by(moment(), moment()) == 0


def test_the_sentence_says_which_way_and_how_far():
    assert sentence(3 * HOUR).startswith("This host's clock was set forward by about 3 hours: ")
    assert sentence(-49 * HOUR).startswith("This host's clock was set back by about 2 days: ")
