"""``maillogsentinel report``: which records, in which form, to whom."""

import email
import email.policy
import gzip
import json
import os
import re
import resource
from datetime import UTC, date, datetime, timedelta

import pytest

from maillogsentinel.report.rows import Committed
from maillogsentinel.store.database import Database

HEADER = "server,date,ip,user,hostname,reverse_dns_status,country_code,asn,aso\n"


def failure(stamp: datetime, user: str, ip: str = "192.0.2.1") -> str:
    """A failure line of Postfix as rsyslog writes it."""
    return (
        f"{stamp.isoformat(timespec='microseconds')} mx postfix/smtpd[7]: warning: unknown[{ip}]: SASL LOGIN"
        f" authentication failed: (reason unavailable), sasl_username={user}\n"
    )


def at(day: date, hour: int, microsecond: int = 1) -> datetime:
    """A moment of a day, UTC."""
    return datetime(day.year, day.month, day.day, hour, 0, 0, microsecond, UTC)


TODAY = datetime.now(UTC).date()
DAYS = [TODAY - timedelta(days=number) for number in (3, 2, 1)]


@pytest.fixture
def three_days(installation):
    """A log of three past days, extracted: one, two and three failures."""
    lines = []
    for number, day in enumerate(DAYS, 1):
        lines += [failure(at(day, 1 + hour), f"day{number}user{hour}") for hour in range(number)]
    installation.log.write_text("".join(lines))
    installation.extract()
    return installation


