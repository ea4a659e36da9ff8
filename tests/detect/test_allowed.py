"""Who is on the allow-lists."""

import pytest

from maillogsentinel.detect.allowed import Allowed
from maillogsentinel.detect.finding import Finding
from maillogsentinel.detect.thresholds import Thresholds

ALLOWED = Allowed(Thresholds(allow_networks=("192.0.2.0/24", "2001:db8::/32"), allow_users=frozenset({"bob"})))


@pytest.mark.parametrize(
    ("kind", "subject", "example", "allowed"),
    [
        ("spraying", "192.0.2.7", "eve", True),
        ("bait", "2001:db8::1", "ghost", True),
        ("spraying", "203.0.113.7", "bob", False),
        ("login", "bob", "203.0.113.7", True),
        ("login", "eve", "192.0.2.7", True),
        ("login", "eve", "203.0.113.7", False),
        ("distributed", "bob", "203.0.113.7", True),
        ("distributed", "eve", "192.0.2.7", False),
        ("network", "192.0.2.0/24", "eve", False),
        ("burst", "2025-05-27 03:00", "", False),
    ],
)
def test_a_finding_of_before_the_list_is_known_to_be_about_one_who_is_on_it(kind, subject, example, allowed):
    found = Finding(kind, "warning", subject, "A sentence.", 1, 1, 1, examples=(example,))
    assert ALLOWED.finding(found) is allowed
