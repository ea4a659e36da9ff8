"""Pages as a browser shows them: on a screen and on a phone, in light and in dark, with and without the style block."""

import re
from collections import Counter
from pathlib import Path

import pytest

from maillogsentinel.report.page.document import render
from maillogsentinel.report.page.style import CARD, COLOURS, PAGE

from . import screenshots
from .pages import PAGES, attacked
from .samples import HOSTILE, summary_of
from .test_page import full, row

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(screenshots.MISSING), reason=screenshots.MISSING)]

TOP = Path(__file__).parents[2]
PHONE = 360


def bare(page):
    """The page as Outlook and some of Gmail's programs take it: without the style block."""
    return re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


LONG = full([row(user=user, aso=user, hostname=user) for user in [*HOSTILE, "a" * 60, "m" * 40 + "@" + "w" * 40]] * 3)
NARROW = {
    **{name: render(summary) for name, summary in PAGES.items()},
    "without style": bare(render(PAGES["attacked"])),
    "hostile": render(attacked(tally=LONG, server_name="server" * 30, notices=("x" * 300,))),
    "hostile, without style": bare(render(summary_of(LONG, csv_path="/var" * 60, attachment=""))),
}


@pytest.fixture(scope="module")
def on_a_phone():
    """Width of the window, and width and height of each page in it."""
    return dict(zip(NARROW, screenshots.measured(list(NARROW.values()), PHONE), strict=True))


@pytest.mark.parametrize("name", NARROW)
def test_on_a_phone_nothing_is_wider_than_the_window(on_a_phone, name):
    inner, across, down = on_a_phone[name]
    assert (inner, across) == (PHONE, PHONE)
    assert down > 400


def test_the_measure_sees_what_is_wider():
    wide = render(PAGES["quiet"]).replace("<main>", '<main><div style="width:361px">x</div>')
    ((inner, across, _),) = screenshots.measured([wide], PHONE)
    assert (inner, across > PHONE) == (PHONE, True)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [800, PHONE])
def test_a_page_is_drawn_in_its_colours(width, dark):
    picture = screenshots.taken(render(PAGES["attacked"]), width, 900, dark)
    assert (picture.width, picture.height) == (width, 900)
    found = picture.colours()
    wanted = {name: COLOURS[name][2 if dark else 0] for name in (PAGE, CARD)}
    text, attack = (COLOURS[name][3 if dark else 1] for name in (CARD, "va"))
    assert picture.colour(1, 1) == wanted[PAGE]
    assert found[wanted[CARD]] > found.total() // 2, "cards fill the page"
    assert min(found[text], found[attack]) > 100, "words, and the edge of the verdict"
    assert (found["#ffffff"] < found.total() // 100) == dark


def test_dark_mode_without_the_style_block_is_the_light_page():
    page = bare(render(PAGES["quiet"]))
    assert screenshots.taken(page, 800, 600, dark=True).data == screenshots.taken(page, 800, 600).data


def test_bars_and_hours_are_drawn_as_long_and_as_strong_as_their_numbers_say():
    page = render(PAGES["attacked"])
    found: Counter[str] = screenshots.taken(page, 800, 1400).colours()
    assert found[COLOURS["bn"].background] > 150 * 10, "the day's own bar"
    assert found[COLOURS["ba"].background] > 20 * found[COLOURS["bn"].background] // 10
    assert found[COLOURS["h2"].background] > found[COLOURS["h5"].background] > 300


def test_the_picture_in_readme_is_small_and_shows_a_page_of_today():
    data = (TOP / "docs/report.png").read_bytes()
    assert len(data) <= 150_000
    kept = screenshots.Picture(data)
    found, now = kept.colours(), screenshots.taken(render(PAGES["compromised"]), kept.width, kept.height).colours()
    for name in (PAGE, CARD, "ba", "bn", "h5"):
        colour = COLOURS[name].background
        assert found[colour] == pytest.approx(now[colour], rel=0.05), f"{name}: make docs/report.png anew"