def as_json(installation, *arguments):
    done = installation.run("report", "--stdout", "--format", "json", *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


def test_a_day_has_its_own_records_and_no_others(three_days):
    for number, day in enumerate(DAYS, 1):
        found = as_json(three_days, "--day", day.isoformat())
        assert found["total"] == number
        assert {item["user"] for item in found["attempts"]} == {f"day{number}user{hour}" for hour in range(number)}


def test_yesterday_is_a_word_for_its_date(three_days):
    assert as_json(three_days, "--day", "yesterday")["first_day"] == DAYS[2].isoformat()


def test_a_span_has_the_records_of_its_days_together(three_days):
    found = as_json(three_days, "--since", DAYS[0].isoformat(), "--until", DAYS[1].isoformat())
    assert (found["total"], found["first_day"], found["last_day"]) == (3, DAYS[0].isoformat(), DAYS[1].isoformat())
    assert as_json(three_days, "--since", DAYS[0].isoformat())["total"] == 6


def test_a_report_of_a_csv_counts_only_the_day_asked_for(three_days):
    found = as_json(three_days, "--csv", str(three_days.csv), "--day", DAYS[1].isoformat())
    assert found["total"] == 2
    twice = as_json(
        three_days, "--csv", str(three_days.csv), "--csv", str(three_days.csv), "--day", DAYS[1].isoformat()
    )
    assert twice["total"] == 4


def test_a_csv_of_any_of_our_delimiters_is_read(installation, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(
        HEADER.replace(",", ";") + f'mx;{DAYS[0]} 10:00;192.0.2.9;"a;b";null;Errno 2;FR;64496;"Net; ""Work"""\n'
    )
    found = as_json(installation, "--csv", str(other), "--day", DAYS[0].isoformat())
    assert found["attempts"] == [{"user": "a;b", "ip": "192.0.2.9", "hostname": None, "count": 1}]
    assert found["asos"]["top"] == [{"value": 'Net; "Work"', "count": 1}]
    assert found["reverse_dns"]["by_errno"] == {"2": 1}


@pytest.mark.parametrize("name", ["merged.csv", "merged.csv.gz"])
def test_a_merged_csv_makes_the_report_of_the_fleet(three_days, tmp_path, name):
    other = tmp_path / "mx2.csv"
    other.write_text(HEADER + f"mx2,{DAYS[1]} 10:00,192.0.2.1,day2user0,null,Errno 2,FR,64496,Net\n")
    merged = str(tmp_path / name)
    assert three_days.run("merge", "-o", merged, str(three_days.csv), str(other)).returncode == 0
    found = as_json(three_days, "--csv", merged, "--day", DAYS[1].isoformat())
    assert found["total"] == 3 and found["csv"]["lines"] == 7
    assert found["fleet"]["servers"]["top"] == [{"value": "mx", "count": 2}, {"value": "mx2", "count": 1}]
    assert found["fleet"]["addresses"]["top"] == [{"value": "192.0.2.1", "servers": 2, "count": 3}]
    text = three_days.run("report", "--stdout", "--csv", merged, "--day", DAYS[1].isoformat()).stdout.decode()
    assert f"Top 10 Usernames tried on several servers on {DAYS[1]}:\n   1. day2user0   2 servers   2 times\n" in text


def test_a_compressed_csv_is_attached_as_what_it_is(three_days, postbox, tmp_path):
    merged = str(tmp_path / "merged.csv.gz")
    assert three_days.run("merge", "-o", merged, str(three_days.csv)).returncode == 0
    assert three_days.run("report", "--csv", merged, "--day", "yesterday").returncode == 0
    (attached,) = postbox().iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == ("application/octet-stream", "merged.csv.gz")
    assert gzip.decompress(attached.get_content()) == three_days.csv.read_bytes()
    size = os.path.getsize(merged)
    with open(three_days.config, "a") as file:
        file.write(f"attachment_max_bytes = {size - 1}\n")
    assert three_days.run("report", "--csv", merged, "--day", DAYS[0].isoformat()).returncode == 0
    (attached,) = postbox().iter_attachments()
    assert attached.get_filename() == f"merged-{DAYS[0]}.csv" and "day1user0" in attached.get_content()


def test_a_damaged_compressed_csv_is_told(three_days, tmp_path):
    torn = tmp_path / "torn.csv.gz"
    torn.write_bytes(gzip.compress(three_days.csv.read_bytes())[:-9])
    done = three_days.run("report", "--stdout", "--csv", str(torn))
    assert (done.returncode, done.stdout) == (1, b"")
    assert re.fullmatch(
        r"maillogsentinel: \S*torn\.csv\.gz is damaged [^\n]* Restore the file if it matters\.\n", done.stderr.decode()
    )


def test_a_long_csv_is_read_without_being_held(three_days, tmp_path):
    long = tmp_path / "long.csv"
    with open(long, "w") as file:
        file.write(HEADER)
        for day in DAYS:
            for part in range(20):
                file.writelines(
                    f"mx{n % 3},{day} 10:{part:02},198.51.100.{n % 256},user{n},null,Errno 2,FR,64496,Net\n"
                    for n in range(1000)
                )
        file.write("x" * 3_000_000 + f"\nmx,{DAYS[1]} 11:00,192.0.2.9,last,null,OK,FR,64496,Net")
    found = as_json(three_days, "--csv", str(long), "--day", DAYS[1].isoformat())
    assert (found["total"], found["csv"]["lines"]) == (20_001, 60_002)
    assert found["fleet"]["users"]["distinct"] == 0 and found["fleet"]["addresses"]["distinct"] == 256


def test_a_csv_with_another_header_is_refused_with_a_sentence(installation, tmp_path):
    foreign = tmp_path / "foreign.csv"
    foreign.write_text("when,who\n")
    done = installation.run("report", "--stdout", "--csv", str(foreign))
    assert (done.returncode, done.stdout) == (2, b"")
    assert str(foreign).encode() in done.stderr and b"merge" in done.stderr


def test_the_text_says_the_day_it_covers(three_days):
    text = three_days.run("report", "--stdout", "--day", DAYS[1].isoformat()).stdout.decode()
    assert f"Total attempts on {DAYS[1]}: 2" in text
    assert "Total CSV lines:     6" in text
    today = three_days.run("report", "--stdout").stdout.decode()
    assert "Total attempts today: 0" in today


def test_hours_that_nobody_read_are_named_and_not_shown_as_zero(three_days):
    before = DAYS[0] - timedelta(days=1)
    text = three_days.run("report", "--stdout", "--day", before.isoformat()).stdout.decode()
    assert f"Total attempts on {before}: not known" in text
    first = three_days.run("report", "--stdout", "--day", DAYS[0].isoformat()).stdout.decode()
    assert f"{DAYS[0]} 00:00 to {DAYS[0]} 01:00" in first
    covered = three_days.run("report", "--stdout", "--day", DAYS[1].isoformat()).stdout.decode()
    assert "not covered" not in covered


def test_server_trouble_is_counted_apart(installation):
    lost = failure(at(DAYS[0], 5), "carol").replace("(reason unavailable)", "Connection lost to authentication server")
    dead = f"{at(DAYS[0], 6).isoformat()} mx postfix/smtpd[8]: fatal: no SASL authentication mechanisms\n"
    installation.log.write_text(failure(at(DAYS[0], 4), "bob") + lost + lost + dead)
    installation.extract()
    found = as_json(installation, "--day", DAYS[0].isoformat())
    assert found["total"] == 1
    assert sorted(item["count"] for item in found["troubles"]) == [1, 2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--day", "tomorrow"],
        ["--day", "2025-02-30"],
        ["--day", "2025-1-1"],
        ["--since", "2025-03-02", "--until", "2025-03-01"],
        ["--until", "2025-03-01"],
        ["--day", "today", "--since", "2025-03-01"],
        ["--due", "--stdout"],
        ["--due", "--format", "json"],
        ["--format", "pdf"],
        ["--to", "not an address"],
    ],
)
def test_wrong_usage_is_told_with_status_2(three_days, arguments):
    done = three_days.run("report", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr and b"Traceback" not in done.stderr


def test_before_the_first_extract_a_report_says_what_to_do(installation):
    done = installation.run("report", "--stdout")
    assert done.returncode == 1
    assert b"maillogsentinel extract" in done.stderr


def test_a_file_appears_whole_under_its_name(three_days, tmp_path):
    out = tmp_path / "report.html"
    done = three_days.run("report", "--format", "html", "-o", str(out), "--day", DAYS[2].isoformat())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert out.read_text().startswith("<!DOCTYPE html>") and "day3user2" in out.read_text()
    assert os.listdir(tmp_path).count("report.html") == 1 and not [
        n for n in os.listdir(tmp_path) if n.endswith(".new")
    ]


def test_a_file_that_cannot_be_written_is_named(three_days):
    done = three_days.run("report", "-o", "/nowhere/at/all/report.txt")
    assert done.returncode == 1 and b"/nowhere/at/all/report.txt" in done.stderr


def test_a_file_that_does_not_fit_stays_as_it_was(three_days, tmp_path):
    target = tmp_path / "out/report.txt"
    target.parent.mkdir()
    target.write_text("before\n")

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))

    done = three_days.run("report", "--day", "yesterday", "-o", str(target), preexec_fn=little)
    assert (done.returncode, done.stdout) == (1, b"")
    assert re.match(rb"maillogsentinel: No space left for [^\n]*report.txt", done.stderr)
    assert {path.name: path.read_text() for path in target.parent.iterdir()} == {"report.txt": "before\n"}


