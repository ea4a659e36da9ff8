import pytest

from maillogsentinel.detect.finding import KINDS, SEVERITIES, Finding
from maillogsentinel.report.summary import Gap
from maillogsentinel.report.tally import tally
from maillogsentinel.report.trend import Comparison, Mean
from maillogsentinel.report.verdict import LEVELS, critical_line, doubtful_line, verdict

from .samples import row, summary_of

GAP = (Gap("2025-05-27 03:00", "2025-05-27 05:00", ""),)


def of(failures, usual=None, **values):
    """The verdict on a day with so many failures, where so many are usual."""
    if usual is not None:
        values["comparison"] = Comparison(failures, values.pop("until", None), Mean(7, usual), Mean(28, usual))
    return verdict(summary_of(tally([row()] * failures), **values))


def finding(kind="login", severity="critical", subject="kim@example.org", attempts=31, users=4, addresses=9):
    return Finding(kind, severity, subject, "A sentence.", attempts, users, addresses)


def test_a_day_that_nobody_read_is_not_known_and_never_quiet():
    found = of(0, nothing_read=True)
    assert found == ("unknown", "Nothing is known of what happened on 2025-05-27: nothing was read.")
    assert of(0, not_covered=GAP).level == "unknown"
    assert of(0, nothing_read=True, usual=100).level == "unknown"
    assert of(5, not_covered=GAP) == ("unknown", "5 failed logins in what was read, but not all was read.")


def test_a_day_whose_records_were_pruned_is_not_known_and_says_why():
    found = of(0, nothing_read=True, kept_since="2025-06-01", usual=100)
    why = "records of before 2025-06-01 are not kept"
    assert found == ("unknown", f"Nothing is known of what happened on 2025-05-27: {why}.")
    assert of(0, nothing_read=True, kept_since="2025-05-27").sentence.endswith(": nothing was read.")


def test_a_day_of_which_csvs_have_no_record_is_not_known():
    found = of(0, trend_note="A CSV does not tell.")
    assert found == ("unknown", "There is no record on 2025-05-27: nothing failed, or nothing was read.")
    assert of(3, trend_note="A CSV does not tell.").sentence.startswith("3 failed logins; ")


def test_a_day_without_a_failure_is_quiet():
    assert of(0) == ("quiet", "A quiet day: no login failed.")
    assert of(0, today=True).sentence == "A quiet day: no login failed so far."


def test_without_days_to_compare_with_nobody_knows_what_is_usual():
    assert of(12) == ("unknown", "12 failed logins; too few other days are known to say whether that is usual.")


@pytest.mark.parametrize(
    ("failures", "usual", "level"),
    [
        (100, 100, "usual"),
        (200, 100, "usual"),
        (201, 100, "more"),
        (12, 0, "usual"),  # little more than nothing is not unusual
        (20, 0, "more"),
        (25, 6, "usual"),
        (49, 100, "quiet"),
        (50, 100, "usual"),
        (1, 10, "usual"),
    ],
)
def test_more_than_twice_the_usual_is_more_and_less_than_half_is_quiet(failures, usual, level):
    assert of(failures, usual).level == level


def test_the_sentence_has_the_number_and_what_is_usual():
    assert of(972, 370.4).sentence == "More than usual: 972 failed logins, where 370 a day are usual."
    assert of(1, 1.25).sentence == "A day as usual: 1 failed login, where 1.2 a day are usual."
    today = of(90, 12, today=True, until=9)
    assert today.sentence == "More than usual: 90 failed logins so far, where 12 until 09:00 are usual."
    span = of(90, 80, first_day="2025-05-21")
    assert span.sentence == "A span as usual: 90 failed logins (90 a day), where 80 a day are usual."


def test_a_possible_compromise_comes_before_everything():
    findings = (finding(), finding("network", "warning", "203.0.113.0/24"))
    assert of(9000, 10, findings=findings) == ("critical", "Possible compromise of kim@example.org.")
    assert of(0, nothing_read=True, findings=findings).level == "critical"
    five = tuple(finding(subject=f"user{place}") for place in range(5))
    assert of(9, findings=five).sentence == "Possible compromise of user0, user1, user2 and 2 more."
    bait = (finding("bait", subject="192.0.2.7"),)
    assert of(9, findings=bait).sentence == "Somebody may be in: 192.0.2.7 (on a user that does not exist)."


def test_an_attack_says_who_attacks_whom():
    found = of(
        9,
        findings=(
            finding("network", "warning", "203.0.113.0/24", users=11),
            finding("distributed", "warning", "info@example.org", addresses=87),
            finding("burst", "notice", "2025-05-27 21:00"),
        ),
    )
    assert found == (
        "attack",
        "Under attack by the network 203.0.113.0/24 (on 11 users) and 87 addresses (on info@example.org).",
    )


def test_notices_alone_are_no_attack():
    assert of(100, 100, findings=(finding("country", "notice", "BR"),)).level == "usual"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_every_kind_of_finding_has_its_words_and_long_names_are_cut(kind, severity):
    found = of(9, findings=(finding(kind, severity, "x" * 3000),) * 5)
    assert found.level in LEVELS
    assert found.sentence.endswith(".") and found.sentence.count("\n") == 0
    assert len(found.sentence) < 500


def test_a_login_to_ask_about_is_said_before_any_attack():
    found = (finding("spraying", "warning", "192.0.2.7"), finding(severity="warning"))
    ask = "Ask kim@example.org whether that login was theirs."
    assert of(9, findings=found) == ("attack", f"{ask} Under attack by 192.0.2.7 (on 4 users).")
    assert of(9, findings=found[1:]).sentence == ask


def test_only_logins_above_notice_and_what_is_critical_have_a_line_below_the_total():
    doubtful = summary_of(findings=(finding(severity="warning"), finding("network", "warning", "203.0.113.0/24")))
    assert critical_line(doubtful) == ""
    assert doubtful_line(doubtful) == "Ask kim@example.org whether that login was theirs."
    assert (
        doubtful_line(summary_of(findings=(finding(), finding("burst", "warning"), finding(severity="notice")))) == ""
    )
    assert critical_line(summary_of(findings=(finding(),))) == "Possible compromise of kim@example.org."
