"""The matcher names whom it can name, and never one who was not sent, in worlds whose truth is known."""

import json
import random

import pytest

from maillogsentinel.model import Failure
from maillogsentinel.parse.companion import Companion
from maillogsentinel.sources.matching import CROWD, LATE, MOST, PROMPT, WAIT, Answer, Matcher

SECOND = 1_000_000
T = 1_747_483_200 * SECOND


def said(user, at=0.0, ip="192.0.2.7", server="mx", kind="sql", session=False, temporary=False):
    return Companion(T + round(at * SECOND), server, ip, user, kind, session, temporary)


def failure(user=None, at=0.0, ip="192.0.2.7", server="mx", repeat=1):
    return Failure(T + round(at * SECOND), server, ip, user, None, "LOGIN", "", "smtpd", 1, repeat)


def story(*events):
    """Feed the events and return what each failure came to: the name, "trouble", or None; late answers included."""
    matcher, found = Matcher(), []
    for event in events:
        if isinstance(event, Companion):
            late = matcher.hear(event)
            if late and late[0].index >= 0:
                found[late[0].index] = outcome(late[1])
            continue
        answer = matcher.ask(event)
        found.append(outcome(answer))
        if answer is None:
            matcher.expect(event, len(found) - 1)
    return found


def outcome(answer):
    if answer is None:
        return None
    return "trouble" if answer.temporary else answer.user


def test_one_companion_names_one_failure():
    assert story(said("bob"), failure(), failure(at=0.1)) == ["bob", None]


def test_a_client_is_its_host_and_its_address():
    assert story(said("bob"), failure(ip="192.0.2.8"), failure(server="other"), failure()) == [None, None, "bob"]


def test_what_comes_too_long_before_or_behind_is_about_something_else():
    assert story(said("bob"), failure(at=WAIT / SECOND)) == ["bob"]
    assert story(said("bob"), failure(at=WAIT / SECOND + 0.1)) == [None]
    assert story(failure(), said("bob", PROMPT / SECOND)) == ["bob"]
    # Later than that it may belong to this failure or to the next one: it names neither.
    assert story(failure(), said("bob", PROMPT / SECOND + 0.1), failure(at=1)) == [None, None]
    assert story(failure(), said("bob", LATE / SECOND + 0.1), failure(at=3)) == [None, "bob"]


def test_where_companions_disagree_nobody_is_named_until_all_are_answered():
    pair = [said("bob"), said("eve", 0.1), failure(at=0.2)]
    assert story(*pair, failure(at=0.3)) == [None, None]
    assert story(*pair, said("zoe", 0.3), failure(at=0.4), failure(at=0.5)) == [None, None, None]
    # A moment of rest, and all is clear again.
    assert story(*pair, failure(at=0.3), said("zoe", 0.4), failure(at=0.5)) == [None, None, "zoe"]
    assert story(*pair, said("zoe", 6), failure(at=6.1)) == [None, "zoe"]


def test_companions_that_agree_name_as_many_failures_as_they_are():
    assert story(said("bob"), said("bob", 0.1), failure(at=0.2), failure(at=0.3), failure(at=0.4)) == [
        "bob",
        "bob",
        None,
    ]


def test_lines_of_several_kinds_are_one_attempt():
    lines = [said("bob", kind=kind) for kind in ("pam_unix", "pam", "passwd-file")]
    assert story(*lines, failure(at=0.1), failure(at=0.2)) == ["bob", None]
    assert story(lines[0], failure(), lines[1], lines[2], said("eve", 0.5, kind="pam_unix"), failure(at=0.6)) == [
        "bob",
        "eve",
    ]
    assert story(failure(), *lines, failure(at=0.5), said("eve", 0.6, kind="pam_unix")) == ["bob", "eve"]


def test_the_line_that_comes_late_names_one_failure_alone():
    assert story(failure(), said("bob", 0.1), failure(at=0.2), said("eve", 0.3)) == ["bob", "eve"]
    assert story(failure(), failure(at=0.1), said("bob", 0.2), said("eve", 0.3)) == [None, None]
    # The second companion belongs to one of the first two failures: it must not move on to the third.
    assert story(failure(), failure(at=0.1), said("bob", 0.2), failure(at=0.3), said("eve", 0.4), said("zoe", 0.5)) == [
        None,
        None,
        None,
    ]