@pytest.fixture
def postbox(three_days, tmp_path):
    """A sendmail that keeps its arguments and the message; returns a function that reads the last message."""
    script = tmp_path / "sendmail"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/args\ncat > {tmp_path}/message\n')
    script.chmod(0o755)
    three_days.configure(f"[report]\nsendmail_path = {script}\nemail = admin@example.org\n")

    def read():
        with open(tmp_path / "message", "rb") as file:
            return email.message_from_binary_file(file, policy=email.policy.default)

    return read


def test_without_stdout_the_report_is_mailed_with_the_whole_csv(three_days, postbox):
    done = three_days.run("report", "--day", DAYS[2].isoformat())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    message = postbox()
    assert message["To"] == "admin@example.org" and message["Auto-Submitted"] == "auto-generated"
    assert "3 failed logins" in message["Subject"]
    body, attached = message.get_body(("plain",)), list(message.iter_attachments())
    assert "Please see attached: maillogsentinel.csv" in body.get_content()
    assert attached[0].get_content().encode() == three_days.csv.read_bytes()


def test_a_large_csv_gives_way_to_the_records_of_the_day(three_days, postbox):
    size = three_days.csv.stat().st_size
    with open(three_days.config, "a") as file:
        file.write(f"attachment_max_bytes = {size - 1}\n")
    assert three_days.run("report", "--day", DAYS[0].isoformat()).returncode == 0
    attached = list(postbox().iter_attachments())
    lines = attached[0].get_content().splitlines()
    assert lines[0] + "\n" == HEADER and len(lines) == 2 and "day1user0" in lines[1]


