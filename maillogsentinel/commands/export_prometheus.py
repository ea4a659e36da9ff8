"""``maillogsentinel export prometheus``: metrics for the textfile collector of node_exporter."""

import argparse
import sys

from maillogsentinel import options, privileges
from maillogsentinel.commands import outfile
from maillogsentinel.config import load
from maillogsentinel.export.metrics import metrics
from maillogsentinel.export.prometheus import render
from maillogsentinel.localtime import now
from maillogsentinel.store.database import Database

_MODE = 0o644
"""node_exporter runs as a user of its own."""


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    config = load(args.config)
    privileges.become_owner(config[options.STATE_DIR])
    database = Database(config[options.STATE_DIR])
    try:
        text = render(metrics(config, database, now()))
    finally:
        database.close()
    if args.output:
        outfile.write(args.output, text, _MODE)
    else:
        sys.stdout.write(text)
    return 0
