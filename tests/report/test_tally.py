import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from maillogsentinel.errors import StoreError
from maillogsentinel.report import counts
from maillogsentinel.report.tally import LISTED, Attempt, Tally, Tallying, Top, tally

from .samples import hostile_rows, row


def counted_plainly(rows):
    """The same numbers by the shortest way there is."""

    def bytes_of(value):
        return b"\xff" if value is None else value.encode()

    def most(values, order):
        return sorted(Counter(values).items(), key=lambda pair: (-pair[1], order(pair[0])))[:10]

    def top(column):
        values = [getattr(one, column) for one in rows]
        known = [value for value in values if value is not None]
        return Top(most(known, bytes_of), values.count(None), len(set(known)))

    statuses = Counter(one.reverse_dns_status for one in rows)
    return Tally(
        len(rows),
        most((Attempt(one.user, one.ip, one.hostname) for one in rows), lambda who: [bytes_of(part) for part in who]),
        *(top(column) for column in ("user", "ip", "country_code", "aso", "asn")),
        {int(status[6:]): number for status, number in sorted(statuses.items()) if status.startswith("Errno")},
        statuses["Skipped"],
    )


def open_files_without_a_name(directory):
    links = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{entry}"))
        except OSError:
            continue
    return [link for link in links if link.startswith(f"{directory}/") and link.endswith(" (deleted)")]


@pytest.mark.parametrize("seed", range(5))
def test_every_number_is_that_of_plain_counting(seed):
    rows = hostile_rows(seed)
    assert tally(rows) == counted_plainly(rows)


@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize("seed", range(3))
def test_a_spilled_count_is_equal_to_one_in_memory(seed, limit, tmp_path):
    rows = hostile_rows(seed)
    spilled = []

    def watched():
        for one in rows:
            spilled.append(bool(open_files_without_a_name(tmp_path)))
            yield one

    assert tally(watched(), str(tmp_path), limit) == counted_plainly(rows)
    assert spilled[-1], "the count never left memory, so nothing was compared"


def test_text_that_no_utf8_has_is_counted_the_same_way_in_memory_and_spilled(tmp_path):
    rows = [row(user=user) for user in ["a\x00b", "a", "\udcff", "\ud800", "\ud800", "", None, "\x00", "\U0010ffff"]]
    assert tally(rows) == tally(rows, str(tmp_path), 2)
    assert tally(rows).users.ranked[0] == ("\ud800", 2)


def test_equal_counts_stand_in_the_order_of_their_utf8_bytes():
    names = ["b", "a", "ä", "Z", "\uffff", "\U0001f600", "aa", "", "0"]
    ranked = [name for name, _ in tally([row(user=name) for name in names]).users.ranked]
    assert ranked == sorted(names, key=str.encode)
    assert ranked[-2:] == ["\uffff", "\U0001f600"]  # UTF-16 would have it the other way round


def test_an_unknown_part_stands_behind_every_known_one_in_attempts():
    rows = [row(user=None), row(user="\U0010ffff"), row(user="\U0010ffff\U0010ffff"), row(user="")]
    assert [who.user for who, _ in tally(rows).attempts] == ["", "\U0010ffff", "\U0010ffff\U0010ffff", None]


def test_the_larger_count_stands_first_and_ten_are_listed():
    rows = [row(user=f"u{number:02}") for number in range(12) for _ in range(number)]
    users = tally(rows).users
    assert users.ranked == [(f"u{number:02}", number) for number in range(11, 1, -1)]
    assert users.distinct == 11


def test_unknown_values_are_counted_apart_from_known_ones():
    numbers = tally([row(user=None), row(user=None), row(user="null"), row(user="")])
    assert numbers.users == Top([("", 1), ("null", 1)], unknown=2, distinct=2)


def test_look_ups_that_failed_are_told_from_those_not_asked():
    statuses = ["OK", "Errno 2", "Errno 1", "Errno 1", "Skipped", "Skipped", "Skipped"]
    numbers = tally([row(reverse_dns_status=status) for status in statuses])
    assert (list(numbers.dns_failed.items()), numbers.dns_skipped) == ([(1, 2), (2, 1)], 3)


def test_statuses_of_a_foreign_csv_are_one_number_however_many_there_are():
    statuses = ["", "Timeout", "Errno -3", "Errno 99999", "Errno 1x", "errno 1", *(f"s{n}" for n in range(1000))]
    numbers = tally([row(reverse_dns_status=status) for status in statuses])
    assert (numbers.dns_failed, numbers.total) == ({0: 1006}, 1006)


def test_no_row_is_all_zeros():
    nothing = Top([], 0, 0)
    assert tally([]) == Tally(0, [], nothing, nothing, nothing, nothing, nothing, {}, 0)


def test_the_temporary_file_has_no_name_while_it_is_in_use_and_is_gone_afterwards(tmp_path):
    seen = []

    def watched():
        for number in range(300):
            seen.append((os.listdir(tmp_path), len(open_files_without_a_name(tmp_path))))
            yield row(user=f"u{number}")

    tally(watched(), str(tmp_path), 20)
    assert seen[-1] == ([], 1)
    assert all(names == [] for names, _ in seen)
    assert open_files_without_a_name(tmp_path) == []


