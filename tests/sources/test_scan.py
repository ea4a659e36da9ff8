"""The scanner finds what `read` finds line by line, wherever blocks end, and knows the line behind a failure."""

import json
import random

import pytest

from maillogsentinel.model import Failure, Trouble
from maillogsentinel.parse import repeats
from maillogsentinel.parse.postfix import read
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.scan import Batch, Scanner

CLOCK = Clock(1_747_483_200_000_000)


@pytest.fixture(autouse=True)
def universal(zone):
    zone("UTC")


def said(message, host="mx", program="postfix/smtpd[321]", second=0):
    return f"May 17 11:13:{second:02d} {host} {program}: {message}\n".encode()


def fail(user="bob", host="mx", second=0, ip="192.0.2.7"):
    return said(
        f"warning: unknown[{ip}]: SASL LOGIN authentication failed: x, sasl_username={user}", host, second=second
    )


def last(times, host="mx"):
    return f"May 17 11:13:30 {host} last message repeated {times} times\n".encode()


def again(times, user="bob"):
    return said(
        f"message repeated {times} times: [ warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x,"
        f" sasl_username={user}]"
    )


OTHER = said("connect from unknown[192.0.2.7]")
TROUBLE = said("warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: generic failure")


def scan(*blocks, adjacent=None):
    """Each failure's user and number of records, the troubles, and the scanner."""
    scanner = Scanner(adjacent)
    batch = Batch()
    for block in blocks:
        scanner.scan(Block(block, len(block)), CLOCK, batch)
    return [(failure.user, failure.repeat) for failure in batch.failures], batch.troubles, scanner


def test_only_failures_are_found_and_in_their_order():
    found, troubles, scanner = scan(OTHER + fail("a") + OTHER + OTHER + fail("b") + fail("c") + OTHER)
    assert found == [("a", 1), ("b", 1), ("c", 1)]
    assert (troubles, scanner.warnings, scanner.adjacent) == ([], [], None)


def test_nothing_is_found_in_nothing():
    assert scan(b"")[0] == scan(b"\n" * 1000)[0] == scan(b"\0" * 1000)[0] == []


def test_trouble_is_told_apart():
    found, troubles, _ = scan(TROUBLE + fail("a") + TROUBLE)
    assert found == [("a", 1)]
    assert [type(one) for one in troubles] == [Trouble, Trouble]


def test_a_missing_authentication_server_counts_once_for_its_two_lines():
    lines = said("warning: SASL: Connect to private/auth failed: No such file or directory")
    lines += said("fatal: no SASL authentication mechanisms")
    found, troubles, _ = scan(OTHER + lines + OTHER + lines)
    assert found == []
    assert len(troubles) == 2


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([fail(), last(4)], [("bob", 1), ("bob", 4)]),
        ([fail(), last(4), last(2)], [("bob", 1), ("bob", 4), ("bob", 2)]),
        ([fail(), last(4), fail("a"), last(2)], [("bob", 1), ("bob", 4), ("a", 1), ("a", 2)]),
        ([fail(), OTHER, last(4)], [("bob", 1)]),
        ([fail(), last(4, "other")], [("bob", 1)]),
        ([fail(), last(4, "other"), last(2)], [("bob", 1)]),
        ([fail(), last(2), OTHER, last(4)], [("bob", 1), ("bob", 2)]),
        ([fail(), TROUBLE, last(4)], [("bob", 1)]),
        ([last(4), fail()], [("bob", 1)]),
        ([fail(), b"\n", last(4)], [("bob", 1)]),
        ([fail(), again(3)], [("bob", 1), ("bob", 3)]),
        ([fail(), again(3), again(2)], [("bob", 1), ("bob", 3), ("bob", 2)]),
        ([fail(), again(3), last(2)], [("bob", 1), ("bob", 3), ("bob", 2)]),
        ([fail(), last(2), again(3)], [("bob", 1), ("bob", 2), ("bob", 3)]),
        ([fail(), last(0)], [("bob", 1), ("bob", 0)]),
    ],
)
def test_a_repeat_directly_behind_a_failure_is_so_many_more(lines, found):
    result, _, scanner = scan(b"".join(lines))
    assert result == found
    assert scanner.warnings == []
    # The same whatever block each line falls into.
    assert scan(*lines)[0] == found
    for cut in range(1, len(lines)):
        assert scan(b"".join(lines[:cut]), b"".join(lines[cut:]))[0] == found


