"""``maillogsentinel extract``: read what is new, append one record per failure."""

import argparse
import os
import sys

from maillogsentinel import complaints, options
from maillogsentinel.commands import session
from maillogsentinel.config import Config
from maillogsentinel.errors import MailLogSentinelError
from maillogsentinel.extraction import Extraction, Outcome
from maillogsentinel.localtime import now
from maillogsentinel.progress import Bar
from maillogsentinel.store import runs
from maillogsentinel.store.archive import finish_reset
from maillogsentinel.store.database import Database
from maillogsentinel.store.lock import locked


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return session.run(args, _work, from_cron=True)


def _work(args: argparse.Namespace, config: Config) -> int:
    bar = Bar() if sys.stderr.isatty() and not args.quiet else None
    path = None if args.mail_log is None else os.path.abspath(args.mail_log)
    outcome = extract(config, path, args.offline, wait=False, bar=bar)
    return tell(outcome, config, config[options.STATE_DIR], session.interactive(args))


def tell(outcome: Outcome, config: Config, state_dir: str | None, loud: bool) -> int:
    """Say what came of a run, and return its exit status; `state_dir` is where complaints are remembered."""
    for sentence in [*outcome.notices, *outcome.problems]:
        complaints.tell(sentence, state_dir)
    if loud:
        print(f"{outcome.records} new records in {config.csv_path}")
    return 1 if outcome.failed else 0


def extract(
    config: Config, path: str | None, offline: bool, wait: bool, bar: Bar | None = None, for_report: bool = False
) -> Outcome:
    """Extract from the configured log, or from the file at `path` alone, and tell the alerts that are due.

    `wait`: for the lock; `for_report`: a report of the day follows. Raises MailLogSentinelError; how the run ended is
    kept for ``status`` and the report where the disk allows it.
    """
    outcome = _extract(config, path, offline, wait, bar, for_report)
    if not outcome.alerts:
        return outcome
    # The lock is free again: who hands a mail over waits for others, and no other run shall fail for that.
    from maillogsentinel.alerting.delivery import deliver

    result = deliver(config)
    return outcome._replace(problems=[*outcome.problems, *result.problems], failed=outcome.failed or not result.mailed)


def _extract(config: Config, path: str | None, offline: bool, wait: bool, bar: Bar | None, for_report: bool) -> Outcome:
    """Do what needs the lock."""
    with locked(config[options.STATE_DIR], wait):
        finish_reset(config[options.STATE_DIR])
        database = Database(config[options.STATE_DIR], create=True)
        started = now()
        try:
            extraction = Extraction(config, database, offline, bar.show if bar else None, for_report)
            return extraction.configured() if path is None else extraction.file(path)
        except MailLogSentinelError as error:
            try:
                runs.note_end(database, runs.Run(started, now(), 0, 0, [str(error)], str(error)))
            except MailLogSentinelError:
                pass
            raise
        finally:
            if bar:
                bar.close()
            database.close()
