import email
import email.policy
import time
from pathlib import Path

import pytest

from maillogsentinel.errors import DeliveryError
from maillogsentinel.report.attachment import Attachment
from maillogsentinel.report.delivery import send
from maillogsentinel.report.mail import compose

from .samples import configured, known_numbers, summary_of

pytestmark = pytest.mark.slow

CSV = Attachment("maillogsentinel.csv", b"server,user\nmx,bob\n" * 200_000, "text", "csv", "")


def command(tmp_path, script, mode=0o755):
    """A sendmail command that is this shell script."""
    path = tmp_path / "sendmail"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(mode)
    return path


def mail(config, attachments=()):
    return compose(config, summary_of(known_numbers()), "first line\n.\nlast line\n", attachments)


def handed_to(tmp_path, script, timeout=30.0, **report):
    path = command(tmp_path, script)
    config = configured(tmp_path, sendmail_path=path, sender_override="report@example.net", **report)
    send(config, mail(config, report and [CSV]), timeout)


def test_sender_and_recipients_are_arguments_behind_which_no_option_can_stand(tmp_path):
    script = f'for word; do echo "$word"; done > {tmp_path}/words; cat > {tmp_path}/stdin'
    handed_to(tmp_path, script, email="root, a@example.org")
    assert (tmp_path / "words").read_text().splitlines() == [
        "-i",
        "-f",
        "report@example.net",
        "--",
        "root",
        "a@example.org",
    ]


def test_the_whole_mail_stands_on_stdin_with_the_line_ends_of_the_system(tmp_path):
    handed_to(tmp_path, f"cat > {tmp_path}/stdin", email="root")
    data = (tmp_path / "stdin").read_bytes()
    assert b"\r" not in data
    found = email.message_from_bytes(data, policy=email.policy.default)
    assert found.get_body().get_content() == "first line\n.\nlast line\n"
    (part,) = found.iter_attachments()
    assert part.get_payload(decode=True) == CSV.data


def test_a_command_that_fails_is_told_with_its_status_and_its_words(tmp_path):
    script = "cat >/dev/null; echo >&2; echo 'postdrop: fatal: queue is \033[2J full' >&2; exit 75"
    with pytest.raises(DeliveryError) as caught:
        handed_to(tmp_path, script)
    assert str(caught.value) == (
        f"Cannot hand over the mail: {tmp_path}/sendmail ended with status 75 (temporary failure)"
        " and said: postdrop: fatal: queue is \\x1B[2J full. See the MTA's log and configuration."
    )


def test_a_command_that_fails_without_reading_its_input_is_a_sentence(tmp_path):
    with pytest.raises(DeliveryError, match=r"ended with status 64 \(wrong usage\)\. See"):
        handed_to(tmp_path, "exit 64", email="root")


def test_a_command_that_succeeds_without_reading_its_input_is_believed(tmp_path):
    handed_to(tmp_path, "exit 0", email="root")


def test_a_killed_command_is_a_failure(tmp_path):
    with pytest.raises(DeliveryError, match="was killed by signal 9"):
        handed_to(tmp_path, "kill -9 $$")


def test_a_command_that_hangs_is_stopped_with_its_children(tmp_path):
    start = time.monotonic()
    with pytest.raises(DeliveryError, match=r"was not done after 0\.5 seconds and was stopped"):
        handed_to(tmp_path, f"sleep 60 & echo $! > {tmp_path}/child; wait", 0.5)
    assert time.monotonic() - start < 10
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        # A process that init has not collected yet is dead as well.
        status = Path(f"/proc/{child}/status")
        if not status.exists() or "State:\tZ" in status.read_text():
            break
        time.sleep(0.05)
    else:
        pytest.fail(f"the child {child} still runs")


def test_a_command_that_leaves_a_child_behind_is_not_waited_for(tmp_path):
    start = time.monotonic()
    handed_to(tmp_path, "cat >/dev/null; sleep 5 & exit 0")
    assert time.monotonic() - start < 4


@pytest.mark.parametrize(
    ("mode", "script", "why"),
    [(0o644, "exit 0", "Permission denied"), (None, "", "No such file or directory")],
)
def test_a_command_that_cannot_be_run_is_named_with_what_to_do(tmp_path, mode, script, why):
    path = command(tmp_path, script, mode) if mode else tmp_path / "absent"
    config = configured(tmp_path, sendmail_path=path)
    with pytest.raises(DeliveryError, match=f"{path} cannot be run: {why}. Install an MTA .* transport = smtp"):
        send(config, mail(config))


def test_a_file_that_is_no_program_is_a_sentence(tmp_path):
    path = tmp_path / "sendmail"
    path.write_bytes(b"\x00\x01\x02")
    path.chmod(0o755)
    config = configured(tmp_path, sendmail_path=path)
    with pytest.raises(DeliveryError, match="cannot be run: Exec format error"):
        send(config, mail(config))
