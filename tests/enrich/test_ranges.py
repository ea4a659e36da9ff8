"""The packed table, by itself: it answers as a search through all ranges would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillogsentinel.enrich.ranges import RangeBuilder, RangeTable


@st.composite
def _ranges(draw):
    low = draw(st.sampled_from([0, 2**32 - 20]))
    ends = st.tuples(st.integers(low, low + 19), st.integers(low, low + 19)).map(sorted)
    return low, draw(st.lists(ends, max_size=8))


@pytest.mark.parametrize("width", [4, 16])
@given(_ranges())
def test_of_ranges_within_ranges_the_one_that_begins_last_counts_and_then_the_later_line(width, drawn):
    low, ranges = drawn
    shift = 8 * (width - 4)  # so that the last address of each family is among them
    builder = RangeBuilder()
    for number, (first, last) in enumerate(ranges):
        end = (last + 1 << shift) - 1
        builder.add((first << shift).to_bytes(width, "big"), end.to_bytes(width, "big"), b"%d" % number)
    table = RangeTable(builder.table())
    for address in range(low, low + 20):
        around = [(first, number) for number, (first, last) in enumerate(ranges) if first <= address <= last]
        expected = b"%d" % max(around)[1] if around else None
        assert table.value((address << shift).to_bytes(width, "big")) == expected
