"""The command line: what is accepted, the exit statuses, and that nobody ever sees a traceback."""

import os
import subprocess
import sys

import pytest

from maillogsentinel import __version__, cli
from maillogsentinel.store.lock import locked

FAILED = "May 17 11:13:00 mx postfix/smtpd[321]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x\n"


def shell(installation, script, **options):
    """Run a shell script in which "$@" is the program with its configuration."""
    program = [sys.executable, "-m", "maillogsentinel", "--config", str(installation.config)]
    return subprocess.run(
        ["bash", "-c", script, "sh", *program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd(), **options},
    )


# -- what is accepted


@pytest.mark.parametrize(
    ("argv", "command", "config", "verbose", "quiet"),
    [
        ([], "extract", "/etc/maillogsentinel.conf", False, False),
        (["-v"], "extract", "/etc/maillogsentinel.conf", True, False),
        (["--config", "x"], "extract", "x", False, False),
        (["--config", "x", "-q"], "extract", "x", False, True),
        (["--config", "report", "status"], "status", "report", False, False),
        (["--config=x", "status"], "status", "x", False, False),
        (["status", "--config", "x", "-v"], "status", "x", True, False),
        (["-q", "extract", "--offline"], "extract", "/etc/maillogsentinel.conf", False, True),
        (["extract", "--quiet"], "extract", "/etc/maillogsentinel.conf", False, True),
        (["--verbose", "extract", "-v"], "extract", "/etc/maillogsentinel.conf", True, False),
        (["--config", "x", "status", "--config", "y"], "status", "y", False, False),
        (["--report"], "report", "/etc/maillogsentinel.conf", False, False),
        (["--config", "x", "--report", "--day", "yesterday"], "report", "x", False, False),
        (["-v", "--reset"], "reset", "/etc/maillogsentinel.conf", True, False),
        (["--purge", "--delete", "-q"], "purge", "/etc/maillogsentinel.conf", False, True),
        (["explain", "--", "--report"], "explain", "/etc/maillogsentinel.conf", False, False),
    ],
)
def test_options_stand_before_or_behind_the_command_and_old_flags_are_commands(argv, command, config, verbose, quiet):
    args = cli.arguments(argv)
    assert (args.command, args.config, args.verbose, args.quiet) == (command, config, verbose, quiet)


def test_no_command_is_extract_with_the_defaults_of_extract():
    assert vars(cli.arguments([])) == vars(cli.arguments(["extract"]))


def test_old_flags_have_the_options_of_their_command():
    assert cli.arguments(["--report", "--day", "today"]).day == "today"
    assert vars(cli.arguments(["--purge"])) == vars(cli.arguments(["purge"]))


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_a_command_alone_is_read_as_among_all_commands(command):
    needed = {"export": ["csv"], "append": ["directory"], "merge": ["-o", "x", "y"], "prune": ["--older-than", "9"]}
    argv = [command, *needed.get(command, [])]
    alone, among = cli.parser(command).parse_args(argv), cli.parser().parse_args(argv)
    assert vars(alone) == vars(among)


