"""Lines that stand for more than one failure: how many, of what, and when nobody can know."""

import pytest

from maillogsentinel.model import Failure
from maillogsentinel.parse.postfix import read
from maillogsentinel.parse.repeats import MOST, last_message, records
from maillogsentinel.parse.stamp import Clock

CLOCK = Clock(1_747_483_200_000_000)
BEFORE = Failure(1, "mx", "192.0.2.7", "bob", None, "LOGIN", "x", "smtpd", 321, 1)


@pytest.fixture(autouse=True)
def universal(zone):
    zone("UTC")


def last(line, before=BEFORE):
    return last_message(line.encode(), before, CLOCK)


@pytest.mark.parametrize(
    "line",
    [
        "May 17 11:13:30 mx last message repeated 4 times",
        "May 17 11:13:30 mx last message repeated 4 time",
        "May 17 11:13:30 mx syslogd: last message repeated 4 times",
        "May 17 11:13:30 mx --- last message repeated 4 times ---",
        "May 17 11:13:30 last message repeated 4 times",
        "May 17 11:13:30 <2.4> mx last message repeated 4 times",
        "May 17 11:13:30 <mail.warn> last message repeated 4 times",
        "2025-05-17T11:13:30+00:00 mx last message repeated 4 times",
        "May 17 11:13:30 mx syslog-ng[5]: Last message 'warning: unknown[192' repeated 4 times, suppressed by syslog-ng"
        " on mx",
    ],
)
def test_each_daemons_words_repeat_the_failure_before_at_their_own_time(line):
    found, count, warning = last(line)
    assert found == BEFORE._replace(stamp=1_747_480_410_000_000, repeat=4)
    assert (count, warning) == (4, None)


@pytest.mark.parametrize(
    "line",
    [
        "May 17 11:13:30 other last message repeated 4 times",
        "May 17 11:13:30 other syslogd: last message repeated 4 times",
        "May 17 11:13:30 other syslog-ng[5]: Last message 'warning: unknown[192' repeated 4 times, suppressed by"
        " syslog-ng on other",
        "May 17 11:13:30 mx syslog-ng[5]: Last message 'warning: a[203' repeated 4 times, suppressed by syslog-ng",
        "May 17 11:13:30 mx syslog-ng[5]: Last message 'connect from unkno' repeated 4 times, suppressed by syslog-ng",
        "May 17 11:13:30 mx syslog-ng[5]: Last message 'warning: unknown[192' repeated 4 times",
        "last message repeated 4 times",
        "Feb 30 11:13:30 mx last message repeated 4 times",
        "May 17 11:13:30 mx last message repeated 4 times or so",
        "May 17 11:13:30 mx last message repeated many times",
        "May 17 11:13:30 mx postfix/smtpd[1]: connect from unknown[192.0.2.7]; last message repeated 4 times",
        "May 17 11:13:30 mx postfix/smtpd[1]: last message repeated 4 times",
        "May 17 11:13:30 mx " + "x" * 17_000 + " last message repeated 4 times",
        "",
    ],
)
def test_what_repeats_another_line_or_none_is_not_taken(line):
    assert last(line) is None


def test_a_failure_without_a_host_takes_a_repeat_of_any():
    assert last("May 17 11:13:30 mx last message repeated 2 times", BEFORE._replace(server=None))[1] == 2


def test_syslog_ngs_twenty_characters_may_go_beyond_the_client():
    short = BEFORE._replace(ip="2001:db8::1", hostname="a.b")
    line = (
        "May 17 11:13:30 mx syslog-ng[5]: Last message 'warning: a.b[2001:db' repeated 2 times, suppressed by syslog-ng"
    )
    assert last(line, short)[1] == 2
    tiny = BEFORE._replace(ip=None, hostname="a")
    line = (
        "May 17 11:13:30 mx syslog-ng[5]: Last message 'warning: a[unknown]:' repeated 2 times, suppressed by syslog-ng"
    )
    assert last(line, tiny)[1] == 2


def test_more_than_anybody_folds_is_one_record_and_a_warning():
    found, count, warning = last(f"May 17 11:13:30 mx last message repeated {MOST} times")
    assert (count, warning) == (MOST, None)
    found, count, warning = last(f"May 17 11:13:30 mx last message repeated {MOST + 1} times")
    assert (count, found.repeat) == (1, MOST + 1)
    assert str(MOST + 1) in warning


def test_rsyslogs_line_is_believed_behind_a_failure_only():
    line = (
        "May 17 11:13:30 mx postfix/smtpd[1]: message repeated {} times: [ warning: a[192.0.2.7]: SASL X authentication"
    )
    line += " failed: y]"
    three = read(line.format(3).encode(), CLOCK)
    assert records(three, True) == (3, None)
    count, warning = records(three, False)
    assert count == 1
    assert "3 repeats" in warning
    assert records(read(line.format(MOST).encode(), CLOCK), True) == (MOST, None)
    count, warning = records(read(line.format(MOST + 1).encode(), CLOCK), True)
    assert count == 1
    assert warning
    assert records(BEFORE, False) == (1, None)
