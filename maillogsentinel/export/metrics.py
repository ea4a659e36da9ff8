"""What state.db and the databases say, as metrics. No label holds what an attacker chose: no user, no address."""

from collections.abc import Iterable, Iterator

from maillogsentinel import __version__, options
from maillogsentinel.config import Config
from maillogsentinel.enrich.geo import Geo
from maillogsentinel.export.prometheus import COUNTER, GAUGE, Metric, Sample
from maillogsentinel.localtime import HOUR, SECOND, LocalTime
from maillogsentinel.store import alerts, findings, history, journal_positions, logins, runs
from maillogsentinel.store.database import Database
from maillogsentinel.store.due import days_due
from maillogsentinel.store.ledger import committed
from maillogsentinel.store.positions import load_choice, load_source

_MOST_SOURCES = 50
"""Logs that have metrics of their own."""


def metrics(config: Config, database: Database, now: int) -> Iterator[Metric]:
    """Yield every metric as it is at `now`, UTC microseconds. Raises StoreError."""
    yield _one("build_info", "Version of the program; always 1.", 1, version=__version__)
    yield from _counters(database)
    yield from _last_run(database)
    yield from _sources(database, now)
    _, size, records = committed(database)
    yield _one("csv_size_bytes", "Committed bytes of the CSV.", size)
    yield _one("csv_records", "Committed records in the CSV.", records)
    due = days_due(database, LocalTime(config[options.TIME_ZONE]), now)
    yield _one("reports_due", "Completed days whose report was not mailed yet.", len(due))
    if config[options.LOGINS_REMEMBER]:
        users, networks = logins.known(database)
        yield _one("known_login_users", "Users that are known to log in successfully.", users)
        yield _one("known_login_networks", "Networks that these users log in from.", networks)
    if config[options.ALERTS_ENABLED]:
        yield from _detection(database, now)
    yield from _databases(config, now)


def _one(name: str, text: str, value: float, kind: str = GAUGE, **labels: str) -> Metric:
    return Metric(name, kind, text, [Sample(value, tuple(labels.items()))])


def _by(label: str, counts: Iterable[tuple[str, float]]) -> list[Sample]:
    return [Sample(count, ((label, value),)) for value, count in counts]


def _counters(database: Database) -> Iterator[Metric]:
    # Record numbers are given out once, whatever becomes of the records.
    failures = database.get("next_record", 1) - 1
    yield _one("failures_total", "Failed logins recorded since state.db began.", failures, COUNTER)
    for name, what, label, text in (
        ("server_failures_total", history.FAILURE, "server", "Failed logins recorded since state.db began, by server."),
        ("troubles_total", history.TROUBLE, "kind", "Logins that failed through the server's own fault."),
        ("losses_total", history.LOSS, "kind", "Times that lines were found missing from the logs."),
        ("lost_lines_total", history.LOST, "kind", "Lines that are missing from the logs, at least."),
    ):
        yield Metric(name, COUNTER, text, _by(label, history.totals(database, what)))


def _last_run(database: Database) -> Iterator[Metric]:
    last = runs.last_run(database)
    if last is None:
        return
    yield _one("last_extract_start_timestamp_seconds", "When the last extract began.", last.started / SECOND)
    yield _one("last_extract_end_timestamp_seconds", "When the last extract ended.", last.ended / SECOND)
    yield _one("last_extract_duration_seconds", "What the last extract took.", (last.ended - last.started) / SECOND)
    yield _one("last_extract_success", "Whether the last extract succeeded: 1 or 0.", int(not last.error))
    yield _one("last_extract_problems", "Problems that the last extract told of.", len(last.problems))


def _sources(database: Database, now: int) -> Iterator[Metric]:
    """Of the logs that are read now; those of an earlier configuration would only seem to stand still."""
    choice = load_choice(database)
    read, last = [], []
    for name in choice.names[:_MOST_SOURCES] if choice else ():
        until = history.covered_until(database, name)
        if until:
            read.append((name, until / SECOND))
        stamp = (
            journal_positions.load(database, name) if choice and choice.journal else load_source(database, name)
        ).stamp
        if stamp:
            last.append((name, stamp / SECOND))
    text = "Up to when each log was read."
    yield Metric("source_read_timestamp_seconds", GAUGE, text, _by("source", read))
    lags = [(name, max(0.0, round(now / SECOND - until, 6))) for name, until in read]
    text = "How long ago that was when this was exported."
    yield Metric("source_lag_seconds", GAUGE, text, _by("source", lags))
    text = "Time of the last line that was read of each log."
    yield Metric("source_last_line_timestamp_seconds", GAUGE, text, _by("source", last))


def _detection(database: Database, now: int) -> Iterator[Metric]:
    """What was found and told; nothing found before anybody looked is no quiet day."""
    if runs.detected(database) is not None:
        until = min(history.read_until(database), now)
        text = "What was found in the last 24 hours that were read, each subject once, by severity."
        yield Metric("findings", GAUGE, text, _by("severity", findings.by_severity(database, until - 24 * HOUR)))
    last, due = alerts.numbers(database)
    yield _one("alerts_due", "Alerts that are still to be told.", due)
    if last is not None:
        yield _one("last_alert_timestamp_seconds", "When the last alert was decided upon.", last / SECOND)


def _databases(config: Config, now: int) -> Iterator[Metric]:
    dates = [(database.column, database.date) for database in Geo.open(config).databases]
    text = "Of when the data of the IP databases is."
    yield Metric("database_timestamp_seconds", GAUGE, text, _by("kind", dates))
    text = "How old that data was when this was exported."
    ages = [(column, max(0, now // SECOND - date)) for column, date in dates]
    yield Metric("database_age_seconds", GAUGE, text, _by("kind", ages))
