"""Each check tries what it speaks of: files, an SMTP server, name servers, a download."""

import os
from contextlib import closing

import pytest

from maillogsentinel import config, options
from maillogsentinel.errors import DeliveryError, SourceError
from maillogsentinel.setup import checks
from maillogsentinel.setup.finding import GOOD, NOTE, WRONG
from tests.enrich.dns_server import DnsServer
from tests.enrich.http_server import HttpServer, Reply
from tests.report.smtp_sink import Sink

LOG = "2025-05-17T11:13:00.000000+00:00 mx postfix/smtpd[3]: connect from unknown[192.0.2.7]\n"


@pytest.fixture
def settings(tmp_path):
    """A function that returns a configuration with these values."""

    def settings(**more):
        values = {"STATE_DIR": str(tmp_path), "TIME_ZONE": "UTC", **more}
        return config.Config({getattr(options, n): getattr(options, n).parse(v) for n, v in values.items()}, {}, [])

    return settings


def test_a_log_that_can_be_read_is_told_with_its_newest_line(settings, tmp_path):
    path = tmp_path / "mail.log"
    path.write_text(LOG)
    found = checks.log(settings(MAIL_LOG=str(path)))
    assert found == (GOOD, f"{path} can be read; its newest line is of 2025-05-17 11:13", "")
    (tmp_path / "other.log").write_text(LOG)
    assert checks.log(settings(MAIL_LOG=f"{tmp_path}/*.log")) == (GOOD, "2 logs can be read", "")
    path.write_text("nothing\n")
    assert checks.log(settings(MAIL_LOG=str(path))).verdict == NOTE


def test_what_is_no_readable_log_will_not_work(settings, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("none", "No such file"), ("pipe", "no regular file"), ("", "is a directory")):
        found = checks.log(settings(MAIL_LOG=f"{tmp_path}/{name}"))
        assert found.verdict == WRONG
        assert why in found.sentence
    with pytest.raises(SourceError, match="No log matches"):
        checks.log(settings(MAIL_LOG=f"{tmp_path}/*.log"))
    with pytest.raises(SourceError, match="no journal"):
        checks.log(settings(MAIL_LOG=f"journal:{tmp_path}"))


def test_one_unreadable_log_among_several_is_the_one_that_is_named(settings, tmp_path):
    (tmp_path / "a.log").write_text(LOG)
    found = checks.log(settings(MAIL_LOG=f"{tmp_path}/a.log {tmp_path}/b.log"))
    assert found.verdict == WRONG
    assert found.sentence.startswith(f"{tmp_path}/b.log cannot be read")


def ask(settings, sink, **more):
    values = {"TRANSPORT": "smtp", "SMTP_PORT": str(sink.port), "EMAIL": "a@example.org, b@example.org", **more}
    return checks.recipient(settings(**values, SENDER_OVERRIDE="me@example.org"))


def test_the_server_is_asked_for_every_recipient_and_gets_no_mail(settings):
    with Sink() as sink:
        found = ask(settings, sink)
    assert found.verdict == GOOD
    verbs = [line.upper().split()[0] for line in sink.lines]
    assert verbs == [b"EHLO", b"MAIL", b"RCPT", b"RCPT", b"QUIT"]
    assert sink.mails == []


def test_a_refused_recipient_will_not_work_and_one_put_off_may(settings):
    refusal = {"RCPT b@example.org": "550 5.1.1 no \x1b[2Juser"}
    with Sink(replies=refusal) as sink:
        found = ask(settings, sink)
    assert found.verdict == WRONG
    assert found.sentence == f"localhost:{sink.port} refuses b@example.org: 550 5.1.1 no \\x1B[2Juser"
    with Sink(replies={"RCPT b@example.org": "450 4.7.1 greylisted"}) as sink:
        assert ask(settings, sink).verdict == NOTE


def test_a_server_that_cannot_be_asked_or_takes_no_sender_is_an_error(settings):
    with Sink(replies={"MAIL": "554 no"}) as sink, pytest.raises(DeliveryError, match="refused the sender"):
        ask(settings, sink)
    with Sink(drops="EHLO") as sink, pytest.raises(DeliveryError, match="Cannot hand over the mail"):
        ask(settings, sink)
    with pytest.raises(DeliveryError, match="Connection refused"):
        checks.recipient(settings(TRANSPORT="smtp", SMTP_PORT="1"))
    with pytest.raises(DeliveryError, match="outside ASCII"):
        checks.recipient(settings(EMAIL="ä@example.org"))


def test_by_sendmail_the_server_of_this_machine_is_asked(settings, monkeypatch):
    with Sink(replies={"RCPT nosuch": "550 5.1.1 unknown"}) as sink:
        monkeypatch.setattr(checks, "_LOCAL_SMTP", ("localhost", sink.port))
        monkeypatch.setattr(options.SMTP_PORT, "default", str(sink.port))
        assert checks.recipient(settings(SENDMAIL_PATH="/bin/true")).verdict == GOOD
        assert checks.recipient(settings(SENDMAIL_PATH="/bin/true", EMAIL="nosuch")).verdict == WRONG


def test_without_a_sendmail_nothing_works_and_without_a_server_nobody_knows(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(checks, "_LOCAL_SMTP", ("localhost", 1))
    assert checks.recipient(settings(SENDMAIL_PATH="/bin/true")).verdict == NOTE
    for path in (f"{tmp_path}/none", str(tmp_path)):
        found = checks.recipient(settings(SENDMAIL_PATH=path))
        assert found.verdict == WRONG
        assert "that this user can run" in found.sentence


def test_name_servers_are_asked_a_question(settings):
    with closing(DnsServer(lambda asked: asked.ptr("a.root.example.org").to_wire())) as server:
        values = {"DNS_SERVERS": "127.0.0.1", "DNS_PORT": str(server.port), "DNS_TIMEOUT": "1"}
        found = checks.names(settings(**values))
        assert found.verdict == GOOD
        assert found.sentence.endswith("that 198.41.0.4 is a.root.example.org")
        assert checks.names(settings(**values, DNS_ENABLED="no")).verdict == GOOD
    assert checks.names(settings(**values)).verdict == NOTE


def test_databases_are_asked_for_where_they_are_wanted(settings, tmp_path):
    (tmp_path / "asn").touch()
    with closing(HttpServer()) as server:
        server.replies["/c.mmdb"] = Reply(200, b"x" * 1_000_000)
        urls = {"COUNTRY_DB_URL": server.address + "/c.mmdb", "ASN_DB_URL": str(tmp_path / "asn")}
        assert checks.databases(settings(**urls)).verdict == GOOD
        missing = checks.databases(settings(**{**urls, "COUNTRY_DB_URL": server.address + "/none"}))
        assert missing.verdict == NOTE
        assert "404" in missing.sentence
        missing = checks.databases(settings(**{**urls, "ASN_DB_URL": str(tmp_path)}))
        assert (missing.verdict, "Is a directory" in missing.sentence) == (NOTE, True)
    assert "404" not in checks.databases(settings(**urls, DB_UPDATE="no")).sentence


def test_the_time_in_a_zone_is_told(settings):
    assert checks.clock(settings(TIME_ZONE="Asia/Kathmandu")).sentence.startswith("in Asia/Kathmandu it is ")
    assert checks.clock(settings(TIME_ZONE="")).sentence.startswith("in this machine's zone it is ")
