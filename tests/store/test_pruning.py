"""Random histories: days in and out of order, prunes, exports by tokens of any age, whole copies on another machine."""

import contextlib
import gzip
import io
import json
import os
import shutil
import sqlite3
from argparse import Namespace
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maillogsentinel import config, retention
from maillogsentinel.commands import append, export_csv
from maillogsentinel.commands.extract import extract
from maillogsentinel.store import csvfile, cuts, days, rewriting

OLDEST = 9
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("log"), st.lists(st.integers(0, OLDEST), min_size=1, max_size=12)),
        st.tuples(st.just("prune"), st.integers(1, OLDEST)),
        st.tuples(st.just("token"), st.just(0)),
        st.tuples(st.just("collect"), st.just(0)),
        st.tuples(st.just("edit"), st.just(0)),
    ),
    max_size=25,
)


class World:
    """A host whose log grows, and what must stand where."""

    def __init__(self, directory, zone="UTC"):
        self.directory = str(directory)
        os.makedirs(f"{directory}/hosts/mx", exist_ok=True)
        path = f"{directory}/test.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                f"[paths]\nworking_dir = {directory}/state\nstate_dir = {directory}/state\nmail_log = {directory}/log\n"
                f"[general]\nlog_file =\ntime_zone = {zone}\n[report]\nemail = root\n"
            )
        self.config_path = path
        self.config = config.load(path)
        self.now = datetime.now(UTC)
        self.number = 0
        self.horizon = None
        self.records = []  # (name, day) as they stand in the CSV
        self.numbers = {}  # name -> number of the record, and its day, of all that there ever were
        self.tokens = []  # token, names of what it covers
        self.collected = Counter()
        self.old_copies = Counter()
        self.notes = 0  # lines that are no records
        open(f"{directory}/log", "w").close()

    @property
    def csv(self):
        return self.config.csv_path

    def day(self, ago):
        return (self.now - timedelta(days=ago)).date().isoformat()

    def log(self, ages):
        with open(f"{self.directory}/log", "a", encoding="utf-8") as file:
            for ago in ages:
                self.number += 1
                name, day = f"u{self.number:04d}", self.day(ago)
                stamp = (self.now - timedelta(days=ago, seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
                day = stamp[:10]
                file.write(
                    f"{stamp} mx postfix/smtpd[1]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x,"
                    f" sasl_username={name}{'x' * (self.number % 5 * 40)}\n"
                )
                if self.horizon is None or day >= self.horizon:
                    self.records.append((name, day))
                    self.numbers[name] = len(self.numbers) + 1, day
        extract(self.config, None, offline=True, wait=False)

    def prune(self, ago):
        first_run = not os.path.exists(self.csv)
        outcome = retention.prune(self.config, ago, wait=False)
        if first_run:
            return
        self.horizon = max(self.horizon or "", self.day(ago))
        gone = [day for _, day in self.records if day < self.day(ago)]
        assert (outcome.pruned.records, outcome.pruned.days) == (len(gone), len(set(gone)))
        self.records = [record for record in self.records if record[1] >= self.day(ago)]

    def edit(self, _):
        """Somebody takes a record out, and adds a line that is none."""
        if not self.records:
            return
        with open(self.csv, "rb") as file:
            lines = file.read().splitlines(keepends=True)
        name, _ = self.records.pop(0)
        with open(self.csv, "wb") as file:
            file.writelines([line for line in lines if name.encode() not in line])
            file.write(b"note of an admin\n")
        extract(self.config, None, offline=True, wait=False)
        self.tokens = []
        self.notes += 1

    def export(self, since=""):
        """Return the token and the text of what came after another."""
        token_file = f"{self.directory}/token"
        args = Namespace(config=self.config_path, since=since or None, token_file=token_file, gzip=False)
        out, error = io.TextIOWrapper(io.BytesIO()), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            assert export_csv.run(args) == 0
        with open(token_file, encoding="ascii") as file:
            return file.read().strip(), out.buffer.getvalue(), error.getvalue()

    def token(self, _):
        if not os.path.exists(self.csv):
            return
        token, _, _ = self.export()
        self.tokens.append((token, {name for name, _ in self.records}))

    def collect(self, _):
        if not os.path.exists(self.csv):
            return
        host = f"{self.directory}/hosts/mx"
        position = f"{host}/position"
        since = Path(position).read_text().split()[0] if os.path.exists(position) else ""
        token, text, _ = self.export(since)
        with open(f"{host}/{since or 'start'}_{token}.slice", "wb") as file:
            file.write(gzip.compress(text))
        with contextlib.redirect_stderr(io.StringIO()):
            assert append.run(Namespace(directory=f"{self.directory}/hosts")) == 0
        if token.split("-")[0] != since.split("-")[0]:
            self.old_copies |= self.collected
            self.collected = Counter()
        self.collected |= Counter(name for name, _ in self.records)

    # -- what must be right

    def check(self):
        if not os.path.exists(self.csv):
            return
        with open(self.csv, "rb") as file:
            data = file.read()
        assert names(data) == [name for name, _ in self.records]
        state = sqlite3.connect(f"file:{self.directory}/state/state.db?mode=ro", uri=True)
        with contextlib.closing(state), open(self.csv, "rb") as file:
            single = dict(state.execute("SELECT key, value FROM meta"))
            found, count = days.scan_days(file, len(csvfile.header(",")), ",")
            assert (single["csv_length"], single["csv_count"]) == (len(data), count)
            status = os.stat(self.csv)
            assert json.loads(single["csv_stat"]) == [status.st_ino, status.st_size, status.st_mtime_ns]
            assert "replacing" not in single
            assert dict(state.execute("SELECT day, count FROM day")) == {
                day: sum(extent[2] for extent in extents) for day, extents in found.items()
            }
            assert state.execute("SELECT day, start, end FROM extent ORDER BY day, start").fetchall() == [
                (day, start, end) for day in sorted(found) for start, end, _ in found[day]
            ]
            events = state.execute("SELECT record, user FROM event ORDER BY record").fetchall()
        # A record's number is the one that it was given, whatever went since.
        assert [(record, user[:5]) for record, user in events] == [
            (number, name) for name, (number, day) in self.numbers.items() if day >= (self.horizon or "")
        ]
        assert data.count(b"note of an admin\n") == self.notes
        assert sorted(os.listdir(f"{self.directory}/state")) == ["lock", "maillogsentinel.csv", "state.db"]
        for token, covered in self.tokens:
            _, text, said = self.export(token)
            assert said == ""
            assert names(text) == [name for name, _ in self.records if name not in covered]
        copies = Counter()
        for name in os.listdir(f"{self.directory}/hosts/mx"):
            if name.endswith(".csv.gz"):
                with open(f"{self.directory}/hosts/mx/{name}", "rb") as file:
                    copies |= Counter(names(gzip.decompress(file.read())))
        assert copies == self.collected | self.old_copies


def names(text):
    lines = text.decode().splitlines()
    return [row.user[:5] for row in csvfile.decode(lines[lines[:1] == [csvfile.header(",").decode().strip()] :], ",")]


@pytest.mark.parametrize("near", [days.NEAR, 300])
def test_whatever_the_history_a_prune_takes_the_old_days_and_nothing_else(near, tmp_path, monkeypatch):
    monkeypatch.setattr(days, "NEAR", near)
    monkeypatch.setattr(rewriting, "NEAR", near)
    monkeypatch.setattr(cuts, "MARKED", 500)
    number = 0

    @settings(max_examples=30, deadline=None, database=None)
    @given(STEPS)
    def check(steps):
        nonlocal number
        number += 1
        world = World(tmp_path / str(number))
        for what, how in steps:
            getattr(world, what)(how)
            world.check()
        shutil.rmtree(world.directory)

    check()
