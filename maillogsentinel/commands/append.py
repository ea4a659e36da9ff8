"""``maillogsentinel append``: what was collected from other hosts becomes whole copies of their CSVs."""

import argparse
import os
import sys

from maillogsentinel.errors import MailLogSentinelError, UsageError
from maillogsentinel.store.copies import Copies
from maillogsentinel.store.lock import locked


def run(args: argparse.Namespace) -> int:
    """Run the command; what goes wrong with one host's copy keeps nothing from the others."""
    if not os.path.isdir(args.directory):
        raise UsageError(f"There is no directory {args.directory}. Name the one that the collection is kept in.")
    failed = False
    with locked(args.directory, name=".lock"):
        found = (entry.path for entry in os.scandir(args.directory) if entry.is_dir(follow_symlinks=False))
        for directory in sorted(found):
            copies = Copies(directory)
            try:
                copies.bring_up_to_date()
            except MailLogSentinelError as error:
                failed = True
                copies.notices.append(str(error))
            for sentence in copies.notices:
                print(f"maillogsentinel: {sentence}", file=sys.stderr)
    return 1 if failed else 0
