"""Every stamp becomes one moment, whatever the machine's zone and the year that the line leaves out."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from maillogsentinel.parse.header import header, stamp_at
from maillogsentinel.parse.stamp import Clock, fraction, latest, local

BEHIND = b"mx postfix/smtpd[321]: warning: x"
MAY = "2025-05-20 12:00:00"


def utc(text, offset=0.0):
    """UTC microseconds of ``2025-05-17 11:13:00[.ffffff]`` in a zone so many hours ahead."""
    moment = datetime.fromisoformat(text).replace(tzinfo=timezone(timedelta(hours=offset)))
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def read_at(reference, stamp):
    found = header(stamp + BEHIND, Clock(utc(reference)))
    assert found is None or (found.host, found.program, found.pid) == (b"mx", b"postfix/smtpd", 321), found
    return found.stamp if found else None


ZONES = {"UTC": 0, "Europe/Paris": 2, "America/New_York": -4, "Asia/Kathmandu": 5.75, "Australia/Lord_Howe": 10.5}


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize(
    "form",
    [
        b"May 17 11:13:00 ",
        b"May 17 11:13:00: ",
        b"2025 May 17 11:13:00 ",
        b"May 17 2025 11:13:00 ",
        b"<20>May 17 11:13:00 ",
        b"May 17 11:13:00 <2.4> ",
        b"May 17 11:13:00 <mail.warn> ",
        b"2025-05-17T11:13:00 ",
        b"2025-05-17 11:13:00 ",
        b"Sat 2025-05-17 11:13:00 CEST ",
        b"Sat 2025-05-17 11:13:00 AEDT ",
        b"mailserver-1  | May 17 11:13:00 ",
    ],
)
def test_a_stamp_without_an_offset_is_the_machines_own_time(zone, name, form):
    zone(name)
    assert read_at(MAY, form) == utc("2025-05-17 11:13:00", ZONES[name])


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize(
    ("form", "moment"),
    [
        (b"2025-05-17T11:13:00Z ", "2025-05-17 11:13:00"),
        (b"2025-05-17T11:13:00+02:00 ", "2025-05-17 09:13:00"),
        (b"2025-05-17T11:13:00+0200 ", "2025-05-17 09:13:00"),
        (b"2025-05-17T11:13:00-03:30 ", "2025-05-17 14:43:00"),
        (b"2025-05-17T11:13:00.5+05:45 ", "2025-05-17 05:28:00.500000"),
        (b"2025-05-17T00:13:00.000001+02:00 ", "2025-05-16 22:13:00.000001"),
        (b"2025-05-17T11:13:00.123456789Z ", "2025-05-17 11:13:00.123456"),
        (b"2025-05-17T11:13:00,123Z ", "2025-05-17 11:13:00.123000"),
        (b"2025-05-17 11:13:00 +0200 ", "2025-05-17 09:13:00"),
        (b"2025-05-17 11:13:00 UTC ", "2025-05-17 11:13:00"),
        (b"Sat 2025-05-17 11:13:00 UTC ", "2025-05-17 11:13:00"),
        (b"Sat 2025-05-17 11:13:00.123456 GMT ", "2025-05-17 11:13:00.123456"),
        (b"Sat 2025-05-17 11:13:00 +03 ", "2025-05-17 08:13:00"),
        (b"Sat 2025-05-17 11:13:00 -03 ", "2025-05-17 14:13:00"),
        (b"1747480380.123456 ", "2025-05-17 11:13:00.123456"),
        (b"<20>2025-05-17T11:13:00.206955+00:00 ", "2025-05-17 11:13:00.206955"),
        (b"2025-12-31T23:59:60Z ", "2026-01-01 00:00:00"),
        (b"1970-01-01T00:00:00+02:00 ", "1969-12-31 22:00:00"),
    ],
)
def test_a_stamp_with_an_offset_is_the_same_in_every_zone(zone, name, form, moment):
    zone(name)
    assert read_at(MAY, form) == utc(moment)


@pytest.mark.parametrize(
    ("form", "moment"),
    [
        (b"May  7 01:02:03 ", "2025-05-07 01:02:03"),
        (b"May 7 01:02:03 ", "2025-05-07 01:02:03"),
        (b"May 07 01:02:03 ", "2025-05-07 01:02:03"),
        (b"May 17 11:13:00.123456 ", "2025-05-17 11:13:00.123456"),
        (b"May 17 23:59:60 ", "2025-05-18 00:00:00"),
    ],
)
def test_the_day_may_be_padded_by_a_blank_a_zero_or_nothing(zone, form, moment):
    zone("UTC")
    assert read_at(MAY, form) == utc(moment)


@pytest.mark.parametrize(
    ("reference", "form", "moment"),
    [
        ("2026-01-02 03:00:00", b"Dec 31 23:59:59 ", "2025-12-31 23:59:59"),
        ("2026-01-02 03:00:00", b"Jan  2 02:59:59 ", "2026-01-02 02:59:59"),
        ("2026-01-02 03:00:00", b"Jan  3 03:00:00 ", "2026-01-03 03:00:00"),  # a day ahead, and no more
        ("2026-01-02 03:00:00", b"Jan  3 03:00:01 ", "2025-01-03 03:00:01"),
        ("2025-12-31 23:30:00", b"Jan  1 00:10:00 ", "2026-01-01 00:10:00"),
        ("2025-12-31 23:30:00", b"Jan  1 23:31:00 ", "2025-01-01 23:31:00"),
        ("2025-05-20 12:00:00", b"Feb 29 11:13:00 ", "2024-02-29 11:13:00"),
        ("2024-02-28 23:00:00", b"Feb 29 00:13:00 ", "2024-02-29 00:13:00"),
        ("2103-05-20 12:00:00", b"Feb 29 11:13:00 ", "2096-02-29 11:13:00"),
        ("2025-05-20 12:00:00", b"May 21 11:59:59 ", "2025-05-21 11:59:59"),
    ],
)
def test_a_missing_year_is_the_latest_that_is_not_a_day_ahead(zone, reference, form, moment):
    zone("UTC")
    assert read_at(reference, form) == utc(moment)


def test_the_year_is_that_of_the_machines_zone(zone):
    zone("Pacific/Auckland")
    # New Year's morning in Auckland, the last day of the year in UTC.
    assert read_at("2025-12-31 12:00:00", b"Jan  1 00:30:00 ") == utc("2025-12-31 11:30:00")
    zone("America/New_York")
    assert read_at("2026-01-01 01:00:00", b"Dec 31 19:59:00 ") == utc("2026-01-01 00:59:00")


@pytest.mark.parametrize(
    ("name", "reference", "local_time", "moment"),
    [
        ("Europe/Paris", "2025-03-31 00:00:00", b"Mar 30 01:59:59", "2025-03-30 00:59:59"),
        ("Europe/Paris", "2025-03-31 00:00:00", b"Mar 30 02:30:00", "2025-03-30 01:30:00"),  # no clock showed it
        ("Europe/Paris", "2025-03-31 00:00:00", b"Mar 30 03:00:00", "2025-03-30 01:00:00"),
        ("Europe/Paris", "2025-10-27 00:00:00", b"Oct 26 01:59:59", "2025-10-25 23:59:59"),
        ("Europe/Paris", "2025-10-27 00:00:00", b"Oct 26 02:30:00", "2025-10-26 00:30:00"),  # the first of two
        ("Europe/Paris", "2025-10-27 00:00:00", b"Oct 26 03:00:00", "2025-10-26 02:00:00"),
        ("Australia/Lord_Howe", "2025-04-07 00:00:00", b"Apr  6 01:29:59", "2025-04-05 14:29:59"),
        ("Australia/Lord_Howe", "2025-04-07 00:00:00", b"Apr  6 01:45:00", "2025-04-05 14:45:00"),
        ("Australia/Lord_Howe", "2025-04-07 00:00:00", b"Apr  6 02:00:00", "2025-04-05 15:30:00"),
        ("Australia/Lord_Howe", "2025-10-06 00:00:00", b"Oct  5 01:59:59", "2025-10-04 15:29:59"),
        ("Australia/Lord_Howe", "2025-10-06 00:00:00", b"Oct  5 02:15:00", "2025-10-04 15:45:00"),
        ("Australia/Lord_Howe", "2025-10-06 00:00:00", b"Oct  5 02:30:00", "2025-10-04 15:30:00"),
        ("Australia/Lord_Howe", "2025-10-06 00:00:00", b"Oct  5 02:59:59", "2025-10-04 15:59:59"),
    ],
)
@pytest.mark.parametrize("asked_before", [b"", b"Jan 15 12:00:00", b"Jul 15 12:00:00"])
def test_hours_in_which_clocks_change_do_not_depend_on_what_was_read_before(
    zone, name, reference, local_time, moment, asked_before
):
    zone(name)
    clock = Clock(utc(reference))
    if asked_before:
        stamp_at(asked_before + b" ", clock)
    assert stamp_at(local_time + b" ", clock)[0] == utc(moment)
    # The hour's cache, which the common form goes through, says the same.
    hour, minute, second = local_time.split(b":")
    assert clock.bsd(hour, minute, second) == utc(moment)


@pytest.mark.parametrize(
    "form",
    [
        b"Feb 30 11:13:00 ",
        b"May 00 11:13:00 ",
        b"May 32 11:13:00 ",
        b"Mai 17 11:13:00 ",
        b"May 17 24:00:00 ",
        b"May 17 11:60:00 ",
        b"May 17 11:13:61 ",
        b"2025-02-29T11:13:00Z ",
        b"2025-13-01T11:13:00Z ",
        b"2025-05-17T24:13:00Z ",
        b"2025-05-17T29:13:00+00:00 ",
        b"2025-05-17T11:60:00Z ",
        b"2025-05-17T11:13:61Z ",
        b"2025-05-17T11:13:65+00:00 ",
        b"2025-05-17T11:13:00+24:00 ",
        b"2025-05-17T11:13:00+01:60 ",
        b"1969-05-17T11:13:00Z ",
        b"9999-05-17T11:13:00Z ",
        b"0000-00-00T00:00:00 ",
        b"9001 May 17 11:13:00 ",
        b"",
    ],
)
def test_what_no_calendar_has_is_no_stamp(zone, form):
    zone("UTC")
    assert read_at(MAY, form) is None
    line = form + BEHIND + b"[192.0.2.7]: SASL PLAIN authentication failed: x"
    from maillogsentinel.parse.postfix import NO_HEADER, read

    assert read(line, Clock(utc(MAY))) == NO_HEADER


def test_a_year_before_1970_is_no_stamp_even_where_the_reference_leads_there(zone):
    zone("UTC")
    assert stamp_at(b"Jan  2 00:00:00 ", Clock(0))[0] == utc("1970-01-02 00:00:00")
    with pytest.raises(ValueError, match="no such"):
        stamp_at(b"Jan  2 00:00:01 ", Clock(0))


@pytest.mark.parametrize("name", ["UTC", "Europe/Paris", "Australia/Lord_Howe", "America/St_Johns", "Africa/Cairo"])
def test_the_hours_cache_never_says_anything_else_than_a_single_look(zone, name):
    zone(name)
    reference = utc("2025-12-31 23:00:00")
    cached = Clock(reference)
    at = datetime(2025, 1, 1)
    while at.year == 2025:
        text = at.strftime("%b %e %H:%M:%S").encode()
        hour, minute, second = text.split(b":")
        single = Clock(reference).yearless(at.month, at.day, at.hour, at.minute, at.second)
        assert cached.bsd(hour, minute, second) == single, text
        at += timedelta(minutes=97, seconds=11)


@pytest.mark.parametrize(("digits", "expected"), [(None, 0), (b"", 0), (b"5", 500_000), (b"123456789", 123_456)])
def test_fractions_are_microseconds(digits, expected):
    assert fraction(digits) == expected


def test_local_time_of_year_bounds(zone):
    zone("UTC")
    assert local(1970, 1, 1, 0, 0, 0) == 0
    assert local(9000, 12, 31, 23, 59, 60) == utc("9001-01-01 00:00:00")
    for year in (1969, 9001):
        with pytest.raises(ValueError, match="no such year"):
            local(year, 1, 1, 0, 0, 0)


def test_the_latest_moment_is_the_mtime_unless_no_line_can_be_of_that_time():
    present = 1_795_000_000_000_000
    assert latest(present - 5, present) == present - 5
    assert latest(present + 5, present) == present, "a file from the future"
    assert latest(0, present) == latest(86_400_000_000, present) == present, "a host that began without a clock"
