"""What is asked, and what this host says of it before."""

import os
import subprocess
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from maillogsentinel import options
from maillogsentinel.config import Config
from maillogsentinel.options import Option
from maillogsentinel.setup import checks
from maillogsentinel.setup.finding import GOOD, NOTE, Finding, shown
from maillogsentinel.sources.names import AUTO

MACHINE = "machine"
"""The answer that stands for the machine's own time zone, which is an empty value."""
_LOCALTIME = "/etc/localtime"
_SECONDS = 10


class Question(NamedTuple):
    """A question about one option."""

    option: Option[Any]
    words: str
    detect: Callable[[Config], Finding]
    """Looks, as the service user, what is there."""
    words_for_empty: str = ""
    """The word for an empty value, which an empty answer cannot be."""


def _log(config: Config) -> Finding:
    found = _maillog_file()
    mail_log: tuple[str, ...] = config[options.MAIL_LOG]
    if found and mail_log == (AUTO,):
        return Finding(NOTE, f"Postfix itself writes {shown(found)} (its maillog_file)", found)
    return Finding(GOOD, f"Now: {checks.log(config).sentence}")


def _maillog_file() -> str:
    """Return the file that Postfix writes itself, past syslog; empty where it does not."""
    try:
        done = subprocess.run(
            ["postconf", "-h", "maillog_file"],  # noqa: S607
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
            env={"PATH": os.pathsep.join([*os.get_exec_path(), "/usr/sbin"]), "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    path = os.fsdecode(done.stdout[:4096]).strip()
    try:
        options.MAIL_LOG.parse(path)
    except ValueError:
        return ""
    return path if path.startswith("/") and path != "/dev/stdout" else ""


def _recipient(config: Config) -> Finding:
    way = config[options.SENDMAIL_PATH]
    if config[options.TRANSPORT] == "smtp":
        way = f"{config[options.SMTP_HOST]}:{config[options.SMTP_PORT]}"
    return Finding(GOOD, f"Mails leave through {shown(way)}")


def _databases(config: Config) -> Finding:
    return Finding(GOOD, checks.databases_there(config) or "No database is there yet")


def _names(config: Config) -> Finding:
    return Finding(GOOD, f"Name servers: {checks.name_servers(config) or 'none'}")


def _zone(config: Config) -> Finding:
    try:
        machine = os.path.realpath(_LOCALTIME).partition("/zoneinfo/")[2]
    except OSError:
        machine = ""
    return Finding(GOOD, f"This machine's is {shown(machine) or time.strftime('%Z (UTC%z)')}")


QUESTIONS = (
    Question(
        options.MAIL_LOG, "Where does Postfix log to? auto, journal, or paths of log files, separated by blanks.", _log
    ),
    Question(options.EMAIL, "Who gets the reports? One address or several, separated by commas.", _recipient),
    Question(
        options.DB_UPDATE, "Download the databases of countries and networks anew each week? yes or no.", _databases
    ),
    Question(
        options.DNS_ENABLED,
        "Ask name servers for the names of clients that Postfix has not verified? yes or no.",
        _names,
    ),
    Question(
        options.TIME_ZONE,
        f"In which time zone are dates and days? A name such as UTC or Europe/Paris, or {MACHINE} for this machine's.",
        _zone,
        MACHINE,
    ),
)
AFTER_RECIPIENT = 2
"""How many questions come before the one about the schedule, which is no option."""
