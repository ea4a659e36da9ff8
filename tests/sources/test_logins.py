"""A batch's logins are counted by user and network, whatever is written between them."""

import pytest

from maillogsentinel.parse.stamp import Clock
from maillogsentinel.sources.block import Block
from maillogsentinel.sources.scan import Batch, Scanner

CLOCK = Clock(1_747_483_200_000_000)
SECOND = 1_000_000


@pytest.fixture(autouse=True)
def universal(zone):
    zone("UTC")


def mail(user, ip="192.0.2.7", at="10:00:00"):
    return (
        f"2025-05-17T{at}.500000+00:00 mx postfix/smtpd[9]: 8A1F: client=unknown[{ip}], sasl_method=PLAIN,"
        f" sasl_username={user}\n"
    ).encode()


def imap(user, ip="192.0.2.7", at="10:00:00"):
    return (
        f"May 17 {at} mx dovecot: imap-login: Login: user=<{user}>, method=PLAIN, rip={ip}, lip=192.0.2.25, mpid=1\n"
    ).encode()


def found(*blocks, since=0, logins=True):
    """By user and network: how often, address, first and last time of day in seconds."""
    scanner, batch = Scanner(None, logins=logins), Batch()
    batch.take_since(since)
    for block in blocks:
        scanner.scan(Block(block, len(block)), CLOCK, batch)
    day = 1_747_440_000 * SECOND
    return {key: (seen.count, seen.ip, (seen.first - day) / SECOND, (seen.last - day) / SECOND)
            for key, seen in batch.logins.seen().items()}  # fmt: skip


def test_logins_are_counted_by_user_and_network():
    lines = [mail("bob"), imap("bob", at="10:00:05"), mail("bob", "192.0.2.99", "10:01:00"), mail("eve", "2001:db8::1")]
    wanted = {
        ("bob", "192.0.2.0/24"): (3, "192.0.2.99", 36000.5, 36060.5),
        ("eve", "2001:db8::/48"): (1, "2001:db8::1", 36000.5, 36000.5),
    }
    assert found(b"".join(lines)) == found(*lines) == wanted
    assert found(b"x\n" + b"".join(lines) + b"y") == wanted


def test_repeated_logins_keep_their_first_and_last_time():
    lines = [mail("bob", at=f"10:{minute:02d}:00") for minute in range(60)]
    wanted = {("bob", "192.0.2.0/24"): (60, "192.0.2.7", 36000.5, 39540.5)}
    assert found(b"".join(lines)) == found(*lines) == wanted


def test_what_is_too_old_is_not_taken():
    day = 1_747_440_000 * SECOND
    lines = mail("bob", at="10:00:00"), mail("eve", at="11:00:00")
    assert set(found(*lines, since=day + 37000 * SECOND)) == {("eve", "192.0.2.0/24")}


def test_nothing_is_looked_for_where_nobody_wants_it():
    assert found(mail("bob"), logins=False) == {}


def test_no_failure_is_a_login():
    text = "warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x, sasl_username=bob"
    assert found(f"May 17 10:00:00 mx postfix/smtpd[9]: {text}\n".encode()) == {}


def test_many_different_logins_end_the_batch_before_they_fill_the_memory():
    scanner, batch = Scanner(None), Batch()
    data = b"".join(mail(f"user{number}", f"10.{number >> 8}.{number & 255}.1") for number in range(20_000))
    scanner.scan(Block(data, len(data)), CLOCK, batch)
    assert scanner.lines_bytes > 1 << 20
    assert len(batch.logins.seen()) == 20_000
