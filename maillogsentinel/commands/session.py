"""What commands that touch state have in common: owner, own log, complaints, and no traceback for anybody."""

import argparse
import logging
import sys
from collections.abc import Callable

from maillogsentinel import complaints, config, options, ownlog, privileges
from maillogsentinel.config import Config
from maillogsentinel.errors import MailLogSentinelError

log = logging.getLogger("maillogsentinel")


def run(args: argparse.Namespace, work: Callable[[argparse.Namespace, Config], int], from_cron: bool) -> int:
    """Do `work` as the state directory's owner, with the own log; its errors become a sentence and an exit status.

    `from_cron`: the same complaint is told at most once a day where no terminal is attached.
    """
    try:
        settings, faults = config.examine(args.config)
    except MailLogSentinelError as error:
        complaints.tell(str(error), None)
        return error.exit_status
    state_dir = settings[options.STATE_DIR]
    privileges.become_owner(state_dir)
    memory = state_dir if from_cron else None
    errors = [fault for fault in faults if fault.error]
    if errors:
        for fault in errors:
            complaints.tell(str(fault), memory)
        return config.ConfigError.exit_status
    with ownlog.written(settings, args.verbose) as trouble:
        if trouble:
            complaints.tell(trouble, memory)
        for fault in faults:
            log.warning("%s", fault)
        try:
            return work(args, settings)
        except MailLogSentinelError as error:
            log.error("%s", error)
            complaints.tell(str(error), memory)
            return error.exit_status
        except (KeyboardInterrupt, BrokenPipeError):
            log.error("Interrupted")
            raise
        except OSError:
            log.exception("A file or stream failed")
            raise
        except Exception as error:
            log.exception("Internal error")
            complaints.tell(
                f"Internal error: {type(error).__name__}: {error}. Please report it, with the end of"
                f" {settings[options.LOG_FILE] or 'the own log'}.",
                memory,
            )
            return 1


def interactive(args: argparse.Namespace) -> bool:
    """Whether somebody sits at a terminal and wants to be told what was done."""
    return sys.stdout is not None and sys.stdout.isatty() and not args.quiet
