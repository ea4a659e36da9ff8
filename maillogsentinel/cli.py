"""Arguments and dispatch, nothing else."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable

from maillogsentinel import __version__, config
from maillogsentinel.errors import MailLogSentinelError
from maillogsentinel.progress import terminal_width
from maillogsentinel.values import whole

_OLD_FLAGS = {f"--{name}": name for name in ("setup", "report", "reset", "purge")}


COMMANDS = {
    "extract": "read what is new, append one record per failed login",
    "report": "print or mail a summary, of today unless told otherwise",
    "top": "who is at it now: addresses, users, places",
    "status": "sources, positions, last run, totals, what is due",
    "check-config": "every fault of the configuration at once",
    "setup": "ask a few questions, check the answers, write the configuration",
    "explain": "tell for each line of a log whether it is a failure, and why",
    "merge": "several servers' CSVs into one, each record once",
    "export": "for other programs: records, metrics, addresses to block",
    "append": "make what was collected from other hosts whole copies of their CSVs",
    "ipinfo": "country and network of addresses; --update gets new databases",
    "anonymize": "a log that may be shown to strangers and means the same to every tool",
    "prune": "take away the records of whole days that are too old",
    "reset": "archive CSV and positions, so that the next run starts afresh",
    "purge": "archive all that was written",
}
"""Each command with the sentence of its help."""


class _Formatter(argparse.HelpFormatter):
    """argparse asks for a formatter with every argument; its own one imports shutil, and with it the compressors."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=terminal_width() - 2)


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command line; `only` leaves the other commands out, which takes a third of the time."""
    common = argparse.ArgumentParser(add_help=False, formatter_class=_Formatter)
    common.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help=f"default: {config.DEFAULT_FILE}")
    loud = common.add_mutually_exclusive_group()
    loud.add_argument("-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help="show the own log")
    loud.add_argument("-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help="errors only")
    top = argparse.ArgumentParser(
        prog="maillogsentinel",
        description="Failed SASL logins of Postfix servers: read once, recorded in a CSV, mailed as a report.",
        parents=[common],
        allow_abbrev=False,
        formatter_class=_Formatter,
    )
    top.add_argument("--version", action="version", version=f"maillogsentinel {__version__}")
    commands = top.add_subparsers(
        dest="command", metavar="COMMAND", title="commands (default: extract)", prog="maillogsentinel"
    )
    for name, sentence in COMMANDS.items():
        if only in (None, name):
            one = commands.add_parser(
                name,
                help=sentence,
                description=sentence,
                parents=[common],
                allow_abbrev=False,
                formatter_class=_Formatter,
            )
            _ARGUMENTS[name](one)
    return top


def _extract(one: argparse.ArgumentParser) -> None:
    one.add_argument("--mail-log", metavar="PATH", help="this file alone, in place of the configured log")
    one.add_argument("--offline", action="store_true", help="no DNS query")


def _report(one: argparse.ArgumentParser) -> None:
    when = one.add_mutually_exclusive_group()
    when.add_argument("--day", metavar="today|yesterday|YYYY-MM-DD")
    when.add_argument("--weekly", action="store_true", help="the last seven days that are over")
    when.add_argument("--monthly", action="store_true", help="the last calendar month that is over")
    when.add_argument("--since", metavar="YYYY-MM-DD", help="first day of a span")
    when.add_argument("--due", action="store_true", help="extract, then mail every completed day not yet mailed")
    one.add_argument("--until", metavar="YYYY-MM-DD", help="last day of the span; default: today")
    one.add_argument("--csv", metavar="FILE", action="append", help="of this CSV; may be given several times")
    one.add_argument("--stdout", action="store_true", help="print in place of mailing")
    one.add_argument("--format", choices=["text", "html", "json"], default="text")
    one.add_argument("-o", "--output", metavar="FILE", help="write into FILE in place of mailing")
    one.add_argument("--to", metavar="ADDRESS", help="mail to ADDRESS")
    one.add_argument("--test", action="store_true", help="a marked sample, now")


def _status(one: argparse.ArgumentParser) -> None:
    one.add_argument("--json", action="store_true", help="one JSON object")


def _check_config(one: argparse.ArgumentParser) -> None:
    one.add_argument("--effective", action="store_true", help="print each value and the file that set it")


def _explain(one: argparse.ArgumentParser) -> None:
    one.add_argument("file", nargs="?", default="-", metavar="FILE", help="default: stdin")
    one.add_argument("--json", action="store_true", help="one JSON object a line")


def _merge(one: argparse.ArgumentParser) -> None:
    one.add_argument("-o", "--output", metavar="FILE", required=True, help="the merged CSV; compressed as NAME.gz")
    one.add_argument("file", nargs="+", metavar="FILE", help="a CSV, also compressed, also of an older version")


def _setup(one: argparse.ArgumentParser) -> None:
    one.add_argument("--non-interactive", action="store_true", help="ask nothing; needs --set")
    one.add_argument(
        "--set", metavar="SECTION.KEY=VALUE", action="append", help="an answer; may be given several times"
    )
    one.add_argument("--dry-run", action="store_true", help="show what would be written, and write nothing")


def _export(one: argparse.ArgumentParser) -> None:
    one.add_argument("form", choices=["csv", "prometheus", "blocklist"])
    one.add_argument("-o", "--output", metavar="FILE", help="write into FILE, whole; not for csv")
    one.add_argument(
        "--format",
        choices=["plain", "nftables", "ipset", "fail2ban", "crowdsec", "postfix-cidr"],
        help="of the blocklist; default: plain",
    )
    one.add_argument("--since", metavar="TOKEN", help="csv: only what came after TOKEN")
    one.add_argument("--token-file", metavar="FILE", help="csv: write the new TOKEN there, once all is written")
    one.add_argument("--gzip", action="store_true", help="csv: compress")


def _top(one: argparse.ArgumentParser) -> None:
    one.add_argument("--minutes", metavar="N", type=_whole(1, 1_000_000), default=60, help="how far back; default: 60")
    one.add_argument(
        "--watch",
        metavar="SECONDS",
        type=_whole(1, 3600),
        nargs="?",
        const=5,
        help="draw it anew until q is pressed; as in --watch=2, default: 5",
    )


def _whole(low: int, high: int) -> Callable[[str], int]:
    """Return the reader of a number from `low` to `high` on the command line."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high}")
        return int(text)

    return parse


