import pytest

from maillogsentinel.report.summary import Gap, interval_of
from maillogsentinel.report.tally import tally

from .samples import row, summary_of

SHIPPED = (
    "# Jobs of MailLogSentinel; 5 * * * * root maillogsentinel extract would be a line\n"
    "SHELL=/bin/sh\n"
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
    "\n"
    "{time} maillogsentinel [ ! -x /usr/bin/maillogsentinel ] || nice ionice -c 3 /usr/bin/maillogsentinel extract\n"
    "7 0 * * * maillogsentinel [ ! -x /usr/bin/maillogsentinel ] || /usr/bin/maillogsentinel report --due\n"
    "30 4 * * 1 maillogsentinel [ ! -x /usr/bin/maillogsentinel ] || /usr/bin/maillogsentinel ipinfo --update\n"
)


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("7 * * * *", "hourly"),
        ("@hourly", "hourly"),
        ("*/60 * * * *", "hourly"),
        ("*/5 * * * *", "every 5 minutes"),
        ("0,30 * * * *", "every 30 minutes"),
        ("10,25,40,55 * * * *", "every 15 minutes"),
        ("7-59/10 * * * *", "every 10 minutes"),
        ("0-59 * * * *", "every minute"),
        ("* * * * *", "every minute"),
        ("0 */2 * * *", "every 2 hours"),
        ("7 1,7,13,19 * * *", "every 6 hours"),
        ("15 3 * * *", "daily"),
        ("@daily", "daily"),
        ("@midnight", "daily"),
        ("@reboot", "at boot"),
        ("*/7 * * * *", "*/7 * * * *"),
        ("0,10 * * * *", "0,10 * * * *"),
        ("0 8-18 * * *", "0 8-18 * * *"),
        ("*/5 */2 * * *", "*/5 */2 * * *"),
        ("0  3   * * 1-5", "0 3 * * 1-5"),
        ("0 3 1 * *", "0 3 1 * *"),
        ("0 3 * jan *", "0 3 * jan *"),
        ("61 * * * *", "61 * * * *"),
        ("*/0 * * * *", "*/0 * * * *"),
        ("50-10 * * * *", "50-10 * * * *"),
        ("5/10 * * * *", "5/10 * * * *"),
        ("0,, * * * *", "0,, * * * *"),
    ],
)
def test_the_interval_is_read_from_the_line_that_extracts(time, said):
    assert interval_of(SHIPPED.format(time=time)) == said


@pytest.mark.parametrize(
    "command",
    [
        "maillogsentinel extract",
        "/usr/bin/maillogsentinel extract",
        "/usr/bin/maillogsentinel --config /etc/other.conf -q extract --offline",
        "/usr/bin/maillogsentinel --config=/etc/other.conf extract >/dev/null 2>&1",
        "/usr/bin/maillogsentinel",
        "/usr/bin/maillogsentinel -q >> /tmp/log",
        "test -x /usr/bin/maillogsentinel && /usr/bin/maillogsentinel extract",
        "cd /tmp; python3 -m maillogsentinel extract",
        "( sleep 5; maillogsentinel extract )",
    ],
)
def test_a_command_that_extracts_is_known_in_many_forms(command):
    assert interval_of(f"  3 * * * *\troot\t{command}\n") == "hourly"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "# 7 * * * * root maillogsentinel extract\n",
        "MAILTO=maillogsentinel extract\n",
        "7 * * * * root maillogsentinel report --due\n",
        "7 * * * * root maillogsentinel --report\n",
        "7 * * * * maillogsentinel /bin/true extract\n",
        "7 * * * * root [ ! -x /usr/bin/maillogsentinel ] || true\n",
        "7 * * * * root test -x /usr/bin/maillogsentinel && true\n",
        "7 * * * * root\n",
        "7 * * *\n",
        "\x1b[2J 7 * * * root maillogsentinel extract\n",
    ],
)
def test_without_a_line_that_extracts_nothing_is_scheduled(text):
    assert interval_of(text) == "not scheduled"


def test_two_lines_that_extract_are_both_told():
    text = "7 * * * * root maillogsentinel extract\n15 3 * * * root maillogsentinel extract\n"
    assert interval_of(text) == "hourly and daily"


def test_headings_say_the_days_that_are_covered():
    assert summary_of().when == "on 2025-05-27"
    assert summary_of(today=True).when == "today"
    assert summary_of(today=True).dates == "on 2025-05-27"
    span = {"first_day": "2025-05-20"}
    assert summary_of(**span).when == summary_of(today=True, **span).when == "from 2025-05-20 to 2025-05-27"


def test_the_coverage_tells_a_quiet_day_from_one_that_nobody_read():
    gaps = (Gap("2025-05-27 03:00", "2025-05-27 05:00", ""),)
    assert summary_of().coverage == "full"
    assert summary_of(not_covered=gaps).coverage == "part"
    assert summary_of(nothing_read=True, not_covered=gaps).coverage == "none"
    assert summary_of(tally([row()]), nothing_read=True).coverage == "part"
