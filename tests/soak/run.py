"""What takes hours: thousands of random worlds, every fault at every system call, and kills at random instants.

``python3 tests/soak/run.py [WORLDS [KILLS]]``, by default 5000 and 1000. Prints a result and keeps no file; the exit
status is 1 when something was lost or doubled. Kills need root for nothing, faults need strace.
"""

import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), os.path.join(os.path.dirname(HERE), "faults")]

import crash  # noqa: E402
import world  # noqa: E402

FIRST = 1_000_000
"""The number of the first world, beyond those of the tests."""


def one_world(seed):
    """Live through a world; return what went wrong, or nothing."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            world.live_through(seed, directory)
        except Exception as error:
            return f"world {seed}: {error}"
    return None


def killed_at_random(seed):
    """Rotate and write while runs are killed at random instants; return what went wrong, and how many runs lived."""
    generator = random.Random(seed)
    hits = 0
    with tempfile.TemporaryDirectory() as directory:
        bed = crash.Bed(os.path.join(directory, "world"))
        bed.first()
        try:
            for _ in range(10):
                process = subprocess.Popen(
                    crash.command(bed.directory, "extract", "--offline"),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
                watch(bed, process, generator)
                if process.poll() is None:
                    process.kill()
                    hits += 1
                errors = process.communicate()[1].decode()
                assert "Traceback" not in errors, errors
                rotate(bed, generator)
            bed.right()
        except Exception as error:
            return f"kills {seed}: {type(error).__name__}: {error}", hits
    return None, hits


def watch(bed, process, generator):
    """Wait for a random instant, or for one right behind a change of the CSV or of state.db; rotate meanwhile."""
    paths = [f"{bed.directory}/state/{name}" for name in ("maillogsentinel.csv", "state.db", "state.db-journal")]
    changes = generator.choice((0, 1, 2, 5, 9))
    end = time.monotonic() + generator.uniform(0.02, 0.3)
    turned = generator.random() < 0.5
    before = stats(paths)
    while process.poll() is None and (changes or time.monotonic() < end):
        now = stats(paths)
        if now != before:
            before = now
            changes -= 1
            if changes == 0:
                return
            if turned:
                turned = False
                rotate(bed, generator)


def stats(paths):
    found = []
    for path in paths:
        try:
            status = os.stat(path)
            found.append((status.st_size, status.st_mtime_ns))
        except FileNotFoundError:
            found.append(None)
    return found


def rotate(bed, generator):
    """Write on, rotating before or after."""
    if generator.random() < 0.5:
        bed.append(bed.live, bed.lines(generator.randint(1, 40)))
    if generator.random() < 0.4 and os.path.getsize(bed.live):
        number = 1
        while os.path.exists(f"{bed.live}.{number}"):
            number += 1
        for old in range(number - 1, 0, -1):
            os.rename(f"{bed.live}.{old}", f"{bed.live}.{old + 1}")
        os.rename(bed.live, f"{bed.live}.1")
    bed.append(bed.live, bed.lines(generator.randint(1, 40)))


def main(worlds=5000, kills=1000):
    """Run everything, print a table of what was done, and return the exit status."""
    wrong = []
    with multiprocessing.get_context("fork").Pool(max(2, os.cpu_count() or 1)) as pool:
        started = time.monotonic()
        wrong += filter(None, pool.imap_unordered(one_world, range(FIRST, FIRST + worlds), chunksize=8))
        print(f"{worlds} random worlds: {len(wrong)} wrong, {time.monotonic() - started:.0f} s", flush=True)
        known, hits, started = len(wrong), 0, time.monotonic()
        for result, count in pool.imap_unordered(killed_at_random, range((kills + 9) // 10)):
            wrong += [result] if result else []
            hits += count
        print(f"{hits} living runs killed: {len(wrong) - known} wrong, {time.monotonic() - started:.0f} s", flush=True)
        if shutil.which("strace"):
            for situation in ("first", "later", "pending"):
                known, started = len(wrong), time.monotonic()
                with tempfile.TemporaryDirectory() as directory:
                    jobs = crash.jobs(directory, situation, every=True)
                    wrong += filter(None, pool.imap_unordered(crash.attempt, jobs, chunksize=4))
                spent = time.monotonic() - started
                print(f"{len(jobs)} faults, {situation}: {len(wrong) - known} wrong, {spent:.0f} s", flush=True)
    for text in wrong:
        print(text)
    print("Nothing was lost or doubled." if not wrong else f"{len(wrong)} WRONG")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
