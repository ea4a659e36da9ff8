import re
from pathlib import Path

import pytest

from maillogsentinel.detect.finding import Finding
from maillogsentinel.detect.left_out import NOT_YET, OF_A_CSV
from maillogsentinel.report.columns import width
from maillogsentinel.report.summary import Gap, Loss
from maillogsentinel.report.tally import tally
from maillogsentinel.report.text import render
from maillogsentinel.report.wording import subject

from .samples import hostile_rows, known_numbers, row, summary_of

DATA = Path(__file__).parent / "data"
GAPS = (
    Gap("2025-05-27 03:00", "2025-05-27 05:00", "the log was gone"),
    Gap("2025-05-27 09:00", "2025-05-27 10:00", ""),
)
WHOLE_DAY = (Gap("2025-05-27 00:00", "2025-05-28 00:00", "no run reached this day"),)

REPORTS = {
    "today": summary_of(
        known_numbers(),
        today=True,
        reported_at="2025-05-27 23:50",
        server_name="my_server.fqdn",
        server_address="33.44.55.66",
        read_until="2025-05-27 23:07",
    ),
    "everything": summary_of(
        known_numbers(),
        not_covered=GAPS,
        losses=(Loss("journald", 1, 0), Loss("rsyslog", 3, 1204), Loss("session", 1, 1), Loss("session", 7, 12)),
        troubles=(("Connection lost to authentication server", 12), ("generic failure", 3)),
        notices=(
            "The country database is 92 days old. Run: maillogsentinel ipinfo --update",
            "A gap\ncannot be excluded.",
        ),
        server_name="a-server-with-a-rather-long-name.department.example.org",
        test=True,
    ),
    "quiet": summary_of(attachment=""),
    "not-read": summary_of(nothing_read=True, not_covered=WHOLE_DAY),
    "quiet-in-part": summary_of(not_covered=GAPS, first_day="2025-05-20", server_address=""),
}


@pytest.mark.parametrize("name", REPORTS)
def test_the_report_is_the_one_kept_beside_the_tests(name):
    assert render(REPORTS[name]) == (DATA / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", range(10))
def test_the_columns_of_every_list_line_up_whatever_the_values_are(seed):
    text = render(summary_of(tally(hostile_rows(seed, 60))))
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("Top 10")]
    assert len(blocks) == 5
    for title, *lines in blocks:
        assert title.endswith(" on 2025-05-27:")
        assert 2 <= len(lines) <= 11
        assert len({width(line) for line in lines}) == 1, "all lines end with 'times' in one column"
        assert all(re.fullmatch(r"( {2}[ 1][0-9]\. | {6}\(unknown\)).* {3,}[ 0-9]*[0-9] times", line) for line in lines)


@pytest.mark.parametrize("seed", range(10))
def test_addresses_start_in_one_column(seed):
    rows = [one._replace(ip="198.51.100.99") for one in hostile_rows(seed, 40)]
    block = render(summary_of(tally(rows))).split("Top 10 failed")[1].split("\n\n")[0]
    starts = {width(line[: line.index("198.51.100.99")]) for line in block.splitlines()[1:]}
    assert len(starts) == 1


@pytest.mark.parametrize("name", ["x", "server" * 30, "漢字.example", "😀" * 60])
def test_the_header_is_a_rectangle_however_long_the_servers_name_is(name):
    box = render(summary_of(server_name=name)).split("\n\n")[0].splitlines()
    assert len(box) == 6
    assert len({width(line) for line in box}) == 1
    assert 50 <= width(box[0]) <= 108


def test_no_line_has_tabs_or_trailing_spaces():
    text = render(summary_of(tally(hostile_rows(1))))
    assert "\t" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert text.endswith("README.md\n")


def test_very_long_names_do_not_make_very_long_lines():
    rows = [row(user="u" * 2000, hostname="h" * 2000, aso="\u0301" * 5000)]
    assert max(map(len, render(summary_of(tally(rows))).splitlines())) < 250


def test_unknown_values_stand_last_and_have_no_rank():
    rows = [row(country_code=None)] * 12 + [row(country_code="FR")]
    assert "\n   1. FR           1 times\n      (unknown)   12 times\n" in render(summary_of(tally(rows)))


def test_a_list_of_unknown_values_alone_says_so():
    text = render(summary_of(tally([row(aso=None)])))
    assert "Top 10 ASO on 2025-05-27:\n      (unknown)   1 times\n" in text


def test_names_that_look_like_something_else_are_quoted():
    users = tally([row(user=user) for user in ("null", "", " bob", None)])
    block = render(summary_of(users)).split("failed authentications on 2025-05-27:\n")[1].split("\n\n")[0]
    assert [line.split("192.0.2.7")[0][6:].rstrip() for line in block.splitlines()] == [
        '""',
        '" bob"',
        '"null"',
        "null",
    ]


