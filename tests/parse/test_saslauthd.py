"""saslauthd's lines name the client where they carry its address."""

import pytest

from maillogsentinel.parse import saslauthd
from maillogsentinel.parse.stamp import Clock

HEAD = b"2025-05-17T11:13:00.250000+00:00 mx "
REMOTE = "[user=bob] [service=smtp] [realm=example.org] [remote=192.0.2.7] [mech=pam] [reason=PAM auth error]"


def said(text, program="saslauthd[2213]"):
    message = f"{program}: do_auth         : auth failure: {text}".encode()
    return saslauthd.companion(HEAD + message, Clock(1_747_483_200_000_000))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (REMOTE, ("bob", "192.0.2.7", False)),
        (REMOTE.replace("smtp", "imap"), ("bob", "192.0.2.7", True)),
        (REMOTE.replace("192.0.2.7", "2001:DB8::1"), ("bob", "2001:db8::1", False)),
        (
            REMOTE.replace("bob", "x] [service=smtp] [realm=] [remote=203.0.113.9] [mech=pam] [reason="),
            ("x] [service=smtp] [realm=] [remote=203.0.113.9] [mech=pam] [reason=", "192.0.2.7", False),
        ),
    ],
)
def test_a_line_with_an_address_names_the_client(text, expected):
    one = said(text)
    assert (one.user, one.ip, one.session) == expected
    assert (one.stamp, one.server, one.kind, one.temporary) == (1_747_480_380_250_000, "mx", "saslauthd", False)


@pytest.mark.parametrize(
    ("text", "program"),
    [
        (REMOTE.replace(" [remote=192.0.2.7]", ""), "saslauthd[2213]"),
        (REMOTE.replace("192.0.2.7", ""), "saslauthd[2213]"),
        (REMOTE.replace("192.0.2.7", "x"), "saslauthd[2213]"),
        (REMOTE, "plesk_saslauthd[2213]"),
        (REMOTE[:40], "saslauthd[2213]"),
    ],
)
def test_other_lines_say_nothing(text, program):
    assert said(text, program) is None
