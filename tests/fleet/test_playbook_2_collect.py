"""collect.yml on three real hosts: what is attacked there, merged here, each record once; whatever dies meanwhile."""

import csv
import os
import signal
from collections import Counter
from collections.abc import Callable

import pytest
from controller import Controller, Played
from mailhost import CSV, MailHost, wait_until
from network import NET, VERSION, Fleet
from test_machine import attack
from test_postfix import Attempts

pytestmark = [pytest.mark.slow, pytest.mark.root]

# In place of the program: half of a slice, and then nothing more.
HALF = """#!/bin/sh
/usr/bin/maillogsentinel.real "$@" | head -c 60
: >/srv/half
exec sleep 1000
"""


@pytest.fixture(scope="module")
def fleet_with_records(fleet: Fleet, controller: Controller) -> Fleet:
    """The fleet, installed, and attacked for the first time."""
    if not all(member.version() == VERSION for member in fleet.members):
        controller.deploy(maillogsentinel_allow_downgrade=True)
    for member in fleet.members:
        attack_and_extract(member.host, f"first-{member.name}")
    return fleet


def attack_and_extract(host: MailHost, prefix: str, count: int = 16) -> Attempts:
    """Try wrong passwords, and have them all in the CSV."""
    sent = attack(host, prefix, count)

    def recorded() -> bool:
        assert host.scheduled("maillogsentinel extract") == ""
        text = host.run(f"cat {CSV}")
        return all(f",{user}," in text for _, user in sent)

    wait_until(recorded, "the CSV to hold what was tried", 60)
    return sent


def union(fleet: Fleet) -> Counter[str]:
    """The lines of all hosts' CSVs."""
    return Counter(line for member in fleet.members for line in member.host.run(f"cat {CSV}").splitlines()[1:])


def collect(
    controller: Controller, *arguments: str, status: int = 0, core: str = "ANSIBLE", **variables: str
) -> Played:
    """Run collect.yml."""
    played = controller.play("collect.yml", *arguments, core=core, **variables)
    assert played.status == status, played.text
    return played


def test_merged_is_exactly_the_union_in_the_order_of_time(fleet_with_records: Fleet, controller: Controller) -> None:
    collect(controller)
    merged = controller.merged()
    assert Counter(merged) == union(fleet_with_records)
    assert len(merged) == 48
    dates = [row[1] for row in csv.reader(merged)]
    assert dates == sorted(dates)
    assert {row[0] for row in csv.reader(merged)} == {f"mx{number}.example.org" for number in (1, 2, 3)}


def test_where_nothing_is_new_less_than_10_kb_move(fleet_with_records: Fleet, controller: Controller) -> None:
    collect(controller)
    merged = controller.merged()
    before = {member.name: member.moved() for member in fleet_with_records.members}
    played = collect(controller)
    assert not played.changed("mx1", "mx2", "mx3", "localhost")
    for member in fleet_with_records.members:
        total, carried = (after - then for after, then in zip(member.moved(), before[member.name], strict=True))
        print(f"{member.name}: {carried} bytes, {total} with all headers")
        assert carried < 10_000
    assert controller.merged() == merged


def test_what_is_new_comes_home_and_the_report_of_all_by_mail(
    fleet_with_records: Fleet, controller: Controller
) -> None:
    for member in fleet_with_records.members:
        attack_and_extract(member.host, f"second-{member.name}", 8)
    configuration = controller.home / "report.conf"
    configuration.write_text(
        f"[paths]\nworking_dir = {controller.home}\nstate_dir = {controller.home}\n"
        f"[general]\ntime_zone = UTC\nlog_file =\n[report]\ntransport = smtp\nsmtp_host = {NET}.11\n"
    )
    collect(
        controller,
        maillogsentinel_collect_configuration=str(configuration),
        maillogsentinel_collect_report_to="root@mx1.example.org",
        maillogsentinel_collect_report_day="today",
    )
    assert Counter(controller.merged()) == union(fleet_with_records)
    (mail,) = fleet_with_records["mx1"].host.mails()
    text = mail.get_body(("plain",)).get_content()
    assert f"Total attempts today: {len(controller.merged())}" in text
    for number in (1, 2, 3):
        assert f"mx{number}.example.org" in text


