"""How often the log is read: cron's file alone says so, and no program of ours edits it. So the admin is told how."""

import os
import re
import shlex
from typing import NamedTuple

from maillogsentinel.report.summary import NOT_SCHEDULED, interval_of

CHOICES = {"hourly": "17 * * * *", **{f"every {n} minutes": f"*/{n} * * * *" for n in (5, 10, 15, 20, 30)}}
"""The intervals that can be chosen, as reports name them, and the time fields of crontab(5) for each."""
_DAEMONS = {"cron", "crond", "fcron", "bcron-sched"}
_LARGEST = 1 << 16


class Schedule(NamedTuple):
    """The cron file."""

    path: str
    text: str
    """Empty where there is no such file, or it cannot be read."""

    @property
    def interval(self) -> str:
        """How often extraction runs, as reports name it."""
        return interval_of(self.text)

    @property
    def scheduled(self) -> bool:
        """Whether extraction runs at all."""
        return self.interval != NOT_SCHEDULED

    def advice(self, interval: str) -> list[str]:
        """Return the lines that tell how to get one of `CHOICES`; none where nothing is to be done."""
        if interval == self.interval:
            return []
        fields = CHOICES[interval]
        numbers = [number for number, line in enumerate(self.text.split("\n"), 1) if interval_of(line) != NOT_SCHEDULED]
        if len(numbers) != 1:
            return [
                f"{self.path} has {len(numbers) or 'no'} lines of extract. For {interval} it needs one, whose time is"
                f" {fields} (see crontab(5))."
            ]
        line = self.text.split("\n")[numbers[0] - 1]
        old = r"@\S\+" if line.lstrip().startswith("@") else r"\(\S\+\s\+\)\{4\}\S\+"
        command = f"sed -i '{numbers[0]}s,^\\s*{old},{fields},' {shlex.quote(self.path)}"
        return [
            f"The log is read {self.interval}, as {self.path} says, which is yours to edit. For {interval}, run:",
            f"    sudo {command}",
        ]


def read(path: str) -> Schedule:
    """Return the schedule of the cron file at `path`."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return Schedule(path, file.read(_LARGEST))
    except OSError:
        return Schedule(path, "")


def parse(answer: str) -> str:
    """Return the interval that `answer` names, also by its minutes. Raises ValueError with what is allowed."""
    word = re.sub(r"\s+", " ", answer.strip().lower())
    number = re.fullmatch(r"(?:every )?([0-9]{1,2})(?: ?min(?:utes)?)?", word)
    if number:
        word = "hourly" if int(number[1]) == 60 else f"every {int(number[1])} minutes"
    if word not in CHOICES:
        raise ValueError(f"is {answer!r}; allowed is hourly, or a number of minutes: 5, 10, 15, 20, 30 or 60")
    return word


def cron_runs() -> bool:
    """Whether a cron daemon is running; true where that cannot be seen."""
    try:
        numbers = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return True
    return any(_name(number) in _DAEMONS for number in numbers)


def _name(number: str) -> str:
    try:
        with open(f"/proc/{number}/comm", encoding="utf-8", errors="replace") as file:
            return file.read(64).strip()
    except OSError:
        return ""
