"""Answers that were given beforehand, checked like those of a conversation."""

from collections.abc import Mapping
from typing import Any

from maillogsentinel import complaints
from maillogsentinel.errors import SetupError
from maillogsentinel.options import Option
from maillogsentinel.setup import as_user, checks
from maillogsentinel.setup.answers import Answers
from maillogsentinel.setup.finding import GOOD, WRONG, shown


def checked(answers: Answers, state_dir: str, given: Mapping[Option[Any], str]) -> dict[Option[Any], str]:
    """Return the earlier answers with those `given`. Raises SetupError where one of them will not work.

    What may pass, and what has no effect since a later file sets it, is told on stderr.
    """
    new = {**answers.earlier, **given}
    config = answers.config(new)
    for fault in answers.faults:
        _tell(f"Not kept: {fault}")
    for option in given:
        entry = answers.overriding(option)
        if entry:
            _tell(f"[{option.section}] {option.key} has no effect: {entry.file}:{entry.line} sets it, and wins.")
    wrong = []
    wanted = dict.fromkeys(check for check in map(checks.of, given) if check is not None)
    for check in wanted:
        found = as_user.found(state_dir, lambda check=check: check(config))  # type: ignore[misc]
        if found.verdict == WRONG:
            wrong.append(found.sentence.rstrip("."))
        elif found.verdict != GOOD:
            _tell(f"{found.sentence.rstrip('.')}.")
    if wrong:
        raise SetupError("\n".join(f"{sentence}. Nothing was changed." for sentence in wrong))
    return new


def _tell(sentence: str) -> None:
    complaints.tell(shown(sentence), None)