def test_to_sends_it_elsewhere_and_test_marks_it(three_days, postbox):
    assert three_days.run("report", "--test", "--to", "carol@example.net").returncode == 0
    message = postbox()
    assert message["To"] == "carol@example.net"
    assert "test" in message["Subject"].lower() or "sample" in message["Subject"].lower()


def test_a_sample_needs_no_record(installation, tmp_path):
    done = installation.run("report", "--test", "--stdout")
    assert done.returncode == 0 and b"Traceback" not in done.stderr


def test_a_mail_that_cannot_be_handed_over_is_status_1(three_days):
    three_days.configure("[report]\nsendmail_path = /bin/false\n")
    done = three_days.run("report")
    assert done.returncode == 1 and b"/bin/false" in done.stderr


def test_a_day_is_read_without_the_rest_of_the_csv(three_days):
    # Other days' records become unreadable without a change of length: were they looked at, something would be amiss.
    lines = three_days.csv.read_bytes().splitlines(keepends=True)
    own = [line for line in lines if DAYS[2].isoformat().encode() in line]
    others = [line for line in lines[1:] if line not in own]
    with open(three_days.csv, "r+b") as file:
        file.seek(len(lines[0]))
        file.write(b"".join(b"#" * (len(line) - 1) + b"\n" for line in others))
    database = Database(str(three_days.state))
    assert list(Committed(database, ",").lines(DAYS[2], DAYS[2])) == own
    database.close()


def test_an_attack_of_today_is_none_of_the_day_before(installation):
    installation.configure("[report]\nsendmail_path = /bin/true\n[detection]\naddress_users = 3\nwarning_factor = 1\n")
    yesterday = TODAY - timedelta(days=1)
    now = datetime.now(UTC)
    installation.log.write_text(
        failure(at(yesterday, 23), "u0") + "".join(failure(now, f"u{number}") for number in range(1, 4))
    )
    installation.extract()
    found = as_json(installation, "--day", yesterday.isoformat())
    assert (found["total"], found["findings"], found["verdict"]["level"]) == (1, [], "unknown")
    assert [one["kind"] for one in as_json(installation)["findings"]] == ["spraying"]


@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_an_edited_csv_is_no_quiet_day(three_days, form):
    days = ("report", "--stdout", "--format", form, "--day", DAYS[2].isoformat())
    assert three_days.run(*days).returncode == 0
    kept = three_days.csv.read_bytes().splitlines(keepends=True)
    for text in (kept[:-1], [kept[0], *kept[:1] * (len(kept) - 1)], [*kept[:-1], kept[-1].replace(b"-", b"/")]):
        with open(three_days.csv, "r+b") as file:  # as some editors write
            file.truncate(0)
            file.write(b"".join(text))
        done = three_days.run(*days)
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"was changed by somebody else since the last extract. The next one puts it right" in done.stderr
    three_days.run("extract", "--offline")
    assert three_days.run(*days).returncode == 0


def test_a_missing_csv_and_a_full_output_are_told_in_a_sentence(three_days):
    missing = three_days.run("report", "--stdout", "--csv", "/nowhere.csv")
    assert missing.returncode == 1 and b"/nowhere.csv" in missing.stderr and b"Internal" not in missing.stderr
    with open("/dev/full", "w") as full:
        done = three_days.run("report", "--stdout", "--format", "html", stdout=full)
    assert done.returncode == 1 and b"No space left" in done.stderr and b"Internal" not in done.stderr
