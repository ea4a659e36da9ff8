"""From the committed state to a Summary: what is counted, what was not read, and what else the admin must know."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from maillogsentinel import __version__, options
from maillogsentinel.config import Config
from maillogsentinel.detect import left_out
from maillogsentinel.detect.allowed import Allowed
from maillogsentinel.detect.finding import Finding, order
from maillogsentinel.detect.thresholds import thresholds
from maillogsentinel.localtime import LocalTime
from maillogsentinel.report.counting import count
from maillogsentinel.report.coverage import worth_telling
from maillogsentinel.report.lookback import NOTE_CSV, Lookback, look_back
from maillogsentinel.report.rows import Files, Records
from maillogsentinel.report.summary import DatabaseAge, Gap, Loss, Summary, interval_of
from maillogsentinel.report.tally import Tally, Top
from maillogsentinel.report.this_host import full_host_name, host_address
from maillogsentinel.report.trend import MOST_SHOWN, NONE, PART, SHOWN, Day, News, Novelty, empty_hours
from maillogsentinel.store import findings, history, losses, new_logins, runs
from maillogsentinel.store.database import Database
from maillogsentinel.store.history import UNKNOWN, Span
from maillogsentinel.store.sketch import Unseen


def summarise(
    config: Config,
    records: Records,
    first: date,
    last: date,
    now: int,
    database: Database | None,
    notices: Sequence[str] = (),
    test: bool = False,
    databases: Sequence[DatabaseAge] = (),
    thorough: bool = True,
) -> Summary:
    """Return the summary of the days from `first` to `last`; without a `database` nothing is said of what was read.

    `now` is UTC microseconds; `notices` are sentences of the run that mails, beside those that state.db remembers.
    `databases` are those of countries and networks. What only HTML and JSON tell (networks, what is new) is left out
    unless it is `thorough`. Raises StoreError.
    """
    times = LocalTime(config[options.TIME_ZONE])
    span = (first, last)
    back = look_back(config, database, times, span, now, names=thorough) if database else None
    if isinstance(records, Files):
        watched = last - timedelta(days=min(max((last - first).days + 1, SHOWN), MOST_SHOWN) - 1)
        records.watch(watched, last)
    found = count(config, records, span, database, back.is_new if back else _not_new, thorough=thorough)
    summary = Summary(
        version=__version__,
        interval=interval_of(_cron_text(config)),
        reported_at=times.text(now),
        server_name=config[options.SERVER_NAME] or full_host_name(),
        server_address=host_address(),
        first_day=first.isoformat(),
        last_day=last.isoformat(),
        today=last == times.today(now),
        tally=found.tally,
        csv_path=records.path,
        csv_size=records.size,
        csv_lines=records.count,
        notices=tuple(dict.fromkeys(notices)),
        test=test,
        findings=tuple(found.patterns.findings),
        more_findings=found.patterns.left_out,
        allowed=found.patterns.allowed,
        databases=tuple(databases),
    )
    if isinstance(records, Files):
        days = [watched + timedelta(days=place) for place in range((last - watched).days + 1)]
        return _with_files(summary, records, days)
    if database is None or back is None:
        return summary
    start, end = times.span(first, last)
    off = () if config[options.LOGINS_REMEMBER] else (left_out.LOGINS_OFF,)
    if new_logins.wait(database, start, end):
        off = (left_out.NOT_YET,)
    summary = _with_lookback(summary, off, back, _stored(config, database, start, end))
    return _with_history(summary, database, times, times.span(first, last), now)


def _stored(config: Config, database: Database, start: int, end: int) -> list[Finding]:
    """What runs found; nothing of who has been put on an allow-list since."""
    allowed = Allowed(thresholds(config))
    return [one for one in findings.of_day(database, start, end) if not allowed.finding(one)]


def _not_new(kind: str, name: str) -> bool:
    return False


def _with_files(summary: Summary, records: Files, days: Sequence[date]) -> Summary:
    """What CSVs named on the command line tell of other days; nothing for the sample before the first run."""
    if not records.path:
        return summary
    found = [Day(day.isoformat(), records.hours(day), NONE) for day in days]
    return summary._replace(
        trend=tuple(day._replace(coverage=PART, blank=empty_hours(day)) if day.failures else day for day in found),
        trend_note=NOTE_CSV,
        not_looked_for=left_out.OF_A_CSV,
    )


def _with_lookback(summary: Summary, off: tuple[str, ...], back: Lookback, stored: Iterable[Finding]) -> Summary:
    # What the days' own records show has their numbers; a run may have looked back into the day before.
    found = {(one.kind, one.subject): one for one in (*stored, *summary.findings, *back.bursts)}
    news = None
    if back.unseen is not None:
        news = News(back.known_days, tuple(_novelty(summary.tally, *found) for found in back.unseen.items()))
    return summary._replace(
        findings=tuple(sorted(found.values(), key=order)),
        not_looked_for=(*off, *back.not_looked_for),
        trend=back.trend,
        comparison=back.comparison,
        news=news,
    )


def _novelty(numbers: Tally, kind: str, unseen: Unseen) -> Novelty:
    top: Top = getattr(numbers, kind)
    new = len(unseen.numbers) if unseen.exact else round(unseen.share * top.distinct)
    return Novelty(kind, top.distinct, new, unseen.exact, tuple(numbers.chosen.get(kind, ())))


def _with_history(summary: Summary, database: Database, times: LocalTime, span: tuple[int, int], now: int) -> Summary:
    start, end = span
    until = history.read_until(database)
    if summary.today:
        # What was logged since the last run is not missing: the report says up to when it was read.
        end = max(start, min(until, now))
    missing = history.not_covered(database, start, end)
    unread = sum(gap.end - gap.start for gap in missing if gap.why in UNKNOWN)
    pruned = history.pruned_before(database)
    last = runs.last_run(database)
    return summary._replace(
        read_until=times.text(until) if summary.today and until > start else "",
        nothing_read=unread >= end - start,
        not_covered=tuple(_gap(gap, times) for gap in missing if worth_telling(gap)),
        troubles=tuple(history.troubles(database, summary.first_day, summary.last_day)),
        losses=tuple(Loss(*loss) for loss in losses.losses(database, summary.first_day, summary.last_day)),
        kept_since=times.text(pruned)[:10] if pruned > start else "",
        notices=tuple(dict.fromkeys((*summary.notices, *(last.problems if last else ())))),
    )


def _gap(gap: Span, times: LocalTime) -> Gap:
    return Gap(times.text(gap.start), times.text(gap.end), gap.why)


def _cron_text(config: Config) -> str:
    try:
        with open(config[options.CRON_FILE], encoding="utf-8", errors="replace") as file:
            return file.read(1 << 16)
    except OSError:
        return ""