@pytest.mark.parametrize(
    "argv",
    [
        ["nonsense"], ["--nonsense"], ["extract", "nonsense"], ["extract", "--mail-log"], ["export"], ["export", "xml"],
        ["-v", "-q"], ["extract", "-vq"], ["--config"], ["report", "--format", "pdf"], ["status", "--js"],
        ["report", "--day", "today", "--since", "today"], ["--report", "--reset"], ["explain", "a", "b"], ["--rep"],
        [""],
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_status_2_with_a_sentence(capsys, argv):
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "maillogsentinel" in err
    assert "error:" in err


@pytest.mark.parametrize("argv", [["--version"], ["-v", "--version"]])
def test_the_version(capsys, argv):
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"maillogsentinel {__version__}\n"


def test_help_names_every_command(capsys):
    for argv in (["--help"], ["-h"], *([command, "--help"] for command in cli.COMMANDS)):
        with pytest.raises(SystemExit) as caught:
            cli.main(argv)
        assert caught.value.code == 0
        out = capsys.readouterr().out
        wanted = cli.COMMANDS if argv[0][0] == "-" else [argv[0]]
        assert all(command in out for command in wanted)


# -- exit statuses


def test_python_m_is_the_program(program):
    done = program("--version")
    assert (done.returncode, done.stdout) == (0, f"maillogsentinel {__version__}\n".encode())


def test_a_run_without_a_command_extracts_and_is_silent(installation):
    installation.log.write_text(FAILED)
    done = installation.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert len(installation.rows()) == 1


def test_verbose_shows_the_own_log_on_stderr(installation):
    installation.log.write_text(FAILED)
    for place, argv in enumerate((["-v", "extract", "--offline"], ["extract", "-v", "--offline"])):
        done = installation.run(*argv)
        assert (done.returncode, done.stdout) == (0, b"")
        assert b"INFO === Start of MailLogSentinel v" in done.stderr
        assert (b"Committed 1 records" in done.stderr) == (place == 0)


def test_a_failed_run_is_exit_status_1_and_one_sentence(installation):
    done = installation.run("extract", "--offline")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"maillogsentinel: There is no log ")
    assert done.stderr.count(b"\n") == 1


def test_a_held_lock_is_exit_status_75(installation):
    installation.log.write_text(FAILED)
    with locked(str(installation.state)):
        for command in ("extract", "reset", "purge"):
            done = installation.run(command)
            assert (done.returncode, done.stdout) == (75, b"")
            assert b"Another run of maillogsentinel holds the lock" in done.stderr
    assert not installation.csv.exists()


@pytest.mark.parametrize("flag", ["--reset", "--purge"])
def test_old_flags_do_what_their_command_does(installation, flag):
    installation.log.write_text(FAILED)
    installation.extract()
    done = installation.run(flag)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not installation.csv.exists()
    (archived,) = (installation.state / "archive").iterdir()
    assert (archived / "maillogsentinel.csv").exists()


def test_the_old_report_flag_reports(installation):
    installation.log.write_text(FAILED)
    installation.extract()
    done = installation.run("--report", "--stdout")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"MailLogSentinel" in done.stdout


# -- no traceback


def test_a_reader_that_goes_away_is_no_error_to_tell(installation):
    installation.log.write_text(FAILED * 5000)
    installation.extract()
    for command in (f"explain {installation.log}", f"explain --json < {installation.log}", "export csv"):
        done = shell(installation, f'"$@" {command} | head -n 1; echo "${{PIPESTATUS[0]}}"')
        assert done.stderr == ""
        assert len(done.stdout.splitlines()) == 2, done.stdout


@pytest.mark.parametrize("command", ["explain {log}", "export csv", "status", "check-config --effective"])
def test_a_full_disk_behind_stdout_is_a_sentence(installation, command):
    installation.log.write_text(FAILED * 2000)
    installation.extract()
    done = shell(installation, f'"$@" {command.format(log=installation.log)} > /dev/full')
    assert done.returncode == 1
    assert done.stderr.startswith("maillogsentinel: ")
    assert "No space left" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["explain {log}", "explain", "export csv", "status", "extract"])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_do_no_harm(installation, command, closed):
    if command == "explain" and "<&-" not in closed:
        closed += " </dev/null"
    installation.log.write_text(FAILED)
    installation.extract()
    before = installation.csv.read_bytes()
    done = shell(installation, f'"$@" {command.format(log=installation.log)} {closed}')
    assert (done.returncode, done.stderr) == (0, "")
    assert installation.csv.read_bytes() == before


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_that_lacks_a_character_escapes_it(installation, encoding):
    installation.log.write_text(FAILED.replace(": x", ": x, sasl_username=漢", 1), encoding="utf-8")
    done = shell(installation, f'"$@" explain {installation.log}', PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert 'user="\\u6f22"' in done.stdout


def test_a_name_that_is_not_utf_8_is_told_all_the_same(program):
    done = program("--config", b"/nonexistent/\xff.conf", "status")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"maillogsentinel: Cannot read the configuration")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ZeroDivisionError("x"), 1, "Internal error: ZeroDivisionError: x. Please report it."),
        (PermissionError(13, "Permission denied", "/srv/x"), 1, "Cannot read or write /srv/x: Permission denied."),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "Internal error: MemoryError"),
        (RecursionError("deep"), 1, "Internal error: RecursionError: deep"),
    ],
)
def test_an_error_that_nobody_foresaw_is_a_sentence(monkeypatch, capsys, error, status, said):
    from maillogsentinel.commands import status as command

    def run(args):
        raise error

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # main may take it away
    assert cli.main(["status"]) == status
    err = capsys.readouterr().err
    assert err.startswith(f"maillogsentinel: {said}")
    assert err.count("\n") == 1


def test_an_error_within_a_run_is_a_sentence_with_the_traceback_in_the_own_log(installation):
    installation.log.write_text(FAILED)
    installation.extract()
    (installation.state / "state.db").write_bytes(b"no database at all" * 1000)
    done = installation.run("extract", "--offline")
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"damaged" in done.stderr
