"""deploy.yml on three real hosts: what stops it, a host that dies meanwhile, upgrade, rollback, removal."""

from collections.abc import Iterator

import pytest
from controller import Controller
from mailhost import wait_until
from network import NEWER, SERVER, VERSION, Fleet

pytestmark = [pytest.mark.slow, pytest.mark.root]

CONF = "/etc/maillogsentinel.conf.d/60-ansible.conf"
# Holds dpkg's lock as long as there is a file.
HOLD = """
import fcntl, os, time
lock = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
open("/srv/held", "w").close()
while os.path.exists("/srv/held"):
    time.sleep(0.1)
"""


def untouched(fleet: Fleet) -> bool:
    """Whether no host has anything of ours."""
    command = "find /etc /usr /var -xdev -name '*maillogsentinel*' -not -path '/var/lib/apt/*'"
    return all(member.host.run(command) == "" for member in fleet.members)


# -- before anything is changed


WRONG = {
    "no package": (
        {"maillogsentinel_deb": "wrong"},
        ["wrong.deb, on the machine that runs Ansible, is no Debian package"],
    ),
    "unknown": ({"maillogsentinel_repot_email": "x"}, ["The role has no variable maillogsentinel_repot_email."]),
    "one name": ({"maillogsentinel_general_server_name": "mx"}, ["the column server: mx (mx1, mx2, mx3)."]),
    "values": (
        {
            "maillogsentinel_state": "gone",
            "maillogsentinel_report_transport": "pigeon",
            "maillogsentinel_dns_cache_size": "many",
        },
        [
            "value of maillogsentinel_state must be one of: present, absent, got: gone",
            "value of maillogsentinel_report_transport must be one of: sendmail, smtp, got: pigeon",
            "'maillogsentinel_dns_cache_size' is of type str",
        ],
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_go_well_is_told_before_anything_is_changed(
    what: str, fleet: Fleet, controller: Controller
) -> None:
    variables, sentences = WRONG[what]
    if "maillogsentinel_deb" in variables:
        variables = {"maillogsentinel_deb": controller.package("wrong")}
    played = controller.play("deploy.yml", **variables)
    assert played.status == 2, played.text
    for sentence in sentences:
        assert sentence in " ".join(played.text.split())
    assert "PLAY [Roll it out]" not in played.text
    assert untouched(fleet)


@pytest.fixture
def spoilt(fleet: Fleet) -> Iterator[Fleet]:
    """A fleet in which mx2 runs an older release, and mx3 has hardly any room."""
    fleet["mx2"].host.run("cp -a /etc/os-release /etc/debian_version /srv && rm /etc/os-release")
    fleet["mx2"].host.run('sed \'s/="13"/="11"/\' /usr/lib/os-release >/etc/os-release')
    fleet["mx2"].host.run("echo 11.9 >/etc/debian_version")
    fleet["mx3"].host.run("mount -t tmpfs -o size=4m none /var/cache")
    yield fleet
    fleet["mx2"].host.run("cp -a /srv/os-release /srv/debian_version /etc")
    fleet["mx3"].host.run("umount /var/cache")


def test_a_release_that_is_not_supported_and_a_full_disk_stop_it_for_all(spoilt: Fleet, controller: Controller) -> None:
    played = controller.play("deploy.yml")
    assert played.status == 2
    assert "mx2 runs Debian 11.9. MailLogSentinel is packaged for Debian 12 and 13" in played.text
    played = controller.play("deploy.yml", "--limit", "mx1,mx3")
    assert "mx3 has less than 100 MB free in /var/cache. Make room there; nothing was changed." in played.text
    assert untouched(spoilt)


def test_check_on_virgin_hosts_tells_what_would_be_done_and_does_nothing(fleet: Fleet, controller: Controller) -> None:
    played = controller.deploy("--check", "--diff", "--limit", "mx1,mx2", maillogsentinel_report_email="po@example.org")
    assert played.changed("mx1")
    assert played.changed("mx2")
    assert "email = po@example.org" in played.text
    assert untouched(fleet)


# -- a host dies meanwhile


def test_a_host_that_dies_in_the_middle_stops_the_rollout_and_the_next_one_completes_it(
    fleet: Fleet, controller: Controller
) -> None:
    mx1, mx2, mx3 = fleet.members
    # In the middle: dpkg has unpacked the package and runs its script.
    mx2.host.run("mv /usr/bin/systemd-sysusers /usr/bin/systemd-sysusers.real")
    mx2.host.write("/usr/bin/systemd-sysusers", "#!/bin/sh\n: >/srv/in-the-middle\nsleep 1000\n")
    mx2.host.run("chmod 755 /usr/bin/systemd-sysusers; sync")
    playbook = controller.start("deploy.yml")
    wait_until((mx2.host.directory / "shared/in-the-middle").exists, "dpkg to be in the middle of it", 600)
    mx2.power_cut()
    text, _ = playbook.communicate()
    assert playbook.returncode != 0
    assert "mx2" in text.partition("PLAY RECAP")[2]
    assert mx1.version() == VERSION
    assert mx3.version() == ""
    mx2.power_on()
    assert mx2.version() == ""
    mx2.host.run("mv /usr/bin/systemd-sysusers.real /usr/bin/systemd-sysusers")
    played = controller.deploy()
    assert not played.changed("mx1")
    assert [member.version() for member in fleet.members] == [VERSION] * 3
    for member in fleet.members:
        assert member.host.run("dpkg --audit") == ""
        member.host.scheduled("maillogsentinel extract")


# -- a fleet that has it


def test_somebody_else_who_is_installing_is_waited_for(deployed: Fleet, controller: Controller) -> None:
    host = deployed["mx1"].host
    host.run(f"dpkg --unpack /var/cache/apt/archives/maillogsentinel_{VERSION}_all.deb")
    host.write("/srv/hold", HOLD)
    host.run("setsid python3 /srv/hold </dev/null >/dev/null 2>&1 &")
    held = host.directory / "shared/held"
    wait_until(held.exists, "dpkg's lock to be held")
    playbook = controller.start("deploy.yml", "--limit", "mx1")
    said = []
    for line in playbook.stdout:
        said.append(line)
        if "FAILED - RETRYING: [mx1]: Finish what was interrupted" in line:
            held.unlink(missing_ok=True)
    waited = not held.exists()
    held.unlink(missing_ok=True)
    assert (playbook.wait(), waited) == (0, True), "".join(said)
    assert deployed["mx1"].version() == VERSION


def test_what_is_done_is_not_done_again(deployed: Fleet, controller: Controller) -> None:
    assert not controller.deploy("--limit", "mx2,mx3").changed("mx2", "mx3")
    assert not controller.deploy("--check", "--diff", "--limit", "mx3").changed("mx3")
    for member in deployed.members:
        effective = member.host.run("maillogsentinel check-config --effective")
        assert f"[general] server_name = {member.name}.example.org  ({CONF}:" in effective
        assert f"[general] time_zone = UTC  ({CONF}:" in effective
        assert f"[reverse_dns] enabled = no  ({CONF}:" in effective, "of the group"
        assert f"[report] subject_prefix = [{member.name}]  ({CONF}:" in effective, "of the host"
        assert member.host.run("dpkg --verify maillogsentinel") == ""


def test_options_of_every_kind_land_in_the_configuration_as_check_showed_them(
    deployed: Fleet, controller: Controller
) -> None:
    values = {
        "maillogsentinel_report_subject_prefix": "{# 100 % [mx] = 'ü' \\n",
        "maillogsentinel_report_email": "a@example.org, b@example.org",
        "maillogsentinel_report_attachment_max_bytes": "2M",
        "maillogsentinel_report_smtp_timeout": 2.5,
        "maillogsentinel_report_smtp_security": "tls",
        "maillogsentinel_geolocation_country_db_url": "",
        "maillogsentinel_logins_remember": True,
        "maillogsentinel_paths_mail_log": "/var/log/mail.log\n/var/log/dpkg.log\n",
        "maillogsentinel_smtp_user": "relay",
        "maillogsentinel_smtp_password": "correct-horse",
    }
    unsafe = {"__ansible_unsafe": values["maillogsentinel_report_subject_prefix"]}
    variables = {**values, "maillogsentinel_report_subject_prefix": unsafe}
    checked = controller.deploy(
        "--limit", "mx1", "--check", "--diff", "--tags", "maillogsentinel_configure", **variables
    )
    assert "+attachment_max_bytes = 2M" in checked.text
    host = deployed["mx1"].host
    assert "attachment_max_bytes" not in host.run(f"cat {CONF}")
    played = controller.deploy("--limit", "mx1", "--diff", **variables)
    assert "correct-horse" not in checked.text + played.text
    effective = host.run("maillogsentinel check-config --effective")
    for line in (
        "[report] subject_prefix = {# 100 % [mx] = 'ü' \\n",
        "[report] email = a@example.org, b@example.org",
        "[report] smtp_timeout = 2.5",
        "[geolocation] country_db_url = ",
        "[logins] remember = yes",
        "[paths] mail_log = /var/log/mail.log /var/log/dpkg.log",
        "[report] smtp_credentials_file = /etc/maillogsentinel.smtp",
    ):
        assert f"{line}  ({CONF}:" in effective
    assert host.run("stat -c '%a %U %G' /etc/maillogsentinel.smtp") == "640 root maillogsentinel\n"
    assert host.as_user("cat /etc/maillogsentinel.smtp") == "relay\ncorrect-horse\n"
    controller.deploy("--limit", "mx1", "--tags", "maillogsentinel_configure")
    assert "attachment_max_bytes" not in host.run(f"cat {CONF}")


def test_what_does_not_work_stops_at_the_first_host(deployed: Fleet, controller: Controller) -> None:
    only = ["--limit", "mx1,mx2"]
    for _ in range(2):  # the program itself complains once a day only
        played = controller.play("deploy.yml", *only, maillogsentinel_paths_mail_log="/var/log/missing.log")
        assert played.status == 2
        assert "maillogsentinel does not work on mx1. There is no log /var/log/missing.log" in played.text
    assert "missing.log" not in deployed["mx2"].host.run(f"cat {CONF}")
    controller.deploy("--limit", "mx1", "--tags", "maillogsentinel_configure")


def test_a_value_that_the_program_refuses_stops_at_the_first_host_and_is_not_written(
    deployed: Fleet, controller: Controller
) -> None:
    before = [member.host.run(f"cat {CONF}") for member in deployed.members]
    played = controller.play("deploy.yml", maillogsentinel_general_time_zone="Mars/Olympus")
    assert played.status == 2
    assert "[general] time_zone: is 'Mars/Olympus'; allowed is a name of the time zone database" in played.text
    assert [member.host.run(f"cat {CONF}") for member in deployed.members] == before
    assert played.recap["mx2"]["failed"] == 0


def test_an_upgrade_keeps_what_an_admin_wrote_and_a_rollback_needs_a_word(
    deployed: Fleet, controller: Controller
) -> None:
    mx2 = deployed["mx2"].host
    mx2.run("echo '# Mine.' >>/etc/maillogsentinel.conf")
    mx2.run("echo '[report]' >/etc/maillogsentinel.conf.d/70-mine.conf")
    only = ["--limit", "mx2"]
    assert controller.deploy(*only, maillogsentinel_deb=controller.package("newer")).changed("mx2")
    assert deployed["mx2"].version() == NEWER
    assert (
        mx2.run("tail -n 1 /etc/maillogsentinel.conf; cat /etc/maillogsentinel.conf.d/70-mine.conf")
        == "# Mine.\n[report]\n"
    )
    played = controller.play("deploy.yml", *only)
    assert played.status == 2
    assert f"mx2 has maillogsentinel {NEWER}, and {VERSION} is older." in played.text
    assert deployed["mx2"].version() == NEWER
    controller.deploy(*only, maillogsentinel_allow_downgrade=True)
    assert deployed["mx2"].version() == VERSION


def test_a_package_comes_from_an_apt_repository(deployed: Fleet, controller: Controller) -> None:
    place = deployed.directory / "repository/bookworm"
    for name in ("newer", "maillogsentinel"):
        (place / f"maillogsentinel-{name}.deb").write_bytes((deployed.packages / f"{name}.deb").read_bytes())
    deployed.index("bookworm")
    source = {
        "maillogsentinel_deb": "",
        "maillogsentinel_apt_source": f"Types: deb\nURIs: {SERVER}/bookworm\nSuites: ./\nTrusted: yes\n",
    }
    only = ["--limit", "mx1"]
    assert controller.deploy(*only, **source).changed("mx1")
    assert deployed["mx1"].version() == NEWER, "the newest"
    back = {"maillogsentinel_version": VERSION}
    assert f"{VERSION} is older" in controller.play("deploy.yml", *only, **source, **back).text
    controller.deploy(*only, **source, **back, maillogsentinel_allow_downgrade=True)
    assert deployed["mx1"].version() == VERSION
