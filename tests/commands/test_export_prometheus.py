"""export prometheus: metrics that promtool and a strict reader take, and that never hold what an attacker chose."""

import os
import re
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from failures import lines

from tests.export.exposition import parse

TOP = Path(__file__).parents[2]
TROUBLE = (
    "May 17 11:13:00 mx postfix/smtpd[321]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed:"
    " Connection lost to authentication server\n"
)


@pytest.fixture
def metrics(installation):
    """A function that exports, and returns the metrics without their prefix: values by labels."""

    def metrics():
        done = installation.run("export", "prometheus")
        assert (done.returncode, done.stderr) == (0, b"")
        found = parse(done.stdout.decode())
        return {name.removeprefix("maillogsentinel_"): values for name, (_, _, values) in found.items()}

    return metrics


def one(values):
    """The value of a metric without labels."""
    (value,) = values.values()
    return value


def test_they_tell_what_status_tells(installation, grow, metrics):
    installation.log.write_text(TROUBLE * 2)
    before = time.time()
    grow(5)
    found = metrics()
    after = time.time()
    assert one(found["failures_total"]) == one(found["csv_records"]) == 5
    assert found["server_failures_total"] == {(("server", "mx"),): 5}
    assert [(labels[0][0], value) for labels, value in found["troubles_total"].items()] == [("kind", 2)]
    assert one(found["csv_size_bytes"]) == installation.csv.stat().st_size
    assert one(found["last_extract_success"]) == 1
    start, end = (one(found[f"last_extract_{word}_timestamp_seconds"]) for word in ("start", "end"))
    assert before <= start <= end <= after
    assert one(found["last_extract_duration_seconds"]) == pytest.approx(end - start, abs=1e-4)
    source = (("source", str(installation.log)),)
    assert 0 <= found["source_lag_seconds"][source] <= after - before
    assert before - 1 <= found["source_read_timestamp_seconds"][source] <= after
    assert found["source_last_line_timestamp_seconds"][source] % 86_400 == 11 * 3600 + 13 * 60
    assert one(found["reports_due"]) >= 1
    assert one(found["known_login_users"]) == 0


def test_findings_and_alerts_are_told_where_detection_runs(installation, metrics):
    installation.configure("minimum_severity = notice\ncommand = /bin/false\n[detection]\nbait_users = user1\n")
    when = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 60))
    recent = lines(0, 2).replace("May 17 11:13:00", when).replace(",\u2028", "").splitlines(keepends=True)
    installation.log.write_text(recent[0], encoding="utf-8")
    before = time.time()
    installation.extract()
    found = metrics()
    assert found["findings"] == {(("severity", name),): 0 for name in ("notice", "warning", "critical")}
    assert one(found["alerts_due"]) == 0
    assert "last_alert_timestamp_seconds" not in found
    with open(installation.log, "a", encoding="utf-8") as file:
        file.write(recent[1])
    installation.run("extract", "--offline")
    found = metrics()
    assert sum(found["findings"].values()) == one(found["alerts_due"]) == 1
    assert before <= one(found["last_alert_timestamp_seconds"]) <= time.time()
    installation.configure("enabled = no\n")
    assert not [name for name in metrics() if "alert" in name or "finding" in name]


def test_counters_go_on_whatever_is_deleted(installation, grow, metrics):
    grow(5)
    with sqlite3.connect(installation.state / "state.db") as connection:
        for table in ("event", "trouble", "loss", "day", "extent"):
            connection.execute(f"DELETE FROM {table}")
    connection.close()
    text = installation.csv.read_bytes().splitlines(keepends=True)
    installation.csv.write_bytes(b"".join(text[:2]))
    with open(installation.log, "a", encoding="utf-8") as file:
        file.write(lines(5, 2))
    assert b"changed by somebody else" in installation.run("extract", "--offline").stderr
    found = metrics()
    assert one(found["csv_records"]) == 3
    assert one(found["failures_total"]) == one(found["server_failures_total"]) == 7


def test_a_failed_extract_shows(installation, grow, metrics):
    grow(1)
    installation.log.unlink()
    assert installation.run("extract", "--offline").returncode == 1
    found = metrics()
    assert one(found["last_extract_success"]) == 0
    assert one(found["last_extract_problems"]) == 1


def test_nothing_that_an_attacker_chose_is_in_them(installation, metrics):
    installation.log.write_text(lines(0, 3).replace("user", 'evil"} 1\\n').replace("LOGIN", "EVIL"), encoding="utf-8")
    installation.extract()
    text = installation.run("export", "prometheus").stdout.decode()
    assert one(metrics()["failures_total"]) == 3
    assert not re.search("192.0.2|evil", text, re.IGNORECASE)


def test_promtool_finds_no_fault(installation, grow):
    if not shutil.which("promtool"):
        pytest.skip("install the Debian package prometheus")
    strange = installation.directory / 'a "strange" \\ log'
    installation.configure(mail_log=f"{installation.directory}/*log")
    strange.write_text(TROUBLE)
    installation.log.write_text(lines(0, 3), encoding="utf-8")
    installation.configure(mail_log=f"{installation.directory}/*strange*")
    installation.extract()
    done = installation.run("export", "prometheus")
    assert done.stdout.count(b'source="' + str(installation.directory).encode() + b'/a \\"strange\\" \\\\ log"') == 3
    checked = subprocess.run(["promtool", "check", "metrics"], input=done.stdout, capture_output=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_the_documented_rules_name_metrics_that_there_are(tmp_path, grow, metrics):
    text = (TOP / "docs/exports.md").read_text()
    grow(1)
    found = metrics()
    documented = set(re.findall(r"`maillogsentinel_(\w+)", text.split("## Block-lists")[0]))
    assert set(found) - {"last_extract_end_timestamp_seconds"} <= documented
    rules = text.split("```yaml\n")[1].split("```")[0]
    assert set(re.findall(r"maillogsentinel_(\w+)", rules)) <= set(found)
    if not shutil.which("promtool"):
        pytest.skip("install the Debian package prometheus")
    (tmp_path / "rules.yml").write_text(rules)
    done = subprocess.run(["promtool", "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "5 rules found" in done.stdout


def test_a_file_appears_whole_and_everybody_may_read_it(installation, grow):
    grow(1)
    target = installation.directory / "mls.prom"
    target.write_text("old")
    before = os.umask(0o077)
    try:
        done = installation.run("export", "prometheus", "-o", str(target))
    finally:
        os.umask(before)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert target.stat().st_mode & 0o777 == 0o644
    assert one(parse(target.read_text())["maillogsentinel_failures_total"][2]) == 1
    assert not list(installation.directory.glob("*.new"))


def test_before_the_first_run_a_file_stays_as_it_was(installation):
    target = installation.directory / "mls.prom"
    target.write_text("old")
    done = installation.run("export", "prometheus", "--output", str(target))
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Run: maillogsentinel extract" in done.stderr
    assert target.read_text() == "old"
