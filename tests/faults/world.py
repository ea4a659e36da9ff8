"""A random world: one writer, one rotator, one reader, and a model of which lines the reader could see.

A line counts as seen by a run when it stood, complete, in a file of the set when the run began. What nobody can see is
left out of the worlds: bytes written between copytruncate's copy and its truncation, and a newline taken back.
"""

import bz2
import contextlib
import gzip
import lzma
import os
import random
import sqlite3
import time
from collections import Counter

from maillogsentinel import config, reading
from maillogsentinel.commands.extract import extract
from maillogsentinel.sources import scout, segment, stream
from maillogsentinel.store import csvfile, days

try:
    import zstandard
except ImportError:
    zstandard = None

PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
if zstandard:
    PACKERS[".zst"] = lambda data: zstandard.ZstdCompressor().compress(data)

CALM = ("write", "half", "create", "dated", "copytruncate", "copy", "pack", "reopen", "unterminated")
"""What a host does every day, even while a run reads."""
WILD = ("restore", "replace", "edit", "expire", "scheme")
"""What an admin does, between two runs."""


def settings(directory, **others):
    """Return the configuration of a world in `directory`, and write it there as ``test.conf``."""
    os.makedirs(os.path.join(directory, "log"), exist_ok=True)
    options = {
        "paths": {"working_dir": f"{directory}/state", "state_dir": f"{directory}/state", "mail_log": live(directory)},
        "geolocation": {"country_db_path": ""},
        "general": {"log_file": ""},
        "report": {"sendmail_path": "/bin/true"},
        # What is found is kept and not told: a process that starts another one is seen twice for a moment.
        "alerts": {"log_file": "", "minimum_severity": "critical"},
    }
    for name, values in others.items():
        options.setdefault(name, {}).update(values)
    path = os.path.join(directory, "test.conf")
    with open(path, "w", encoding="utf-8") as file:
        for name, values in options.items():
            file.write(f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()))
    return config.load(path)


def live(directory):
    """Return the path of the live log of the world in `directory`."""
    return os.path.join(directory, "log", "mail.log")


def users(path):
    """Return how often each user stands in the CSV at `path`, all of whose records must be whole."""
    with open(path, "rb") as file:
        data = file.read()
    assert data.endswith(b"\n"), "the CSV breaks off"
    header, *lines = data.decode().splitlines()
    assert header.encode() + b"\n" == csvfile.header(",")
    rows = list(csvfile.decode(lines, ","))
    assert len(rows) == len(lines), "a line of the CSV is no record"
    return Counter(row.user for row in rows)


def consistent(state, path, events_lost=False):
    """Assert that state.db knows exactly what the CSV at `path` holds: length, days, extents, and events unless those
    of the older records were lost."""
    database = sqlite3.connect(f"file:{state}/state.db?mode=ro", uri=True)
    with contextlib.closing(database), open(path, "rb") as file:
        single = dict(database.execute("SELECT key, value FROM meta"))
        found, count = days.scan_days(file, len(csvfile.header(",")), ",")
        assert single["csv_length"] == os.path.getsize(path)
        assert single["csv_count"] == count
        assert database.execute("SELECT count(*) FROM pending").fetchone() == (0,)
        assert dict(database.execute("SELECT day, count FROM day")) == {
            day: sum(extent[2] for extent in extents) for day, extents in found.items()
        }
        assert database.execute("SELECT day, start, end FROM extent ORDER BY day, start").fetchall() == [
            (day, start, end) for day in sorted(found) for start, end, _ in found[day]
        ]
        events = database.execute("SELECT record, user FROM event ORDER BY record").fetchall()
        if events_lost:
            assert [record for record, _ in events] == list(range(count - len(events) + 1, count + 1))
            return
        assert [record for record, _ in events] == list(range(1, len(events) + 1))
        assert Counter(user for _, user in events) == users(path)


