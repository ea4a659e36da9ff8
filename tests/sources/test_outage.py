"""A login that failed because Dovecot's socket was gone is the server's trouble, though its line looks like others."""

import json
from datetime import datetime

import pytest

CONNECT = (
    "2026-11-20T01:00:00.000001+00:00 mx postfix/submission/smtpd[41]: warning: SASL: Connect to Dovecot auth socket"
    " 'private/auth' failed: No such file or directory\n"
)
FAILED = (
    "2026-11-20T01:00:00.000002+00:00 mx postfix/submission/smtpd[41]: warning: unknown[192.0.2.1]: SASL PLAIN"
    " authentication failed: (reason unavailable), sasl_username=(unavailable)\n"
)
ELSEWHERE = CONNECT.replace(" mx ", " mx2 ")
OTHER = "2026-11-20T01:00:00.000001+00:00 mx postfix/smtpd[42]: connect from unknown[192.0.2.9]\n"
ITS_OWN = OTHER.replace("[42]", "[41]")


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        (CONNECT + FAILED, "trouble"),
        (CONNECT + OTHER + FAILED, "trouble"),
        (FAILED, "failure"),
        (CONNECT + ITS_OWN + FAILED, "failure"),
        (CONNECT.replace("[41]", "[42]") + FAILED, "failure"),
        (ELSEWHERE + FAILED, "failure"),
        (CONNECT + ITS_OWN.replace(" mx ", " mx2 ") + FAILED, "trouble"),
        (CONNECT + FAILED.replace("(unavailable)", "bob"), "failure"),
        (CONNECT + FAILED.replace("(reason unavailable)", "Invalid authentication mechanism"), "failure"),
    ],
)
def test_explain_and_extract_agree_on_whose_fault_it_was(installation, lines, verdict):
    installation.log.write_text(lines)
    said = installation.run("explain", "--json", str(installation.log)).stdout.splitlines()
    assert json.loads(said[-1])["verdict"] == verdict
    installation.extract()
    assert len(installation.rows()) == (verdict == "failure")
    report = installation.run("report", "--stdout", "--format", "json", "--day", "2026-11-20")
    assert sum(item["count"] for item in json.loads(report.stdout)["troubles"]) == (verdict == "trouble")


def entry(line: str) -> str:
    """A line of the log as the journal's JSON has it."""
    stamp, host, program, message = line.rstrip("\n").split(" ", 3)
    name, pid = program.removesuffix("]:").split("[")
    moment = int(datetime.fromisoformat(stamp).timestamp() * 1_000_000)
    fields = {"__REALTIME_TIMESTAMP": str(moment), "_HOSTNAME": host, "SYSLOG_IDENTIFIER": name, "SYSLOG_PID": pid}
    return json.dumps({**fields, "MESSAGE": message}) + "\n"


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ([CONNECT, FAILED], "trouble"),
        ([CONNECT, OTHER, FAILED], "trouble"),
        ([CONNECT, ITS_OWN, FAILED], "failure"),
        ([ELSEWHERE, FAILED], "failure"),
        ([FAILED], "failure"),
    ],
)
def test_it_is_the_same_among_entries_of_the_journal(installation, lines, verdict):
    installation.log.write_text("".join(map(entry, lines)))
    installation.extract()
    assert len(installation.rows()) == (verdict == "failure")


def test_the_two_lines_may_stand_in_two_blocks_of_reading(installation):
    # 256 KiB are read at once: the first line ends the first block.
    filler = OTHER * ((262_144 - len(CONNECT)) // len(OTHER))
    installation.log.write_text(filler + CONNECT + FAILED + OTHER * 10)
    installation.extract()
    assert installation.rows() == []


def test_the_own_log_is_not_for_everybody(installation):
    installation.log.write_text(OTHER)
    installation.extract()
    assert (installation.directory / "own.log").stat().st_mode & 0o777 == 0o640
