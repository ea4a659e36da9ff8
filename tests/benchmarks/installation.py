"""One installation of the program in a directory of its own: a configuration, an empty state, a log to read."""

import shutil
from pathlib import Path

from measure import PYTHON, CommandError, Run, execute

CSV_NAME = "maillogsentinel.csv"


class Installation:
    """A directory with everything that one run of the program touches, and the commands that run in it."""

    def __init__(self, directory: Path, mail_log: Path | str, dns_port: int | None = None, alerts: bool = True) -> None:
        self.directory = directory
        self.state = directory / "state"
        self.csv = self.state / CSV_NAME
        self.config = directory / "maillogsentinel.conf"
        shutil.rmtree(directory, ignore_errors=True)
        self.state.mkdir(parents=True)
        text = f"[paths]\nworking_dir = {self.state}\nstate_dir = {self.state}\nmail_log = {mail_log}\n"
        text += f"[general]\nlog_file = {directory / 'own.log'}\ntime_zone = UTC\n[reverse_dns]\n"
        if dns_port is None:
            text += "enabled = no\n"
        else:
            # Time enough for every address: what is measured is the work, not the budget.
            text += f"servers = 127.0.0.1\nport = {dns_port}\nbudget = 3600\ntimeout = 10\n"
        # Nothing leaves this directory.
        text += f"[report]\nsendmail_path = /bin/true\n[alerts]\nlog_file = {directory / 'alerts.log'}\n"
        text += f"enabled = {'yes' if alerts else 'no'}\n"
        self.config.write_text(text)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs the program here."""
        return [PYTHON, "-m", "maillogsentinel", "--config", str(self.config), *arguments]

    def run(self, *arguments: str, sample_memory: bool = False) -> Run:
        """Run the program here and measure it."""
        return execute(self.command(*arguments), self.directory / "output", sample_memory=sample_memory)

    def extract(self, expected: int, *, offline: bool = True, sample_memory: bool = False) -> Run:
        """Run extract; raise CommandError unless the CSV then has the `expected` number of records."""
        run = self.run("extract", *(["--offline"] if offline else []), sample_memory=sample_memory)
        found = self.records()
        if found != expected:
            raise CommandError(f"extract made {found} records of {expected} failures; it said: {run.output.strip()}")
        return run

    def records(self) -> int:
        """Return the number of records in the CSV."""
        lines = 0
        with open(self.csv, "rb") as file:
            while block := file.read(1 << 20):
                lines += block.count(b"\n")
        return lines - 1

    def resolved(self) -> int:
        """Return how many records got a name from the DNS."""
        with open(self.csv, "rb") as file:
            return sum(b",OK," in line for line in file)