def test_a_failure_that_postfix_named_takes_its_own_companion_away():
    assert story(said("bob"), failure("BOB", 0.1), failure(at=0.2)) == ["BOB", None]
    assert story(said("bob"), said("eve", 0.1), failure("bob", 0.2), failure(at=0.3)) == ["bob", "eve"]
    assert story(failure("bob"), said("bob", 0.1), failure(at=0.2)) == ["bob", None]
    assert story(said("x" * 61 + "..."), failure("X" * 100, 0.1), failure(at=0.2)) == ["X" * 100, None]
    assert story(said(None), failure("bob", 0.1), failure(at=0.2)) == ["bob", None]
    assert story(failure("bob"), said(None, 0.1), failure(at=0.2)) == [None, None]


def test_a_companion_without_a_name_is_one_all_the_same():
    assert story(said(None), failure(at=0.1), said("eve", 0.2), failure(at=0.3)) == [None, "eve"]
    assert story(said(None), said("eve", 0.1), failure(at=0.2)) == [None]


def test_imap_and_pop_clients_are_asked_last():
    assert story(said("imap", session=True), said("bob"), failure(at=0.1), failure(at=0.2)) == ["bob", "imap"]
    assert story(failure(), said("imap", 0.1, session=True)) == [None]


def test_a_temporary_failure_is_trouble():
    broken = said("bob", temporary=True)
    assert story(broken, failure(at=0.1), failure(at=0.2)) == ["trouble", None]
    assert story(broken, failure("bob", 0.1), failure("bob", 0.2)) == ["trouble", None]
    assert story(broken, failure("eve", 0.1)) == [None]
    for first in (failure(), failure("bob")):  # the line is not about what stands before it
        assert story(first, said("bob", 0.1, temporary=True), failure("bob", 0.2)) == [None, "trouble"]
    assert story(said("bob", kind="ldap", temporary=True), said("bob", kind="sql"), failure()) == ["trouble"]
    assert story(said("bob", kind="sql"), said("bob", kind="ldap", temporary=True), failure()) == ["trouble"]
    # Nobody is named, but whichever it was, the server could not check it.
    assert story(broken, said("eve", temporary=True), failure(at=0.1)) == ["trouble"]
    assert story(broken, said("eve"), failure(at=0.1)) == [None]


def test_a_line_that_stands_for_several_failures_names_none_and_leaves_none():
    assert story(said("bob"), said("bob"), failure(repeat=2), failure(at=0.1)) == [None, None]


def test_what_waits_goes_on_in_the_next_run():
    first = Matcher()
    first.hear(said("bob"))
    first.hear(said("eve", ip="192.0.2.8", kind="pam"))
    first.hear(said("zoe", ip="192.0.2.8"))
    first.ask(failure(ip="192.0.2.8"))
    first.expect(failure(ip="192.0.2.9"), 3)
    for number in range(CROWD + 1):
        first.hear(said(str(number), ip="192.0.2.10"))
    dumped = first.dump(T)
    second = Matcher()
    second.load(json.loads(json.dumps(dumped)))
    assert second.ask(failure(ip="192.0.2.10")) == Answer(None, False)
    assert second.dump(T) == dumped
    assert second.ask(failure()) == Answer("bob", False)
    assert second.ask(failure(ip="192.0.2.8")) == Answer(None, False)
    assert second.idle
    late = second.hear(said("amy", 0.1, ip="192.0.2.9"))
    assert late is not None and late[0].index == -1  # it is committed without a name, but the line is its own
    assert second.dump(T + 2 * WAIT) == {}
    assert first.dump(T + 2 * WAIT) == {}


