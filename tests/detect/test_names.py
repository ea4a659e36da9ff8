"""When two texts are one user."""

import pytest

from maillogsentinel.detect.names import known_as, listed, local_part, same_user, shown
from maillogsentinel.model import raw_bytes


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ("Bob", "bob"),
        ("BOB@Example.ORG", "bob@example.org"),
        ("ÄÖ", "äö"),
        ("", ""),
        (r"A\x0AB\u202EC\\D\\x0A", r"a\x0Ab\u202Ec\\d\\x0a"),
        ("X" * 300, "x" * 255),
    ],
)
def test_a_name_is_counted_in_small_letters(user, name):
    assert known_as(user) == name
    assert known_as(name) == name


def test_an_escape_stays_one():
    assert raw_bytes(known_as(r"A\x0A\uFEFF")) == "a\n\ufeff".encode()


def test_an_empty_name_is_no_other():
    assert not same_user(local_part(""), local_part("bob"))
    assert same_user(local_part("bob"), local_part("bob@"))


def test_lists_are_read_aloud():
    assert [listed(tuple("abcdefg"[:n])) for n in (1, 2, 3, 5)] == ["a", "a and b", "a, b and c", "a, b, c, d and e"]
    assert listed(tuple("abcdefg")) == "a, b, c, d, e and 2 more"


def test_long_names_are_cut_where_they_are_shown():
    assert shown("x" * 64) == f'"{"x" * 64}"'
    assert shown("x" * 65) == f'"{"x" * 64}..."'