class World:
    """One world; `step` lets something happen, `run` reads, `failed` says what is wrong with what was read."""

    def __init__(self, seed, directory):
        self.random = random.Random(seed)
        self.directory = str(directory)
        self.config = settings(self.directory)
        self.live = live(self.directory)
        self.story = [f"seed {seed}"]
        chance = self.random.random
        self.modern = chance() < 0.6
        self.wild = chance() < 0.4
        self.repeating = self.modern and not self.wild and chance() < 0.5
        self.second = int(time.time()) - 3 * 86_400
        self.micro = 0
        self.number = 0
        self.meaning = {}  # a complete line -> user, records
        self.before = None  # the user of the line directly before, where it was a failure
        self.rotated = []  # names without compression, oldest first
        self.packing = {}  # name -> compressed bytes of which a part is on disk already
        self.copying = None  # name of an unfinished copy
        self.rest = b""  # what is still to be written of a half-written line
        self.dates = 0
        self.could = set()
        self.writer = self.open(self.live)
        self.may_lose = False

    # -- the writer

    def open(self, path):
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def line(self):
        """The next line, and what it means."""
        step = self.random.choice((0, 0, 1, 7, 60, 4000)) if self.modern else self.random.choice((1, 2, 60, 4000))
        if self.second + step < time.time() - 60:
            self.second += step
        elif not self.modern:
            self.second += 1
        self.micro += 1
        self.number += 1
        if self.modern:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.second)) + f".{self.micro % 10**6:06d}+00:00"
        else:
            stamp = time.strftime("%b %e %H:%M:%S", time.localtime(self.second))
        kind = self.random.random()
        user = f"u{self.number:06d}"
        text = (
            f"warning: unknown[192.0.2.{self.number % 250}]: SASL LOGIN authentication failed:"
            f" (reason unavailable), sasl_username={user}"
        )
        if self.before and self.repeating and kind < 0.15:
            many = self.random.randint(2, 5)
            if kind < 0.07:
                line = f"{stamp} mx last message repeated {many} times"
                self.meaning[line.encode()] = (self.before, many)
            else:
                line = f"{stamp} mx postfix/smtpd[{self.number}]: message repeated {many} times: [ {text}]"
                self.meaning[line.encode()] = (user, many)
                self.before = user
        elif kind < 0.6:
            line = f"{stamp} mx postfix/smtpd[{self.number}]: {text}"
            self.meaning[line.encode()] = (user, 1)
            self.before = user
        else:
            line = f"{stamp} mx postfix/smtpd[{self.number}]: connect from unknown[192.0.2.7]"
            self.before = None
        return line.encode() + b"\n"

    def put(self, data):
        os.write(self.writer, data)

    def complete(self):
        if self.rest:
            self.put(self.rest)
            self.rest = b""

    def write(self):
        self.complete()
        self.put(b"".join(self.line() for _ in range(self.random.choice((1, 3, 10, 60)))))

    def half(self):
        self.complete()
        line = self.line()
        cut = self.random.randint(1, len(line) - 1)
        self.put(line[:cut])
        self.rest = line[cut:]

    def late(self):
        """Whether the writer still writes into a file that was renamed."""
        return os.fstat(self.writer).st_ino != os.stat(self.live).st_ino

    def reopen(self):
        self.complete()
        os.close(self.writer)
        self.writer = self.open(self.live)

    def unterminated(self):
        """The writer dies before a line's newline; its successor writes into a new file."""
        if self.late() or self.copying:
            return
        self.complete()
        self.put(self.line()[:-1])
        self.create()
        self.reopen()
        self.put(self.line())

    # -- the rotator

    def shift(self):
        """Number up what is numbered."""
        numbered = [name for name in self.rotated if name.rsplit(".", 1)[1].isdigit()]
        for name in numbered:
            base, number = name.rsplit(".", 1)
            new = f"{base}.{int(number) + 1}"
            for packed in ("", *PACKERS):
                if os.path.exists(name + packed):
                    os.rename(name + packed, new + packed)
            self.rotated[self.rotated.index(name)] = new
            if name in self.packing:
                self.packing[new] = self.packing.pop(name)
        return f"{self.live}.1"

    def new_date(self):
        self.dates += 1
        day = time.strftime("%Y%m%d", time.gmtime(1_700_000_000 + self.dates * 86_400))
        return f"{self.live}-{day}" if self.modern else f"{self.live}-{day[:4]}-{day[4:6]}-{day[6:]}"

    def scheme_is(self, dated):
        return not self.rotated or self.dated(self.rotated[-1]) == dated

    def dated(self, name):
        return not name.rsplit(".", 1)[1].isdigit()

    def create(self):
        if self.copying or not os.path.getsize(self.live):
            return
        if not self.scheme_is(False):
            return self.dated_create()
        target = self.shift()
        self.move(target)

    def dated_create(self):
        self.move(self.new_date())

    def move(self, target):
        was_late = self.late()
        os.rename(self.live, target)
        self.rotated.append(target)
        os.close(self.open(self.live))
        if was_late or self.random.random() < 0.6:
            self.reopen()

    def dated_rotation(self):
        if self.copying or not os.path.getsize(self.live) or not self.scheme_is(True):
            return
        self.dated_create()

    def copytruncate(self):
        if self.copying:
            return self.finish_copy()
        self.copy()
        if self.copying:
            self.finish_copy()

    def copy(self):
        """Begin, or go on, to copy; nothing is truncated yet."""
        if not self.copying:
            if self.late() or not os.path.getsize(self.live):
                return
            self.copying = self.shift() if self.scheme_is(False) else self.new_date()
            self.rotated.append(self.copying)
            open(self.copying, "wb").close()
        with open(self.live, "rb") as source, open(self.copying, "r+b") as target:
            at = target.seek(0, os.SEEK_END)
            source.seek(at)
            target.write(source.read(self.random.randint(1, 6000)))

    def finish_copy(self):
        if self.rest and self.random.random() < 0.5:
            self.complete()
        with open(self.live, "rb") as source, open(self.copying, "wb") as target:
            target.write(source.read())
        self.hook()
        if self.rest:  # the line is torn in two: neither half may be taken for the whole, nor does either stand for it
            torn = self.torn()
            if torn:
                self.complete()
                with open(self.live, "rb") as source, open(self.copying, "wb") as target:
                    target.write(source.read())
            self.before = None
        os.truncate(self.live, 0)
        self.copying = None

    def torn(self):
        """Whether the half that is written would read like a failure by itself."""
        return b"authentication failed:" in self.snapshot().split(b"\n")[-1]

    def hook(self):
        """Between copy and truncation: a run may come here (see `between`)."""

    def pack(self):
        """Begin or finish to compress the oldest plain file."""
        if self.packing:
            name, (suffix, data) = self.packing.popitem()
            with open(name + suffix, "wb") as file:
                file.write(data)
            status = os.stat(name)
            os.utime(name + suffix, ns=(status.st_atime_ns, status.st_mtime_ns))
            os.unlink(name)
            return
        plain = [name for name in self.rotated if os.path.exists(name)]
        if not plain or plain[0] == self.copying or os.fstat(self.writer).st_ino == os.stat(plain[0]).st_ino:
            return
        suffix = self.random.choice(list(PACKERS))
        with open(plain[0], "rb") as file:
            data = file.read()
        cut = self.random.randint(0, len(data))
        packed = PACKERS[suffix](data)
        if suffix == ".gz" and self.random.random() < 0.3:
            packed = PACKERS[suffix](data[:cut]) + PACKERS[suffix](data[cut:])
        self.packing[plain[0]] = (suffix, packed)
        with open(plain[0] + suffix, "wb") as file:
            file.write(packed[: self.random.randint(0, len(packed))])
        if self.random.random() < 0.5:
            self.pack()

    def step(self, calm=False):
        names = {"dated": "dated_rotation"}
        name = self.random.choices(CALM, (8, 4, 2, 2, 1, 2, 3, 3, 1))[0]
        if self.wild and not calm and self.random.random() < 0.15:
            name = self.random.choice(WILD)
        self.story.append(name)
        getattr(self, names.get(name, name))()

    # -- the admin

    def snapshot(self):
        with open(self.live, "rb") as file:
            return file.read()

    def settle(self):
        """Whoever is about to do things to the live log lets writer and rotator finish first."""
        if self.copying:
            self.finish_copy()
        self.reopen()

    def rewrite(self, data, in_place):
        if in_place:
            with open(self.live, "r+b") as file:
                file.write(data)
                file.truncate()
        else:
            with open(self.live + ".tmp", "wb") as file:
                file.write(data)
            os.rename(self.live + ".tmp", self.live)
            self.reopen()
        self.may_lose = True

    def restore(self):
        """The log goes back to what it was some lines ago."""
        self.settle()
        data = self.snapshot()
        lines = data.splitlines(keepends=True)
        if lines:
            self.rewrite(b"".join(lines[: self.random.randint(1, len(lines))]), self.random.random() < 0.5)
        self.tick()

    def replace(self):
        self.settle()
        self.rewrite(b"", in_place=False)
        self.write()

    def edit(self):
        """A line within the log goes, but not the first, by which an edited log is recognised."""
        self.settle()
        lines = self.snapshot().splitlines(keepends=True)
        if len(lines) > 2:
            del lines[self.random.randint(1, len(lines) - 1)]
            self.rewrite(b"".join(lines), self.random.random() < 0.5)
        self.tick()

    def tick(self):
        """Stamps of one second cannot tell lines around a restoration apart."""
        self.second += 1

    def expire(self):
        if self.rotated and self.rotated[0] != self.copying:
            name = self.rotated[0]
            if os.path.exists(name) and os.stat(name).st_ino == os.fstat(self.writer).st_ino:
                return
            self.rotated.pop(0)
            self.packing.pop(name, None)
            self.may_lose = True
            for packed in ("", *PACKERS):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name + packed)

    def scheme(self):
        """The admin turns dateext on: from now on files are dated, the numbered ones stay."""
        if self.copying or not os.path.getsize(self.live):
            return
        if not any(self.dated(name) for name in self.rotated):
            self.dated_create()

    # -- the model

    def visible(self):
        """The failure lines that stand, complete, in the files of the set."""
        contents = []
        for name in self.rotated:
            if name == self.copying:
                continue  # what stands there stands in the live log
            if os.path.exists(name):
                with open(name, "rb") as file:
                    contents.append(file.read())
                continue
            for suffix, unpack in ((".gz", gzip.decompress), (".bz2", bz2.decompress), (".xz", lzma.decompress)):
                if os.path.exists(name + suffix):
                    with open(name + suffix, "rb") as file:
                        contents.append(unpack(file.read()))
            if os.path.exists(name + ".zst"):
                with open(name + ".zst", "rb") as file:
                    contents.append(zstandard.ZstdDecompressor().stream_reader(file).read())
        with contextlib.suppress(FileNotFoundError):
            contents.append(self.snapshot())
        contents = [data for data in contents if data]
        found = set()
        for number, data in enumerate(contents):
            lines = data.split(b"\n")
            last = lines.pop()
            found.update(line for line in lines if line in self.meaning)
            if number + 1 < len(contents) and last in self.meaning:
                found.add(last)
        return found

    def records(self, lines):
        counts = Counter()
        for line in lines:
            user, many = self.meaning[line]
            counts[user] += many
        return counts

    def run(self, hooks=0):
        """Let the program read; `hooks` things happen meanwhile, between its system calls."""
        self.could |= self.visible()
        upper = set(self.could)
        self.story.append(f"run with {hooks}" if hooks else "run")
        with during(self, hooks, upper):
            outcome = extract(self.config, None, offline=True, wait=False)
        upper |= self.visible()
        found = users(self.config.csv_path)
        lost = self.records(self.could) - found
        assert not lost, f"lost: {lost}"
        extra = found - self.records(upper)
        assert not extra, f"doubled or made up: {extra}"
        if not self.may_lose:
            assert not outcome.notices, f"nothing was lost, but the run says {outcome.notices}"
        assert not outcome.problems
        self.may_lose = False
        self.could = {line for line in upper if not self.records([line]) - found} if hooks else self.could
        return outcome

    def live_through(self, steps):
        """Let `steps` things happen with runs between them, then everything come to rest; raise AssertionError."""
        try:
            for _ in range(steps):
                for _ in range(self.random.randint(0, 5)):
                    self.step()
                # Repeats count by the line before them, which a rotation amid a run can put into a later pass.
                self.run(0 if self.repeating else self.random.choice((0, 0, 0, 1, 3, 8)))
            self.settle()
            self.run()
            assert users(self.config.csv_path) == self.records(self.could)
            consistent(f"{self.directory}/state", self.config.csv_path)
            before = os.path.getsize(self.config.csv_path)
            self.run()
            assert os.path.getsize(self.config.csv_path) == before
        except BaseException as error:
            error.add_note("; ".join(self.story))
            raise
        finally:
            os.close(self.writer)


