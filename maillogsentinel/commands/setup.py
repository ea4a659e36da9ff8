"""``maillogsentinel setup``: ask, check, show, write, and try it out."""

import argparse
import os
import shlex
import sys

from maillogsentinel import complaints, options
from maillogsentinel.commands import session
from maillogsentinel.commands.extract import extract, tell
from maillogsentinel.config import DEFAULT_FILE, Config
from maillogsentinel.errors import UsageError
from maillogsentinel.progress import Bar
from maillogsentinel.setup import as_user, given, unattended
from maillogsentinel.setup.answers import Answers
from maillogsentinel.setup.terminal import agree, say
from maillogsentinel.setup.wizard import Wizard


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.set and not args.non_interactive:
        raise UsageError("--set goes with --non-interactive. Give both, or answer the questions.")
    if args.non_interactive and not args.set:
        raise UsageError("--non-interactive needs something to set: --set section.key=value, such as report.email=root")
    new = given.of_arguments(args.set or ())
    if not args.non_interactive and not sys.stdin.isatty():
        raise UsageError(
            "setup asks questions and needs a terminal. Without one give the answers:"
            " maillogsentinel setup --non-interactive --set section.key=value"
        )
    answers = Answers(args.config)
    state_dir = _state_dir(answers.config({**answers.earlier, **new}))
    if not args.dry_run:
        answers.refuse_unwritable()
    advice: list[str] = []
    if args.non_interactive:
        new = unattended.checked(answers, state_dir, new)
    else:
        try:
            new, advice = Wizard(answers, state_dir).hold()
            if not _shown(answers, answers.render(new), args.dry_run):
                say("Nothing was changed.")
                return 0
        except KeyboardInterrupt:
            say("\nNothing was changed.")
            return 130
    return _finish(args, answers, state_dir, answers.render(new), advice)


def _state_dir(config: Config) -> str:
    """Return the state directory, whose owner is the service user. Raises UsageError where root finds none."""
    state_dir = config[options.STATE_DIR]
    if os.geteuid() == 0 and not os.path.isdir(state_dir):
        raise UsageError(
            f"There is no {state_dir}, whose owner is the user that everything runs as. The Debian package makes it;"
            f" otherwise: install -d -m 0750 -o USER -g adm {shlex.quote(state_dir)}"
        )
    return state_dir


def _shown(answers: Answers, text: str, dry_run: bool) -> bool:
    """Show what changes, and return whether it may be written."""
    if text == answers.text:
        say(f"\n{answers.path}: nothing changes.")
        return True
    say(f"\n{answers.diff(text)}\n")
    return dry_run or agree("Write it?", True)


def _finish(args: argparse.Namespace, answers: Answers, state_dir: str, text: str, advice: list[str]) -> int:
    loud = _loud(args)
    if args.dry_run:
        if args.non_interactive and text != answers.text:
            say(answers.diff(text))
        for line in advice:
            say(line)
        return 0
    if text != answers.text:
        if args.non_interactive and loud:
            say(answers.diff(text))
        answers.write(text)
        if loud:
            say(f"Written: {answers.path}")
    return _try_out(args, loud, state_dir, advice)


def _try_out(args: argparse.Namespace, loud: bool, state_dir: str, advice: list[str]) -> int:
    """Extract as cron will, and show what comes of it."""
    if loud:
        say(f"\nTest run as the user {as_user.service_user(state_dir)}: maillogsentinel extract")
    status = as_user.status(state_dir, lambda: session.run(args, _extract, from_cron=False))
    if status:
        complaints.tell(
            f"The test run ended with status {status}. What setup wrote stays: put right what is said above, or run"
            " setup again.",
            None,
        )
    for line in advice:
        say(line)
    if loud and not status:
        where = "" if args.config == DEFAULT_FILE else f" --config {shlex.quote(args.config)}"
        say(f"A sample report by mail: sudo maillogsentinel{where} report --test")
    return status


def _extract(args: argparse.Namespace, config: Config) -> int:
    bar = Bar() if sys.stderr.isatty() and not args.quiet else None
    return tell(extract(config, None, offline=False, wait=False, bar=bar), config, None, _loud(args))


def _loud(args: argparse.Namespace) -> bool:
    return session.interactive(args) or not args.non_interactive
