"""From the committed state to a Summary: what is counted, what was not read, and what else the admin must know."""

from collections.abc import Sequence
from datetime import date

from maillogsentinel import __version__, options
from maillogsentinel.config import Config
from maillogsentinel.localtime import MINUTE, LocalTime
from maillogsentinel.report.rows import Files, Records
from maillogsentinel.report.summary import Gap, Loss, Summary, interval_of
from maillogsentinel.report.tally import tally
from maillogsentinel.report.this_host import full_host_name, host_address
from maillogsentinel.store import history, losses, runs
from maillogsentinel.store.database import Database
from maillogsentinel.store.history import NEVER_READ, Span


def summarise(
    config: Config,
    records: Records,
    first: date,
    last: date,
    now: int,
    database: Database | None,
    notices: Sequence[str] = (),
    test: bool = False,
) -> Summary:
    """Return the summary of the days from `first` to `last`; without a `database` nothing is said of what was read.

    `now` is UTC microseconds; `notices` are sentences of the run that mails, beside those that state.db remembers.
    Raises StoreError.
    """
    times = LocalTime(config[options.TIME_ZONE])
    today = last == times.today(now)
    temp_dir = config[options.STATE_DIR] if database else None
    summary = Summary(
        version=__version__,
        interval=interval_of(_cron_text(config)),
        reported_at=times.text(now),
        server_name=config[options.SERVER_NAME] or full_host_name(),
        server_address=host_address(),
        first_day=first.isoformat(),
        last_day=last.isoformat(),
        today=today,
        tally=tally(records.rows(first, last), temp_dir, several_servers=isinstance(records, Files)),
        csv_path=records.path,
        csv_size=records.size,
        csv_lines=records.count,
        notices=tuple(dict.fromkeys(notices)),
        test=test,
    )
    if database is None:
        return summary
    return _with_history(summary, database, times, times.span(first, last), now)


def _with_history(summary: Summary, database: Database, times: LocalTime, span: tuple[int, int], now: int) -> Summary:
    start, end = span
    until = history.read_until(database)
    if summary.today:
        # What was logged since the last run is not missing: the report says up to when it was read.
        end = max(start, min(until, now))
    missing = history.not_covered(database, start, end)
    unread = sum(gap.end - gap.start for gap in missing if gap.why == NEVER_READ)
    last = runs.last_run(database)
    return summary._replace(
        read_until=times.text(until) if summary.today and until > start else "",
        nothing_read=unread >= end - start,
        not_covered=tuple(_gap(gap, times) for gap in missing if _worth_telling(gap)),
        troubles=tuple(history.troubles(database, summary.first_day, summary.last_day)),
        losses=tuple(Loss(*loss) for loss in losses.losses(database, summary.first_day, summary.last_day)),
        notices=tuple(dict.fromkeys((*summary.notices, *(last.problems if last else ())))),
    )


def _worth_telling(gap: Span) -> bool:
    """A log that begins some seconds after midnight has no gap there; a loss is one however short."""
    return gap.why != NEVER_READ or gap.end - gap.start >= MINUTE


def _gap(gap: Span, times: LocalTime) -> Gap:
    return Gap(times.text(gap.start), times.text(gap.end), gap.why)


def _cron_text(config: Config) -> str:
    try:
        with open(config[options.CRON_FILE], encoding="utf-8", errors="replace") as file:
            return file.read(1 << 16)
    except OSError:
        return ""
