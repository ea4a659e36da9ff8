"""The index of days: it finds every record of a day, in a CSV of any order and with whatever others wrote into it."""

import io
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maillogsentinel.store import csvfile
from maillogsentinel.store.database import Database
from maillogsentinel.store.days import NEAR, add_run, extents_of, merge_days, scan_days

LINE = 'mx,{} 11:13,192.0.2.7,"{}",null,Skipped,null,null,null\n'


def line(day, user="bob", server="mx"):
    return LINE.format(day, user).replace("mx", server, 1).encode()


def of_day(data, extents, day):
    """How many records of a day stand within the extents."""
    found = b"".join(data[start:end] for start, end in extents)
    return found.count(f",{day} ".encode())


def test_the_scan_finds_each_days_records():
    header = csvfile.header(",")
    data = header + line("2025-05-16") * 2 + line("2025-05-17") * 3 + line("2025-05-16")
    days, count = scan_days(io.BytesIO(data), len(header), ",")
    assert count == 6
    size = len(line("2025-05-16"))
    assert days == {
        "2025-05-16": [[len(header), len(header) + 6 * size, 3]],
        "2025-05-17": [[len(header) + 2 * size, len(header) + 5 * size, 3]],
    }


def test_days_far_apart_have_extents_of_their_own():
    far = line("2025-05-17", "x" * 100) * (NEAR // 100)
    data = line("2025-05-16") + far + line("2025-05-16")
    days, _ = scan_days(io.BytesIO(data), 0, ",")
    assert [extent[2] for extent in days["2025-05-16"]] == [1, 1]
    assert [extent[2] for extent in days["2025-05-17"]] == [NEAR // 100]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_quoted_server_hides_no_day(delimiter):
    row = csvfile.decode([LINE.format("2025-05-17", "bob")], ",")
    data = csvfile.encode(next(iter(row))._replace(server=f'a{delimiter}"b'), delimiter)
    days, count = scan_days(io.BytesIO(data), 0, delimiter)
    assert (list(days), count) == (["2025-05-17"], 1)


@pytest.mark.parametrize(
    "foreign",
    [b"\n", b"x\n", b",,,\n", b"a,b,c\n", b"mx,17.05.2025 11:13,x\n", b"mx,2025-05-17,x\n",
     b'"unfinished,2025-05-17 1\n',
     b'"' + b"x" * 200_000 + b',2025-05-17 11:13,"\n', b"\xff\xfe,2025\xff05\xff17 11:13,x\n",
     b"mx,\xb2\xb3\xb9\xb2-05-17 11:13,x\n",
     b"y" * (3 << 20) + b"\n", b"\0" * 100 + b"\n"],
)  # fmt: skip
def test_what_others_wrote_is_no_record_and_moves_no_other(foreign):
    data = line("2025-05-16") + foreign + line("2025-05-17")
    days, count = scan_days(io.BytesIO(data), 0, ",")
    assert count == 2
    assert sorted(days) == ["2025-05-16", "2025-05-17"]
    start, end, _ = days["2025-05-17"][0]
    assert data[start:end] == line("2025-05-17")


def test_nothing_is_no_run():
    days = {}
    add_run(days, "2025-05-17", 0, 0, 0)
    assert days == {}


@settings(max_examples=15, deadline=None, database=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(["2025-05-15", "2025-05-16", "2025-05-17"]), st.integers(1, 900)), max_size=30
        ),
        max_size=4,
    )
)
def test_the_index_of_batches_finds_what_a_scan_of_the_whole_finds(tmp_path_factory, batches):
    directory = tmp_path_factory.mktemp("days")
    database = Database(str(directory), create=True)
    data = b"x" * 50
    for batch in batches:
        rows = b"".join(line(day, "u" * 300) * times for day, times in batch)
        days, _ = scan_days(io.BytesIO(rows), 0, ",")
        with database.transaction():
            merge_days(database, days, len(data))
        data += rows
    for day in ("2025-05-15", "2025-05-16", "2025-05-17"):
        extents = extents_of(database, [day])
        assert of_day(data, extents, day) == data.count(f",{day} ".encode())
        counted = database.rows("SELECT count FROM day WHERE day = ?", (day,))
        assert (counted[0][0] if counted else 0) == data.count(f",{day} ".encode())
    every = extents_of(database, ["2025-05-17", "2025-05-15", "2025-05-16"])
    assert every == sorted(every)
    assert all(before[1] < after[0] for before, after in pairwise(every))
    assert sum(end - start for start, end in every) == len(data) - 50
    database.close()


def test_no_day_asked_for_is_nothing_to_read(tmp_path):
    database = Database(str(tmp_path), create=True)
    assert extents_of(database, []) == []
    assert extents_of(database, ["2025-05-17"]) == []
    database.close()
