"""The exposition format: every text may hold anything, and comes out as one value of one label."""

from maillogsentinel.export.prometheus import COUNTER, GAUGE, Metric, Sample, render
from tests.export.exposition import parse


def test_what_is_written_is_read_again():
    name = 'a "b" \\ c\nd} 1\n# HELP x 漢\t'
    text = render(
        [
            Metric("things_total", COUNTER, "Back \\ slash\nand line.", [Sample(5, (("kind", name), ("other", "")))]),
            Metric("size_bytes", GAUGE, "Size.", [Sample(1795825017.068022)]),
        ]
    )
    assert parse(text) == {
        "maillogsentinel_things_total": ("counter", "Back \\ slash\nand line.", {(("kind", name), ("other", "")): 5}),
        "maillogsentinel_size_bytes": ("gauge", "Size.", {(): 1795825017.068022}),
    }


def test_a_metric_without_a_value_is_left_out():
    assert render([Metric("things_total", COUNTER, "Things.", [])]) == ""


def test_a_name_that_is_no_utf_8_ends_nothing():
    text = render([Metric("x", GAUGE, "X.", [Sample(1, (("source", "/log\udcff"),))])])
    assert parse(text)["maillogsentinel_x"][2] == {(("source", "/log\\udcff"),): 1}