@pytest.mark.parametrize(
    "lines",
    [[again(3)], [OTHER, again(3)], [fail(), OTHER, again(3)], [fail(), TROUBLE, again(3)], [fail(), again(10_001)]],
)
def test_a_repeat_that_nothing_bears_out_is_one_record_and_a_warning(lines):
    found, _, scanner = scan(b"".join(lines))
    assert found[-1] == ("bob", 1)
    assert len(scanner.warnings) == 1
    assert "counted once" in scanner.warnings[0]
    assert scan(*lines)[0] == found


def test_the_last_line_of_an_earlier_run_is_remembered():
    _, _, scanner = scan(OTHER + fail("a"))
    assert scanner.adjacent.user == "a"
    found, _, scanner = scan(last(3) + fail("b"), adjacent=scanner.adjacent)
    assert found == [("a", 3), ("b", 1)]
    assert scan(OTHER + last(3), adjacent=scanner.adjacent)[0] == []
    assert scan(again(3), adjacent=scanner.adjacent)[0] == [("bob", 3)]


def test_syslog_ng_repeats_the_client_that_its_words_begin_with():
    line = said("Last message 'warning: unknown[192' repeated 4 times, suppressed by syslog-ng", program="syslog-ng[5]")
    assert scan(fail() + line)[0] == [("bob", 1), ("bob", 4)]
    assert scan(fail(ip="203.0.113.7") + line)[0] == [("bob", 1)]


def test_warnings_do_not_pile_up():
    assert len(scan((OTHER + again(3)) * 100)[2].warnings) == 20


def test_a_last_line_without_a_newline_is_read():
    assert scan(OTHER + fail("a")[:-1])[0] == [("a", 1)]
    assert scan(fail("a") + last(4)[:-1])[0] == [("a", 1), ("a", 4)]


def test_what_stands_behind_the_end_is_not_read():
    data = OTHER + fail("a") + fail("b")
    batch = Batch()
    Scanner(None).scan(Block(data, len(OTHER + fail("a"))), CLOCK, batch)
    assert [failure.user for failure in batch.failures] == ["a"]


def test_bytes_of_failures_are_counted():
    assert scan(OTHER + fail("a") + TROUBLE)[2].lines_bytes == len(fail("a")) - 1


def test_a_journal_export_hides_no_failure_whose_text_is_a_list_of_bytes():
    message = "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x, sasl_username=b\u0085b"
    usual = {"__REALTIME_TIMESTAMP": "1747473180123456", "SYSLOG_IDENTIFIER": "postfix/smtpd"}
    texts = [list(message.encode()), message.replace("\u0085", ""), list(b"connect"), "connect"]
    for separators in ((",", ":"), (", ", " : ")):
        lines = [json.dumps({**usual, "MESSAGE": text}, separators=separators).encode() + b"\n" for text in texts]
        assert scan(b"".join(lines))[0] == [("b\\u0085b", 1), ("bb", 1)]


def naive(lines):
    """What the scanner must find, told line by line."""
    found, before = [], None
    for line in lines:
        got = read(line[:-1], CLOCK)
        if isinstance(got, Failure):
            got = got._replace(repeat=repeats.records(got, before is not None)[0])
            found.append(got)
            before = got
            continue
        more = repeats.last_message(line[:-1], before, CLOCK) if before else None
        if more:
            found.append(more[0]._replace(repeat=more[1]))
        else:
            before = None
            if isinstance(got, Trouble):
                found.append(got)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_any_mixture_cut_into_any_blocks_is_what_reading_line_by_line_gives(seed):
    chance = random.Random(seed)
    kinds = [OTHER, fail("a"), fail("b", host="h2"), last(2), last(3, "h2"), again(4), TROUBLE, b"\n",
             said("x authentication failed: y"), last(20_000), b"\xff authentication failed: \n"]  # fmt: skip
    lines = [chance.choice(kinds) for _ in range(120)]
    blocks, at = [], 0
    while at < len(lines):
        size = chance.randint(1, 12)
        blocks.append(b"".join(lines[at : at + size]))
        at += size
    scanner, batch = Scanner(None), Batch()
    for block in blocks:
        scanner.scan(Block(block + b"May 17 half a li", len(block)), CLOCK, batch)
    wanted = naive(lines)
    assert batch.failures == [one for one in wanted if isinstance(one, Failure)]
    assert batch.troubles == [one for one in wanted if isinstance(one, Trouble)]