def test_no_failed_look_up_is_told_as_none():
    text = render(summary_of(tally([row(reverse_dns_status="Skipped")] * 4)))
    assert "reverse lookups on 2025-05-27: 0\nBreakdown by error type:\n  (none)\nNot asked: 4\n" in text


def test_a_zero_of_hours_read_in_part_says_so():
    assert "Total attempts on 2025-05-27: 0 in what was read\n" in render(summary_of(not_covered=GAPS))
    assert "Total attempts on 2025-05-27: 0\n" in render(summary_of())


def test_a_day_that_was_not_read_never_reads_as_zero():
    text = render(summary_of(nothing_read=True, not_covered=WHOLE_DAY))
    assert "Total attempts on 2025-05-27: not known" in text
    assert not re.search(r": 0\b", text)
    assert "2025-05-27 00:00 to 2025-05-28 00:00   (no run reached this day)" in text


def test_notices_of_detection_change_nothing():
    for name, summary in REPORTS.items():
        found = Finding("country", "notice", "BR", "BR tried 20 users.", 40, 20, 9)
        changed = summary._replace(findings=(found,), allowed=7, not_looked_for=("Bursts were not looked for.",))
        assert render(changed) == (DATA / f"{name}.txt").read_text(encoding="utf-8")


def test_findings_stand_behind_the_reverse_dns_summary():
    found = Finding("network", "warning", "203.0.113.0/24", "203.0.113.0/24 tried\n20 users.", 40, 20, 9)
    plain, text = (render(summary_of(known_numbers(), findings=findings)) for findings in ((), (found,)))
    block = "--- What detection found ---\n  warning:  203.0.113.0/24 tried 20 users.\n\n"
    assert text == plain.replace("Total CSV file size", f"{block}Total CSV file size")


def test_what_may_be_a_compromise_stands_directly_below_the_total():
    found = Finding("login", "critical", "kim@example.org", "kim@example.org logged in.", 31, 1, 1)
    summary = summary_of(known_numbers(), findings=(found,), allowed=6, not_looked_for=("Bursts were not looked for.",))
    lines = render(summary).splitlines()
    at = lines.index("Total attempts on 2025-05-27: 40")
    assert lines[at + 1 : at + 3] == [
        "CRITICAL: Possible compromise of kim@example.org; see 'What detection found'.",
        "",
    ]
    at = lines.index("--- What detection found ---")
    assert lines[at + 1 : at + 4] == [
        "  critical:  kim@example.org logged in.",
        "  * 6 attempts of allow-listed networks and users: counted above, in no finding.",
        "  * Bursts were not looked for.",
    ]


def test_logins_that_nobody_looked_at_yet_are_said_where_nothing_was_found():
    assert f"  nothing beyond the daily noise\n  * {NOT_YET}\n" in render(summary_of(not_looked_for=(NOT_YET,)))


def test_a_day_of_which_csvs_have_no_record_is_not_said_to_have_had_no_failure():
    summary = summary_of(trend_note="A CSV does not tell.")
    assert "\n\nThere is no record on 2025-05-27: nothing failed, or nothing was read.\n" in render(summary)
    assert "No login failed" not in render(summary)
    assert subject(summary).endswith(": no record on 2025-05-27")


def test_of_a_csv_it_is_always_said_what_was_not_looked_for():
    lines = render(summary_of(known_numbers(), not_looked_for=OF_A_CSV)).splitlines()
    at = lines.index("--- What detection found ---")
    assert lines[at + 1 : at + 5] == ["  nothing beyond the daily noise", *(f"  * {one}" for one in OF_A_CSV), ""]


def test_a_login_to_ask_about_stands_directly_below_the_total_too():
    found = tuple(
        Finding("login", severity, f"{user}@example.org", f"{user} logged in.", 31, 1, 1)
        for user, severity in (("kim", "critical"), ("bob", "warning"), ("al", "warning"))
    )
    lines = render(summary_of(known_numbers(), findings=found)).splitlines()
    at = lines.index("Total attempts on 2025-05-27: 40")
    assert lines[at + 1 : at + 4] == [
        "CRITICAL: Possible compromise of kim@example.org; see 'What detection found'.",
        "WARNING: Ask bob@example.org and al@example.org whether those logins were theirs; see 'What detection found'.",
        "",
    ]


def test_of_many_findings_the_first_are_shown_and_the_others_counted():
    many = tuple(Finding("bait", "warning", f"192.0.2.{n}", f"192.0.2.{n} tried it.", 1, 1, 1) for n in range(30))
    text = render(summary_of(known_numbers(), findings=many, more_findings=4))
    assert text.count("tried it.") == 20 and "  * 14 more findings did not fit here.\n" in text
