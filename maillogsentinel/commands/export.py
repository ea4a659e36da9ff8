"""``maillogsentinel export``: the records as CSV, metrics for Prometheus, or a list of addresses to block."""

import argparse
import importlib

from maillogsentinel.errors import UsageError

_BELONG = {"since": "csv", "token_file": "csv", "gzip": "csv", "format": "blocklist"}


def run(args: argparse.Namespace) -> int:
    """Run the form that is asked for. Raises UsageError where an option belongs to another one."""
    for name, form in _BELONG.items():
        if getattr(args, name) not in (None, False) and args.form != form:
            raise UsageError(f"--{name.replace('_', '-')} belongs to export {form}. Leave it out.")
    if args.output and args.form == "csv":
        raise UsageError("export csv prints: redirect it with > FILE in place of -o.")
    status: int = importlib.import_module(f"maillogsentinel.commands.export_{args.form}").run(args)
    return status
