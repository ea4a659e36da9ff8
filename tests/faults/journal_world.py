"""A random world around a real journald: programs that log, rotation, vacuum, restarts, and a reader that is killed.

An entry counts as seen by a run when it stood in the journal when the run began. What a vacuum took before any run saw
it is lost, and the next run has to say so.
"""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter

import crash
import world

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sources"))

import journal_bed

TAGS = ("postfix/smtpd", "postfix/submission/smtpd", "mx-in/smtpd")


class JournalWorld:
    """One world; `step` lets something happen, `run` reads and looks at what was read."""

    def __init__(self, seed, directory):
        self.random = random.Random(seed)
        self.story = [f"seed {seed}"]
        self.journald = journal_bed.Journald()
        self.journald.settle()
        self.directory = str(directory)
        self.config = world.settings(self.directory, paths={"mail_log": f"journal:{self.journald.journal}"})
        self.number = 0
        self.names = 0
        self.could = set()  # users that a finished run could see
        self.lost = False

    # -- what happens

    def write(self):
        """Several programs log."""
        for _ in range(self.random.randrange(1, 40)):
            self.log()
        self.journald.settle()

    def log(self):
        """Somebody fails to log in, or another program says something."""
        kind = self.random.random()
        log = self.journald.log
        if kind < 0.2:
            log("connect from unknown[192.0.2.1]")
        elif kind < 0.4:
            log("hello", "cron", priority=78)
        else:
            self.number += 1
            tag, priority = self.random.choice(TAGS), 20
            if kind > 0.9:  # of another facility, by a name that is new at times
                self.names += self.random.random() < 0.5
                tag, priority = f"new{self.names}/smtpd", 172
            text = (
                f"warning: unknown[192.0.2.{self.number % 250}]: SASL LOGIN authentication failed:"
                f" (reason unavailable), sasl_username=u{self.number:06d}"
            )
            log(text.encode() + self.random.choice((b"", b"", b"", b"\xff", "\x85".encode())), tag, priority=priority)

    def noise(self):
        """Programs that are of no concern log."""
        for _ in range(20):
            self.journald.log("hello", "cron", priority=78)
        self.journald.settle()

    def rotate(self):
        """The journal begins a new file."""
        self.journald.rotate()

    def restart(self):
        """journald ends and begins anew."""
        self.journald.stop()
        self.journald.start()
        self.journald.settle()

    def vacuum(self):
        """Archived files are deleted."""
        before = self.visible()
        self.journald.vacuum(self.random.choice((1, 1, 2, 3)))
        gone = before - self.visible() - set(self.users())
        if gone:
            self.lost = True
            self.story.append(f"{len(gone)} were lost")

    def kill(self):
        """A run is killed, while somebody may log."""
        process = self.start()
        time.sleep(self.random.uniform(0.05, 0.45))
        process.kill()
        process.communicate()

    def run(self, others=()):
        """A run reads while the `others` happen; it must have seen what there was."""
        visible = self.visible()
        process = self.start()
        for other in others:
            other()
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 0, said
        self.could |= visible
        found = self.users()
        assert not (self.could - set(found)), f"lost: {sorted(self.could - set(found))}"
        assert not [user for user, count in found.items() if count > 1], f"doubled: {found.most_common(5)}"
        if self.lost:
            assert "may be missing" in said, f"a loss was not said: {said}"
            self.lost = False
        elif not others:
            assert "may be missing" not in said, said
        world.consistent(f"{self.directory}/state", self.config.csv_path)

    # -- what there is

    def start(self):
        # What was said is not said again on the same day.
        shutil.rmtree(f"{self.directory}/state/complaints", ignore_errors=True)
        return subprocess.Popen(
            crash.command(self.directory, "extract", "--offline"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def visible(self):
        """The users in the journal, as the CSV spells them."""
        lines = self.journald.journalctl("-o", "cat", "--all", "-g", "sasl_username=").split("\n")
        return {line.rpartition("sasl_username=")[2][:7] for line in lines if line}

    def users(self):
        """How often each user is in the CSV."""
        if not os.path.exists(self.config.csv_path):
            return Counter()
        found = Counter()
        for user, count in world.users(self.config.csv_path).items():
            found[user[:7]] += count
        return found

    def live_through(self, steps):
        """Let `steps` things happen."""
        actions = [self.write] * 4 + [self.run] * 4 + [self.kill, self.rotate, self.rotate, self.noise, self.restart]
        try:
            for _ in range(steps):
                action = self.random.choice([*actions, self.vacuum])
                self.story.append(action.__name__)
                if action == self.run and self.random.random() < 0.5:
                    others = [self.random.choice((self.write, self.rotate)) for _ in range(2)]
                    self.story.append("with " + ", ".join(other.__name__ for other in others))
                    self.run(others)
                else:
                    action()
            self.run()
            self.run()
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "; ".join(self.story)) from error
        finally:
            with contextlib.suppress(OSError):
                self.journald.remove()
