"""check-config: every fault at once, and every value with the file that set it."""

from pathlib import Path

from maillogsentinel.options import OPTIONS

FIVE = """\
[report]
email = a b
smtp_port = 0
[csv]
delimiter = :
[general]
log_level = loud
[retention]
event_days = x
"""


def test_five_faults_are_five_lines_and_exit_status_2(program, tmp_path):
    path = tmp_path / "x.conf"
    path.write_text(FIVE)
    done = program("--config", str(path), "check-config")
    assert (done.returncode, done.stderr) == (2, b"")
    assert done.stdout.decode().splitlines() == [
        f"{path}:2: [report] email: is 'a b'; allowed is a mail address or a local user, several separated by commas",
        f"{path}:3: [report] smtp_port: is '0'; allowed is a whole number from 1 to 65535",
        f"{path}:5: [csv] delimiter: is ':'; allowed is one of , ; | or the word tab",
        f"{path}:7: [general] log_level: is 'loud'; allowed is debug, info, warning or error",
        f"{path}:9: [retention] event_days: is 'x'; allowed is a whole number from 1 to 3650",
    ]


def test_every_other_command_refuses_the_same_file_with_the_same_lines(program, tmp_path):
    path = tmp_path / "x.conf"
    path.write_text(FIVE + f"[paths]\nstate_dir = {tmp_path}\nworking_dir = {tmp_path}\n")
    for command in (["extract"], ["report"], ["status"], ["export", "csv"], ["reset"], ["purge"]):
        done = program("--config", str(path), *command)
        assert (done.returncode, done.stdout) == (2, b""), command
        lines = done.stderr.decode().splitlines()
        assert [line.split(": ")[1] for line in lines] == [f"{path}:{line}" for line in (2, 3, 5, 7, 9)], command
        assert "; allowed is " in lines[0]
    assert not (tmp_path / "maillogsentinel.csv").exists()


def test_warnings_are_told_and_are_no_failure(program, tmp_path):
    path = tmp_path / "x.conf"
    path.write_text("[report]\nemial = x\n[general]\nlog_file_max_bytes = 1\n")
    done = program("check-config", "--config", str(path))
    assert (done.returncode, done.stderr) == (0, b"")
    first, second = done.stdout.decode().splitlines()
    assert first == f"{path}:2: [report] emial: unknown key, ignored; did you mean [report] email? (warning)"
    assert "accepted, without effect: logrotate does this now" in second


def test_a_clean_file_is_passed_in_silence(installation):
    done = installation.run("check-config")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_effective_prints_every_value_and_the_file_that_set_it(installation, tmp_path):
    drop_in = Path(f"{installation.config}.d/50-x.conf")
    drop_in.parent.mkdir()
    drop_in.write_text("# x\n[csv]\ndelimiter = tab\n[paths]\nmail_log = /srv/mail.log\n")
    done = installation.run("check-config", "--effective")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert len(lines) == len(OPTIONS)
    assert f"[paths] mail_log = /srv/mail.log  ({drop_in}:5)" in lines
    assert f"[csv] delimiter = tab  ({drop_in}:3)" in lines
    assert f"[general] time_zone = UTC  ({installation.config}:7)" in lines
    assert "[report] email = root  (default)" in lines


def test_effective_shows_any_bytes_that_a_file_may_hold(program, tmp_path):
    path = tmp_path / "x.conf"
    path.write_bytes(b"[report]\nsubject_prefix = caf\xe9 \xe6\xbc\xa2\n[\xff]\nx = 1\n")
    for locale in ("C.UTF-8", "C", "POSIX"):
        done = program("--config", str(path), "check-config", "--effective", env={"LC_ALL": locale})
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
        assert b"subject_prefix = caf" in done.stdout


def test_a_configuration_that_is_not_there_is_exit_status_2(program, tmp_path):
    done = program("--config", str(tmp_path / "none"), "check-config")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"maillogsentinel: Cannot read the configuration ")
    assert done.stderr.count(b"\n") == 1
