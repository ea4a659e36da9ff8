"""The mail that carries a report. Imported only by a run that mails: the email package costs more than a report."""

import email.policy
import email.utils
import re
from collections.abc import Sequence
from email.message import EmailMessage

from maillogsentinel.config import Config
from maillogsentinel.errors import DeliveryError, UsageError
from maillogsentinel.options import EMAIL, SENDER_OVERRIDE, SUBJECT_PREFIX
from maillogsentinel.report import wording
from maillogsentinel.report.attachment import Attachment
from maillogsentinel.report.delivery import send
from maillogsentinel.report.summary import Summary
from maillogsentinel.report.this_host import full_host_name

__all__ = ["compose", "letter", "send", "sender_for"]

# 7bit: whatever is long or not ASCII becomes quoted-printable or base64, which every MTA passes on.
_POLICY = email.policy.SMTP.clone(cte_type="7bit")


def sender_for(config: Config, recipients: str) -> str:
    """Return the sender of a mail to `recipients`. Raises DeliveryError when an address cannot stand in a mail."""
    # From names one mailbox (RFC 5322, 3.6.2, otherwise wants a Sender as well).
    sender = config[SENDER_OVERRIDE].partition(",")[0] or f"maillogsentinel@{full_host_name()}"
    for addresses, option in ((recipients, "email"), (sender, "sender_override")):
        if not addresses.isascii():
            raise DeliveryError(
                f"Cannot write a mail for {addresses!a}: it has letters outside ASCII. Give the address"
                f" in [report] {option}, or with --to, with the domain in its xn-- form."
            )
    return sender


def compose(
    config: Config,
    summary: Summary,
    text: str,
    attachments: Sequence[Attachment] = (),
    *,
    html: str = "",
    to: str = "",
) -> EmailMessage:
    """Return the mail with `text`, also as `html` when given, for `to` or else the recipients of the configuration.

    Attachments without data are left out. Raises UsageError when `to` is no list of addresses, DeliveryError when an
    address cannot stand in a mail.
    """
    try:
        recipients = EMAIL.parse(to) if to else config[EMAIL]
    except ValueError as error:
        raise UsageError(f"--to {error}.") from error
    message = letter(config, recipients, wording.subject(summary), text)
    if html:
        message.add_alternative(html, subtype="html")
    for part in attachments:
        if part.data is not None:
            _attach(message, part.data, part)
    return message


def letter(config: Config, recipients: str, subject: str, text: str, name: str = "") -> EmailMessage:
    """Return the mail with `text` alone; `subject` stands behind the configured prefix.

    `name`: what the mail is called in its Message-ID, where the same may be handed over again. Raises DeliveryError
    when an address cannot stand in a mail.
    """
    host = full_host_name()
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender_for(config, recipients)
    message["To"] = recipients
    message["Subject"] = _header_text(f"{config[SUBJECT_PREFIX]} {subject}")
    message["Date"] = email.utils.localtime()
    message["Message-ID"] = f"<{name}@{host}>" if name else email.utils.make_msgid(domain=host)
    # RFC 3834: no out-of-office reply comes back.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    if message["Subject"].isascii():
        # Folded to 78, a subject may begin in its second line, which not every reader's program can take.
        message.policy = _POLICY.clone(max_line_length=998)
    return message


def _attach(message: EmailMessage, data: bytes, part: Attachment) -> None:
    params = {"charset": "utf-8"} if part.maintype == "text" else None
    message.add_attachment(data, maintype=part.maintype, subtype=part.subtype, filename=part.filename, params=params)


def _header_text(text: str) -> str:
    """Return `text` on one line: nothing in it can begin another header."""
    return " ".join(re.sub("[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", text).split())[:400]
