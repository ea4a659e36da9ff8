"""``maillogsentinel report``: print or mail a summary; ``--due`` is the cron form."""

import argparse
import logging
import os
import sys
from collections.abc import Iterable
from datetime import date, timedelta

from maillogsentinel import complaints, options
from maillogsentinel.commands import outfile, session
from maillogsentinel.commands.extract import extract
from maillogsentinel.config import Config
from maillogsentinel.errors import MailLogSentinelError, SourceError, UsageError
from maillogsentinel.localtime import LocalTime, now, parse_day
from maillogsentinel.report.build import summarise
from maillogsentinel.report.rows import Committed, Files, Records
from maillogsentinel.report.summary import DatabaseAge, Summary
from maillogsentinel.store import archive, history
from maillogsentinel.store.csvfile import delimiter_of
from maillogsentinel.store.database import NAME, Database
from maillogsentinel.store.due import days_due
from maillogsentinel.store.lock import MAILING, locked

log = logging.getLogger("maillogsentinel")

_DAYS_APART = 7
"""More due days than these become one mail."""


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    others = (args.stdout, args.output, args.csv, args.to, args.test, args.until, args.format != "text")
    if args.due and any(others):
        raise UsageError("--due mails to the configured recipient. Leave the other options out, or leave --due out.")
    if args.until and not args.since:
        raise UsageError("--until needs --since. Give both, or --day.")
    return session.run(args, _due if args.due else _one, from_cron=args.due)


# -- one report


def _one(args: argparse.Namespace, config: Config) -> int:
    first, last = _span(args, LocalTime(config[options.TIME_ZONE]))
    database = None
    if not args.csv and (os.path.exists(os.path.join(config[options.STATE_DIR], NAME)) or not args.test):
        database = Database(config[options.STATE_DIR])
    try:
        records: Records = (
            Files(args.csv or []) if database is None else Committed(database, config[options.CSV_DELIMITER])
        )
        by_mail = not (args.output or args.stdout)
        ages, notices = _ages(config, by_mail) if database is not None else ([], [])
        summary = summarise(
            config,
            records,
            first,
            last,
            now(),
            database,
            notices,
            test=args.test,
            databases=ages,
            thorough=args.format != "text" or (by_mail and config[options.HTML]),
        )
        if args.output:
            outfile.write(args.output, _rendered(summary, args.format))
        elif args.stdout:
            sys.stdout.write(_rendered(summary, args.format))
        else:
            _mail(config, summary, records, first, last, args.format, args.to or "")
            _note_ages(config, notices)
    finally:
        if database:
            database.close()
    if session.interactive(args) and not args.stdout:
        print(f"Written: {args.output}" if args.output else f"Mailed to {args.to or config[options.EMAIL]}")
    return 0


def _span(args: argparse.Namespace, times: LocalTime) -> tuple[date, date]:
    """The first and last day that the arguments name. Raises UsageError."""
    today = times.today(now())
    try:
        if args.weekly or args.monthly:
            # The last seven days that are over; the last month that is.
            last = today - timedelta(days=1 if args.weekly else today.day)
            first = last - timedelta(days=6) if args.weekly else last.replace(day=1)
        elif args.since:
            first, last = _day(args.since, today), _day(args.until, today) if args.until else today
        else:
            first = last = _day(args.day or "today", today)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if first > last:
        raise UsageError(f"--since {first} lies after --until {last}.")
    return first, last


def _day(text: str, today: date) -> date:
    if text in ("today", "yesterday"):
        return today - timedelta(days=text == "yesterday")
    return parse_day(text)


def _ages(config: Config, by_mail: bool) -> tuple[list[DatabaseAge], list[str]]:
    """The databases' age, and what to say of it; by mail only once in a while, or nobody would read it."""
    from maillogsentinel.enrich import age
    from maillogsentinel.enrich.geo import Geo

    databases = Geo.open(config).databases
    ages = [DatabaseAge(database.column, database.path, age.days_old(database)) for database in databases]
    if by_mail and not age.mail_is_due(config[options.STATE_DIR]):
        return ages, []
    return ages, age.sentences(config, databases)


