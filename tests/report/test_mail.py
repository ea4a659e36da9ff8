import email
import email.policy
import email.utils
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maillogsentinel.errors import DeliveryError, UsageError
from maillogsentinel.report import mail
from maillogsentinel.report.attachment import Attachment
from maillogsentinel.report.page import document as page
from maillogsentinel.report.tally import tally
from maillogsentinel.report.text import render

from .samples import configured, hostile_rows, known_numbers, row, summary_of

ROOT = Path(__file__).parents[2]
GZIP = Attachment("maillogsentinel-2025-05-27.csv.gz", bytes(range(256)) * 40, "application", "gzip", "")
CSV = Attachment("maillogsentinel.csv", "server,user\nmx,漢字\nmx,\r\n.\n".encode() + b"x" * 5000, "text", "csv", "")
NOTHING = Attachment("", None, "", "", "Nothing is attached.")


def sent_and_read_back(message):
    """The mail as its reader's program has it."""
    return email.message_from_bytes(message.as_bytes(), policy=email.policy.default)


def content(part):
    """The text of a part with the line ends of this system."""
    return part.get_content().replace("\r\n", "\n")


def lines_of(message):
    return message.as_bytes().split(b"\r\n")


def test_the_headers_are_those_of_an_automatic_mail(tmp_path, monkeypatch):
    monkeypatch.setattr(mail, "full_host_name", lambda: "mail.example.org")
    message = mail.compose(configured(tmp_path), summary_of(known_numbers()), "text\n")
    found = sent_and_read_back(message)
    assert found["From"] == "maillogsentinel@mail.example.org"
    assert found["To"] == "root"
    assert found["Subject"] == "[MailLogSentinel] mail.example.org: 40 failed logins on 2025-05-27"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["MIME-Version"] == "1.0"
    assert re.fullmatch(r"<[^@<>\s]+@mail\.example\.org>", found["Message-ID"])
    assert abs((email.utils.parsedate_to_datetime(found["Date"]) - datetime.now(UTC)).total_seconds()) < 60
    assert found.get_content_type() == "text/plain"
    assert found.get_content_charset() == "utf-8"


def test_recipients_and_sender_are_those_of_the_configuration_or_the_command_line(tmp_path):
    config = configured(tmp_path, email="root, a@example.org", sender_override="report@example.net, b@example.net")
    message = mail.compose(config, summary_of(), "text\n")
    assert (message["To"], message["From"]) == ("root, a@example.org", "report@example.net")
    assert mail.compose(config, summary_of(), "text\n", to="c@example.org")["To"] == "c@example.org"


@pytest.mark.parametrize("to", ["a@b\nBcc: c@d", "a@b\r\nX: y", "-oQ/tmp", "a b", "<a@b>", "x:a@b;", """ "a"@b """])
def test_a_recipient_that_is_no_address_is_a_wrong_usage(tmp_path, to):
    with pytest.raises(UsageError, match=r"--to .*allowed is "):
        mail.compose(configured(tmp_path), summary_of(), "text\n", to=to)


@pytest.mark.parametrize(("option", "value"), [("email", "root@münchen.example"), ("sender_override", "ä@example.org")])
def test_an_address_outside_ascii_is_refused_with_what_to_do(tmp_path, option, value):
    with pytest.raises(DeliveryError, match=f"letters outside ASCII.*{option}.*xn--"):
        mail.compose(configured(tmp_path, **{option: value}), summary_of(), "text\n")


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"tally": tally([row()])}, "mail.example.org: 1 failed login on 2025-05-27"),
        ({}, "mail.example.org: no failed logins on 2025-05-27"),
        ({"first_day": "2025-05-20"}, "mail.example.org: no failed logins from 2025-05-20 to 2025-05-27"),
        ({"today": True}, "mail.example.org: no failed logins on 2025-05-27 (so far)"),
        ({"nothing_read": True}, "mail.example.org: nothing was read on 2025-05-27"),
        (
            {"nothing_read": True, "tally": tally([row()] * 2)},
            "mail.example.org: 2 failed logins on 2025-05-27 (incomplete)",
        ),
        ({"test": True}, "TEST mail.example.org: no failed logins on 2025-05-27"),
    ],
)
def test_the_subject_says_server_number_and_day(tmp_path, changes, subject):
    message = mail.compose(configured(tmp_path, subject_prefix="Mail:"), summary_of(**changes), "text\n")
    assert sent_and_read_back(message)["Subject"] == f"Mail: {subject}"


