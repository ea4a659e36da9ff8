"""Offsets of a CSV that was pruned: what `joined` and `place` say is what counting byte by byte says."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from maillogsentinel.store import cuts
from maillogsentinel.store.database import Database
from maillogsentinel.store.removed import Removed

PRUNES = st.lists(st.sets(st.integers(0, 30)), max_size=5)


def runs(places):
    """The places as ranges that do not touch."""
    found = []
    for place in sorted(places):
        if found and found[-1][1] == place:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found


@settings(max_examples=200, deadline=None, database=None)
@given(PRUNES)
def test_prunes_one_after_another_are_known_as_what_they_took_of_the_whole(prunes):
    left, gone = list(range(31)), []
    for places in prunes:
        taken = [place for place in places if place < len(left)]
        gone = list(cuts.joined(gone, runs(taken)))
        left = [byte for at, byte in enumerate(left) if at not in taken]
        assert [byte for byte in range(31) if not any(start <= byte < end for start, end in gone)] == left
        assert all(first[1] < second[0] for first, second in pairwise(gone))


def test_an_offset_of_the_whole_has_its_place_in_what_is_left(tmp_path):
    database = Database(str(tmp_path), create=True)

    @settings(max_examples=60, deadline=None, database=None)
    @given(PRUNES)
    def check(prunes):
        database.run("DELETE FROM cut")
        left = list(range(31))
        for places in prunes:
            taken = {place for place in places if place < len(left)}
            with Removed(str(tmp_path)) as removed:
                for start, end in runs(taken):
                    removed.add(start, end)
                removed.finish()
                removed.join(
                    [(start, end) for start, end in database.rows("SELECT start, end FROM cut ORDER BY start")]
                )
                assert [removed.before(at) for at in range(32)] == [
                    len([p for p in taken if p < at]) for at in range(32)
                ]
                database.run("DELETE FROM cut")
                database.run_many("INSERT INTO cut VALUES (?, ?, ?)", removed.cuts())
            left = [byte for at, byte in enumerate(left) if at not in taken]
        assert cuts.total(database) == 31 - len(left)
        for offset in range(1, 32):
            place, pruned = cuts.place(database, offset)
            assert left[place:] == [byte for byte in left if byte >= offset]
            assert pruned == (offset - 1 not in left and offset < 31 and offset not in left)

    check()


def test_more_runs_than_are_kept_in_memory_are_counted_all_the_same(tmp_path):
    with Removed(str(tmp_path)) as removed:
        for number in range(2500):
            removed.add(10 * number, 10 * number + 4)
        removed.finish()
        assert removed.before(10 * 2000 + 2) == 8002
        removed.join([])
        assert list(removed.cuts())[-1] == (24_990, 24_994, 10_000)
    assert not list(tmp_path.iterdir())
