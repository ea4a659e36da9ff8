import random
import re
from itertools import pairwise

import pytest

from maillogsentinel.detect.finding import Finding
from maillogsentinel.report import text, wording
from maillogsentinel.report.page.document import LARGEST, render
from maillogsentinel.report.page.style import COLOURS, style_block
from maillogsentinel.report.summary import DatabaseAge, Gap, Loss
from maillogsentinel.report.tally import Tallying, tally
from maillogsentinel.report.trend import Day, News, Novelty

from .page_parser import Page, contrast
from .pages import PAGES, attacked, days
from .samples import HOSTILE, hostile_rows, known_numbers, row, summary_of
from .test_text import REPORTS

ALL = {**REPORTS, **PAGES}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "strong", "span", "br", "wbr",
    "div", "table", "caption", "colgroup", "col", "tr", "th", "td", "a", "ul", "li",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "name", "content", "class", "style", "role", "width", "cellpadding", "cellspacing", "align",
    "valign", "scope", "colspan", "href",
}  # fmt: skip


def full(numbers):
    """What every list of a page is made from."""
    with Tallying(several_servers=True, chosen=lambda kind, name: True) as counting:
        for batch in counting.batches(numbers):
            counting.add(batch)
        return counting.finish()


@pytest.mark.parametrize("name", ALL)
def test_the_page_is_whole_and_needs_nothing_beside_itself(name):
    source = render(ALL[name])
    page = Page(source)
    assert source.startswith("<!DOCTYPE html>\n")
    assert set(page.tags) <= TAGS
    assert [page.tags.count(tag) for tag in ("html", "head", "title", "style", "body", "main", "h1")] == [1] * 7
    assert ("html", "lang", "en") in page.attributes
    assert ("meta", "charset", "utf-8") in page.attributes
    assert {name for _, name, _ in page.attributes} <= ATTRIBUTES
    assert [value for _, name, value in page.attributes if name == "href"] == [wording.DOCUMENTATION]
    assert not re.search(r"url\(|@import|javascript|expression\(|src=|https?://(?!github\.com/cryptozoide/)", source)


@pytest.mark.parametrize("name", ALL)
def test_headings_go_down_step_by_step_and_the_verdict_is_the_first(name):
    page = Page(render(ALL[name]))
    levels = [int(tag[1]) for tag, _ in page.headings]
    assert levels[0] == 1 and page.headings[0][1]
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


@pytest.mark.parametrize("name", ALL)
def test_every_table_with_data_has_caption_and_headings_and_the_others_say_that_they_are_none(name):
    page = Page(render(ALL[name]))
    assert page.tags.count("table") == len(page.tables) + page.attributes.count(("table", "role", "presentation"))
    assert {scope for _, scope in page.scopes} <= {"row", "col"}
    for caption, (head, *lines) in page.tables.items():
        assert caption and all(head)
        assert {len(cells) for cells in lines} <= {len(head), len(head) + 1}, caption
        assert all(cells[0] for cells in lines), caption


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_has_a_contrast_of_at_least_4_5(dark):
    for summary in ALL.values():
        for words in Page(render(summary)).words:
            colour, background = words.colour, words.background
            if dark:
                for name in words.classes:
                    colour = COLOURS[name].dark_text if name in COLOURS else colour
                    background = (name in COLOURS and COLOURS[name].dark_background) or background
            assert contrast(colour, background) >= 4.5, words


def test_every_colour_of_the_page_has_its_dark_one():
    used = {
        name
        for summary in ALL.values()
        for _, key, value in Page(render(summary)).attributes
        if key == "class"
        for name in value.split()
    }
    assert used <= set(COLOURS) | {f"e{name}" for name in COLOURS} | {"ru", "c2", "bs"}
    for name in COLOURS:
        assert f".{name}{{" in style_block()


def test_without_the_style_block_the_page_is_complete():
    # What Outlook and Gmail's app drop is dark mode and the width of a phone, nothing else.
    rules = re.sub(r"@media [^{]*\{(?:[^{}]*\{[^{}]*\})*\}", "", style_block())
    assert rules == ":root{color-scheme:light dark;supported-color-schemes:light dark}"