@contextlib.contextmanager
def during(world, hooks, upper):
    """Let `hooks` things happen at random system calls of the run, and note in `upper` what it may see by that."""
    if not hooks:
        yield
        return
    left, busy = [hooks], [False]
    chance = world.random.choice((0.02, 0.1, 0.4))

    def perhaps(call):
        def wrapped(*args, **others):
            if left[0] and not busy[0] and world.random.random() < chance:
                busy[0] = True
                left[0] -= 1
                world.step(calm=True)
                upper.update(world.visible())
                busy[0] = False
            return call(*args, **others)

        return wrapped

    originals = {name: getattr(os, name) for name in ("pread", "open", "fstat", "scandir", "lseek", "pwrite")}
    try:
        for name, call in originals.items():
            setattr(os, name, perhaps(call))
        yield
    finally:
        for name, call in originals.items():
            setattr(os, name, call)


@contextlib.contextmanager
def small(generator):
    """Make blocks and batches small, so that little worlds have many of them."""
    kept = reading.BATCH_BYTES, segment.BLOCK, scout.WORTHWHILE
    reading.BATCH_BYTES = generator.choice((300, 2000, 20_000))
    segment.BLOCK = stream.BLOCK = scout.BLOCK = generator.choice((700, 1500, 8000))
    scout.WORTHWHILE = generator.choice((0, *[kept[2]] * 3))
    try:
        yield
    finally:
        reading.BATCH_BYTES, segment.BLOCK, scout.WORTHWHILE = kept
        stream.BLOCK = scout.BLOCK = segment.BLOCK


def live_through(seed, directory, steps=14):
    """Run world number `seed` in `directory`."""
    with small(random.Random(f"blocks {seed}")):
        World(seed, directory).live_through(steps)


def yesterday():
    """Return the day before today, UTC, as ``YYYY-MM-DD``."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
