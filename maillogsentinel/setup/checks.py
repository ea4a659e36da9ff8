"""Whether an answer will work, found out by trying it: each check takes the configuration with the answer in it.

They run as the service user (see as_user); what they raise of the MailLogSentinelError family is a wrong answer, too.
"""

import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from maillogsentinel import options
from maillogsentinel.config import Config
from maillogsentinel.errors import SourceError
from maillogsentinel.localtime import LocalTime, now
from maillogsentinel.options import Option
from maillogsentinel.setup.finding import GOOD, NOTE, WRONG, Finding, shown

_PUBLIC_ADDRESS = "198.41.0.4"
"""Of a root name server: an address whose name every resolver of the Internet can find."""
_LOCAL_SMTP = ("localhost", 25)
_SECONDS_OF_LOCAL_SMTP = 20.0


# -- the log


def log(config: Config) -> Finding:
    """Whether the log can be read, or the journal."""
    from maillogsentinel.extraction import has_journal, newest_entry
    from maillogsentinel.sources.choice import choose

    mail_log: tuple[str, ...] = config[options.MAIL_LOG]
    choice = choose(mail_log, has_journal, newest_entry)
    why = f" (auto: {choice.why})" if choice.why else ""
    times = LocalTime(config[options.TIME_ZONE])
    look = _journal if choice.journal else _file
    found = [look(name, times) for name in choice.names]
    worst = next((one for verdict in (WRONG, NOTE) for one in found if one.verdict == verdict), found[0])
    said = worst.sentence if len(found) == 1 or worst.verdict != GOOD else f"{len(found)} logs can be read"
    return Finding(worst.verdict, said + why)


def _file(path: str, times: LocalTime) -> Finding:
    from maillogsentinel.sources.timeline import newest_line

    name = shown(path)
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            file.read(1)
    except IsADirectoryError:
        return Finding(WRONG, f"{name} is a directory; name the files in it, for instance {name.rstrip('/')}/*.log")
    except PermissionError:
        return Finding(WRONG, f"{name} may not be read by this user: add the user to the file's group, as adm is one")
    except OSError as error:
        return Finding(WRONG, f"{name} cannot be read: {error.strerror}")
    if not regular:
        return Finding(WRONG, f"{name} is no regular file")
    newest = newest_line(path)
    if not newest:
        return Finding(NOTE, f"{name} can be read, but has no line with a time yet")
    return Finding(GOOD, f"{name} can be read; its newest line is of {times.text(newest)}")


def _journal(name: str, times: LocalTime) -> Finding:
    from maillogsentinel.sources.journal import Journal

    journal = Journal(name)
    if not journal.available():
        raise SourceError("There is no journal to read: no journalctl, or no journal files. Name a log file")
    newest = journal.newest(journal.selection())
    if newest is None:
        return Finding(NOTE, "the journal can be read, but has no line of Postfix yet")
    return Finding(GOOD, f"the journal can be read; its newest line of Postfix is of {times.text(newest.stamp)}")


# -- the mail


def recipient(config: Config) -> Finding:
    """Whether a mail to the recipients gets accepted: the mail server is asked, and no mail is sent."""
    from maillogsentinel.report.mail import sender_for

    recipients = config[options.EMAIL]
    sender = sender_for(config, recipients)
    everybody = recipients.split(", ")
    if config[options.TRANSPORT] == "smtp":
        return _asked(config, sender, everybody)
    path = config[options.SENDMAIL_PATH]
    if not os.access(path, os.X_OK) or os.path.isdir(path):
        return Finding(
            WRONG,
            f"there is no {shown(path)} that this user can run, which hands mails over. Install an MTA, name another"
            " command in [report] sendmail_path, or set transport = smtp",
        )
    if not _listens(*_LOCAL_SMTP):
        return Finding(
            NOTE, f"{shown(path)} is there; whether it takes mail for them, nobody can be asked: no SMTP server here"
        )
    local = Config({options.SMTP_TIMEOUT: _SECONDS_OF_LOCAL_SMTP}, {}, [])  # the defaults: localhost, port 25
    return _asked(local, sender, everybody)


def _asked(config: Config, sender: str, everybody: list[str]) -> Finding:
    from maillogsentinel.report.smtp import refusals

    place = f"{config[options.SMTP_HOST]}:{config[options.SMTP_PORT]}"
    refused = refusals(config, sender, everybody)
    if not refused:
        return Finding(GOOD, f"{place} takes mail for {shown(', '.join(everybody))}")
    passing = all(400 <= one.code < 500 for one in refused)
    said = "; ".join(shown(str(one)) for one in refused)
    return Finding(NOTE if passing else WRONG, f"{place} {'puts off' if passing else 'refuses'} {said}")


