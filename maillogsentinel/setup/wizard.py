"""The conversation: each question with what was found and a default, each answer checked; then the new values."""

from typing import Any

from maillogsentinel import __version__, options
from maillogsentinel.config import Config
from maillogsentinel.options import Option
from maillogsentinel.setup import as_user, checks, given, schedule
from maillogsentinel.setup.answers import Answers
from maillogsentinel.setup.finding import GOOD, NOTE, WRONG, Finding
from maillogsentinel.setup.questions import AFTER_RECIPIENT, QUESTIONS, Question
from maillogsentinel.setup.terminal import agree, ask, say

_MARKS = {GOOD: "ok:", NOTE: "note:", WRONG: "Will not work:"}


class Wizard:
    """One conversation about `answers`. `state_dir` belongs to the service user."""

    def __init__(self, answers: Answers, state_dir: str) -> None:
        self._answers = answers
        self._state_dir = state_dir
        self._values: dict[Option[Any], str] = dict(answers.earlier)
        self._advice: list[str] = []

    def hold(self) -> tuple[dict[Option[Any], str], list[str]]:
        """Ask everything, and return the values to write and what to tell at the end.

        Raises SetupError when the input ends; KeyboardInterrupt passes. Nothing has been changed.
        """
        user = as_user.service_user(self._state_dir)
        say(f"MailLogSentinel v{__version__}: setup. Checks are made as the user {user}.")
        say("Enter keeps what stands in brackets. Ctrl-C ends this, and nothing is changed.")
        for fault in self._answers.faults:
            say(f"Not kept: {fault!s}")
        total = len(QUESTIONS) + 1
        for number, question in enumerate(QUESTIONS[:AFTER_RECIPIENT], 1):
            self._option(f"{number}/{total}", question)
        self._schedule(f"{AFTER_RECIPIENT + 1}/{total}")
        for number, question in enumerate(QUESTIONS[AFTER_RECIPIENT:], AFTER_RECIPIENT + 2):
            self._option(f"{number}/{total}", question)
        return self._values, self._advice

    def _option(self, number: str, question: Question) -> None:
        option = question.option
        config = self._answers.config(self._values)
        say(f"\n{number}  {question.words}")
        entry = self._answers.overriding(option)
        if entry:
            say(f"     Not asked: {entry.file}:{entry.line} says {entry.value}, and wins over this file.")
            self._check(option, config)
            return
        found = as_user.found(self._state_dir, lambda: question.detect(config))
        say(f"     {found.sentence.rstrip('.')}.")
        present = _value(config, option)
        while True:
            value = self._answer(question, found.value or present)
            candidate = {**self._values, option: value} if value != present else self._values
            if self._check(option, self._answers.config(candidate)):
                self._values = candidate
                return

    def _answer(self, question: Question, default: str) -> str:
        """Return a value that the option may have."""
        option = question.option
        while True:
            try:
                value = ask(f"     {option.key}", default or question.words_for_empty)
                if value == question.words_for_empty:
                    value = ""
                return given.accepted(option, value)
            except ValueError as error:
                say(f"     [{option.section}] {option.key}: {error!s}")

    def _check(self, option: Option[Any], config: Config) -> bool:
        """Tell what the check of an answer finds, and return whether it is taken."""
        check = checks.of(option)
        if check is None:
            return True
        found = as_user.found(self._state_dir, lambda: check(config))
        say(f"     {told(found)}")
        return (
            found.verdict != WRONG
            or bool(self._answers.overriding(option))
            or agree("     Take it all the same?", False)
        )

    def _schedule(self, number: str) -> None:
        found = schedule.read(self._answers.config(self._values)[options.CRON_FILE])
        say(f"\n{number}  How often is the log read? hourly, or every 5, 10, 15, 20 or 30 minutes.")
        if not found.scheduled:
            say(f"     {found.path} has no line of extract: nothing reads the log by itself.")
        default = found.interval if found.scheduled else "hourly"
        while True:
            try:
                answer = ask("     interval", default)
                if answer == default and found.scheduled:
                    break
                self._advice = found.advice(schedule.parse(answer))
                break
            except ValueError as error:
                say(f"     interval: {error!s}")
        if self._advice:
            say("     note: at the end you are told how; the schedule is cron's, and not changed here.")
        if not schedule.cron_runs():
            say("     note: no cron daemon is running: install and start one, or nothing happens by itself.")


def told(found: Finding) -> str:
    """Return a finding as a line."""
    sentence = found.sentence.rstrip(".")
    return f"{_MARKS[found.verdict]} {sentence}."


def _value(config: Config, option: Option[Any]) -> str:
    """What an option is worth now, as a file would say it."""
    entry = config.entries.get(option)
    return entry.value if entry else option.default
