"""``maillogsentinel report``: what it says of other days than its own, and of what is wrong on its own."""

import calendar
import email
import email.policy
import json
import sqlite3
from datetime import UTC, date, datetime, timedelta

import pytest

pytestmark = pytest.mark.slow

TODAY = datetime.now(UTC).date()
HEADER = "server,date,ip,user,hostname,reverse_dns_status,country_code,asn,aso\n"


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def lines(day: date, users: list[str], ip: str = "192.0.2.1", hour: int = 3) -> str:
    """A failure of each of `users`, between lines that cover the whole day."""
    stamp = f"{day}T{hour:02d}:00:{{:02d}}.{{:06d}}+00:00"
    failures = "".join(
        f"{stamp.format(number % 60, number)} mx postfix/smtpd[7]: warning: unknown[{ip}]: SASL LOGIN authentication"
        f" failed: (reason unavailable), sasl_username={user}\n"
        for number, user in enumerate(users)
    )
    begin = f"{day}T00:00:00.000000+00:00 mx postfix/smtpd[7]: connect from unknown[192.0.2.1]\n"
    return begin + failures + begin.replace("T00:00:00", "T23:59:59")


def report(installation, *arguments):
    done = installation.run("report", *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def as_json(installation, *arguments):
    return json.loads(report(installation, "--stdout", "--format", "json", *arguments))


@pytest.fixture
def month(installation):
    """Thirty whole days of four failures by two users, but for the last one: forty of them, also by a new user."""
    text = "".join(lines(ago(days), ["ann", "bob"] * 2) for days in range(30, 1, -1))
    installation.log.write_text(text + lines(ago(1), ["ann"] * 20 + ["eve"] * 20, ip="198.51.100.9"))
    installation.extract()
    return installation


def test_a_day_is_compared_with_the_days_before(month):
    found = as_json(month, "--day", "yesterday")
    assert found["comparison"] == {
        "failures": 40.0,
        "until_hour": None,
        "week": {"days": 7, "failures": 4.0},
        "month": {"days": 28, "failures": 4.0},
        "factor": 10.0,
    }
    assert found["verdict"]["level"] in ("more", "attack")
    assert [day["failures"] for day in found["trend"]] == [4] * 28 + [40]
    assert found["trend"][-1]["hours"][3] == 40
    assert as_json(month, "--day", ago(2).isoformat())["verdict"] == {
        "level": "usual",
        "sentence": "A day as usual: 4 failed logins, where 4 a day are usual.",
    }


def test_what_is_new_is_what_the_days_before_had_not(month):
    new = as_json(month, "--day", "yesterday")["new"]
    assert (new["days"], new["users"]) == (
        28,
        {"distinct": 2, "new": 1, "exact": True, "examples": [{"value": "eve", "count": 20}]},
    )
    assert new["networks"]["examples"] == [{"value": "198.51.100.0/24", "count": 40}]
    assert as_json(month, "--day", ago(2).isoformat())["new"]["users"]["new"] == 0


def test_the_first_days_are_compared_with_nothing(month):
    found = as_json(month, "--day", ago(25).isoformat())
    assert (found["comparison"], found["new"], found["verdict"]["level"]) == (None, None, "unknown")
    assert "Bursts were not looked for" in found["not_looked_for"][0]
    assert [day["coverage"] for day in found["trend"]].count("none") == 23


def test_a_day_that_nobody_read_is_in_no_mean_and_has_no_number(month):
    missing = ago(6).isoformat()
    text = "".join(line for line in month.log.read_text().splitlines(keepends=True) if not line.startswith(missing))
    month.run("reset")
    month.log.write_text(text)
    month.extract()
    # The log goes on as if nothing had been: that this day is missing is only known where somebody says so.
    with sqlite3.connect(month.state / "state.db") as connection:
        start, end = (int(datetime.combine(ago(back), datetime.min.time(), UTC).timestamp() * 10**6) for back in (6, 5))
        (path, begin, until), *_ = connection.execute("SELECT path, start, end FROM coverage").fetchall()
        connection.execute("UPDATE coverage SET end = ? WHERE start = ?", (start, begin))
        connection.execute("INSERT INTO coverage VALUES (?, ?, ?)", (path, end, until))
    found = as_json(month, "--day", "yesterday")
    days = {day["day"]: day for day in found["trend"]}
    assert days[missing] == {"day": missing, "coverage": "none", "failures": None, "hours": None}
    assert found["comparison"]["month"] == {"days": 27, "failures": 4.0}
    assert as_json(month, "--day", missing)["verdict"]["level"] == "unknown"


def test_a_week_and_a_month_are_those_that_are_over(month):
    week = as_json(month, "--weekly")
    assert (week["first_day"], week["last_day"], week["total"]) == (ago(7).isoformat(), ago(1).isoformat(), 6 * 4 + 40)
    found = as_json(month, "--monthly")
    last = TODAY.replace(day=1) - timedelta(days=1)
    assert found["first_day"] == last.replace(day=1).isoformat()
    assert found["last_day"] == last.isoformat()
    assert len(found["trend"]) == max(29, calendar.monthrange(last.year, last.month)[1])


@pytest.mark.parametrize(
    "arguments",
    ["--weekly --day today", "--weekly --monthly", "--due --monthly", "--monthly --until 2025-03-01"],
)
def test_one_span_at_a_time(installation, arguments):
    done = installation.run("report", "--stdout", *arguments.split())
    assert (done.returncode, done.stdout) == (2, b"")


def test_of_a_csv_the_trend_is_told_and_nothing_is_compared(month, tmp_path):
    other = tmp_path / "mx2.csv"
    other.write_text(HEADER + f'"mx,2",{ago(3)} 10:00,192.0.2.1,x,null,Errno 2,FR,64496,Net\n')
    found = as_json(month, "--csv", str(month.csv), "--csv", str(other), "--day", "yesterday")
    assert [day["failures"] for day in found["trend"]] == [4] * 26 + [5, 4, 40]
    assert (found["comparison"], found["new"]) == (None, None)
    assert "does not tell which days were read" in found["trend_note"]
    assert len(found["not_looked_for"]) == 2
    text = as_json(month, "--csv", str(other), "--day", ago(3).isoformat())
    assert {day["coverage"] for day in text["trend"][:-1]} == {"none"}
    assert text["trend"][-1]["hours"] == [None] * 10 + [1] + [None] * 13


def test_a_page_is_written_and_has_what_the_text_has_not(month, tmp_path):
    target = tmp_path / "page.html"
    report(month, "--format", "html", "-o", str(target), "--day", "yesterday")
    page = target.read_text()
    assert "Failed logins by day, 29 days" in page and "on average of 28 days before" in page
    assert len(page.encode()) < 100_000


@pytest.fixture
def mailed(month, tmp_path):
    """A function that mails and returns the message."""
    script = tmp_path / "sendmail"
    script.write_text(f"#!/bin/sh\ncat > {tmp_path}/message\n")
    script.chmod(0o755)

    def mail(*arguments, more=""):
        month.configure(f"[report]\nsendmail_path = {script}\n{more}")
        report(month, *arguments)
        return email.message_from_bytes((tmp_path / "message").read_bytes(), policy=email.policy.default)

    return mail


def test_a_mail_has_the_text_first_then_the_page_and_the_csv(month, mailed):
    message = mailed("--day", "yesterday")
    assert message.get_content_type() == "multipart/mixed"
    both, csv = message.iter_parts()
    assert both.get_content_type() == "multipart/alternative"
    plain, page = both.iter_parts()
    assert (plain.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
    assert csv.get_filename() == "maillogsentinel.csv"
    assert plain.get_content().replace("\r\n", "\n").split("\n\n")[1:3] == [
        f"Total attempts on {ago(1)}: 40",
        *report(month, "--stdout", "--day", "yesterday").split("\n\n")[2:3],
    ]
    assert "<h1" in page.get_content()


def test_html_no_leaves_the_page_out(mailed):
    message = mailed("--day", "yesterday", more="html = no\n")
    assert [part.get_content_type() for part in message.walk()] == ["multipart/mixed", "text/plain", "text/csv"]
    asked = mailed("--day", "yesterday", "--format", "html", more="html = no\n")
    assert "text/html" in [part.get_content_type() for part in asked.walk()]


def test_the_nightly_mail_has_the_page_too(month, mailed):
    message = mailed("--due")
    assert "text/html" in [part.get_content_type() for part in message.walk()]
