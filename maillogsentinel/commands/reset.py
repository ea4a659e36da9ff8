"""``maillogsentinel reset``: archive CSV and positions, so that the next run starts afresh."""

import argparse

from maillogsentinel import options
from maillogsentinel.commands import session
from maillogsentinel.config import Config
from maillogsentinel.store import archive
from maillogsentinel.store.lock import locked


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return session.run(args, _work, from_cron=False)


def _work(args: argparse.Namespace, config: Config) -> int:
    paths = [config.csv_path, *archive.state_files(config[options.STATE_DIR])]
    return put_away(args, config, paths, "reset")


def put_away(args: argparse.Namespace, config: Config, paths: list[str], kind: str) -> int:
    """Archive or delete `paths` under the lock, and tell a terminal where they are."""
    state_dir = config[options.STATE_DIR]
    with locked(state_dir):
        archive.finish_reset(state_dir)
        target = archive.begin(state_dir, paths, args.delete, kind)
        archive.expire(state_dir, config[options.ARCHIVE_DAYS])
    if session.interactive(args):
        print(f"Archived in {target}" if target else "Deleted")
    return 0
