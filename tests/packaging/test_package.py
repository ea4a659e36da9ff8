"""The package as dpkg sees it, read with python-debian, and what Debian's own checkers say of it."""

import hashlib
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

pytest.importorskip("debian", reason="install the Debian package python3-debian")

import host
from chroot import copy_checkout
from conftest import TOP, build
from debian.changelog import Changelog
from debian.copyright import Copyright
from debian.deb822 import PkgRelation
from debian.debfile import DebFile

from maillogsentinel import __version__

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def package(deb: Path) -> DebFile:
    return DebFile(str(deb))


def relations(package: DebFile, field: str) -> dict[str, list[str]]:
    """Return each package that a field names, with its version bounds; alternatives are joined by |."""
    found: dict[str, list[str]] = {}
    for group in PkgRelation.parse_relations(package.debcontrol()[field]):
        names = "|".join(item["name"] + (":any" if item.get("archqual") else "") for item in group)
        found.setdefault(names, []).extend(" ".join(item["version"]) for item in group if item["version"])
    return found


# -- what is in it


def test_all_of_etc_are_conffiles_and_nothing_else(package: DebFile) -> None:
    inside = {name.lstrip(".") for name in package.data if package.data.tgz().getmember(name).isfile()}
    conffiles = package.control.get_content("conffiles", encoding="utf-8").split()
    assert sorted(conffiles) == sorted(name for name in inside if name.startswith("/etc/"))
    assert set(conffiles) == {f"/etc/{name}/maillogsentinel" for name in ("cron.d", "logrotate.d")} | {
        "/etc/maillogsentinel.conf"
    }


def test_the_configuration_directory_is_there_and_empty(package: DebFile) -> None:
    names = [name.lstrip(".").rstrip("/") for name in package.data]
    assert [name for name in names if name.startswith("/etc/maillogsentinel.conf.d")] == ["/etc/maillogsentinel.conf.d"]


def test_all_is_roots_and_writable_to_root_alone(package: DebFile) -> None:
    for member in package.data.tgz():
        runs = member.isdir() or member.name == "./usr/bin/maillogsentinel"
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "root", "root"), member.name
        assert oct(member.mode) == oct(0o755 if runs else 0o644), member.name
        assert member.isdir() or member.isfile(), member.name


def test_the_contracts_files_are_in_it(package: DebFile) -> None:
    names = {name.lstrip(".") for name in package.data}
    for name in (
        "/usr/bin/maillogsentinel",
        "/usr/lib/python3/dist-packages/maillogsentinel/__main__.py",
        "/usr/lib/sysusers.d/maillogsentinel.conf",
        "/usr/lib/tmpfiles.d/maillogsentinel.conf",
        "/usr/share/man/man8/maillogsentinel.8.gz",
        "/usr/share/man/man5/maillogsentinel.conf.5.gz",
        "/usr/share/bash-completion/completions/maillogsentinel",
        "/usr/share/zsh/vendor-completions/_maillogsentinel",
        "/usr/share/doc/maillogsentinel/README.md.gz",
        *(f"/usr/share/doc/maillogsentinel/{page}.md.gz" for page in ("detection", "exports", "privacy")),
        "/usr/share/doc/maillogsentinel/NEWS.Debian.gz",
        "/usr/share/doc/maillogsentinel/changelog.gz",
        "/usr/share/doc/maillogsentinel/copyright",
        "/usr/share/doc/maillogsentinel/report.schema.json.gz",
    ):
        assert name in names, name
    assert not [name for name in names if name.startswith(("/var", "/usr/local", "/usr/lib/systemd", "/etc/init.d"))]


def test_every_module_is_in_it_and_no_test(package: DebFile) -> None:
    home = "./usr/lib/python3/dist-packages/"
    inside = {name.removeprefix(home) for name in package.data if name.startswith(home) and name.endswith(".py")}
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", str(TOP), "ls-files", "maillogsentinel"],
        stdout=subprocess.PIPE,
        text=True,
    )
    if listed.returncode:
        pytest.skip("needs a checkout of git")
    assert inside == {name for name in listed.stdout.split() if name.endswith(".py")}


