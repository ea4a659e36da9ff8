"""Dates as people read them, in any zone, and the days that reports cover."""

from datetime import date, datetime, timedelta, timezone

import pytest

from maillogsentinel.localtime import SECOND, LocalTime, now, parse_day

DAY = 86_400 * SECOND


def utc(text):
    """UTC microseconds of ``2025-05-17 11:13:00``."""
    return int(datetime.fromisoformat(text + "+00:00").timestamp()) * SECOND


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("UTC", "2025-05-17 22:59"),
        ("Europe/Paris", "2025-05-18 00:59"),
        ("America/New_York", "2025-05-17 18:59"),
        ("Asia/Kathmandu", "2025-05-18 04:44"),
        ("Australia/Lord_Howe", "2025-05-18 09:29"),
    ],
)
def test_a_date_is_written_in_the_configured_zone_and_in_the_machines_without_one(zone, name, text):
    stamp = utc("2025-05-17 22:59:58") + 999_999
    zone("Pacific/Auckland")
    assert LocalTime(name).text(stamp) == text
    assert LocalTime(name, seconds=True).text(stamp) == text + ":58"
    zone(name)
    assert LocalTime("").text(stamp) == text
    assert LocalTime("", seconds=True).text(stamp) == text + ":58"


def test_dates_cross_years_and_leap_days():
    times = LocalTime("UTC", seconds=True)
    assert times.text(utc("2024-02-29 23:59:59")) == "2024-02-29 23:59:59"
    assert times.text(utc("2024-12-31 23:59:59") + SECOND) == "2025-01-01 00:00:00"
    assert times.text(-1) == "1969-12-31 23:59:59"
    assert times.text(utc("9000-12-31 00:00:00")) == "9000-12-31 00:00:00"


def test_more_minutes_than_are_remembered_are_written_all_the_same():
    times = LocalTime("Europe/Paris")
    start = utc("2025-03-20 00:00:00")
    paris = [(utc("2025-03-30 01:00:00"), 2), (0, 1)]
    for number in range(25_000):
        stamp = start + number * 60 * SECOND
        hours = next(hours for since, hours in paris if stamp >= since)
        wanted = datetime.fromtimestamp(stamp / SECOND, timezone(timedelta(hours=hours)))
        assert times.text(stamp) == wanted.isoformat(" ", "minutes")[:16]


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize(
    ("name", "day", "start", "hours"),
    [
        ("UTC", date(2025, 5, 17), "2025-05-17 00:00:00", 24),
        ("Europe/Paris", date(2025, 3, 30), "2025-03-29 23:00:00", 23),
        ("Europe/Paris", date(2025, 10, 26), "2025-10-25 22:00:00", 25),
        ("Australia/Lord_Howe", date(2025, 4, 6), "2025-04-05 13:00:00", 24.5),
        ("Australia/Lord_Howe", date(2025, 10, 5), "2025-10-04 13:30:00", 23.5),
        ("America/Havana", date(2025, 3, 9), "2025-03-09 05:00:00", 23),  # there is no midnight
        ("America/Havana", date(2025, 11, 2), "2025-11-02 04:00:00", 25),  # there are two
        ("Asia/Beirut", date(2024, 3, 31), "2024-03-30 22:00:00", 23),
    ],
)
def test_a_day_begins_when_its_first_minute_does(zone, name, day, start, hours, configured):
    zone("Pacific/Auckland" if configured else name)
    times = LocalTime(name if configured else "")
    assert times.start(day) == utc(start)
    begin, end = times.span(day, day)
    assert (end - begin) / SECOND / 3600 == hours
    assert times.text(begin)[:10] == day.isoformat()
    assert times.text(begin - 1)[:10] == (day - timedelta(days=1)).isoformat()
    assert times.today(begin) == day
    assert times.today(end - 1) == day
    assert times.today(end) == day + timedelta(days=1)


def test_days_follow_each_other_without_a_gap():
    times = LocalTime("America/Sao_Paulo")
    first = date(2018, 1, 1)
    for number in range(800):
        day = first + timedelta(days=number)
        assert times.span(day, day)[1] == times.start(day + timedelta(days=1))
        assert times.today(times.start(day)) == day


def test_now_is_the_present():
    before = datetime.now().timestamp()
    assert before * SECOND - SECOND <= now() <= datetime.now().timestamp() * SECOND + SECOND


def test_a_day_is_read_in_one_form_only():
    assert parse_day("2024-02-29") == date(2024, 2, 29)
    assert parse_day("1970-01-01") == date(1970, 1, 1)


@pytest.mark.parametrize(
    "text",
    ["2025-02-29", "2025-13-01", "2025-00-01", "20250517", "2025-5-17", "2025-05-17 ", "2025-W01-1", "17.05.2025", "",
     "0001-01-01", "1969-12-31", "9999-12-31", "２０２５-05-17", "2025-05-1x", "tomorrow", "2025-05-17T00:00"],
)  # fmt: skip
def test_what_is_no_day_is_refused_with_the_form_that_is(text):
    with pytest.raises(ValueError, match="YYYY-MM-DD") as caught:
        parse_day(text)
    assert repr(text) in str(caught.value)


def test_every_day_that_is_read_can_be_covered():
    for zone_name in ("Pacific/Kiritimati", "Etc/GMT+12"):
        times = LocalTime(zone_name)
        for text in ("1970-01-01", "9000-12-31"):
            begin, end = times.span(parse_day(text), parse_day(text))
            assert end - begin == DAY
