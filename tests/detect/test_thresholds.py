"""The options of [detection]: what they become, and where they contradict each other."""

import pytest

from maillogsentinel.config import examine, load
from maillogsentinel.detect.allowed import Allowed
from maillogsentinel.detect.thresholds import Thresholds, thresholds
from maillogsentinel.options import OPTIONS


@pytest.fixture
def conf(tmp_path):
    def write(text):
        path = tmp_path / "x.conf"
        path.write_text(text)
        return str(path)

    return write


def test_every_option_of_the_section_is_a_threshold_of_its_name(conf):
    assert set(Thresholds._fields) == {option.key for option in OPTIONS if option.section == "detection"}
    made = thresholds(load(conf("[detection]\nuser_addresses = 7\nallow_networks = 192.0.2.1\n")))
    assert (made.user_addresses, made.allow_networks) == (7, ("192.0.2.1/32",))


def test_users_are_those_that_the_log_has(conf):
    made = thresholds(load(conf("[detection]\nbait_users = DOMAIN\\Olga, Ünal\nallow_users = Bob\n")))
    assert made.bait_users == {r"domain\\olga", "ünal"}
    assert Allowed(made).attempt(None, "BOB")


@pytest.mark.parametrize(
    ("ip", "inside"),
    [("192.0.2.1", True), ("192.0.2.127", True), ("192.0.2.128", False), ("2001:db8::1", True), ("2001:db9::1", False),
     ("198.51.100.7", True), ("198.51.100.8", False),
     ("::c000:201", False), (None, False), ("x", False), ("::ffff:192.0.2.1", False)],
)  # fmt: skip
def test_who_is_allowed_is_told_by_bits(conf, ip, inside):
    text = "[detection]\nallow_networks = 192.0.2.0/25, 2001:db8::/32, 198.51.100.7\n"
    assert Allowed(thresholds(load(conf(text)))).address(ip) is inside


def faults_of(path):
    return [str(fault).removeprefix(f"{path}:") for fault in examine(path)[1]]


LESS = "is {}, less than address_users ({}), though it is for more addresses; allowed is at least {}, or 0"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("network_users = 50", "2: [detection] network_users: " + LESS.format(50, 60, 60)),
        ("network_users = 0\norganisation_users = 9", "3: [detection] organisation_users: " + LESS.format(9, 60, 60)),
        ("network_users = 60", None),
        ("login_hours = 48\n[retention]\nevent_days = 2", None),
        ("address_users = 0\nnetwork_users = 1", None),
        (
            "bait_users = Olga, x\nallow_users = olga",
            "2: [detection] bait_users: has 'olga', as allow_users does, which wins: attempts on it mark nobody",
        ),
        (
            "allow_networks = ::/0",
            "2: [detection] allow_networks: has every address, so nothing that comes from there is ever found;"
            " name your own networks",
        ),
        (
            "login_hours = 72\n[retention]\nevent_days = 2",
            "2: [detection] login_hours: is 72, but [retention] event_days keeps failures for 48 hours;"
            " allowed is at most 48",
        ),
    ],
)
def test_contradictions_are_told_with_what_is_allowed(conf, text, told):
    path = conf(f"[detection]\n{text}\n")
    assert faults_of(path) == ([told] if told else [])
    assert load(path), "a contradiction keeps nothing from running"


def test_a_default_that_contradicts_is_told_at_its_option(conf):
    path = conf("[detection]\naddress_users = 200\n")
    assert faults_of(path) == [" [detection] network_users: " + LESS.format(100, 200, 200)]
