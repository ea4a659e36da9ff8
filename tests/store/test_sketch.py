import random

import pytest

from maillogsentinel.store.sketch import LIMIT, Gathering, Search, from_bytes, number, to_bytes


def sketch(names):
    gathering = Gathering()
    gathering.add(map(number, names))
    return gathering.sketch()


def names(first, last):
    return [f"user{place}" for place in range(first, last)]


def test_what_is_new_is_told_exactly_as_long_as_sketches_hold_all_names():
    search = Search(sketch(names(0, 1000)))
    search.take_away(sketch(names(0, 400)))
    search.take_away(sketch(names(300, 900)))
    found = search.result()
    assert found.numbers == set(map(number, names(900, 1000)))
    assert (found.share, found.exact) == (0.1, True)


def test_without_a_name_nothing_is_new():
    search = Search(sketch([]))
    search.take_away(sketch(names(0, 10)))
    assert search.result() == (frozenset(), 0.0, True)


def test_the_size_is_bounded_and_the_order_of_names_makes_no_difference():
    many = names(0, 5 * LIMIT)
    one = Gathering()
    for place in range(0, len(many), 1000):
        one.add(map(number, many[place : place + 1000]))
    random.Random(1).shuffle(many)
    assert one.sketch() == sketch(many) == sketch([*many, *many[:5000]])
    assert len(one.sketch()) == LIMIT
    assert list(one.sketch()) == sorted(one.sketch())


@pytest.mark.parametrize(("own", "earlier"), [(3 * LIMIT, 4 * LIMIT), (3 * LIMIT, 1000), (1000, 3 * LIMIT)])
def test_of_more_names_than_fit_the_share_is_an_estimate_and_what_is_called_new_is(own, earlier):
    search = Search(sketch(names(0, own)))
    search.take_away(sketch(names(own // 4, own // 4 + earlier)))
    found = search.result()
    new = set(map(number, [*names(0, own // 4), *names(min(own, own // 4 + earlier), own)]))
    assert not found.exact
    assert found.numbers <= new
    assert found.share == pytest.approx(len(new) / own, abs=0.05)


def test_a_sketch_comes_back_from_its_bytes_and_torn_bytes_are_no_fault():
    before = sketch(names(0, 50))
    assert from_bytes(to_bytes(before)) == before
    assert from_bytes(to_bytes(before)[:-3]) == before[:-1]
    assert from_bytes(b"") == sketch([])


def test_a_number_is_the_same_on_every_machine():
    assert number("info@example.org") == 0x3CD354AF39F4B48
