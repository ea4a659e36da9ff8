"""Merging is a maximum: order, grouping and repetition of the inputs make no difference; and it is the one documented.

The program merges with far less memory here than it has, so that each of its ways is taken: growing, floods, several
passes, sorted runs.
"""

import gzip
import random
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maillogsentinel.errors import StoreError
from maillogsentinel.merge import copies, intake, merging
from maillogsentinel.merge.job import merge
from maillogsentinel.model import Row
from maillogsentinel.store import csvfile

NAMES = [None, "", "bob", "bob@example.org", "null", "=x", "'", "a,b", 'q"', "\\x00", "ü", "＝x", "N/A", "\\\\"]
ROWS = st.builds(
    Row,
    server=st.sampled_from(["mx1", "mx2", "mx1,", 'm"x']),
    date=st.sampled_from(["2025-05-17 11:13", "2025-05-17 11:14", "2025-05-17 11:15", "2026-01-01 00:00"]),
    ip=st.sampled_from([None, "192.0.2.7", "192.0.2.70", "2001:db8::1"]),
    user=st.sampled_from(NAMES),
    hostname=st.sampled_from([None, "a.example.org"]),
    reverse_dns_status=st.sampled_from(["OK", "Errno 1"]),
    country_code=st.sampled_from([None, "DE"]),
    asn=st.just("64496"),
    aso=st.sampled_from(["Example, Inc.", "Réseau"]),
)
# Few different rows, many equal ones.
INPUTS = st.lists(ROWS, min_size=1, max_size=6).flatmap(
    lambda rows: st.lists(st.lists(st.sampled_from(rows), max_size=9), min_size=1, max_size=5)
)
SIZES = st.tuples(st.sampled_from([1, 200, 600, 4_000_000]), st.sampled_from([2, 3, 1000]))
USUAL = (4_000_000, 1000)
few = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def expected(inputs):
    """The merged CSV, as the contract says it, made in memory."""
    best = {}
    for rows in inputs:
        copies = defaultdict(list)
        for row in rows:
            copies[row[:4]].append(csvfile.encode(row, ","))
        for identity, lines in copies.items():
            best[identity] = max(best.get(identity, (0, [])), (len(lines), sorted(lines)))
    dated = [(identity[1], line) for identity, (_, lines) in best.items() for line in lines]
    return csvfile.header(",") + b"".join(line for _, line in sorted(dated))


def text(rows, delimiter=","):
    return csvfile.header(delimiter) + b"".join(csvfile.encode(row, delimiter) for row in rows)


def merged(contents, sizes=USUAL, names="{}.csv"):
    """Merge files with these contents and return what comes out; nothing is rejected and nothing left behind."""
    memory, most = sizes
    with tempfile.TemporaryDirectory() as directory:
        paths = []
        for number, content in enumerate(contents):
            path = Path(directory, names.format(number))
            path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
            paths.append(str(path))
        out, rejected = [], []
        merge(paths, directory, ",", out.append, lambda *row: rejected.append(row), memory=memory, most=most)
        assert rejected == []
        assert len(list(Path(directory).iterdir())) == len(paths)
        return b"".join(out)


@pytest.fixture
def little(monkeypatch):
    """Blocks of two lines, runs of a few."""
    monkeypatch.setattr(intake, "_BLOCK", 150)
    monkeypatch.setattr(intake, "_RUN", 250)


@few
@given(INPUTS, SIZES, st.sampled_from(["{}.csv", "{}.csv.gz"]))
def test_what_comes_out_is_what_the_contract_says(little, inputs, sizes, names):
    assert merged(map(text, inputs), sizes, names) == expected(inputs)


@few
@given(INPUTS, SIZES)
def test_inputs_in_order_are_merged_as_they_lie_there(little, inputs, sizes):
    inputs = [sorted(rows, key=lambda row: row.date) for rows in inputs]
    assert merged(map(text, inputs), sizes) == expected(inputs)


@few
@given(INPUTS, SIZES, st.randoms(use_true_random=False))
def test_the_order_of_the_inputs_makes_no_difference(little, inputs, sizes, chance):
    contents = [text(rows) for rows in inputs]
    before = merged(contents, sizes)
    chance.shuffle(contents)
    assert merged(contents) == before


