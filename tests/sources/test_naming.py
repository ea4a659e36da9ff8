"""Failures are named from the lines around them, whatever block, form or run these stand in."""

import json
import random

import pytest

from maillogsentinel.model import Failure
from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.companions import companion
from maillogsentinel.sources.naming import TEMPORARY
from maillogsentinel.sources.scan import Batch, Scanner

CLOCK = Clock(1_747_483_200_000_000)
FILLER = b"2025-05-17T11:13:00.5+00:00 mx postfix/qmgr[9]: 4Xk: from=<authors@example.org>, size=9, nrcpt=1\n"


def at(second, host="mx"):
    return f"2025-05-17T11:13:{second:09.6f}+00:00 {host} "


def fail(second=1.0, user=None, ip="192.0.2.7", host="mx", reason="(reason unavailable)"):
    name = "" if user is None else f", sasl_username={user}"
    message = f"warning: unknown[{ip}]: SASL LOGIN authentication failed: {reason}{name}"
    return f"{at(second, host)}postfix/smtpd[3]: {message}\n".encode()


def said(user, second=1.0, ip="192.0.2.7", host="mx", what="Password mismatch", level=""):
    return f"{at(second, host)}dovecot: auth: {level}sql({user},{ip}): {what}\n".encode()


def broken(user, second=1.0, ip="192.0.2.7"):
    return said(user, second, ip, what="Child 7 exited with status 111", level="Error: ")


def scan(*blocks, memory=""):
    scanner, batch = Scanner(None, memory), Batch()
    for block in blocks:
        scanner.scan(Block(block, len(block)), CLOCK, batch)
    return [one.user for one in batch.failures], [one.kind for one in batch.troubles], scanner


def test_a_companion_names_the_failure_behind_it():
    assert scan(said("bob") + fail())[0] == ["bob"]
    assert scan(said("bob") + fail(ip="192.0.2.8"))[0] == [None]
    assert scan(said("bob") + fail(host="other"))[0] == [None]
    assert scan(said("bob") + fail() + said("eve", 1.1) + fail(1.2) + fail(1.3))[0] == ["bob", "eve", None]


def test_no_name_where_no_user_was_sent():
    for reason in ("Invalid authentication mechanism: 'X'", "Invalid base64 data in initial response"):
        assert scan(said("bob") + fail(reason=reason) + fail(1.1))[0] == [None, "bob"]


def test_the_line_on_a_failure_may_come_behind_it_in_the_same_batch():
    assert scan(fail() + said("bob", 1.01) + fail(1.1) + said("eve", 1.11))[0] == ["bob", "eve"]
    assert scan(fail(), said("bob", 1.01))[0] == ["bob"]
    scanner = Scanner(None)
    for block in (fail(), said("bob", 1.01) + said("eve", 1.1) + fail(1.2)):
        batch = Batch()
        scanner.scan(Block(block, len(block)), CLOCK, batch)
    assert [one.user for one in batch.failures] == ["eve"]  # the first was committed: its line is not this one's


@pytest.mark.parametrize("lines", [0, 40, 150])
def test_other_lines_may_stand_between(lines):
    assert scan(said("bob") + FILLER * lines + fail())[0] == ["bob"]
    assert scan(said("bob"), FILLER * lines, fail())[0] == ["bob"]
    assert scan(said("bob"), *[FILLER] * lines, fail())[0] == ["bob"]


def test_what_stands_too_far_before_a_block_without_a_question_is_not_read():
    long = FILLER * 300
    assert scan(said("bob") + long, fail())[0] == [None]
    assert scan(long + said("bob") + fail(1.1, "bob") + FILLER + said("eve", 1.2), fail(1.3))[0] == ["bob", "eve"]
    # What waited before that is forgotten with it.
    assert scan(said("bob") + fail(1, "zoe"), fail(1.1, "amy") + long, fail(1.2))[0] == ["zoe", "amy", None]