def test_the_installed_configuration_is_the_one_of_the_checkout(package: DebFile) -> None:
    shipped = (TOP / "etc/maillogsentinel.conf").read_bytes()
    assert package.data.get_content("./etc/maillogsentinel.conf") == shipped


def test_maintainer_scripts_make_user_and_directories_and_start_nothing(package: DebFile) -> None:
    scripts = {
        name: text.decode() if isinstance(text, bytes) else text for name, text in package.control.scripts().items()
    }
    assert set(scripts) == {"postinst", "prerm", "postrm"}
    whole = "\n".join(scripts.values())
    assert "systemd-sysusers" in scripts["postinst"]
    assert scripts["postinst"].index("systemd-sysusers") < scripts["postinst"].index("systemd-tmpfiles")
    # What sysusers.d names, systemd-sysusers makes; this group is systemd's to make.
    assert "systemd-journal" not in package.data.get_content(
        "./usr/lib/sysusers.d/maillogsentinel.conf", encoding="utf-8"
    )
    for word in ("systemctl", "deb-systemd", "invoke-rc.d", "update-rc.d", "service ", "chmod", "chown", "userdel"):
        assert word not in whole, word
    for name, text in scripts.items():
        assert re.match("#!/bin/sh\nset -e\n", text), name


def test_the_trigger_names_the_file_that_the_journals_group_comes_with(package: DebFile) -> None:
    triggers = package.control.get_content("triggers", encoding="utf-8")
    (line,) = (line for line in triggers.splitlines() if line[:1] != "#")
    kind, path = line.split()
    assert (kind, path) == ("interest-noawait", "/usr/lib/sysusers.d/systemd-journal.conf")
    if Path("/run/systemd/system").exists() or Path("/usr/bin/journalctl").exists():
        assert re.search("(?m)^g systemd-journal", Path(path).read_text())


def test_what_it_writes_is_told_to_nobody_else(package: DebFile) -> None:
    text = package.data.get_content("./usr/lib/tmpfiles.d/maillogsentinel.conf", encoding="utf-8")
    assert [line.split() for line in text.splitlines() if line[:1] != "#"] == [
        ["d", f"/var/{place}/maillogsentinel", "0750", "maillogsentinel", "adm", "-"] for place in ("lib", "log")
    ]


# -- dependencies


def test_dependencies_are_those_that_were_decided(package: DebFile) -> None:
    depends = relations(package, "Depends")
    assert set(depends) == {
        "cron|cron-daemon",
        "python3",
        "python3:any",
        "python3-dnspython",
        "python3-maxminddb",
        "python3-requests",
        "systemd|systemd-standalone-sysusers|systemd-sysusers",
        "systemd|systemd-standalone-tmpfiles|systemd-tmpfiles",
    }
    assert set(relations(package, "Recommends")) == {
        "python3-location",
        "libloc-database",
        "default-mta|mail-transport-agent",
    }
    assert {"rsyslog", "python3-zstandard"} <= set(relations(package, "Suggests"))