def _note_ages(config: Config, told: list[str]) -> None:
    from maillogsentinel.enrich import age

    if told:
        age.note_mailed(config[options.STATE_DIR])


def _rendered(summary: Summary, form: str) -> str:
    if form == "json":
        from maillogsentinel.report.as_json import render
    elif form == "html":
        from maillogsentinel.report.page.document import render
    else:
        from maillogsentinel.report.text import render
    return render(summary)


def _mail(config: Config, summary: Summary, records: Records, first: date, last: date, form: str, to: str) -> None:
    """Hand the report over. Raises DeliveryError."""
    from maillogsentinel.report.attachment import choose_attachment
    from maillogsentinel.report.mail import compose, send

    days = summary.first_day if first == last else f"{summary.first_day}-{summary.last_day}"
    names, not_whole = None, ""
    if config[options.PSEUDONYMISE]:
        from maillogsentinel.report import pseudonyms

        names, not_whole = pseudonyms.for_mails(config), pseudonyms.ATTACHED
        days += "-pseudonyms"

    def lines() -> Iterable[bytes]:
        if names is None:
            return records.lines(first, last)
        return names.lines(records.rows(first, last), delimiter_of(records.header) or ",")

    attachment = choose_attachment(
        config, records.path, records.size, records.whole, lines, records.header, days, not_whole
    )
    summary = names.summary(summary) if names else summary
    summary = summary._replace(attachment=attachment.sentence)
    text = _rendered(summary, "json" if form == "json" else "text")
    with_html = form == "html" or (form == "text" and config[options.HTML])
    html = _rendered(summary, "html") if with_html else ""
    send(config, compose(config, summary, text, [attachment], html=html, to=to))


# -- what is due


def _due(args: argparse.Namespace, config: Config) -> int:
    with locked(config[options.STATE_DIR], wait=True, name=MAILING):
        notices, status = _extract_first(config)
        archive.expire(config[options.STATE_DIR], config[options.ARCHIVE_DAYS])
        database = Database(config[options.STATE_DIR], create=True)
        try:
            _mail_due(config, database, notices)
        finally:
            database.close()
            # Also where nothing can be mailed: how long records are kept was promised to those whose they are.
            kept = _keep_retention(config)
    return status or kept


def _keep_retention(config: Config) -> int:
    """Prune what is too old, and return the exit status; what goes wrong is told, and hides no other fault."""
    if not config[options.RECORDS_DAYS]:
        return 0
    from maillogsentinel import retention

    try:
        for notice in retention.keep(config):
            log.warning("%s", notice)
            complaints.tell(notice, config[options.STATE_DIR])
    except MailLogSentinelError as error:
        log.error("%s", error)
        complaints.tell(str(error), config[options.STATE_DIR])
        return error.exit_status
    return 0


def _extract_first(config: Config) -> tuple[list[str], int]:
    """Read what is new, and return what to tell and the exit status.

    A log that cannot be read does not keep the report back: it says so. A state that cannot be written does, since
    nobody could note that the mail has gone.
    """
    try:
        outcome = extract(config, None, offline=False, wait=True, for_report=True)
    except SourceError as error:
        complaints.tell(str(error), config[options.STATE_DIR])
        return [str(error)], error.exit_status
    for sentence in [*outcome.notices, *outcome.problems]:
        complaints.tell(sentence, config[options.STATE_DIR])
    return [*outcome.notices, *outcome.problems], 1 if outcome.failed else 0


def _mail_due(config: Config, database: Database, notices: list[str]) -> None:
    """Mail every completed day not yet mailed, oldest first; many of them in one mail. Raises DeliveryError."""
    days = days_due(database, LocalTime(config[options.TIME_ZONE]), now())
    groups = [[day] for day in days] if len(days) <= _DAYS_APART else [days]
    records = Committed(database, config[options.CSV_DELIMITER])
    for group in groups:
        ages, old = _ages(config, by_mail=True)
        summary = summarise(
            config,
            records,
            group[0],
            group[-1],
            now(),
            database,
            [*notices, *old],
            databases=ages,
            thorough=config[options.HTML],
        )
        _mail(config, summary, records, group[0], group[-1], "text", "")
        _note_ages(config, old)
        history.note_mailed(database, [day.isoformat() for day in group], now())