def test_beside_every_bar_stands_its_number():
    page = Page(render(PAGES["attacked"]))
    numbers = PAGES["attacked"].tally
    users = page.tables["Users (10 of 12)"]
    assert users[0] == ["User", "Attempts"]
    assert [(cells[0], cells[2]) for cells in users[1:]] == [
        (name, f"{count:,}") for name, count in numbers.users.ranked
    ]
    trend = page.tables["Failed logins by day, 29 days"]
    assert trend[1][0] == "Tue 27 May" and trend[1][2] == "972" and len(trend) == 30


def test_the_page_has_the_numbers_of_the_text():
    page = Page(render(summary_of(known_numbers())))
    assert [(cells[0], cells[2]) for cells in page.tables["Users"][1:]] == [
        ("user.1", "12"),
        ("user.1@domain.tld", "6"),
        ("contact@domain.com", "3"),
        ("qijoxuli", "1"),
        ("not known", "18"),
    ]
    about = {cells[0]: cells[1] for cells in page.tables["What it was made of"][1:]}
    assert about["Reverse look-ups failed"].startswith("26: 24 Errno 1 (no such host), 2 Errno 2")
    assert about["CSV"] == "241.1K, 3,613 lines"


def test_hours_and_days_that_nobody_read_have_no_number():
    trend = days((0,) * 24)
    page = Page(render(summary_of(trend=trend)))
    shown = {cells[0]: cells[2] for cells in page.tables["Failed logins by day, 29 days"][1:]}
    assert shown["Thu 22 May"] == "not read" and shown["Tue 27 May"] == "0"
    assert shown["Sat 24 May"] == f"{trend[-4].failures}*"
    hours = page.tables["Failed logins by hour, 8 days"]
    assert hours[0] == ["Hour", "Tue20", "Wed21", "Thu22", "Fri23", "Sat24", "Sun25", "Mon26", "Tue27"]
    assert {cells[3] for cells in hours[1:]} == {"\u2013"}
    assert [cells[5] for cells in hours[16:]] == ["\u2013"] * 9
    assert {cells[8] for cells in hours[1:]} == {"0"}


def test_days_before_the_first_one_that_is_known_are_left_out():
    trend = tuple(day._replace(hours=(0,) * 24, coverage="none") for day in days((3,) * 24)[:-2])
    page = Page(render(summary_of(trend=(*trend, *days((3,) * 24)[-2:]))))
    assert [cells[0] for cells in page.tables["Failed logins by day, 2 days"][1:]] == ["Tue 27 May", "Mon 26 May"]
    assert "Days before 2025-05-26: not read, or not kept." in page.text
    assert len(page.tables["Failed logins by hour, 2 days"][0]) == 3


def test_a_day_that_nobody_read_shows_nothing_as_quiet():
    page = Page(render(PAGES["unread"]))
    assert page.headings[0][1] == "Nothing is known of what happened on 2025-05-27: nothing was read."
    assert not re.search("quiet|no login failed|Nothing that stands out", page.text, re.IGNORECASE)
    assert "Users" not in page.tables


def test_what_is_new_is_marked_and_told_apart():
    page = Page(render(PAGES["attacked"]))
    assert [cells[0] for cells in page.tables["Countries"][1:]] == ["NL", "BR", "FR", "SG new", "CN"]
    new = page.tables["Not seen on the 27 days before of which something is known"]
    assert ["Countries", "SG (107)", "5", "1"] in new and ["Users", "none", "12", "0"] in new


def test_the_sample_and_the_day_that_was_not_read_are_told_as_in_the_text():
    for summary in REPORTS.values():
        words = Page(render(summary)).text
        assert ("TEST: a sample" in words) == ("TEST: a sample" in text.render(summary)) == summary.test


@pytest.mark.parametrize("seed", range(5))
def test_values_of_attackers_are_text_and_never_tags(seed):
    numbers = full(hostile_rows(seed))
    page = Page(render(summary_of(numbers)))
    assert set(page.tags) <= TAGS
    listed = [cells[0] for cells in page.tables[f"Users (10 of {numbers.users.distinct})"][1:11]]
    for shown, (value, _) in zip(listed, numbers.users.ranked, strict=True):
        assert shown.strip('"')[:20] == value.strip('"')[:20], "as it was, but for the end of a long one"