def test_blocks_and_runs_may_end_anywhere():
    lines = [said("amy", 0.9), fail(1, "amy"), said("bob", 1.1), said("eve", 1.2), fail(1.3), fail(1.4)]
    lines += [said("zoe", 1.6), fail(1.7), broken("zoe", 1.8), fail(1.9, "zoe")]
    whole = scan(b"".join(lines))[:2]
    assert whole == (["amy", None, None, "zoe"], [TEMPORARY])
    for cut in range(1, len(lines)):
        first, second = b"".join(lines[:cut]), b"".join(lines[cut:])
        assert scan(first, second)[:2] == whole
        users, troubles, scanner = scan(first)
        again = scan(second, memory=scanner.memory())
        assert (users + again[0], troubles + again[1]) == whole
    assert scan(*lines)[:2] == whole


def test_nothing_is_remembered_of_what_is_long_answered_and_damage_is_no_harm():
    assert "naming" not in json.loads(scan(said("bob") + fail())[2].memory())
    assert "naming" in json.loads(scan(said("bob", 1) + fail(30, ip="192.0.2.8"))[2].memory())
    assert "bob" not in scan(said("bob", 1) + fail(30, "amy", ip="192.0.2.8"))[2].memory()
    for damaged in (
        "{",
        "[]",
        "7",
        '{"naming":5}',
        '{"naming":{}}',
        '{"naming":{"attempts":[1],"spent":[],"unanswered":[]}}',
    ):
        assert scan(said("bob") + fail(), memory=damaged)[0] == ["bob"]


def test_missing_lines_break_what_was_waiting():
    scanner, batch = Scanner(None), Batch()
    scanner.scan(Block(said("bob"), len(said("bob"))), CLOCK, batch)
    scanner.interrupted()
    scanner.scan(Block(fail(), len(fail())), CLOCK, batch)
    assert [one.user for one in batch.failures] == [None]


def test_a_temporary_failure_makes_trouble_of_a_named_failure_of_the_same_user_alone():
    lines = broken("bob") + fail(1.1, "bob") + broken("eve", 2) + fail(2.1, "bob") + fail(2.2, "eve") + fail(3, "amy")
    assert scan(lines)[:2] == (["bob", "amy"], [TEMPORARY, TEMPORARY])
    assert scan(broken("bob") + fail(1.1))[:2] == ([], [TEMPORARY])
    # What stands behind a failure that was taken out keeps its place.
    late = fail(1) + broken("bob", 1.1, "192.0.2.8") + fail(1.2, ip="192.0.2.8") + said("eve", 1.15)
    assert scan(broken("x", 0.9, "192.0.2.9") + fail(0.95, ip="192.0.2.9") + late)[:2] == (["eve"], [TEMPORARY] * 2)
    first = broken("x", 0.9, "192.0.2.9") + fail(0.95, ip="192.0.2.9") + fail(1)
    assert scan(first, said("eve", 1.15))[:2] == (["eve"], [TEMPORARY])


def journal(identifier, message, second):
    micro = 1_747_480_380_000_000 + int(second * 1_000_000)
    entry = {"__REALTIME_TIMESTAMP": str(micro), "_HOSTNAME": "mx", "SYSLOG_IDENTIFIER": identifier, "SYSLOG_PID": "3"}
    return json.dumps({**entry, "MESSAGE": message}, separators=(",", ":")).encode() + b"\n"


def test_the_journal_has_the_same_lines():
    failed = journal("postfix/smtpd", "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x", 1)
    for message in ("auth: sql(bob,192.0.2.7): unknown user", "auth(bob,192.0.2.7,sasl:login): sql: unknown user"):
        assert scan(journal("dovecot", message, 0.9) + failed)[0] == ["bob"]
        assert scan(journal("dovecot", list(message.encode()), 0.9) + failed)[0] == ["bob"]
    pam = "pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=bob rhost=192.0.2.7"
    assert scan(journal("auth", pam, 0.9) + failed)[0] == ["bob"]
    cyrus = (
        "do_auth         : auth failure: [user=bob] [service=smtp] [realm=] [remote=192.0.2.7] [mech=pam] [reason=x]"
    )
    assert scan(journal("saslauthd", cyrus, 0.9) + failed)[0] == ["bob"]