def _listens(host: str, port: int) -> bool:
    import socket

    try:
        socket.create_connection((host, port), 5).close()
    except OSError:
        return False
    return True


# -- countries, names, times


def databases(config: Config) -> Finding:
    """Whether the databases can be downloaded, where that is wanted; and which are there."""
    there = databases_there(config)
    if not config[options.DB_UPDATE]:
        return Finding(GOOD if there else NOTE, there or "there is no database: countries and networks stay null")
    from maillogsentinel.enrich.download import DownloadError, time_limit, try_out

    for origin in (*config[options.COUNTRY_DB_URL], *config[options.ASN_DB_URL]):
        try:
            with time_limit(30, "An answer"):
                try_out(origin)
        except DownloadError as error:
            return Finding(NOTE, f"{error}. {there or 'No database is there'}")
    return Finding(GOOD, f"the databases can be downloaded. {there or 'Now: maillogsentinel ipinfo --update'}")


def databases_there(config: Config) -> str:
    """Return which databases are in use, and how old they are; empty for none."""
    from maillogsentinel.enrich import age
    from maillogsentinel.enrich.geo import Geo

    found = Geo.open(config).databases
    columns: dict[str, list[str]] = {}
    for item in found:
        what = {"country": "countries", "asn": "networks"}[item.column]
        columns.setdefault(f"{shown(item.path)}, {age.days_old(item)} days old", []).append(what)
    return "; ".join(f"{' and '.join(what).capitalize()} are known from {path}" for path, what in columns.items())


class _NothingKept:
    """A cache for one question."""

    def get(self, addresses: Sequence[str]) -> dict[str, Any]:
        return {}

    def put(self, answers: Mapping[str, Any]) -> None:
        pass


def names(config: Config) -> Finding:
    """Whether the name servers answer, where they are to be asked."""
    if not config[options.DNS_ENABLED]:
        return Finding(GOOD, "names are those that Postfix has verified; nobody is asked")
    from maillogsentinel.enrich.reverse_dns import Resolver

    servers = name_servers(config)
    if not servers:
        return Finding(NOTE, "no name server is known: /etc/resolv.conf names none, nor does [reverse_dns] servers")
    resolver = Resolver(config, _NothingKept())
    begin = time.monotonic()
    answer = resolver.resolve([_PUBLIC_ADDRESS])[_PUBLIC_ADDRESS]
    if resolver.problems:
        return Finding(NOTE, resolver.problems[0])
    if answer.hostname is None:
        return Finding(NOTE, f"{servers} did not say who {_PUBLIC_ADDRESS} is ({answer.status})")
    milliseconds = (time.monotonic() - begin) * 1000
    return Finding(GOOD, f"{servers} said in {milliseconds:.0f} ms that {_PUBLIC_ADDRESS} is {answer.hostname}")


def name_servers(config: Config) -> str:
    """Return who is asked for names, separated by commas; empty for nobody."""
    from maillogsentinel.enrich.dns_exchange import servers_of
    from maillogsentinel.enrich.reverse_dns import RESOLV_CONF

    configured: tuple[str, ...] = config[options.DNS_SERVERS]
    return ", ".join(configured or servers_of(RESOLV_CONF))


def clock(config: Config) -> Finding:
    """What time it is there."""
    moment = now()
    utc = datetime.fromtimestamp(moment / 1_000_000, UTC)
    zone = config[options.TIME_ZONE] or "this machine's zone"
    return Finding(GOOD, f"in {zone} it is {LocalTime(config[options.TIME_ZONE]).text(moment)} ({utc:%H:%M} UTC)")


_CHECKS: dict[Option[Any], Callable[[Config], Finding]] = {
    options.MAIL_LOG: log,
    options.DB_UPDATE: databases,
    options.COUNTRY_DB_URL: databases,
    options.ASN_DB_URL: databases,
    options.DNS_ENABLED: names,
    options.DNS_SERVERS: names,
    options.TIME_ZONE: clock,
    options.EMAIL: recipient,
    options.SENDER_OVERRIDE: recipient,
    options.TRANSPORT: recipient,
    options.SENDMAIL_PATH: recipient,
    options.SMTP_HOST: recipient,
    options.SMTP_PORT: recipient,
    options.SMTP_SECURITY: recipient,
    options.SMTP_CREDENTIALS_FILE: recipient,
}


def of(option: Option[Any]) -> Callable[[Config], Finding] | None:
    """Return the check that a value of `option` has to pass; None where there is nothing to try."""
    return _CHECKS.get(option)
