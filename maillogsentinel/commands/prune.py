"""``maillogsentinel prune``: take away the records of whole days that are too old, and all else of these days."""

import argparse

from maillogsentinel import complaints, retention
from maillogsentinel.commands import session
from maillogsentinel.config import Config
from maillogsentinel.retention import Outcome


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return session.run(args, _work, from_cron=False)


def _work(args: argparse.Namespace, config: Config) -> int:
    if args.dry_run:
        outcome, loud = retention.plan(config, args.older_than), True
    else:
        outcome, loud = retention.prune(config, args.older_than, wait=False), session.interactive(args)
    for notice in outcome.notices:
        complaints.tell(notice, None)
    if loud:
        for line in _lines(outcome, config.csv_path, args.dry_run):
            print(line)
    return 0


def _lines(outcome: Outcome, csv: str, dry_run: bool) -> list[str]:
    """What was done, or would be; nothing where there is nothing to do."""
    records, days, first, last = outcome.pruned
    if not days and not outcome.archives:
        return []
    lines = []
    if days:
        span = first if first == last else f"{first} to {last}"
        verb = "would go" if dry_run else "are gone"
        lines.append(f"{_number(records, 'record')} of {_number(days, 'day')} ({span}) {verb} from {csv}")
    verb = "Would be deleted" if dry_run else "Deleted"
    lines += [f"{verb}: {path}" for path in outcome.archives]
    lines += [f"Left alone, may hold older records: {path}" for path in outcome.left]
    return lines


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