@pytest.mark.parametrize("user", [value for value in HOSTILE if len(value) < 30])
def test_every_hostile_value_is_read_back_as_it_was(user):
    page = Page(render(summary_of(tally([row(user=user)]))))
    assert page.tables["Users"][1][0] in (user, f'"{user}"')


VALUES = [
    "<script>alert(1)</script>", "&lt;", '"><b>', "</title>", "</style>", "</td></tr></table>", "<!--", "]]>",
    "' style='x", "<![endif]-->", "a&b;c", "\x00\x1b[31m\x7f", "\ud800", "</p><h1>Quiet</h1>",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_no_field_gets_into_the_page_unescaped(value):
    """Wherever a value stands, the page has the same elements as with a harmless one, and its text as it is."""
    harmless = Page(render(_everywhere("x")))
    source = render(_everywhere(value))
    page = Page(source)
    assert page.tags == harmless.tags
    assert [name for _, name, _ in page.attributes] == [name for _, name, _ in harmless.attributes]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", source)
    source.encode()
    shown = re.sub("[\x00-\x1f\x7f\ud800]", "\ufffd", value)
    assert page.text.count(shown) >= 30


def _everywhere(value):
    """A report that has `value` wherever one can stand."""
    numbers = full(
        [
            row(server=name, user=value, hostname=value, country_code=value, asn=value, aso=value, ip=value)
            for name in (value, "b")
        ]
    )
    fields = (
        "version",
        "interval",
        "reported_at",
        "server_name",
        "server_address",
        "read_until",
        "attachment",
        "trend_note",
    )
    found = Finding("login", "critical", value, value, 1, 1, 1, servers=(value,), examples=(value,))
    return summary_of(
        numbers,
        **dict.fromkeys(fields, value),
        not_covered=(Gap(value, value, value),),
        losses=(Loss(value, 1, 0),),
        troubles=((value, 1),),
        notices=(value,),
        findings=(found, *(found._replace(kind=kind, severity="warning") for kind in ("network", "burst", "spraying"))),
        not_looked_for=(value,),
        databases=(DatabaseAge("country", value, 3),),
        news=News(28, tuple(Novelty(kind, 1, 1, True, ((value, 1),)) for kind in ("users", "networks", "asns"))),
        trend=days((1,) * 24),
    )


@pytest.mark.parametrize("filling", ["x", "\u6f22", "&", "\U0001f600", '"'])
def test_the_page_stays_below_what_gmail_cuts_off(filling):
    chance = random.Random(7)

    def long():
        return filling * 1990 + str(chance.random())

    rows = [
        row(
            server=f"{long()}",
            user=long(),
            hostname=long(),
            ip=f"198.51.100.{number}",
            country_code=long()[-20:],
            asn=str(number),
            aso=long(),
        )
        for number in range(60)
    ]
    trend = tuple(
        Day(f"2025-{month:02d}-{day:02d}", (10**9,) * 24, "full") for month in (3, 4, 5) for day in range(1, 22)
    )
    findings = tuple(Finding("bait", "warning", long(), long(), 1, 1, 1) for _ in range(200))
    summary = attacked(
        tally=full(rows),
        trend=trend[-62:],
        findings=findings,
        notices=tuple(long() for _ in range(100)),
        not_covered=tuple(Gap("2025-05-27 03:00", "2025-05-27 03:20", long()) for _ in range(100)),
        troubles=tuple((long(), 1) for _ in range(100)),
        news=News(
            28,
            tuple(
                Novelty(kind, 10, 10, False, tuple((long(), 1) for _ in range(10)))
                for kind in ("users", "addresses", "networks", "countries", "asns")
            ),
        ),
        server_name=long(),
    )
    assert len(render(summary).encode()) <= LARGEST


def test_an_ordinary_page_is_whole_and_far_below_that():
    assert len(render(PAGES["attacked"]).encode()) < 80_000
    assert "Failed logins by hour, 8 days" in Page(render(PAGES["attacked"])).tables
