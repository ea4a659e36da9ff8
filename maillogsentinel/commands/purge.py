"""``maillogsentinel purge``: archive everything the package wrote."""

import argparse
import glob
import os

from maillogsentinel import options
from maillogsentinel.commands import session
from maillogsentinel.commands.reset import put_away
from maillogsentinel.config import Config
from maillogsentinel.store import archive

_BESIDE = ("*.mmdb", "country.csv", "asn.csv", "ip-databases.*", "*-ranges.cache*", "complaints", "pseudonyms.key")
"""What else is written into the state directory."""


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return session.run(args, _work, from_cron=False)


def _work(args: argparse.Namespace, config: Config) -> int:
    return put_away(args, config, _written(config, args.delete), "purge")


def _written(config: Config, delete: bool) -> list[str]:
    """Everything that the program wrote and that is there; the archive itself only where all is deleted."""
    state_dir, csv, log_file = config[options.STATE_DIR], config.csv_path, config[options.LOG_FILE]
    paths = [csv, *archive.state_files(state_dir)]
    paths += sorted(glob.glob(glob.escape(csv) + ".foreign-*"))
    for pattern in _BESIDE:
        paths += sorted(glob.glob(os.path.join(glob.escape(state_dir), pattern)))
    for log in filter(None, (log_file, config[options.ALERTS_LOG])):
        paths += sorted(path for path in glob.glob(glob.escape(log) + "*"))
    if delete:
        paths.append(os.path.join(state_dir, archive.DIRECTORY))
    return [path for path in paths if os.path.lexists(path)]
