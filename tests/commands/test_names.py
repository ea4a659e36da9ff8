"""The users that Dovecot names reach the records, its passwords reach nothing, and its troubles are counted."""

import pytest

SECRET = "hunter2-S3cret"
DAY = "2025-05-17T11:13:"


def said(user, second, level="", more=""):
    what = f"{level}sql({user},192.0.2.7): Password mismatch (given password: {SECRET}){more}"
    return f"{DAY}{second:02d}.000000+00:00 mx dovecot: auth: {what}\n"


def failed(second, user=None):
    name = "" if user is None else f", sasl_username={user}"
    message = f"warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x{name}"
    return f"{DAY}{second:02d}.100000+00:00 mx postfix/smtpd[3]: {message}\n"


def add(installation, *lines):
    with open(installation.log, "a") as file:
        file.write("".join(lines))


def users(installation):
    return [row["user"] for row in installation.rows()]


def test_names_reach_the_csv_in_whatever_run_their_lines_come(installation):
    add(installation, said("bob", 1), failed(1), said("eve", 2))
    installation.extract()
    assert users(installation) == ["bob"]
    add(installation, failed(2), said("amy", 3), said("zoe", 3), failed(3))
    installation.extract()
    add(installation, failed(4), said("amy", 5), failed(5))
    installation.extract()
    assert users(installation) == ["bob", "eve", "null", "null", "amy"]


def test_dovecots_troubles_make_no_record_and_are_reported(installation):
    add(installation, said("bob", 1, "Error: "), failed(1, "bob"), failed(2, "bob"), said("eve", 3, "Error: "))
    installation.extract()
    add(installation, failed(3, "eve"))
    installation.extract()
    assert users(installation) == ["bob"]
    text = installation.run("report", "--stdout", "--day", "2025-05-17").stdout.decode()
    assert "Dovecot could not check the password" in text


@pytest.mark.parametrize("waiting", [False, True])
def test_a_password_that_dovecot_logs_goes_nowhere(installation, waiting):
    installation.configure("[general]\nlog_level = DEBUG\n")
    add(
        installation,
        said("bob", 1),
        failed(1),
        said("bob", 2, more=" - trying the next passdb"),
        said("eve", 3, "Error: "),
    )
    add(installation, *[failed(3, "eve")] if not waiting else [failed(4, "amy"), said("eve", 4)])
    installation.extract()
    installation.run("status", "--json")
    said_by_it = b"".join(
        installation.run(*command).stdout
        for command in (
            ["report", "--stdout", "--day", "2025-05-17"], ["status"], ["status", "--json"],
            ["explain", str(installation.log)], ["explain", "--json", str(installation.log)],
        )
    )  # fmt: skip
    assert b"bob" in said_by_it and SECRET.encode() not in said_by_it
    for path in installation.directory.rglob("*"):
        if path.is_file() and path != installation.log:
            assert SECRET.encode() not in path.read_bytes(), path
