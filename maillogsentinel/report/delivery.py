"""Handing a mail over: to the local MTA's sendmail command, or to an SMTP server."""

from email.message import EmailMessage

from maillogsentinel.config import Config
from maillogsentinel.errors import DeliveryError
from maillogsentinel.handing import hand
from maillogsentinel.options import SENDMAIL_PATH, TRANSPORT

SENDMAIL_TIMEOUT = 120.0
"""Seconds for the sendmail command; Postfix's own is done in well under one."""

# sysexits.h, as far as sendmail commands use it.
_EXITS = {
    64: "wrong usage",
    65: "wrong data",
    67: "no such recipient",
    69: "service unavailable",
    70: "internal error",
    71: "system error",
    72: "a system file is missing",
    73: "cannot create a file",
    74: "input or output error",
    75: "temporary failure",
    77: "permission denied",
    78: "configuration error",
}


def send(config: Config, message: EmailMessage, sendmail_timeout: float = SENDMAIL_TIMEOUT) -> None:
    """Hand `message` over for all its recipients. Raises DeliveryError when any of them would not get it."""
    sender = _addresses(message, "From")[0]
    recipients = _addresses(message, "To")
    if config[TRANSPORT] == "smtp":
        from maillogsentinel.report import smtp

        smtp.send(config, sender, recipients, message.as_bytes())
    else:
        data = message.as_bytes(policy=message.policy.clone(linesep="\n"))
        _send_by_command(config[SENDMAIL_PATH], sender, recipients, data, sendmail_timeout)


def _addresses(message: EmailMessage, header: str) -> list[str]:
    return [address.addr_spec for address in message[header].addresses]


def _send_by_command(path: str, sender: str, recipients: list[str], data: bytes, timeout: float) -> None:
    try:
        status, said = hand([path, "-i", "-f", sender, "--", *recipients], data, timeout)
    except TimeoutError:
        raise DeliveryError(
            f"Cannot hand over the mail: {path} was not done after {timeout:g} seconds and was stopped."
            " See the MTA's log for what it waits for."
        ) from None
    except OSError as error:
        raise DeliveryError(
            f"Cannot hand over the mail: {path} cannot be run: {error.strerror}. Install an MTA that has it,"
            " name another command in [report] sendmail_path, or set transport = smtp."
        ) from error
    if status < 0:
        how = f"was killed by signal {-status}"
    else:
        how = f"ended with status {status}" + (f" ({_EXITS[status]})" if status in _EXITS else "")
    if status:
        raise DeliveryError(f"Cannot hand over the mail: {path} {how}{said}. See the MTA's log and configuration.")
