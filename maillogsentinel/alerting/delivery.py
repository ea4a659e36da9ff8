"""What is due is told: written into the log, mailed, and handed to the command, each by itself."""

import logging
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from maillogsentinel import options
from maillogsentinel.alerting import as_json, logfile
from maillogsentinel.config import Config
from maillogsentinel.errors import DeliveryError, LockedError, SourceError
from maillogsentinel.localtime import LocalTime
from maillogsentinel.store import alerts
from maillogsentinel.store.alerts import Alert
from maillogsentinel.store.database import NAME, Database
from maillogsentinel.store.lock import ALERTING, locked

log = logging.getLogger("maillogsentinel")


class Result(NamedTuple):
    """What came of telling what was due."""

    problems: list[str]
    mailed: bool
    """Whether no mail stays due."""


def deliver(config: Config) -> Result:
    """Tell what is due, and return what went wrong. Raises StoreError.

    To be called without the lock of the state: a mail server or a command may take minutes, in which another run shall
    be able to read the log and to find the next thing. Nothing else is open meanwhile, either: what was told is noted
    by a transaction of its own. A run that ends between the two tells it once more, never less than once.
    """
    state_dir = config[options.STATE_DIR]
    result = Result([], True)
    tried: set[tuple[int, str]] = set()
    while True:
        try:
            with locked(state_dir, name=ALERTING):
                todo = [
                    (way, [alert for alert in due if (way, alert.name) not in tried])
                    for way, due in _due(config).items()
                ]
                if not any(due for _, due in todo):
                    return result
                for way, due in todo:
                    tried.update((way, alert.name) for alert in due)
                    if due:
                        result = _tell(config, way, due, result)
        except LockedError:
            return result  # who holds it looks once more when it has let go of it: it finds what this run has noted


def _due(config: Config) -> dict[int, list[Alert]]:
    database = _database(config)
    if database is None:
        return {}
    try:
        return {way: alerts.due(database, way) for way in _WAYS}
    finally:
        database.close()


def _tell(config: Config, way: int, due: list[Alert], result: Result) -> Result:
    """Tell by one way what is due by it."""
    tell, stays_due = _WAYS[way]
    try:
        tell(config, due)
    except DeliveryError as error:
        log.warning("%s", error)
        result = Result([*result.problems, str(error)], result.mailed and way != alerts.MAIL)
        if stays_due:
            return result
    database = _database(config)
    if database is not None:
        try:
            alerts.told(database, due, way)
        finally:
            database.close()
    return result


def _database(config: Config) -> Database | None:
    """The open state.db; None when it was taken away meanwhile by a reset."""
    state_dir = config[options.STATE_DIR]
    return Database(state_dir, create=True) if os.path.exists(os.path.join(state_dir, NAME)) else None


def _host(config: Config) -> str:
    return config[options.SERVER_NAME] or os.uname().nodename


def _log(config: Config, due: Sequence[Alert]) -> None:
    path = config[options.ALERTS_LOG]
    if not path:
        return
    try:
        logfile.append(path, {alert.name: as_json.line(alert, _host(config)) for alert in due})
    except OSError as error:
        raise DeliveryError(
            f"Cannot write the alerts' log {path}: {error.strerror}. Make it writable, or set [alerts] log_file."
        ) from error


def _command(config: Config, due: Sequence[Alert]) -> None:
    from maillogsentinel.alerting import command

    if config[options.ALERTS_COMMAND]:
        documents = (as_json.line(alert, _host(config)) for alert in due)
        command.hand_over(config[options.ALERTS_COMMAND], documents, config[options.ALERTS_COMMAND_TIMEOUT])


def _mail(config: Config, due: Sequence[Alert]) -> None:
    # Imported late: email costs more than the rest of a run.
    from maillogsentinel.alerting import text
    from maillogsentinel.report.mail import letter, send
    from maillogsentinel.report.this_host import full_host_name

    recipients = config[options.ALERTS_EMAIL] or config[options.EMAIL]
    host, times = config[options.SERVER_NAME] or full_host_name(), LocalTime(config[options.TIME_ZONE])
    due = _pseudonymised(config, due)
    name = f"alert-{due[0].name}-{due[-1].id}"
    try:
        send(config, letter(config, recipients, text.subject(due, host), text.body(due, host, times), name))
    except DeliveryError as error:
        raise DeliveryError(f"Alerts stay due. {error}") from error
    log.info("Mailed %d alerts to %s", len(due), recipients)


def _pseudonymised(config: Config, due: Sequence[Alert]) -> Sequence[Alert]:
    """What is mailed, without users' names where mails are to have none of them."""
    if not config[options.PSEUDONYMISE]:
        return due
    from maillogsentinel.report import pseudonyms

    try:
        names = pseudonyms.for_mails(config)
    except SourceError as error:
        raise DeliveryError(f"Alerts stay due. {error}") from error
    return [alert._replace(finding=names.finding(alert.finding)) for alert in due] if names else due


_WAYS: dict[int, tuple[Callable[[Config, Sequence[Alert]], None], bool]] = {
    alerts.LOG: (_log, True),
    alerts.MAIL: (_mail, True),
    alerts.COMMAND: (_command, False),
}
"""By each way: how it is told, and whether what could not be told stays due. In this order, lest the command keep the
mail waiting."""
