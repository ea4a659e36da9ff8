"""The package's life on a host: installed, upgraded, downgraded, removed, installed again, purged; on both releases."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import host
import pytest
from chroot import CHECKOUT, ENDS_WITH_US, Chroot, copy_checkout, host_release, run
from host import Host, another

pytestmark = [pytest.mark.slow, pytest.mark.root]

STATE = "/var/lib/maillogsentinel"
OWN_LOG = "/var/log/maillogsentinel/maillogsentinel.log"


@pytest.fixture(scope="module", params=host.SUITES)
def below(
    request: pytest.FixtureRequest, built_on: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A directory with a system that has the dependencies, and the package in several versions."""
    host.needed()
    suite = request.param
    package = built_on(suite)
    directory = tmp_path_factory.mktemp(f"host-{suite}")
    (directory / "lower").mkdir()
    tarball = host.prepared(suite, "host", [*host.dependencies(), "debsums", "logrotate", "sudo"])
    run("tar", "--directory", str(directory / "lower"), "-xpf", str(tarball))
    packages = directory / "packages"
    packages.mkdir()
    shutil.copy(package, packages)
    another(package, packages / "older.deb", "0.9.9")
    another(package, packages / "newer.deb", "1.0.1", conffile="# A line that is new.\n")
    another(package, packages / "newest.deb", "1.1.0", newer_state=True)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def bare(below: Path, tmp_path: Path) -> Host:
    """A host with the dependencies, and without the package."""
    return Host(below, tmp_path / "host")


@pytest.fixture(scope="module")
def installed(below: Path) -> Host:
    """A host with the package and a log of 100 failures; names are not asked for. No test changes it."""
    first = Host(below, below / "installed")
    first.install()
    first.write("/etc/maillogsentinel.conf.d/test.conf", "[reverse_dns]\nenabled = no\n[general]\ntime_zone = UTC\n")
    first.log()
    return first


@pytest.fixture
def mailhost(below: Path, installed: Host, tmp_path: Path) -> Host:
    """A host like that, to do with as one likes."""
    return Host(below, tmp_path / "host", installed)


def users(count: int) -> list[str]:
    return [f"user{n}" for n in range(count)]


# -- what Debian's own tools find