def _append(one: argparse.ArgumentParser) -> None:
    one.add_argument("directory", metavar="DIRECTORY", help="where each host's slices and copies lie")


def _ipinfo(one: argparse.ArgumentParser) -> None:
    one.add_argument("address", nargs="*", metavar="ADDRESS", help="default, and for -: one a line from stdin")
    one.add_argument("--json", action="store_true", help="one JSON object a line")
    one.add_argument("--update", action="store_true", help="download the configured databases")
    one.add_argument(
        "--due", action="store_true", help="for cron: as [geolocation] update says, silent without a network"
    )


def _anonymize(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "-i", "--input", metavar="IN", default="-", help="the log, compressed or not; default, and -: stdin"
    )
    one.add_argument(
        "-o", "--output", metavar="OUT", default="-", help="the result, compressed if named .gz; default, and -: stdout"
    )
    one.add_argument("--key", metavar="FILE", help="the same names for the same names in every run with this key")
    one.add_argument(
        "--shift-time",
        metavar="SPAN",
        nargs="?",
        const="untold",
        help="move the clock as well: by SPAN, as in --shift-time=-3d12h, or by a secret one",
    )


def _prune(one: argparse.ArgumentParser) -> None:
    one.add_argument("--older-than", metavar="DAYS", type=_days, required=True, help="keep this many days before today")
    one.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")


def _days(text: str) -> int:
    try:
        return whole(1, 36500)(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _put_away(one: argparse.ArgumentParser) -> None:
    one.add_argument("--delete", action="store_true", help="delete in place of archiving")


_ARGUMENTS = {
    "extract": _extract,
    "report": _report,
    "top": _top,
    "status": _status,
    "check-config": _check_config,
    "setup": _setup,
    "explain": _explain,
    "merge": _merge,
    "export": _export,
    "append": _append,
    "ipinfo": _ipinfo,
    "anonymize": _anonymize,
    "prune": _prune,
    "reset": _put_away,
    "purge": _put_away,
}


def _is_command(argv: list[str], place: int) -> bool:
    """Whether the word there is the command: the first that is neither an option nor an option's value."""
    return argv[place][:1] != "-" and not (place and argv[place - 1] == "--config")


def arguments(argv: list[str]) -> argparse.Namespace:
    """Return the parsed command line; exits with 2 and a usage message when it is wrong."""
    place = next((at for at, word in enumerate(argv) if _is_command(argv, at) or word in _OLD_FLAGS), None)
    if place is not None and argv[place] in _OLD_FLAGS:
        argv = [*argv[:place], _OLD_FLAGS[argv[place]], *argv[place + 1 :]]
    only = argv[place] if place is not None and argv[place] in COMMANDS else None
    args = parser(only).parse_args(argv)
    if args.command is None:
        args.command, args.mail_log, args.offline = "extract", None, False
    for name, default in (("config", config.DEFAULT_FILE), ("verbose", False), ("quiet", False)):
        if name not in args:
            setattr(args, name, default)
    return args


def _prepare_streams() -> None:
    """Make the standard streams ones that can be used: a closed one becomes /dev/null, so that no file of ours gets
    its number, and a character that the terminal's encoding lacks is escaped."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="backslashreplace")


def _failed(sentence: str, status: int) -> int:
    for line in sentence.splitlines():
        print(f"maillogsentinel: {line}", file=sys.stderr)
    return status


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 failed, 2 wrong usage or configuration, 75 locked."""
    _prepare_streams()
    args = arguments(sys.argv[1:] if argv is None else argv)
    try:
        module = importlib.import_module(f"maillogsentinel.commands.{args.command.replace('-', '_')}")
        status: int = module.run(args)
        sys.stdout.flush()
        return status
    except MailLogSentinelError as error:
        return _failed(str(error), error.exit_status)
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to say, nor must Python complain when it closes stdout.
        sys.stdout = None
        return 1
    except OSError as error:
        sys.stdout = None  # it may be what failed, and would fail again at the end
        place = error.filename or "the output"
        return _failed(f"Cannot read or write {place}: {error.strerror}. Put that right and run the command again.", 1)
    except KeyboardInterrupt:
        return _failed("interrupted; what was committed stays, the next run continues", 130)
    except Exception as error:
        return _failed(f"Internal error: {type(error).__name__}: {error}. Please report it.", 1)
