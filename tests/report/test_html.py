from html.parser import HTMLParser

import pytest

from maillogsentinel.report import text
from maillogsentinel.report.html import render
from maillogsentinel.report.summary import Loss
from maillogsentinel.report.tally import tally

from .samples import HOSTILE, hostile_rows, known_numbers, row, summary_of
from .test_text import REPORTS

VOID = {"meta"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "strong", "table", "caption", "tr", "th",
    "td", "a", "ul", "li",
}  # fmt: skip


class Document(HTMLParser):
    """Takes a document apart and fails where tags are not balanced."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.tables, self.words = [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attribute) for attribute in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


@pytest.mark.parametrize("name", REPORTS)
def test_the_document_is_whole_and_needs_nothing_beside_itself(name):
    source = render(REPORTS[name])
    document = Document(source)
    assert source.startswith("<!DOCTYPE html>\n")
    assert set(document.tags) <= ALLOWED
    assert [document.tags.count(tag) for tag in ("html", "head", "title", "body", "main", "h1")] == [1] * 6
    assert ("html", "lang", "en") in document.attributes
    assert ("meta", "charset", "utf-8") in document.attributes
    assert {name for _, name, _ in document.attributes} <= {
        "lang",
        "charset",
        "name",
        "content",
        "class",
        "scope",
        "href",
    }
    assert "url(" not in source


def test_every_table_has_a_caption_and_headings():
    document = Document(render(REPORTS["everything"]))
    assert document.tags.count("caption") == document.tags.count("table") == 9
    for table in document.tables[1:]:
        assert {len(cells) for cells in table} == {len(table[0])}


def test_the_document_has_the_numbers_of_the_text():
    document = Document(render(summary_of(known_numbers())))
    users = next(table for table in document.tables if table[0] == ["Rank", "Username", "Times"])
    assert users[1:] == [
        ["1", "user.1", "12"],
        ["2", "user.1@domain.tld", "6"],
        ["3", "contact@domain.com", "3"],
        ["4", "qijoxuli", "1"],
        ["", "(unknown)", "18"],
    ]
    words = "".join(document.words)
    assert "Total attempts on 2025-05-27: 40" in words
    assert "Total failed reverse lookups on 2025-05-27: 26" in words


@pytest.mark.parametrize("seed", range(5))
def test_values_of_attackers_are_text_and_never_tags(seed):
    numbers = tally(hostile_rows(seed))
    document = Document(render(summary_of(numbers)))
    assert set(document.tags) <= ALLOWED
    asos = next(table for table in document.tables if table[0][1] == "AS organisation")
    assert [cells[1].strip('"') for cells in asos[1:-1]] == [value.strip('"') for value, _ in numbers.asos.ranked]


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", "&lt;", '"><b>', "</title>", "</style>"])
def test_no_field_gets_into_the_document_unescaped(value):
    fields = ("version", "interval", "reported_at", "server_name", "server_address", "read_until", "attachment")
    summary = summary_of(
        tally([row(user=value, hostname=value, country_code=value, asn=value, aso=value, ip=value)]),
        **dict.fromkeys(fields, value),
        not_covered=(REPORTS["not-read"].not_covered[0]._replace(start=value, end=value, why=value),),
        losses=(Loss(value, 1, 0),),
        troubles=((value, 1),),
        notices=(value,),
    )
    source = render(summary)
    document = Document(source)
    assert set(document.tags) <= ALLOWED
    assert "".join(document.words).count(value) >= 15
    assert "<script" not in source


def test_the_sample_and_the_day_that_was_not_read_are_told_as_in_the_text():
    for summary in REPORTS.values():
        words = " ".join(Document(render(summary)).words)
        assert ("TEST: a sample" in words) == ("TEST: a sample" in text.render(summary)) == summary.test
        assert ("not known" in words) == ("not known" in text.render(summary))


def test_every_hostile_value_is_read_back_as_it_was():
    for user in HOSTILE:
        table = Document(render(summary_of(tally([row(user=user)])))).tables[2]
        assert table[1][1] in (user, f'"{user}"')