@few
@given(INPUTS, SIZES, st.data())
def test_merging_in_steps_makes_no_difference(little, inputs, sizes, data):
    contents = [text(rows) for rows in inputs]
    cut = data.draw(st.integers(0, len(contents) - 1))
    steps = merged([merged(contents[: cut + 1], sizes), *contents[cut:]], sizes)
    assert steps == merged(contents)


@few
@given(INPUTS, SIZES)
def test_the_same_again_adds_nothing(little, inputs, sizes):
    contents = [text(rows) for rows in inputs]
    once = merged(contents, sizes)
    assert merged([*contents, *contents, once], sizes) == once
    assert merged([once]) == once


@few
@given(INPUTS, st.lists(st.sampled_from([",", ";", "\t", "|"]), min_size=5, max_size=5))
def test_delimiters_make_no_difference(inputs, delimiters):
    contents = [text(rows, delimiter) for rows, delimiter in zip(inputs, delimiters, strict=False)]
    assert merged(contents) == expected(inputs)


def crowd(seed, rows, users, minutes):
    chance = random.Random(seed)
    return [
        Row(
            "mx", f"2025-05-17 11:{chance.randrange(minutes):02}", "192.0.2.7", f"user{chance.randrange(users)}",
            None, chance.choice(["Errno 1", "Errno 2", "Skipped"]), None, None, None,
        )
        for _ in range(rows)
    ]  # fmt: skip


@pytest.mark.parametrize("at_once", [2, 4096])
@pytest.mark.parametrize("users", [1, 3, 500])
def test_more_rows_in_one_minute_than_memory_holds_are_counted_in_a_file(users, at_once, monkeypatch):
    monkeypatch.setattr(copies, "_AT_ONCE", at_once)
    floods = []
    whole = copies.Flood.rows
    monkeypatch.setattr(merging.Flood, "rows", lambda flood: (floods.append(1), whole(flood))[1])
    inputs = [crowd(seed, 400, users, 2) for seed in range(4)]
    inputs.append(crowd(9, 500, users, 2))
    assert merged(map(text, inputs), (3000, 1000)) == expected(inputs)
    assert floods


def test_as_many_records_in_both_are_taken_from_the_larger_ones():
    first, second = [b"1 a", b"1 b", b"1 b", b"1 d"], [b"1 a", b"1 b", b"1 c", b"1 d"]
    for inputs in ([first, second], [second, first]):
        counted = sorted((row, number, rows.count(row)) for number, rows in enumerate(inputs) for row in set(rows))
        assert inputs[copies._winner(counted)] == second


@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), min_size=1, max_size=5), min_size=1, max_size=5))
def test_the_winner_of_a_flood_is_the_one_that_counts(inputs):
    counted = sorted((row, number, rows.count(row)) for number, rows in enumerate(inputs) for row in set(rows))
    assert sorted(inputs[copies._winner(counted)]) == max(
        (sorted(rows) for rows in inputs), key=lambda rows: (len(rows), rows)
    )


def test_servers_too_many_to_know_are_all_held_for_the_same(monkeypatch):
    monkeypatch.setattr(intake, "_MANY", 2)
    rows = [Row(f"mx{n}", "2025-05-17 11:13", "192.0.2.7", "bob", *[None] * 5)._replace(reverse_dns_status="OK")
            for n in range(5)]  # fmt: skip
    inputs = [rows, rows[:3], rows[2:] + rows[4:]]
    assert merged(map(text, inputs)) == expected(inputs)


@pytest.mark.parametrize("length", [255, 256, 257, 300])
def test_servers_with_long_names_are_merged_like_others(length):
    name = "x" * length
    first = Row(name, "2025-05-17 11:13", "192.0.2.7", "bob", None, "OK", *[None] * 3)
    inputs = [[first, first._replace(date="2025-05-17 11:15")], [first, first], [first._replace(server=f"{name}y")] * 3]
    assert merged(map(text, inputs)) == expected(inputs)
    assert merged(map(text, inputs[::2])) == expected(inputs[::2])


def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    missing = tmp_path / "gone"
    with pytest.raises(StoreError, match=f"Cannot .*{missing}"):
        merge([], str(missing), ",", print, print)
    assert not missing.exists()
