import email
import email.policy
import os
import socket
import time
import traceback

import pytest

from maillogsentinel.errors import DeliveryError
from maillogsentinel.report.delivery import send
from maillogsentinel.report.mail import compose

from .samples import configured, known_numbers, summary_of
from .smtp_sink import Sink

pytestmark = pytest.mark.slow

PASSWORD = "s3cret-Passw0rd"
BODY = "first line\n.\n..two dots\nlast line ä\n" + "x" * 2000 + "\n"


@pytest.fixture
def trusted(certificate, monkeypatch):
    """A certificate that this host trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    return certificate


def credentials(tmp_path, text=f"robot\n{PASSWORD}\n", mode=0o600):
    path = tmp_path / "credentials"
    path.write_text(text)
    path.chmod(mode)
    return path


def deliver(tmp_path, port, **report):
    usual = {"transport": "smtp", "smtp_host": "localhost", "smtp_port": port, "sender_override": "report@example.net",
             "email": "root, a@example.org", "smtp_timeout": 5}  # fmt: skip
    config = configured(tmp_path, **{**usual, **report})
    send(config, compose(config, summary_of(known_numbers()), BODY))


def refusal(tmp_path, port, **report):
    """The sentence of a delivery that must fail; it never shows the password, nor does what a traceback would print."""
    with pytest.raises(DeliveryError) as caught:
        deliver(tmp_path, port, **report)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    sentence = str(caught.value)
    assert sentence.startswith("Cannot hand over the mail: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_a_mail_arrives_for_every_recipient_as_it_was(tmp_path):
    with Sink() as sink:
        deliver(tmp_path, sink.port)
    (mail,) = sink.mails
    assert (mail.sender, mail.recipients, mail.user) == ("report@example.net", ["root", "a@example.org"], None)
    found = email.message_from_bytes(mail.data, policy=email.policy.default)
    assert found["Subject"] == "[MailLogSentinel] mail.example.org: 40 failed logins on 2025-05-27"
    assert found.get_content().replace("\r\n", "\n") == BODY
    assert max(map(len, mail.data.split(b"\r\n"))) <= 998
    assert sink.lines[-1].upper() == b"QUIT\r\n"


def test_starttls_with_a_trusted_certificate_encrypts_mail_and_login(tmp_path, trusted):
    with Sink(trusted, users={"robot": PASSWORD}) as sink:
        deliver(tmp_path, sink.port, smtp_security="starttls", smtp_credentials_file=credentials(tmp_path))
    (mail,) = sink.mails
    assert (mail.encrypted, mail.user) == (True, "robot")
    lines = [line.split()[0] for line in sink.lines]
    assert lines.index(b"STARTTLS") < lines.index(b"AUTH")


def test_tls_from_the_first_byte(tmp_path, trusted):
    with Sink(trusted, implicit=True, users={"robot": PASSWORD}) as sink:
        deliver(tmp_path, sink.port, smtp_security="tls", smtp_credentials_file=credentials(tmp_path, mode=0o640))
    assert [(mail.encrypted, mail.user) for mail in sink.mails] == [(True, "robot")]


@pytest.mark.parametrize(("security", "implicit"), [("starttls", False), ("tls", True)])
def test_an_untrusted_certificate_gets_neither_password_nor_mail(tmp_path, certificate, security, implicit):
    with Sink(certificate, implicit=implicit, users={"robot": PASSWORD}) as sink:
        file = credentials(tmp_path)
        sentence = refusal(tmp_path, sink.port, smtp_security=security, smtp_credentials_file=file)
    assert f"the certificate of localhost:{sink.port} cannot be trusted: self" in sentence
    assert "update-ca-certificates" in sentence
    assert sink.mails == []
    assert not any(line.startswith((b"AUTH", b"MAIL")) for line in sink.lines)


def test_a_certificate_of_another_name_is_refused(tmp_path, trusted):
    with Sink(trusted) as sink:
        sentence = refusal(tmp_path, sink.port, smtp_security="starttls", smtp_host="127.0.0.1")
    assert "cannot be trusted: IP address mismatch" in sentence
    assert sink.mails == []


def test_a_server_without_starttls_gets_nothing_in_the_clear(tmp_path):
    with Sink() as sink:
        assert "does not offer STARTTLS" in refusal(tmp_path, sink.port, smtp_security="starttls")
    assert sink.mails == []


def test_a_refused_starttls_gets_nothing_in_the_clear(tmp_path, trusted):
    with Sink(trusted, replies={"STARTTLS": "454 TLS not available"}) as sink:
        assert "454 TLS not available" in refusal(tmp_path, sink.port, smtp_security="starttls")
    assert sink.mails == []


def test_tls_towards_a_plain_server_is_a_sentence(tmp_path):
    with Sink() as sink:
        sentence = refusal(tmp_path, sink.port, smtp_security="tls")
    assert "no encryption with localhost" in sentence
    assert "smtp_security" in sentence


def test_a_wrong_password_is_told_without_it_even_when_the_server_repeats_it(tmp_path):
    with Sink(users={"robot": "another"}) as sink:
        sentence = refusal(tmp_path, sink.port, smtp_credentials_file=credentials(tmp_path))
    assert f"refused the login with {tmp_path}/credentials (code 535)" in sentence
    assert sink.mails == []


def test_a_server_without_login_is_told(tmp_path):
    with Sink() as sink:
        assert "offers no login" in refusal(tmp_path, sink.port, smtp_credentials_file=credentials(tmp_path))


def test_a_password_outside_ascii_is_a_sentence(tmp_path):
    with Sink(users={"robot": "x"}) as sink:
        file = credentials(tmp_path, "robot\npässwörd\n")
        assert "must be plain ASCII" in refusal(tmp_path, sink.port, smtp_credentials_file=file)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o660, 0o666, 0o620])
def test_a_credentials_file_that_others_may_use_is_refused_before_anything_is_sent(tmp_path, mode):
    with Sink(users={"robot": PASSWORD}) as sink:
        sentence = refusal(tmp_path, sink.port, smtp_credentials_file=credentials(tmp_path, mode=mode))
    assert f"may read or write it (mode {mode:04o}). Run: chmod 0640 {tmp_path}/credentials" in sentence
    assert sink.lines == []


@pytest.mark.parametrize("text", ["", "robot", "robot\n", "robot\n\nx\n", "\n" + PASSWORD + "\n"])
def test_a_credentials_file_without_two_lines_is_refused(tmp_path, text):
    file = credentials(tmp_path, text)
    assert "user name in its first line" in refusal(tmp_path, 1, smtp_credentials_file=file)


def test_a_credentials_file_that_is_absent_or_a_pipe_is_refused(tmp_path):
    absent = refusal(tmp_path, 1, smtp_credentials_file=tmp_path / "absent")
    assert "absent: No such file or directory" in absent
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is no regular file" in refusal(tmp_path, 1, smtp_credentials_file=tmp_path / "pipe")


@pytest.mark.parametrize("host", ["mail.example.org", "192.0.2.1", "localhost.example.org"])
def test_no_password_goes_to_another_host_in_the_clear(tmp_path, host):
    sentence = refusal(tmp_path, 1, smtp_host=host, smtp_credentials_file=credentials(tmp_path))
    assert f"is not sent to {host} in the clear. Set [report] smtp_security" in sentence


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_login_on_the_own_host_needs_no_encryption(tmp_path, host):
    with Sink(users={"robot": PASSWORD}) as sink:
        deliver(tmp_path, sink.port, smtp_host=host, smtp_credentials_file=credentials(tmp_path))
    assert [mail.user for mail in sink.mails] == ["robot"]


def test_one_refused_recipient_is_named_and_the_mail_goes_to_nobody(tmp_path):
    with Sink(replies={"RCPT a@example.org": "550 5.1.1 no such user"}) as sink:
        sentence = refusal(tmp_path, sink.port)
    assert "refused a@example.org: 550 5.1.1 no such user. The mail went to nobody" in sentence
    assert "root" not in sentence
    assert sink.mails == []


def test_all_refused_recipients_are_named(tmp_path):
    replies = {"RCPT a@example.org": "451 later", "RCPT root": "550-no\r\n550 such user"}
    with Sink(replies=replies) as sink:
        sentence = refusal(tmp_path, sink.port)
    assert "refused root: 550 no such user; a@example.org: 451 later. The mail" in sentence


def test_a_recipient_that_the_server_forwards_is_not_refused(tmp_path):
    with Sink(replies={"RCPT root": "251 will forward"}) as sink:
        deliver(tmp_path, sink.port)
    assert [mail.recipients for mail in sink.mails] == [["root", "a@example.org"]]


def test_a_refused_sender_is_named(tmp_path):
    with Sink(replies={"MAIL": "553 not you"}) as sink:
        assert "refused the sender report@example.net: 553 not you" in refusal(tmp_path, sink.port)


@pytest.mark.parametrize("at", ["DATA", "END"])
def test_a_server_that_does_not_take_the_mail_now_is_told_in_its_words(tmp_path, at):
    with Sink(replies={at: "452 4.3.1 disk \x1b[2J full"}) as sink:
        assert "did not take the mail: 452 4.3.1 disk \\x1B[2J full. See" in refusal(tmp_path, sink.port)
    assert sink.mails == []


def test_a_server_that_greets_with_a_refusal_is_told_in_its_words(tmp_path):
    with Sink(replies={"GREETING": "554 go away"}) as sink:
        assert f"no SMTP session with localhost:{sink.port}: 554 go away" in refusal(tmp_path, sink.port)


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END"])
def test_a_connection_that_breaks_off_is_a_sentence(tmp_path, verb):
    with Sink(drops=verb) as sink:
        sentence = refusal(tmp_path, sink.port)
    assert f"no SMTP session with localhost:{sink.port}: " in sentence
    assert sink.mails == []


@pytest.mark.parametrize("verb", ["GREETING", "MAIL", "END"])
def test_a_server_that_never_answers_is_given_up_after_the_time_out(tmp_path, verb):
    start = time.monotonic()
    with Sink(silent=verb) as sink:
        sentence = refusal(tmp_path, sink.port, smtp_timeout=1)
    assert "gave no answer for 1 seconds" in sentence
    assert 0.9 < time.monotonic() - start < 5


@pytest.mark.parametrize("how", ["drops", "silent"])
def test_what_happens_after_the_mail_was_taken_is_no_failure(tmp_path, how):
    with Sink(**{how: "QUIT"}) as sink:
        deliver(tmp_path, sink.port, smtp_timeout=1)
    assert len(sink.mails) == 1


def test_a_port_that_nobody_listens_on_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert f"no SMTP session with localhost:{port}: Connection refused" in refusal(tmp_path, port)


def test_a_host_that_does_not_exist_is_named(tmp_path):
    assert "no SMTP session with nowhere.invalid:25: " in refusal(tmp_path, 25, smtp_host="nowhere.invalid")
