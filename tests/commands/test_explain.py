"""explain: for each line of a file or of stdin what it is and why, and nothing changed."""

import json
import os

import pytest

HEAD = "May 17 11:13:00 mx postfix/submission/smtpd[321]: "
CLIENT = "warning: mail.example.org[192.0.2.7]: SASL LOGIN authentication failed:"
FAILED = f"{HEAD}{CLIENT} (reason unavailable), sasl_username=bob"


@pytest.fixture
def explain(program):
    """A function that explains lines on stdin as JSON."""

    def explain(*lines):
        text = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
        done = program("explain", "--json", stdin=text, env={"TZ": "UTC"})
        assert (done.returncode, done.stderr) == (0, b"")
        return [json.loads(line) for line in done.stdout.splitlines()]

    return explain


def test_a_failure_has_all_fields_as_the_log_has_them(explain):
    assert explain(FAILED) == [
        {
            "verdict": "failure",
            "why": "a failed SASL login",
            "ip": "192.0.2.7",
            "user": "bob",
            "hostname": "mail.example.org",
            "mechanism": "LOGIN",
            "reason": "(reason unavailable)",
            "service": "submission",
            "repeat": 1,
        }
    ]


def test_texts_are_raw_in_json(explain):
    found = explain(f"{HEAD}{CLIENT} r\\x, sasl_username=\\a\u202e".encode() + b"\x1b\xff")
    assert found[0]["user"] == "\\a\u202e\x1b\udcff"
    assert found[0]["reason"] == "r\\x"
    hostile = f'{HEAD}warning: unknown[unknown]: SASL "P Q\\" authentication failed: Invalid authentication mechanism'
    (found,) = explain(hostile)
    assert (found["mechanism"], found["ip"], found["hostname"], found["user"]) == ('"P Q\\"', None, "unknown", None)
    assert "other text" in found["why"]


def test_trouble_and_ignored_lines_say_why(explain):
    found = explain(
        f"{HEAD}{CLIENT} generic failure",
        f"{HEAD}fatal: no SASL authentication mechanisms",
        f"{HEAD}connect from unknown[192.0.2.7]",
        f"{HEAD}warning: unknown[192.0.2.7]: SASL LOGIN authentication aborted",
        "May 17 11:13:00 mx dovecot: x",
        "what",
        "",
        "x" * 20_000,
        FAILED,
    )
    assert [entry["verdict"] for entry in found] == ["trouble"] * 2 + ["ignored"] * 6 + ["failure"]
    assert all(entry["why"] for entry in found)
    assert all(set(entry) == {"verdict", "why"} for entry in found[:-1])
    assert "gave the login up" in found[3]["why"]
    assert "longer than" in found[7]["why"]


DOVECOT = "May 17 11:13:00 mx dovecot: auth: sql(bob,192.0.2.7): {}"


def test_dovecots_lines_before_it_name_the_user_of_a_failure(explain):
    nameless = f"{HEAD}{CLIENT} UGFzc3dvcmQ6"
    found = explain(
        DOVECOT.format("unknown user"), nameless, nameless,
        DOVECOT.format("unknown user - trying the next passdb"),
        DOVECOT.replace("auth: ", "auth: Error: ").format("broken"), FAILED,
    )  # fmt: skip
    assert [(entry["verdict"], entry.get("user")) for entry in found] == [
        ("ignored", None), ("failure", "bob"), ("failure", None),
        ("ignored", None), ("ignored", None), ("trouble", None),
    ]  # fmt: skip
    assert "names the user where Postfix does not" in found[0]["why"]
    assert "another daemon's line before it names the user" in found[1]["why"]
    assert "could not check" in found[4]["why"]
    assert "Dovecot could not check the password" in found[5]["why"]
    # A line that comes late is about the failure before it, and not about the next one.
    late = explain(nameless, DOVECOT.format("unknown user"), nameless)
    assert [entry.get("user") for entry in late] == [None, None, None]


def test_passwords_that_dovecot_logs_are_not_shown(program):
    lines = [
        DOVECOT.format("Password mismatch (given password: hunter2)"),
        DOVECOT.format("unknown user (given password: hunter2) - trying the next passdb"),
        DOVECOT.replace("auth: ", "auth: Debug: ").format("password hunter2"),
    ]
    for form in ([], ["--json"]):
        done = program("explain", *form, stdin="\n".join(lines).encode())
        assert b"hunter2" not in done.stdout + done.stderr
    assert program("explain", stdin=lines[0].encode()).stdout.decode().endswith("sql(bob,192.0.2.7): ...\n")