def test_piuparts_has_no_complaint(below: Path) -> None:
    if not shutil.which("piuparts", path="/usr/sbin"):
        pytest.skip("install the Debian package piuparts")
    options = ["--no-eatmydata", "--keep-sources-list", "--no-upgrade-test", "--warn-on-others"]
    options += ["--ignore", "/var/lib/logrotate/status"]  # of its own test of our logrotate file
    options += ["-d", below.name.split("-")[1].rstrip("0123456789"), "-e", str(below / "lower")]
    done = subprocess.run(
        [*ENDS_WITH_US, "--mount-proc", "piuparts", *options, str(below / "packages/maillogsentinel.deb")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "PASS: All tests." in done.stdout


@pytest.mark.parametrize("suite", host.SUITES)
def test_the_packages_own_tests_pass(suite: str, built_on: Callable[[str], Path], tmp_path: Path) -> None:
    """A log that goes through the installed cron lines; and the unit tests on the installed package.

    Those are left out on this machine's own release, where the tests that you are reading run them anyway.
    """
    host.needed()
    if not shutil.which("autopkgtest"):
        pytest.skip("install the Debian package autopkgtest")
    package = built_on(suite)
    unit = suite != host_release()["VERSION_CODENAME"]
    copy_checkout(tmp_path / "source")
    # Without what the package itself must name; what else its tests need is there already.
    with Chroot(suite, host.prepared(suite, "autopkgtest", host.test_packages())) as there:
        # It downloads the package's dependencies, and has to know where the mirror has them today.
        updated = there.shell("apt-get update")
        assert updated.returncode == 0, updated.stdout
        enter = 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" &&'
        enter += ' exec autopkgtest -B ${4:+--test-name="$4"} "$2" "$3" -- chroot "$1"'
        done = subprocess.run(
            [
                *ENDS_WITH_US,
                "sh",
                "-c",
                enter,
                "sh",
                str(there.root),
                str(package),
                str(tmp_path / "source"),
                "" if unit else "smoke",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
    assert done.returncode == 0, done.stdout[-6000:]
    assert not unit or re.search(r"^unit +PASS$", done.stdout, re.MULTILINE)
    assert re.search(r"^smoke +PASS$", done.stdout, re.MULTILINE)


# -- installed


def test_an_installation_makes_user_and_directories_and_nothing_else(bare: Host) -> None:
    before = set(bare.do("find /etc /var/lib /var/log -xdev | sort").splitlines())
    said = bare.install()
    assert not re.search("(?i)warning|error|failed|cannot", said), said
    assert bare.do("stat -c '%A %U %G %n' /var/l*/maillogsentinel").splitlines() == [
        f"drwxr-x--- maillogsentinel adm /var/{place}/maillogsentinel" for place in ("lib", "log")
    ]
    assert groups(bare) == ["maillogsentinel", "adm", "systemd-journal"]
    assert bare.do("getent passwd maillogsentinel").strip().split(":")[4:] == [
        "MailLogSentinel",
        STATE,
        "/usr/sbin/nologin",
    ]
    assert bare.do(f"ls -A {STATE} /var/log/maillogsentinel").split() == [f"{STATE}:", "/var/log/maillogsentinel:"]
    assert bare.do("dpkg --verify maillogsentinel") == ""
    assert bare.do("maillogsentinel check-config && python3 -m maillogsentinel --version") == "maillogsentinel 1.0.0\n"
    after = set(bare.do("find /etc /var/lib /var/log -xdev | sort").splitlines())
    new = {path for path in after - before if "/dpkg/" not in path and "/apt/" not in path and path[-1] != "-"}
    assert {path for path in new if not path.startswith("/var/lib/systemd")} == {
        "/etc/cron.d/maillogsentinel",
        "/etc/logrotate.d/maillogsentinel",
        "/etc/maillogsentinel.conf",
        "/etc/maillogsentinel.conf.d",
        STATE,
        "/var/log/maillogsentinel",
    }


def groups(of: Host) -> list[str]:
    return of.do("id -nG maillogsentinel").split()


def test_on_a_host_without_systemd_no_group_is_made_and_when_systemd_comes_the_user_joins_its_group(bare: Host) -> None:
    parts = " ".join(f"systemd-standalone-{part}" for part in ("sysusers", "tmpfiles"))
    bare.do("apt-get update")
    bare.apt("install", parts)
    assert not bare.shell("command -v journalctl").stdout
    bare.do("groupdel systemd-journal")
    said = bare.install()
    assert not re.search("(?i)warning|error|failed|cannot", said), said
    assert groups(bare) == ["maillogsentinel", "adm"]
    assert bare.shell("getent group systemd-journal").returncode == 2
    bare.log()
    bare.extract()
    assert bare.records() == users(100)

    bare.apt("install", "systemd")
    assert groups(bare) == ["maillogsentinel", "adm", "systemd-journal"]
    bare.apt("install", parts)
    assert groups(bare) == ["maillogsentinel", "adm", "systemd-journal"]
    assert bare.do("dpkg --audit") == ""
    bare.log(first=100)
    bare.extract()
    assert bare.records() == users(200)


def test_an_upgrade_brings_the_user_into_the_journals_group(mailhost: Host) -> None:
    mailhost.do("gpasswd --delete maillogsentinel systemd-journal")
    mailhost.install("newer.deb")
    assert groups(mailhost) == ["maillogsentinel", "adm", "systemd-journal"]


def test_each_mode_and_owner_is_the_contracts(mailhost: Host) -> None:
    mailhost.extract()
    lines = mailhost.do(f"stat -c '%A %U %G %n' /etc/maillogsentinel.conf {STATE}/*.csv {STATE}/state.db {OWN_LOG}")
    found = {line.split()[3]: line.split()[:3] for line in lines.splitlines()}
    assert found["/etc/maillogsentinel.conf"] == ["-rw-r--r--", "root", "root"]
    assert found[f"{STATE}/maillogsentinel.csv"] == ["-rw-r-----", "maillogsentinel", "adm"]
    assert found[f"{STATE}/state.db"][:2] == ["-rw-r-----", "maillogsentinel"]
    assert found[OWN_LOG][1] == "maillogsentinel"


def test_without_a_log_one_sentence_says_what_to_do(bare: Host) -> None:
    bare.install()
    done = bare.on_schedule("maillogsentinel extract")
    assert done.returncode == 1
    assert re.fullmatch(r"maillogsentinel: There is no log /var/log/mail\.log\. Name the log [^\n]*\n", done.stdout)
    assert bare.on_schedule("maillogsentinel extract").stdout == ""


def test_a_user_who_was_there_before_is_used(bare: Host) -> None:
    bare.do("groupadd -g 4321 maillogsentinel && useradd -u 4322 -g maillogsentinel -d /srv -s /bin/sh maillogsentinel")
    bare.install()
    assert bare.do("getent passwd maillogsentinel") == "maillogsentinel:x:4322:4321::/srv:/bin/sh\n"
    assert {"adm", "systemd-journal"} <= set(groups(bare))
    bare.log()
    bare.extract()
    assert bare.records() == users(100)


def test_a_group_that_was_there_before_is_used(bare: Host) -> None:
    bare.do("groupadd -g 4321 maillogsentinel")
    bare.install()
    assert bare.do("id -g maillogsentinel") == "4321\n"


OLDER = """\
[paths]
working_dir = /var/lib/maillogsentinel
state_dir = /var/lib/maillogsentinel
mail_log = /var/log/mail.log
csv_filename = maillogsentinel.csv

[report]
email = postmaster@example.org
subject_prefix = [MailLogSentinel]

[geolocation]
country_db_path = /var/lib/maillogsentinel/country_aside.csv
country_db_url = https://example.org/country.csv

[ASN_ASO]
asn_db_path = /var/lib/maillogsentinel/asn.csv
asn_db_url = https://example.org/asn.csv

[general]
log_level = INFO
log_file = /var/log/maillogsentinel/maillogsentinel.log
log_file_max_bytes = 1000000
log_file_backup_count = 5

[dns_cache]
enabled = True
size = 128
ttl_seconds = 3600
"""


def test_the_configuration_of_an_older_program_is_kept_and_its_keys_work_or_are_named(bare: Host) -> None:
    bare.write("/etc/maillogsentinel.conf", OLDER)
    bare.apt("-o Dpkg::Options::=--force-confold install", "/srv/maillogsentinel.deb")
    assert bare.do("cat /etc/maillogsentinel.conf") == OLDER
    said = bare.do("maillogsentinel check-config")
    for key in ("log_file_max_bytes", "log_file_backup_count"):
        assert re.search(rf"^/etc/maillogsentinel.conf:\d+: \[general\] {key}: accepted", said, re.MULTILINE)
    assert "unknown" not in said
    bare.log()
    bare.on_schedule("maillogsentinel extract")
    assert bare.records() == users(100)


# -- upgraded


def test_an_upgrade_and_a_downgrade_keep_edits_records_and_position(mailhost: Host) -> None:
    mailhost.do("sed -i 's/^17 /29 /' /etc/cron.d/maillogsentinel")
    mailhost.do("sed -i 's/^#email = root/email = postmaster/' /etc/maillogsentinel.conf")
    edited = mailhost.do("cat /etc/cron.d/maillogsentinel /etc/maillogsentinel.conf")
    mailhost.extract()
    # The newer one's own configuration changed as well: dpkg asks, and this admin's answer is to keep theirs.
    for count, package in ((200, "newer"), (300, "older"), (400, "maillogsentinel")):
        mailhost.apt("-o Dpkg::Options::=--force-confold install --allow-downgrades", f"/srv/{package}.deb")
        assert mailhost.do("cat /etc/cron.d/maillogsentinel /etc/maillogsentinel.conf") == edited
        mailhost.log(first=count - 100)
        mailhost.extract()
        assert mailhost.records() == users(count)
    assert mailhost.do("maillogsentinel status | grep -c '400 records'") == "1\n"


def test_an_upgrade_asks_nothing_while_only_files_of_the_admin_were_edited(mailhost: Host) -> None:
    mailhost.do("sed -i 's/^#email = root/email = postmaster/' /etc/maillogsentinel.conf")
    mailhost.install("older.deb")
    assert "Configuration file" not in mailhost.install()
    assert mailhost.do("grep '^email' /etc/maillogsentinel.conf") == "email = postmaster\n"


def test_an_upgrade_over_a_running_extraction_harms_nothing(mailhost: Host) -> None:
    mailhost.log(first=100, count=60_000)
    said = mailhost.do(
        "setpriv --reuid maillogsentinel --regid maillogsentinel --init-groups maillogsentinel extract"
        " >/tmp/said 2>&1 & pid=$!;"
        # Stopped after its first commit, in the middle of its work; then the program is replaced under it.
        f" until [ $(stat -c %s {STATE}/maillogsentinel.csv 2>/dev/null || echo 0) -gt 1000 ]; do sleep 0.02; done;"
        f" kill -STOP $pid; wc -l <{STATE}/maillogsentinel.csv;"
        " dpkg --force-confold -i /srv/newer.deb >/tmp/dpkg 2>&1 || exit 9;"
        " kill -CONT $pid; wait $pid; echo $?; cat /tmp/said"
    )
    seen, *rest = said.splitlines()
    assert int(seen) < 60_101, "it was done before the upgrade"
    assert rest == ["0"]
    assert mailhost.records() == users(60_100)
    mailhost.extract()
    assert len(mailhost.records()) == 60_100
    assert mailhost.do("dpkg --verify maillogsentinel") == ""


def test_a_downgrade_meets_a_newer_state_with_a_sentence(mailhost: Host) -> None:
    mailhost.install("newest.deb")
    mailhost.extract()
    mailhost.install()
    done = mailhost.on_schedule("maillogsentinel extract")
    assert done.returncode == 1
    assert re.fullmatch(r"maillogsentinel: \S+/state\.db was written by a newer version [^\n]*\n", done.stdout)
    mailhost.install("newest.deb")
    mailhost.log(first=100)
    mailhost.extract()
    assert mailhost.records() == users(200)


# -- days


def test_nothing_of_the_package_changes_by_days_of_runs(mailhost: Host) -> None:
    mailhost.write("/var/tmp/sendmail", "#!/bin/sh\ncat >>/tmp/mails\n")
    mailhost.write("/etc/maillogsentinel.conf.d/mail.conf", "[report]\nsendmail_path = /var/tmp/sendmail\n")
    mailhost.do("chmod 755 /var/tmp/sendmail")
    for day in range(3):
        mailhost.log(first=100 + 10 * day, count=10)
        mailhost.extract()
        done = mailhost.on_schedule("maillogsentinel report --due")
        assert (done.returncode, done.stdout) == (0, "")
        mailhost.do(
            "maillogsentinel status; maillogsentinel report --stdout; maillogsentinel explain /var/log/mail.log"
        )
        mailhost.do("logrotate --force /etc/logrotate.d/maillogsentinel")
    assert mailhost.do("grep -c ^Subject: /tmp/mails") == "1\n"
    assert mailhost.do("dpkg --verify maillogsentinel") == ""
    assert "-rw-r----- maillogsentinel adm" in mailhost.do(f"stat -c '%A %U %G' {OWN_LOG}")
    assert mailhost.do("ls /var/log/maillogsentinel").split() == [
        "maillogsentinel.log",
        "maillogsentinel.log.1",
        "maillogsentinel.log.2.gz",
        "maillogsentinel.log.3.gz",
    ]
    assert mailhost.records() == users(130)
    assert mailhost.do(f"find {STATE} /var/log/maillogsentinel ! -user maillogsentinel") == ""


def examples() -> list[str]:
    """Return the commands in the manual page's examples, and those of the README's installation."""
    page = (CHECKOUT / "man/maillogsentinel.8").read_text().split(".SH EXAMPLES")[1]
    found = [line for block in re.findall(r"(?s)\.EX\n(.*?)\.EE", page) for line in block.splitlines()]
    readme = (CHECKOUT / "README.md").read_text().split("## Install")[1].split("\n## ")[0]
    found += [line.strip() for line in readme.splitlines() if line.startswith("    sudo -u maillogsentinel")]
    return [re.sub(r"\s+#.*", "", line.replace(r"\-", "-")) for line in found]


def test_every_example_of_the_manual_and_the_readme_works(mailhost: Host) -> None:
    mailhost.write("/etc/maillogsentinel.conf.d/mail.conf", "[report]\nsendmail_path = /usr/bin/true\n")
    mailhost.extract()
    for name in ("mx1.csv", "mx2.csv", "mx3.csv"):
        mailhost.do(f"maillogsentinel export csv >{name}")
    commands = examples()
    assert len(commands) >= 12
    for command in commands:
        done = mailhost.shell(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        assert "Traceback" not in done.stdout


# -- removed


def test_after_a_removal_cron_is_silent_and_a_new_installation_goes_on_where_it_was(mailhost: Host) -> None:
    mailhost.extract()
    lines = mailhost.do("grep -c '^[0-9]' /etc/cron.d/maillogsentinel")
    mailhost.apt("remove maillogsentinel")
    for command in (
        "maillogsentinel extract",
        "maillogsentinel report --due",
        "maillogsentinel ipinfo --update --due; }",
    ):
        done = mailhost.on_schedule(command)
        assert (done.returncode, done.stdout) == (0, "")
    assert lines == "3\n"
    assert mailhost.do("find /usr -path '*maillogsentinel*'") == ""
    assert mailhost.records() == users(100)
    assert mailhost.do("logrotate --force /etc/logrotate.d/maillogsentinel") == ""
    mailhost.install()
    mailhost.log(first=100)
    mailhost.extract()
    assert mailhost.records() == users(200)


def test_a_purge_takes_state_and_log_and_leaves_what_is_the_admins(mailhost: Host) -> None:
    mailhost.extract()
    mailhost.do("maillogsentinel reset")
    mailhost.extract()
    said = mailhost.apt("purge maillogsentinel")
    (warning,) = re.findall("(?i).*(?:warning|error|cannot).*", said)
    assert warning.endswith("directory '/etc/maillogsentinel.conf.d' not empty so not removed")
    left = mailhost.do("find / -xdev -name '*maillogsentinel*' -not -path '/proc/*'").splitlines()
    assert left == ["/etc/maillogsentinel.conf.d"]
    assert mailhost.do("ls /etc/maillogsentinel.conf.d /var/log/mail.log").split()[-1] == "test.conf"
    assert "maillogsentinel" in mailhost.do("id maillogsentinel")
    mailhost.install()
    mailhost.extract()
    assert mailhost.records() == users(100)


def test_a_purge_works_where_the_state_is_a_file_system_of_its_own(mailhost: Host) -> None:
    mount = f"mount -t tmpfs -o mode=750 none {STATE} && chown maillogsentinel:adm {STATE}"
    said = mailhost.do(
        f"{mount} && maillogsentinel extract && ls {STATE} &&"
        f" apt-get -y purge maillogsentinel && echo left: $(ls -A {STATE})"
    )
    assert "state.db" in said
    assert said.endswith("\nleft:\n")
