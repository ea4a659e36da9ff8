"""status: what is read, what was done, what is due; before, after and during a run."""

import json

import pytest

from maillogsentinel import __version__
from maillogsentinel.store.lock import locked

FAILED = (
    "2025-05-{day:02d}T11:13:00+00:00 mx postfix/smtpd[321]: warning: unknown[192.0.2.7]: SASL LOGIN authentication"
    " failed: x\n"
)
TROUBLE = FAILED.replace(": x", ": generic failure")


@pytest.fixture
def status(installation):
    """A function that returns what status --json says."""

    def status():
        done = installation.run("status", "--json")
        assert (done.returncode, done.stderr) == (0, b"")
        return json.loads(done.stdout)

    return status


def said(installation):
    done = installation.run("status")
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def test_before_the_first_run(installation, status):
    found = status()
    assert found["version"] == __version__
    assert found["running"] is False
    assert (found["sources"], found["csv"], found["last_run"], found["due"]) == ([], None, None, [])
    assert "nothing was read yet. Run: maillogsentinel extract" in said(installation)
    assert not installation.state.exists()


def test_after_a_run(installation, status):
    before = set(status())
    installation.log.write_text(FAILED.format(day=17) * 3 + TROUBLE.format(day=18))
    installation.extract()
    found = status()
    assert set(found) == before
    (source,) = found["sources"]
    assert (source["path"], source["files"], source["file"]) == (str(installation.log), 1, "mail.log")
    assert source["offset"] == installation.log.stat().st_size
    assert source["last_line"] == "2025-05-18 11:13:00"
    assert found["csv"] == {
        "path": str(installation.csv), "bytes": installation.csv.stat().st_size, "records": 3,
    }  # fmt: skip
    assert (found["last_run"]["records"], found["last_run"]["troubles"]) == (3, 1)
    assert (found["last_run"]["error"], found["last_run"]["problems"]) == (None, [])
    assert (found["running"], found["progress"], found["pending_records"]) == (False, None, 0)
    assert found["due"][:2] == ["2025-05-17", "2025-05-18"]
    text = said(installation)
    assert "3 new records, 1 times server trouble" in text
    assert f"{installation.csv}, 3 records" in text
    assert "Due:        report of 2025-05-17 to " in text


def test_after_a_run_that_failed(installation, status):
    installation.log.write_text(FAILED.format(day=17))
    installation.extract()
    installation.log.unlink()
    done = installation.run("extract", "--offline")
    assert done.returncode == 1
    found = status()
    assert "There is no log" in found["last_run"]["error"]
    assert any("There is no log" in problem for problem in found["problems"])
    assert found["csv"]["records"] == 1
    assert "There is no log" in said(installation)


def test_while_another_process_holds_the_lock(installation, status):
    installation.log.write_text(FAILED.format(day=17))
    installation.extract()
    with locked(str(installation.state)):
        assert status()["running"] is True
        assert "Running:    an extraction is under way" in said(installation)
    assert status()["running"] is False
    assert "Running:" not in said(installation)


def test_it_writes_nothing(installation, status):
    installation.log.write_text(FAILED.format(day=17))
    installation.extract()
    before = {path: path.stat().st_mtime_ns for path in installation.state.rglob("*")}
    status()
    said(installation)
    assert {path: path.stat().st_mtime_ns for path in installation.state.rglob("*")} == before


def test_an_unreadable_state_is_a_sentence(installation):
    installation.state.mkdir()
    for content in (b"", b"no database" * 1000):
        (installation.state / "state.db").write_bytes(content)
        done = installation.run("status")
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.startswith(b"maillogsentinel: ")
        assert done.stderr.count(b"\n") == 1


def test_a_newer_programs_state_is_refused_with_a_sentence(installation):
    import sqlite3

    installation.log.write_text(FAILED.format(day=17))
    installation.extract()
    with sqlite3.connect(installation.state / "state.db") as database:
        database.execute("PRAGMA user_version = 99")
    for command in (["status"], ["extract"], ["export", "csv"]):
        done = installation.run(*command)
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"newer version" in done.stderr
