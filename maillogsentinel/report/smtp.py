"""Handing a mail to an SMTP server (RFC 5321), all recipients or none."""

import os
import smtplib
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

from maillogsentinel.config import Config
from maillogsentinel.errors import DeliveryError
from maillogsentinel.model import safe_text
from maillogsentinel.options import SMTP_CREDENTIALS_FILE, SMTP_HOST, SMTP_PORT, SMTP_SECURITY, SMTP_TIMEOUT
from maillogsentinel.report.this_host import full_host_name


class Refusal(NamedTuple):
    """A recipient whom the server does not take mail for."""

    recipient: str
    code: int
    """The reply's three digits: 4xx may pass, 5xx will not."""
    said: str
    """The reply, safe text."""

    def __str__(self) -> str:
        return f"{self.recipient}: {self.said}"


def send(config: Config, sender: str, recipients: list[str], data: bytes) -> None:
    """Send `data`, a mail with CRLF lines. Raises DeliveryError unless the server took it for every recipient."""
    with _session(config) as (server, place):
        refused = _address(server, sender, recipients, len(data), place)
        if refused:
            # Nobody gets it now, so that nobody gets it twice when the mail is tried again.
            said = "; ".join(map(str, refused))
            _fail(f"{place} refused {said}. The mail went to nobody; correct [report] email")
        _hand_over(server, data, place)


def refusals(config: Config, sender: str, recipients: list[str]) -> list[Refusal]:
    """Ask the server whether it would take a mail, without sending one, and return whom it would not.

    Raises DeliveryError when it cannot be asked, or does not take the sender.
    """
    with _session(config) as (server, place):
        return _address(server, sender, recipients, 0, place)


@contextmanager
def _session(config: Config) -> Iterator[tuple[smtplib.SMTP, str]]:
    """Yield the server, connected and logged in, and its name. Every fault becomes a DeliveryError."""
    place = f"{config[SMTP_HOST]}:{config[SMTP_PORT]}"
    credentials = _credentials(config) if config[SMTP_CREDENTIALS_FILE] else None
    try:
        server = _connect(config, place)
        try:
            if credentials:
                _log_in(server, credentials, place, config[SMTP_CREDENTIALS_FILE])
            yield server, place
        except BaseException:
            # close, not quit: a server that does not answer is not asked once more.
            server.close()
            raise
        _say_goodbye(server)
    except ssl.SSLCertVerificationError as error:
        _fail(
            f"the certificate of {place} cannot be trusted: {error.verify_message}. Put its authority among"
            " those of this host (update-ca-certificates), or give in [report] smtp_host the name it is issued for"
        )
    except ssl.SSLError as error:
        _fail(f"no encryption with {place}: {error.reason or error}. Check [report] smtp_security and smtp_port")
    except OSError as error:  # smtplib's own are OSErrors
        # smtplib makes a time-out in the middle of a session one more closed connection.
        if isinstance(error, TimeoutError) or "timed out" in str(error):
            _fail(f"{place} gave no answer for {config[SMTP_TIMEOUT]:g} seconds. Check that server")
        _fail(f"no SMTP session with {place}: {_reason(error)}. Check the server, [report] smtp_host and smtp_port")


def _fail(sentence: str) -> NoReturn:
    # No error behind it: those of smtplib hold what was sent, and so may hold the password.
    raise DeliveryError(f"Cannot hand over the mail: {sentence}.") from None


def _said(code: int, text: bytes | str) -> str:
    return f"{code} {_safe(text)}".strip()


def _safe(text: bytes | str) -> str:
    return safe_text(b" ".join(_bytes(text).split()))[:300]


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _reason(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    return error.strerror or _safe(str(error)).rstrip(".") or type(error).__name__


def _connect(config: Config, place: str) -> smtplib.SMTP:
    host, port, timeout = config[SMTP_HOST], config[SMTP_PORT], config[SMTP_TIMEOUT]
    if config[SMTP_SECURITY] == "tls":
        return smtplib.SMTP_SSL(host, port, full_host_name(), timeout=timeout, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, full_host_name(), timeout=timeout)
    if config[SMTP_SECURITY] == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except smtplib.SMTPNotSupportedError:
            server.close()
            _fail(f"{place} does not offer STARTTLS. Check [report] smtp_port, or set smtp_security")
        except BaseException:
            server.close()
            raise
    return server


def _log_in(server: smtplib.SMTP, credentials: tuple[str, str], place: str, path: str) -> None:
    try:
        server.login(*credentials)
    except smtplib.SMTPAuthenticationError as error:
        # The code alone: what else the server says may hold what it was sent.
        _fail(f"{place} refused the login with {path} (code {error.smtp_code}). Check user name and password there")
    except smtplib.SMTPNotSupportedError:
        _fail(f"{place} offers no login. Empty [report] smtp_credentials_file, or check smtp_port and smtp_security")
    except ValueError:
        _fail(f"no login at {place} with {path}: user name and password must be plain ASCII")


def _address(server: smtplib.SMTP, sender: str, recipients: list[str], size: int, place: str) -> list[Refusal]:
    """Name sender and recipients of a mail of `size` bytes, and return the recipients that are refused."""
    server.ehlo_or_helo_if_needed()
    code, text = server.mail(sender, [f"size={size}"] if server.does_esmtp and server.has_extn("size") else [])
    if code != 250:
        _fail(f"{place} refused the sender {sender}: {_said(code, text)}. Set [report] sender_override")
    refused = []
    for recipient in recipients:
        code, text = server.rcpt(recipient)
        if code not in (250, 251):
            refused.append(Refusal(recipient, code, _said(code, text)))
    return refused


def _hand_over(server: smtplib.SMTP, data: bytes, place: str) -> None:
    try:
        code, text = server.data(data)
    except smtplib.SMTPDataError as error:
        code, text = error.smtp_code, _bytes(error.smtp_error)
    if code != 250:
        _fail(f"{place} did not take the mail: {_said(code, text)}. See the log of that server")


def _say_goodbye(server: smtplib.SMTP) -> None:
    # All is said: what happens from here on changes nothing.
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


def _credentials(config: Config) -> tuple[str, str]:
    """Return user name and password. Raises DeliveryError when the file, or the connection, would give them away."""
    path, host = config[SMTP_CREDENTIALS_FILE], config[SMTP_HOST]
    if config[SMTP_SECURITY] == "none" and not _is_loopback(host):
        _fail(
            f"the password of {path} is not sent to {host} in the clear. Set [report] smtp_security to starttls or tls"
        )
    try:
        # O_NONBLOCK: a named pipe in its place is refused below, not waited for.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            text = file.read(4096)
    except OSError as error:
        _fail(
            f"cannot read {path}: {error.strerror}. Make it readable to the service user, or correct [report]"
            " smtp_credentials_file"
        )
    if not stat.S_ISREG(status.st_mode):
        _fail(f"{path} is no regular file. Correct [report] smtp_credentials_file")
    if status.st_mode & 0o027:
        _fail(
            f"{path} holds a password and others may read or write it (mode {stat.S_IMODE(status.st_mode):04o})."
            f" Run: chmod 0640 {path}"
        )
    lines = text.splitlines()
    if len(lines) < 2 or not lines[0] or not lines[1]:
        _fail(f"{path} must have the user name in its first line and the password in its second")
    try:
        return lines[0].decode("utf-8"), lines[1].decode("utf-8")
    except UnicodeDecodeError:
        _fail(f"{path} is not UTF-8 text. User name and password must be plain ASCII")


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