@pytest.mark.parametrize("evil", ["x\r\nBcc: victim@example.org", "x\nBcc: v@example.org", "x\rBcc: v", "x\u2028Bcc: v",
                                  "x\x00\x85Bcc: v", "x\n\nbody", "x" * 5000, "\udcff\nBcc: v"],
                         ids=range(8))  # fmt: skip
def test_no_name_of_a_server_makes_another_header_or_a_body(tmp_path, evil):
    message = mail.compose(configured(tmp_path), summary_of(server_name=evil), "text\n")
    found = sent_and_read_back(message)
    assert sorted(found.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
         "Content-Transfer-Encoding"]
    )  # fmt: skip
    assert content(found) == "text\n"
    assert found["Subject"].isprintable()


@pytest.mark.parametrize("letter", ["m", "é", "漢"])
def test_a_subject_of_any_length_is_read_back_without_a_space_too_much(tmp_path, letter):
    for length in range(1, 150):
        message = mail.compose(configured(tmp_path, subject_prefix=letter * length + ":"), summary_of(), "text\n")
        subject = f"{letter * length}: mail.example.org: no failed logins on 2025-05-27"
        assert sent_and_read_back(message)["Subject"] == subject
        assert max(map(len, lines_of(message))) <= 998


def test_a_subject_in_other_letters_is_read_back_as_it_was(tmp_path):
    message = mail.compose(configured(tmp_path, subject_prefix="[Прывітанне 漢字]"), summary_of(), "text\n")
    assert all(line.isascii() for line in lines_of(message))
    assert sent_and_read_back(message)["Subject"].startswith("[Прывітанне 漢字] mail.example.org: ")


BODIES = [
    render(summary_of(known_numbers())),
    *(render(summary_of(tally(hostile_rows(seed)))) for seed in range(5)),
    "short\n",
    "kurz: ä\n",
    ".\n..\nFrom me\n.hidden\n",
    "x" * 5000 + "\n",
    "漢" * 5000 + "\n",
    "line\n" * 20 + "ä" * 300 + "\n" + "=" * 1200 + "\n",
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_every_body_comes_back_as_it_was_and_passes_any_mta(tmp_path, body):
    message = mail.compose(configured(tmp_path), summary_of(), body, [CSV])
    assert message.as_bytes().isascii()
    assert max(map(len, lines_of(message))) <= 998  # RFC 5322, 2.1.1
    assert b"\n" not in message.as_bytes().replace(b"\r\n", b"")
    found = sent_and_read_back(message)
    assert content(found.get_body(("plain",))) == body


def test_attachments_come_back_byte_by_byte_under_their_names(tmp_path):
    message = mail.compose(configured(tmp_path), summary_of(), "text\n", [CSV, GZIP])
    parts = list(sent_and_read_back(message).iter_attachments())
    assert [part.get_payload(decode=True) for part in parts] == [CSV.data, GZIP.data]
    assert [part.get_filename() for part in parts] == [CSV.filename, GZIP.filename]
    assert [part.get_content_type() for part in parts] == ["text/csv", "application/gzip"]
    assert [part.get_content_charset() for part in parts] == ["utf-8", None]


def test_an_attachment_without_data_is_no_part_of_the_mail(tmp_path):
    message = mail.compose(configured(tmp_path), summary_of(), "text\n", [NOTHING])
    assert not message.is_multipart()


@pytest.mark.parametrize("name", ['a"b\\c.csv', "journal d'été.csv", "漢字.csv", "a;b=c.csv", "x" * 200 + ".csv"])
def test_any_file_name_of_the_csv_is_read_back(tmp_path, name):
    message = mail.compose(configured(tmp_path), summary_of(), "text\n", [CSV._replace(filename=name)])
    assert message.as_bytes().isascii()
    (part,) = sent_and_read_back(message).iter_attachments()
    assert part.get_filename() == name


def test_html_goes_along_with_the_text(tmp_path):
    document = page.render(summary_of(tally(hostile_rows(1))))
    message = mail.compose(configured(tmp_path), summary_of(), "text\n", [CSV], html=document)
    found = sent_and_read_back(message)
    assert content(found.get_body(("html",))) == document
    assert content(found.get_body(("plain",))) == "text\n"
    assert [part.get_filename() for part in found.iter_attachments()] == [CSV.filename]


def test_a_report_to_stdout_does_not_load_what_only_mails_need():
    code = (
        "import sys\n"
        "from maillogsentinel.report import tally, summary, text\n"
        "text.render\n"
        "print([name for name in ('email', 'smtplib', 'ssl', 'subprocess', 'html', 'json', 'sqlite3', 'tempfile')"
        " if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout == "[]\n"
