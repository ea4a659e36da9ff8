"""The schedule is cron's: it is read, and what the admin is told to do does it."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from maillogsentinel.setup import schedule

TOP = Path(__file__).parents[2]
SHIPPED = (TOP / "debian/maillogsentinel.cron.d").read_text()


@pytest.fixture
def cron(tmp_path):
    """A function that writes a cron file and returns what is read of it."""

    def cron(text):
        path = tmp_path / "it's cron"
        path.write_text(text)
        return schedule.read(str(path))

    return cron


@pytest.mark.parametrize("interval", schedule.CHOICES)
@pytest.mark.parametrize(
    "line", ["17 * * * *\t", "  @hourly ", "@daily   ", "*/7  1-5\t* * * ", "0 0,12 * * * "]
)  # fmt: skip
def test_the_command_that_is_told_changes_the_interval_and_nothing_else(cron, line, interval):
    before = cron(SHIPPED.replace("17 * * * * ", line))
    advice = before.advice(interval)
    if before.interval == interval:
        assert advice == []
        return
    assert interval in advice[0]
    assert before.interval in advice[0]
    command = advice[1].strip().removeprefix("sudo ")
    subprocess.run(["sh", "-c", command], check=True)
    after = schedule.read(before.path)
    assert after.interval == interval
    changed = [new for old, new in zip(before.text.splitlines(), after.text.splitlines(), strict=True) if old != new]
    (only,) = changed
    assert only.split(maxsplit=5)[5] == SHIPPED.splitlines()[7].split(maxsplit=5)[5]


@pytest.mark.parametrize("text", ["", "17 * * * * root true\n", SHIPPED + "3 4 * * * root maillogsentinel\n"])
def test_where_no_single_line_extracts_no_command_is_told(cron, text):
    found = cron(text)
    (advice,) = found.advice("every 5 minutes")
    assert "*/5 * * * *" in advice
    assert "sed" not in advice
    assert found.scheduled == ("extract" in text)


def test_a_file_that_is_not_there_schedules_nothing(tmp_path):
    found = schedule.read(str(tmp_path / "none"))
    assert not found.scheduled
    assert found.interval == "not scheduled"


@pytest.mark.parametrize(
    ("answer", "interval"),
    [("hourly", "hourly"), ("60", "hourly"), ("5", "every 5 minutes"), (" Every  10 Minutes ", "every 10 minutes"),
     ("15min", "every 15 minutes"), ("30 min", "every 30 minutes")],
)  # fmt: skip
def test_an_interval_can_be_said_in_several_ways(answer, interval):
    assert schedule.parse(answer) == interval


@pytest.mark.parametrize("answer", ["7", "0", "90", "yes", "*/5", "", "every", "５", "5; rm -rf /", "x" * 5000])
def test_others_are_refused_with_what_is_allowed(answer):
    with pytest.raises(ValueError, match="allowed is hourly, or a number of minutes: 5, 10, 15, 20, 30 or 60"):
        schedule.parse(answer)


def test_a_cron_daemon_is_seen_by_its_process(tmp_path, monkeypatch):
    for name in ("cron", "anacron"):
        shutil.copy("/bin/sleep", tmp_path / name)
    monkeypatch.setattr(schedule, "_DAEMONS", {"cron"} if not schedule.cron_runs() else {"anacron"})
    name = next(iter(schedule._DAEMONS))
    assert not schedule.cron_runs()
    with subprocess.Popen([tmp_path / name, "100"]) as process:
        try:
            wait = time.monotonic() + 10
            while not schedule.cron_runs():
                assert time.monotonic() < wait
                time.sleep(0.01)
        finally:
            process.kill()
    assert not schedule.cron_runs()
