import pytest

from maillogsentinel.report.wording import csv_lines, shown, size

from .samples import summary_of


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0"),
        (1023, "1023"),
        (1024, "1.0K"),
        (246_886, "241.1K"),
        (1_048_524, "1023.9K"),
        (1_048_575, "1.0M"),
        (5 << 20, "5.0M"),
        (3 << 30, "3.0G"),
        (5 << 40, "5120.0G"),
    ],
)
def test_sizes_are_short_and_never_reach_1024_of_a_unit(count, said):
    assert size(count) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "null"),
        ("null", '"null"'),
        ("", '""'),
        (" ", '" "'),
        ("bob\xa0", '"bob\xa0"'),
        ("a b", "a b"),
        ("Null", "Null"),
    ],
)
def test_a_value_is_never_taken_for_another(value, said):
    assert shown(value) == said


def test_without_an_attachment_the_path_of_the_csv_is_told():
    assert csv_lines(summary_of())[-1] == "Please see attached: maillogsentinel.csv"
    assert csv_lines(summary_of(attachment=""))[-1] == "The CSV is /var/lib/maillogsentinel/maillogsentinel.csv"
