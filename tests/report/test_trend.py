from maillogsentinel.report.trend import FULL, NONE, PART, Comparison, Day, Mean, compare


def day(failures, coverage=FULL, hour=12):
    return Day("2025-05-01", tuple(failures if place == hour else 0 for place in range(24)), coverage)


def test_a_day_is_compared_with_the_last_seven_and_all_covered_days_before():
    before = [day(10)] * 21 + [day(20)] * 7
    assert compare([day(60)], before) == Comparison(60, None, Mean(7, 20), Mean(28, 12.5))
    assert compare([day(60)], before).factor == 60 / 12.5


def test_days_that_were_not_read_whole_are_in_no_mean():
    before = [day(10)] * 7 + [day(0, NONE)] * 10 + [day(900, PART)] * 3
    assert compare([day(60)], before) == Comparison(60, None, Mean(7, 10), Mean(7, 10))


def test_fewer_than_seven_covered_days_are_no_comparison():
    assert compare([day(60)], [day(10)] * 6 + [day(0, NONE)] * 22) is None
    assert compare([day(60)], []) is None


def test_a_day_that_was_not_read_whole_is_not_compared():
    assert compare([day(60, PART)], [day(10)] * 28) is None
    assert compare([day(0, NONE)], [day(10)] * 28) is None


def test_of_a_day_that_is_not_over_only_its_hours_until_then_are_compared():
    before = [day(10, hour=3)] * 14 + [day(90, hour=20)] * 14
    found = compare([day(25, hour=3)], before, until=9)
    assert found == Comparison(25, 9, Mean(7, 0), Mean(28, 5))
    assert compare([day(25, hour=3)], before, until=0) is None


def test_of_a_span_the_mean_of_its_covered_days_is_compared():
    found = compare([day(10), day(30), day(0, NONE)], [day(10)] * 28)
    assert (found.failures, found.factor) == (20, 2)


def test_nothing_before_has_no_factor():
    assert compare([day(10)], [day(0)] * 28).factor is None
