"""The alerts' log: whole lines, each once."""

import os

import pytest

from maillogsentinel.alerting import logfile
from maillogsentinel.config import load
from maillogsentinel.options import ALERTS_LOG


def test_a_line_that_an_interrupted_run_wrote_is_not_written_again(tmp_path):
    path = str(tmp_path / "alerts.log")
    logfile.append(path, {"7-1": '{"id": "7-1"}'})
    logfile.append(path, {"7-1": '{"id": "7-1"}', "7-2": '{"id": "7-2"}'})
    assert (tmp_path / "alerts.log").read_text() == '{"id": "7-1"}\n{"id": "7-2"}\n'


def test_a_line_that_breaks_off_spoils_no_other(tmp_path):
    path = tmp_path / "alerts.log"
    path.write_text('{"id": "7-1", "ki')
    logfile.append(str(path), {"7-2": '{"id": "7-2"}'})
    assert path.read_text().splitlines()[1:] == ['{"id": "7-2"}']


def test_what_stands_under_the_name_of_the_log_is_not_followed_and_not_waited_for(tmp_path):
    target = tmp_path / "target"
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        logfile.append(str(tmp_path / "link"), {"7-1": "x"})
    assert not target.exists()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="regular"):
        logfile.append(str(tmp_path / "pipe"), {"7-1": "x"})


def test_a_log_that_nobody_configured_needs_its_directory(tmp_path):
    config = tmp_path / "test.conf"
    config.write_text("")
    assert logfile.is_kept(load(str(config))) is os.path.isdir(os.path.dirname(ALERTS_LOG.default))
    config.write_text(f"[alerts]\nlog_file = {tmp_path}/none/alerts.log\n")
    assert logfile.is_kept(load(str(config)))
    config.write_text("[alerts]\nlog_file =\n")
    assert not logfile.is_kept(load(str(config)))