def test_lines_are_one_stream_in_which_repeats_refer_to_the_line_before(explain):
    last = "May 17 11:13:30 mx last message repeated {} times"
    again = f"{HEAD}message repeated 3 times: [ {CLIENT} x, sasl_username=bob]"
    found = explain(
        FAILED, last.format(4), again, last.format(2), "x", last.format(2), again, FAILED, last.format(20_000)
    )
    assert [(entry["verdict"], entry.get("repeat")) for entry in found] == [
        ("failure", 1), ("failure", 4), ("failure", 3), ("failure", 2), ("ignored", None), ("ignored", None),
        ("failure", 3), ("failure", 1), ("failure", 20_000),
    ]  # fmt: skip
    assert "4 failed SASL logins in one line" in found[1]["why"]
    assert "counted once" in found[6]["why"]
    assert "counted once" in found[8]["why"]
    assert found[1]["user"] == "bob"


def test_a_name_of_100_bytes_may_have_been_cut(explain):
    whole, cut = explain(f"{HEAD}{CLIENT} x, sasl_username={'é' * 49}", f"{HEAD}{CLIENT} x, sasl_username={'é' * 50}")
    assert "cut" not in whole["why"]
    assert "cut the user name at 100 bytes" in cut["why"]


def test_the_text_form_is_safe_and_shows_what_a_record_would_hold(program):
    line = f'{HEAD}{CLIENT} UGFzc3dvcmQ6, sasl_username= \x1b[31m"a\\ mechanism=X'.encode() + b"\xff\n"
    done = program("explain", stdin=line + b"\x1b]0;title\x07\n", env={"TZ": "UTC"})
    assert done.returncode == 0
    text = done.stdout.decode()
    assert all(char.isprintable() or char == "\n" for char in text)
    assert 'user=" \\x1B[31m""a\\\\ mechanism=X\\xFF" mechanism=LOGIN service=submission reason=(none given)' in text
    assert "ip=192.0.2.7 hostname=mail.example.org" in text
    assert "ignored: no syslog header" in text
    assert "-05-17 11:13:00 server=mx" in text


@pytest.mark.parametrize(
    ("mechanism", "reason", "shown"),
    [("LOGIN", "", "(none given)"), ("LOGIN", "VXNlcm5hbWU6", "(none given)"), ("CRAM-MD5", "PDc3OTEw", "(none given)"),
     ("LOGIN", "PDc3OTEw", "PDc3OTEw"), ("PLAIN", "account disabled", "account disabled")],
)  # fmt: skip
def test_a_challenge_in_the_reasons_place_is_no_reason(program, mechanism, reason, shown):
    line = f"{HEAD}warning: unknown[192.0.2.7]: SASL {mechanism} authentication failed: {reason}"
    done = program("explain", stdin=line.encode())
    assert done.stdout.decode().splitlines()[-1].endswith(f" user=null mechanism={mechanism} service=submission"
                                                          f" reason={shown}")  # fmt: skip


def test_a_file_is_read_with_its_own_time_for_the_missing_year(program, tmp_path):
    log = tmp_path / "old.log"
    log.write_text(FAILED)  # no newline: it is a line all the same
    os.utime(log, (1_600_000_000, 1_600_000_000))
    done = program("explain", str(log), env={"TZ": "UTC"})
    assert "date=2020-05-17 11:13:00 " in done.stdout.decode()


def test_nothing_changes(installation):
    installation.log.write_text(FAILED + "\n")
    before = sorted(installation.directory.rglob("*"))
    for arguments in (["explain", str(installation.log)], ["explain", "--json", str(installation.log)]):
        assert installation.run(*arguments).returncode == 0
    assert sorted(installation.directory.rglob("*")) == before


def test_a_long_line_without_an_end_is_one_line(program):
    done = program("explain", "--json", stdin=b"x" * 3_000_000 + b"\n" + FAILED.encode() + b"\n" + b"y" * 2_000_000)
    assert [json.loads(line)["verdict"] for line in done.stdout.splitlines()] == ["ignored", "failure", "ignored"]


def test_no_input_is_no_output(program):
    done = program("explain", stdin=b"")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_cannot_be_read_is_exit_status_1(program, tmp_path, name):
    done = program("explain", str(tmp_path / name))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"maillogsentinel: Cannot read ")
    assert done.stderr.count(b"\n") == 1


def test_random_bytes_are_explained(program):
    import random

    data = random.Random(1).randbytes(200_000)
    for form in ([], ["--json"]):
        done = program("explain", *form, stdin=data)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode().count("ignored") >= data.count(b"\n")