def test_a_limit_that_leaves_out_the_machine_that_merges_is_told(
    fleet_with_records: Fleet, controller: Controller
) -> None:
    played = collect(controller, "--limit", "mx1", status=2)
    assert "With --limit, name localhost as well" in played.text


def half_way(fleet: Fleet, name: str) -> Callable[[], None]:
    """Make a host's next answer stop half way; returns what puts that right."""
    host = fleet[name].host
    host.run("mv /usr/bin/maillogsentinel /usr/bin/maillogsentinel.real")
    host.write("/usr/bin/maillogsentinel", HALF)
    host.run("chmod 755 /usr/bin/maillogsentinel; sync")

    def restore() -> None:
        fleet[name].host.run("mv /usr/bin/maillogsentinel.real /usr/bin/maillogsentinel")
        (fleet[name].host.directory / "shared/half").unlink()

    return restore


def test_a_host_that_dies_in_the_middle_is_named_and_the_others_are_merged(
    fleet_with_records: Fleet, controller: Controller
) -> None:
    collect(controller)
    before = Counter(controller.merged())
    for member in fleet_with_records.members:
        attack_and_extract(member.host, f"third-{member.name}", 8)
    restore = half_way(fleet_with_records, "mx2")
    playbook = controller.start("collect.yml")
    wait_until((fleet_with_records["mx2"].host.directory / "shared/half").exists, "the host to be in the middle", 300)
    fleet_with_records["mx2"].power_cut()
    text, _ = playbook.communicate()
    assert playbook.returncode == 2
    assert "Not collected this time: mx2 (" in text
    others = Counter(line for line in controller.merged() if not line.startswith("mx2."))
    assert sum(others.values()) == 2 * sum(line.startswith("mx1.") for line in others)
    assert Counter(controller.merged()) - others == Counter({k: v for k, v in before.items() if k.startswith("mx2.")})
    played = collect(controller, status=2)
    assert "Not collected this time: mx2 (it could not be reached)." in played.text
    fleet_with_records["mx2"].power_on()
    restore()
    collect(controller)
    assert Counter(controller.merged()) == union(fleet_with_records)


def test_a_collection_that_is_killed_goes_on_where_it_was(fleet_with_records: Fleet, controller: Controller) -> None:
    for member in fleet_with_records.members:
        attack_and_extract(member.host, f"fourth-{member.name}", 8)
    restore = half_way(fleet_with_records, "mx3")
    playbook = controller.start("collect.yml")
    wait_until((fleet_with_records["mx3"].host.directory / "shared/half").exists, "the host to be in the middle", 300)
    os.kill(playbook.pid, signal.SIGKILL)
    playbook.communicate()
    restore()
    collect(controller)
    assert Counter(controller.merged()) == union(fleet_with_records)
    assert not list(controller.collection.glob("hosts/*/*.slice"))


def test_a_host_whose_csv_was_reset_is_noticed_and_loses_nothing(
    fleet_with_records: Fleet, controller: Controller
) -> None:
    collect(controller)
    before = union(fleet_with_records)
    fleet_with_records["mx1"].host.run("maillogsentinel reset && : >/var/log/mail.log")
    attack_and_extract(fleet_with_records["mx1"].host, "after-reset", 8)
    played = collect(controller)
    assert "mx1: its CSV was reset, restored or edited, and collected whole." in played.text
    new = Counter(
        line for line in fleet_with_records["mx1"].host.run(f"cat {CSV}").splitlines() if "after-reset" in line
    )
    assert sum(new.values()) == 8
    assert Counter(controller.merged()) == before + new


def test_the_older_ansible_does_the_same_on_bookworm(fleet_with_records: Fleet, controller: Controller) -> None:
    limit = ["--limit", "mx1,mx3,localhost"]
    played = controller.deploy(*limit, core="ANSIBLE_OLD")
    assert not played.changed("mx1", "mx3"), played.text
    collect(controller)
    before = Counter(controller.merged())
    new = attack_and_extract(fleet_with_records["mx3"].host, "older", 8)
    collect(controller, *limit, core="ANSIBLE_OLD")
    more = Counter(controller.merged()) - before
    assert sum(more.values()) == len(new) == 8
    assert all(",older-" in line for line in more)