def test_memory_is_bounded_and_nobody_is_named_by_what_is_left():
    matcher = Matcher()
    for number in range(3 * MOST):
        matcher.hear(said(f"u{number}", number / MOST, ip=f"198.51.{number >> 8}.{number & 255}"))
        matcher.expect(failure(at=number / MOST, ip=f"203.0.{number >> 8}.{number & 255}"), number)
    matcher.settle(T)
    dumped = matcher.dump(T + 3 * SECOND)
    assert len(dumped["attempts"]) <= MOST
    assert len(matcher.unanswered()) <= MOST
    assert matcher.ask(failure(at=3, ip=f"198.51.{(3 * MOST - 1) >> 8}.{(3 * MOST - 1) & 255}")) == Answer(None, False)
    assert matcher.ask(failure(at=3.1, ip="198.51.0.0")) is None


def test_a_crowd_names_nobody_until_it_is_gone_and_costs_little():
    for session in (False, True):
        events = [said("bob", number / 1000, session=session) for number in range(5 * CROWD)]
        assert story(*events, failure(at=0.6)) == [None]
        assert story(*events, said("eve", 4), failure(at=4.1), failure(at=4.2)) == [
            None if not session else "eve",
            None,
        ]
        assert story(*events, said("eve", 6), failure(at=6.1)) == ["eve"]
        assert story(*events, failure(at=0.6, ip="192.0.2.8"), said("amy", 0.6, ip="192.0.2.8")) == ["amy"]


class World:
    """Clients at one server, each with connections that try users one after another; the log is what Dovecot and
    Postfix write of it, and the truth is known."""

    def __init__(self, seed, connections, postfix_lag, dovecot_lag):
        self.chance = chance = random.Random(seed)
        events = []
        self.truth = {}
        for client in range(4):
            for _ in range(connections):
                at = chance.uniform(0, 10)
                for _ in range(chance.randint(1, 12)):
                    user = f"user{chance.randrange(6)}"
                    answer = at + chance.choice((0.0, 0.4, 2.0))
                    logged = answer + chance.uniform(0, postfix_lag)
                    written = at + chance.uniform(0, dovecot_lag)
                    ip, number = f"192.0.2.{client}", len(self.truth)
                    self.truth[number] = user
                    for kind in ("pam", "sql")[: 1 + client % 2]:
                        events.append((written, number, 0, said(user, written, ip, kind=kind)))
                    events.append((logged, number, 1, failure(at=logged, ip=ip)._replace(pid=number)))
                    at = max(answer, logged) + chance.uniform(0.05, 2)
        events.sort(key=lambda event: event[:3])
        self.events = [event[3] for event in events]
        self.numbers = [event.pid for event in self.events if isinstance(event, Failure)]

    def named(self):
        """The numbers of the attempts that were named, and those of them that were named wrongly."""
        got = {number: user for number, user in zip(self.numbers, story(*self.events), strict=True) if user}
        return set(got), {number for number, user in got.items() if self.truth[number] != user}


@pytest.mark.parametrize("connections", [1, 2, 3, 6])
def test_no_name_is_wrong_where_dovecots_line_comes_first(connections):
    named = of = 0
    for seed in range(40):
        world = World(seed, connections, postfix_lag=1.0, dovecot_lag=0.0)
        right, wrong = world.named()
        assert not wrong
        named, of = named + len(right), of + len(world.truth)
    assert named > of * (0.99 if connections == 1 else 0.1)


def test_no_name_is_wrong_where_one_connection_tries_and_the_lines_come_in_any_order():
    named = of = 0
    for seed in range(100):
        world = World(seed, 1, postfix_lag=0.0, dovecot_lag=0.04)
        right, wrong = world.named()
        assert not wrong
        named, of = named + len(right), of + len(world.truth)
    assert named > of * 0.95


def test_missing_companions_leave_most_names_right():
    named = wrong = of = 0
    for seed in range(40):
        world = World(seed, 1, postfix_lag=1.0, dovecot_lag=0.0)
        world.events = [event for event in world.events if isinstance(event, Failure) or world.chance.random() > 0.2]
        got, bad = world.named()
        named, wrong, of = named + len(got), wrong + len(bad), of + len(world.truth)
    assert wrong <= of * 0.02
    assert named > of * 0.3
