import pytest

from maillogsentinel.report.columns import aligned, box, clip, fill, width

from .samples import HOSTILE


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("bob", 3),
        ("", 0),
        ("漢字", 4),
        ("Ａ", 2),
        ("ｶﾅ", 2),
        ("😀", 2),
        ("é", 1),
        ("e\u0301", 1),
        ("\u200b", 0),
        ("\xad", 1),
        ("\u1112\u1161\u11ab", 2),
    ],
)
def test_a_text_is_as_wide_as_a_terminal_shows_it(text, cells):
    assert width(text) == cells


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("cells", [3, 4, 10, 48])
def test_a_clipped_text_is_never_wider_and_never_much_longer_than_asked(text, cells):
    short = clip(text, cells)
    assert width(short) <= cells
    assert len(short) <= 2 * cells + 3
    assert short == text or (short.endswith("...") and text.startswith(short[:-3]))


def test_a_text_that_fits_is_not_clipped():
    assert clip("x" * 48, 48) == "x" * 48
    assert clip("x" * 49, 48) == "x" * 45 + "..."
    assert clip("漢" * 25, 48) == "漢" * 22 + "..."


def test_cells_of_a_column_start_at_the_same_place():
    lines = aligned([(text[:30], "|", "end") for text in HOSTILE])
    assert len({width(line[: line.index("|   end")]) for line in lines}) == 1
    assert aligned([]) == []


def test_filling_counts_cells_and_not_characters():
    assert fill("漢", 4) == "漢  "
    assert fill("e\u0301", 3) == "e\u0301  "


@pytest.mark.parametrize("text", HOSTILE)
def test_a_box_is_a_rectangle_whatever_stands_in_it(text):
    lines = box(["title", text, "漢字"])
    assert len({width(line) for line in lines}) == 1
    assert width(lines[0]) >= 50
    assert all(line.endswith(" ###") for line in lines[1:-1])
    assert set(lines[0] + lines[-1]) == {"#"}