def test_lower_bounds_are_those_of_the_python_metadata(package: DebFile) -> None:
    with open(TOP / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    wanted = {"python3": [project["requires-python"].replace(">=", ">= ")]}
    for dependency in project["dependencies"]:
        name, _, version = dependency.partition(">=")
        wanted[f"python3-{name}"] = [f">= {version}"]
    depends = relations(package, "Depends")
    assert {name: depends[name] for name in wanted} == wanted


def test_python_dependencies_are_those_that_stdeb_derives(package: DebFile, tmp_path: Path) -> None:
    if not Path("/usr/bin/py2dsc").exists():
        pytest.skip("install the Debian package python3-stdeb")
    for name in ("maillogsentinel", "pyproject.toml", "README.md"):
        (shutil.copytree if (TOP / name).is_dir() else shutil.copy)(TOP / name, tmp_path / name)
    (tmp_path / "setup.py").write_text("from setuptools import setup; setup()\n")
    done = subprocess.run(
        ["/usr/bin/python3", "setup.py", "--command-packages=stdeb.command", "bdist_deb"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEB_BUILD_OPTIONS": "nocheck"},
    )
    assert done.returncode == 0, done.stdout[-3000:]
    (derived,) = tmp_path.glob("deb_dist/*.deb")

    def of_python(which: DebFile) -> set[str]:
        return {name for name in relations(which, "Depends") if name.startswith("python3-")}

    assert of_python(package) == of_python(DebFile(str(derived)))


def test_the_makefile_installs_what_the_build_depends_on() -> None:
    provided = {"debhelper-compat": "debhelper", "dh-sequence-installsysusers": "debhelper"}
    provided["dh-sequence-python3"] = "dh-python"
    groups = PkgRelation.parse_relations(host.control()[0]["Build-Depends"].rstrip(", \n"))
    wanted = {provided.get(group[0]["name"], group[0]["name"]) for group in groups}
    assert wanted <= set(host.build_packages())


def test_debian_tests_depend_on_packages_that_make_test_installs() -> None:
    from debian.deb822 import Deb822

    packages = (TOP / "Makefile").read_text()
    for paragraph in Deb822.iter_paragraphs((TOP / "debian/tests/control").read_text(), use_apt_pkg=False):
        assert (TOP / "debian/tests" / paragraph["Tests"]).stat().st_mode & 0o111
        for group in PkgRelation.parse_relations(paragraph["Depends"].rstrip(", \n")):
            assert group[0]["name"] == "@" or group[0]["name"] in packages, group[0]["name"]


# -- papers


def test_the_changelogs_version_is_the_programs() -> None:
    for name in ("changelog", "NEWS"):
        with open(TOP / "debian" / name, encoding="utf-8") as file:
            log = Changelog(file, strict=True)
        assert str(log.version) == __version__, name
        assert (log.package, log.distributions) == ("maillogsentinel", "unstable")
        assert log.author == host.control()[0]["Maintainer"]


def test_the_copyright_is_well_formed_and_covers_every_file() -> None:
    with open(TOP / "debian/copyright", encoding="utf-8") as file:
        papers = Copyright(file, strict=True)
    assert papers.header.known_format()
    for name in ("maillogsentinel/cli.py", "debian/rules", "demo/mail.log", "tests/conftest.py"):
        found = papers.find_files_paragraph(name)
        assert found is not None and found.license is not None and found.license.synopsis == "GPL-3+"
    assert [found.license.synopsis for found in papers.all_license_paragraphs()] == ["GPL-3+"]


def test_rules_are_three_lines() -> None:
    assert len((TOP / "debian/rules").read_text().splitlines()) == 3


# -- builds and checkers


def test_the_same_content_makes_the_same_package(built: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "another place" / "with a long name"
    copy_checkout(checkout)
    for path in sorted(checkout.rglob("*"), reverse=True):
        os.utime(path, (0, 1_000_000_000))
        if path.is_file():
            path.chmod(path.stat().st_mode & 0o700)
    build(
        checkout,
        tmp_path / "built",
        TZ="Asia/Kathmandu",
        LC_ALL="C",
        HOME="/nonexistent",
        USER="somebody",
        SOURCE_DATE_EPOCH="1",
    )
    first, second = (
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.glob("*.deb")}
        for directory in (built, tmp_path / "built")
    )
    assert first == second
    assert len(set(first.values())) == 1


def test_lintian_is_silent(built: Path) -> None:
    if not shutil.which("lintian"):
        pytest.skip("install the Debian package lintian")
    (changes,) = built.glob("*.changes")
    done = subprocess.run(
        ["lintian", "--allow-root", "--pedantic", "--fail-on", "error,warning", "--tag-display-limit", "0", changes],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_every_lintian_override_has_its_reason_above_it() -> None:
    lines = (TOP / "debian/maillogsentinel.lintian-overrides").read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        assert line.startswith("#") or before.startswith("#"), line
    assert sum(not line.startswith("#") for line in lines) == 1