def test_the_temporary_file_is_given_back_when_the_rows_cannot_be_read(tmp_path):
    def broken():
        for number in range(300):
            yield row(user=f"u{number}")
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        tally(broken(), str(tmp_path), 20)
    assert open_files_without_a_name(tmp_path) == []


def test_a_place_that_cannot_hold_the_temporary_file_is_named(tmp_path):
    place = str(tmp_path / "absent")
    with pytest.raises(StoreError, match=r"temporary file below .*absent.*: .*No such file.* Make room"):
        tally([row(user=f"u{number}") for number in range(100)], place, 10)


def test_a_full_disk_while_spilling_is_a_sentence_and_not_an_sqlite_error(tmp_path):
    code = (
        "import resource, signal, sys\n"
        "from maillogsentinel.report.tally import tally\n"
        "from maillogsentinel.errors import StoreError\n"
        "from tests.report.samples import row\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try:\n"
        "    tally((row(user=f'user-{n}' * 40) for n in range(100_000)), sys.argv[1], 500)\n"
        "except StoreError as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert run.stderr == ""
    assert run.stdout.startswith("Cannot count the records in a temporary file below ")


def counted(rows, limit, tmp_path):
    with Tallying(str(tmp_path), limit, chosen=lambda kind, name: hash_of(kind, name) % 2 == 0) as counting:
        for batch in counting.batches(rows):
            counting.add(batch)
        return counting.finish()


def hash_of(kind, name):
    return sum(map(ord, kind + name))


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_networks_and_what_is_chosen_are_the_same_in_a_file_as_in_memory(limit, tmp_path):
    rows = [*hostile_rows(3), *(row(ip=f"203.0.113.{n}", asn=f"{n % 5}", aso=f"Net {n % 3}") for n in range(40))]
    found, spilled = counted(rows, 50_000, tmp_path), counted(rows, limit, tmp_path)
    assert found == spilled
    assert ("203.0.113.0/24", 40) in found.networks.ranked and found.networks.unknown == found.addresses.unknown
    for kind in LISTED:
        plain = Counter(filter(None, (getattr(one, COLUMN[kind]) for one in rows))) if kind in COLUMN else {}
        for name, number in found.chosen[kind]:
            assert hash_of(kind, name) % 2 == 0 and number == plain.get(name, number)
    assert found.chosen["users"] and found.chosen["networks"] and len(found.chosen["users"]) <= 10
    assert found.organisations["3"] == min(one.aso for one in rows if one.asn == "3" and one.aso)


COLUMN = {"users": "user", "addresses": "ip", "countries": "country_code", "asns": "asn"}


def test_long_names_leave_memory_before_the_number_of_names_makes_them(tmp_path, monkeypatch):
    monkeypatch.setattr(counts, "_TEXT_LIMIT", 20_000)
    rows = [row(user=f"{number}" + "x" * 1000) for number in range(9000)]
    spilled = []

    def watched():
        for one in rows:
            spilled.append(bool(open_files_without_a_name(tmp_path)))
            yield one

    assert tally(watched(), str(tmp_path)).users.distinct == 9000
    assert spilled[-1]


ROOT = Path(__file__).parents[2]


def peak_growth_in_megabytes(limit, tmp_path):
    """How far a tally of 150,000 different users, addresses and host names raises the process's memory at its peak."""
    code = (
        "import sys, sqlite3, tempfile\n"
        "from maillogsentinel.model import Row\n"
        "from maillogsentinel.store import spill\n"
        "from maillogsentinel.report.tally import tally\n"
        "def memory(what):\n"
        "    return next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith(what))\n"
        "def rows():\n"
        "    for n in range(150_000):\n"
        "        ip = f'10.{n >> 16}.{n >> 8 & 255}.{n & 255}'\n"
        "        user = f'{n * 7919 % 300007}@e.org'\n"
        "        yield Row('mx', '2025-05-27 11:13', ip, user, f'h{n}.e.org', 'OK', 'CN', '1', 'O')\n"
        "start = memory('VmRSS')\n"
        "numbers = tally(rows(), sys.argv[1], int(sys.argv[2]))\n"
        "assert numbers.users.distinct == numbers.total == 150_000, numbers\n"
        "print((memory('VmHWM') - start) / 1024)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(limit)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)


def test_memory_does_not_grow_with_the_number_of_names(tmp_path):
    bounded = peak_growth_in_megabytes(50_000, tmp_path)
    assert bounded < 40
    # The same measure sees a count that stays in memory, so it could fail.
    assert peak_growth_in_megabytes(10_000_000, tmp_path) > 2 * bounded


def test_a_busy_day_is_counted_in_a_fraction_of_a_second():
    rows = [
        row(ip=f"192.0.{n % 20}.{n % 250}", user=f"user{n % 1500}", asn=str(n % 900), aso=f"Org {n % 900}")
        for n in range(28_000)
    ]
    start = time.process_time()
    tally(rows)
    # It takes about 0.04 s; the bound leaves room for a slow machine, not for a slow way.
    assert time.process_time() - start < 0.25