def test_companions_are_found_wherever_they_are_the_only_ones():
    failed = fail()
    for message in (
        "dovecot[9]: auth: sql(bob,192.0.2.7): unknown user",
        "dovecot: auth(bob,192.0.2.7,sasl:login): sql: unknown user",
        "dovecot: auth-worker(bob,192.0.2.7)<5>: request [1]: pam: unknown user",
        "dovecot: auth-worker(5): conn unix:auth-worker (pid=2,uid=97): auth-worker<5>: pam(bob,192.0.2.7): "
        "unknown user",
        "auth: pam_unix(dovecot:auth): authentication failure; logname= uid=0 tty=dovecot ruser=bob rhost=192.0.2.7",
        "saslauthd[5]: do_auth         : auth failure: [user=bob] [service=smtp] [realm=] [remote=192.0.2.7] [mech=pam]"
        " [reason=x]",
    ):
        line = f"{at(0.9)}{message}\n".encode()
        assert companion(line[:-1], CLOCK)
        assert scan(line + failed)[0] == ["bob"]


def test_a_repeated_message_names_nobody_and_leaves_nothing():
    again = (
        f"{at(1.2)}postfix/smtpd[3]: message repeated 2 times: [ warning: unknown[192.0.2.7]: SASL LOGIN authentication"
    )
    again += " failed: (reason unavailable)]\n"
    lines = said("bob", 0.9) + fail(1.0) + again.encode()
    assert scan(lines + said("eve", 1.3) + fail(1.4))[0] == ["bob", None, "eve"]


def test_an_older_part_of_the_batch_that_is_dropped_is_no_harm():
    scanner, batch = Scanner(None), Batch()
    first = fail(1) + fail(1, ip="192.0.2.8")
    scanner.scan(Block(first, len(first)), CLOCK, batch)
    batch.drop_older(0, 0, batch.failures[0].stamp + 1)
    second = (
        fail(1.1, ip="192.0.2.9") + said("bob", 1.1, "192.0.2.8") + said("eve", 1.1) + said("amy", 1.15, "192.0.2.9")
    )
    scanner.scan(Block(second, len(second)), CLOCK, batch)
    assert [one.user for one in batch.failures] == ["amy"]


@pytest.mark.parametrize("seed", range(20))
def test_any_cut_into_blocks_says_the_same(seed):
    chance = random.Random(seed)
    lines = []
    for step in range(150):
        second, user, ip = step / 10, chance.choice("abc"), f"192.0.2.{chance.randrange(3)}"
        named = user if chance.random() < 0.5 else None
        make = chance.choice([lambda s, u, i: said(u, s, i), lambda s, u, i: broken(u, s, i), None, None])
        lines.append(make(second, user, ip) if make else fail(second, named, ip))
    whole = scan(b"".join(lines))[:2]
    for _ in range(5):
        cuts = sorted(chance.sample(range(len(lines)), 20))
        blocks = [b"".join(lines[a:b]) for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True)]
        assert scan(*blocks)[:2] == whole


def test_random_lines_are_no_harm():
    chance = random.Random(1)
    pieces = [
        b"dovecot: auth: ",
        b"sql(",
        b",192.0.2.7",
        b"): ",
        b"Password mismatch",
        b"auth-worker(",
        b"<5>",
        b"\xff",
    ]
    pieces += [b" ruser=", b" rhost=", b"pam_unix(dovecot:auth): authentication failure; ", at(1).encode(), b"Error: "]
    pieces += [b"\n", b"saslauthd[1]: do_auth  : auth failure: [user=", b"] [service=smtp] [realm=", b"] [remote="]
    pieces += [b"] [mech=", b"{"]
    for _ in range(2000):
        text = b"".join(chance.choice(pieces) for _ in range(chance.randrange(1, 12)))
        scan(text + fail())
        for line in text.split(b"\n"):
            found = companion(line, CLOCK)
            assert found is None or len(found) == 7


def test_failures_are_failures_still():
    scanner, batch = Scanner(None), Batch()
    data = said("bob") + fail()
    scanner.scan(Block(data, len(data)), CLOCK, batch)
    assert type(batch.failures[0]) is Failure
    assert batch.failures[0]._replace(user=None) == scanner.adjacent
