"""What a schedule means and which ones are refused. Daylight saving time beyond examples: test_schedule_zones.py."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import process_time

import pytest

from lastseen.core.schedule import (
    Cron,
    OnCalendar,
    Period,
    Schedule,
    ScheduleError,
    next_due,
    validated,
)
from lastseen.core.zones import zone

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NEW_YORK = "America/New_York"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dues(schedule: Schedule, after: str, count: int) -> list[str]:
    found: list[str] = []
    moment: datetime | None = utc(after)
    for _ in range(count):
        assert moment is not None
        moment = next_due(schedule, moment)
        found.append(f"{moment:%Y-%m-%d %H:%M:%S}")
    return found


# Meaning


def test_a_period_counts_from_the_last_ping_to_the_microsecond() -> None:
    after = utc("2026-11-24 12:00:00.123456")
    assert next_due(Period(timedelta(hours=1)), after) == utc("2026-11-24 13:00:00.123456")


def test_a_period_is_real_time_across_a_change() -> None:
    before = datetime(2026, 3, 29, 1, 30, tzinfo=zone("Europe/Berlin"))
    assert next_due(Period(timedelta(hours=1)), before) == utc("2026-03-29 01:30")  # 03:30 in Berlin


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("* * * * *", "2026-11-24 12:01"),
        ("0 12 * * *", "2026-11-25 12:00"),
        ("*/20 * * * *", "2026-11-24 12:20"),
        ("30 8-10,14 * * mon-fri", "2026-11-24 14:30"),
        ("0 0 L * *", "2026-11-30 00:00"),
        ("0 0 LW 1 *", "2027-01-29 00:00"),
        ("0 0 * * 5L", "2026-11-27 00:00"),
        ("0 0 * * MON#2", "2026-12-14 00:00"),
        ("0 0 * * 7", "2026-11-29 00:00"),
        ("0 0 13 * 5", "2026-11-27 00:00"),  # the 13th or a Friday
        ("0 0 */2 * 5", "2026-11-27 00:00"),  # an odd day and a Friday
        ("0 0 29 2 */7", "2032-02-29 00:00"),  # 29 February and a Sunday
    ],
)
def test_cron_is_due_at_its_next_match(expression: str, due: str) -> None:
    assert next_due(Cron(expression), NOW) == utc(due)


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("daily", "2026-11-25 00:00"),
        ("quarterly", "2027-01-01 00:00"),
        ("Mon..Fri 08:00", "2026-11-25 08:00"),
        ("*-*~1 18:00", "2026-11-30 18:00"),
        ("12:00:30", "2026-11-24 12:00:30"),
        ("*:0/15", "2026-11-24 12:15"),
        ("13:00 Europe/Kyiv", "2026-11-25 11:00"),
        ("2027-05-01", "2027-05-01 00:00"),
        ("16:00 Asia/Tokyo\n13:30 America/New_York\n2020-01-01", "2026-11-24 18:30"),
    ],
)
def test_oncalendar_is_due_at_the_next_match_of_any_line(expression: str, due: str) -> None:
    assert next_due(OnCalendar(expression), NOW) == utc(due)


def test_cron_lines_are_due_at_the_next_match_of_any_of_them() -> None:
    twice = Cron("0 12 * * *\n30 17 * * *")
    assert dues(twice, "2026-11-24 12:00", 3) == ["2026-11-24 17:30:00", "2026-11-25 12:00:00", "2026-11-25 17:30:00"]


def test_six_fields_of_cron_begin_with_seconds() -> None:
    assert dues(Cron("*/20 59 23 * * *"), "2026-11-24 23:59:10", 3) == [
        "2026-11-24 23:59:20",
        "2026-11-24 23:59:40",
        "2026-11-25 23:59:00",
    ]
    gap = Cron("30 30 2 * * *", NEW_YORK)
    assert dues(gap, "2027-03-13 12:00", 2) == ["2027-03-14 07:00:00", "2027-03-15 06:30:30"]


def test_a_moment_at_a_cron_time_does_not_count_for_it_and_one_just_before_does() -> None:
    hourly = Cron("0 * * * *")
    assert next_due(hourly, utc("2026-11-24 12:00:00")) == utc("2026-11-24 13:00")
    assert next_due(hourly, utc("2026-11-24 11:59:59.999999")) == utc("2026-11-24 12:00")
    assert next_due(hourly, utc("2026-11-24 12:00:00.000001")) == utc("2026-11-24 13:00")


def test_a_zone_moves_the_time_and_the_answer_is_utc_whatever_zone_was_asked_in() -> None:
    morning = Cron("0 9 * * *", "Asia/Kolkata")
    for name in ("UTC", "Pacific/Chatham", NEW_YORK):
        due = next_due(morning, NOW.astimezone(zone(name)))
        assert due == utc("2026-11-25 03:30")
        assert due.tzinfo is UTC


def test_grace_added_to_a_due_time_is_real_time_across_a_change() -> None:
    due = next_due(Cron("30 1 * * *", "Europe/Berlin"), utc("2026-03-28 12:00"))
    assert due is not None
    assert due + timedelta(hours=1) == datetime(2026, 3, 29, 3, 30, tzinfo=zone("Europe/Berlin"))


def test_an_oncalendar_whose_years_are_over_is_never_due_again() -> None:
    assert next_due(OnCalendar("2026-11-24 12:00"), NOW) is None
    assert next_due(OnCalendar("2026-11-24 12:00:01"), NOW) == utc("2026-11-24 12:00:01")


def test_a_moment_without_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="aware"):
        next_due(Period(timedelta(hours=1)), NOW.replace(tzinfo=None))


# When the clocks change: the rules by example


def test_a_fixed_time_that_the_clocks_skip_is_due_at_the_end_of_the_gap() -> None:
    assert dues(Cron("30 2 * * *", NEW_YORK), "2027-03-13 12:00", 2) == ["2027-03-14 07:00:00", "2027-03-15 06:30:00"]


def test_a_fixed_time_that_the_clocks_skip_is_not_due_where_the_scheduler_skips_it_too() -> None:
    kubernetes = Cron("30 2 * * *", NEW_YORK, "skip")
    assert dues(kubernetes, "2027-03-13 06:00", 2) == ["2027-03-13 07:30:00", "2027-03-15 06:30:00"]
    assert dues(Cron("0,30 2,3 * * *", NEW_YORK, "skip"), "2027-03-13 12:00", 3) == [
        "2027-03-14 07:00:00",
        "2027-03-14 07:30:00",
        "2027-03-15 06:00:00",
    ]
    assert dues(Cron("30 1 * * *", NEW_YORK, "skip"), "2026-10-31 12:00", 2) == [
        "2026-11-01 05:30:00",
        "2026-11-02 06:30:00",
    ]


def test_fixed_times_that_fall_together_at_the_end_of_the_gap_are_due_once() -> None:
    twice = Cron("0,30 2,3 * * *", NEW_YORK)
    assert dues(twice, "2027-03-13 12:00", 3) == ["2027-03-14 07:00:00", "2027-03-14 07:30:00", "2027-03-15 06:00:00"]


def test_a_fixed_time_that_the_clocks_show_twice_is_due_the_first_time() -> None:
    assert dues(Cron("30 1 * * *", NEW_YORK), "2026-10-31 12:00", 2) == ["2026-11-01 05:30:00", "2026-11-02 06:30:00"]


@pytest.mark.parametrize("schedule", [Cron("30 1 * * *", NEW_YORK), OnCalendar("01:30", NEW_YORK)])
def test_a_ping_during_the_repeated_hour_never_gets_a_due_time_in_the_past(schedule: Schedule) -> None:
    assert dues(schedule, "2026-11-01 06:10", 1) == ["2026-11-02 06:30:00"]  # 01:10 for the second time


def test_a_walking_expression_skips_what_the_clocks_skip() -> None:
    skipped = Cron("*/30 2 * * *", NEW_YORK)
    assert dues(skipped, "2027-03-13 12:00", 2) == ["2027-03-15 06:00:00", "2027-03-15 06:30:00"]


def test_a_walking_expression_is_due_each_time_the_clocks_show_it() -> None:
    assert dues(Cron("*/30 1 * * *", NEW_YORK), "2026-10-31 12:00", 4) == [
        "2026-11-01 05:00:00",
        "2026-11-01 05:30:00",
        "2026-11-01 06:00:00",
        "2026-11-01 06:30:00",
    ]


def test_a_walking_expression_of_one_day_a_year_is_due_in_the_repeated_hour_and_not_only_a_year_later() -> None:
    yearly = Cron("*/30 2 25 10 *", "Europe/Berlin")
    assert dues(yearly, "2026-10-25 00:45", 3) == ["2026-10-25 01:00:00", "2026-10-25 01:30:00", "2027-10-25 00:00:00"]


def test_a_walking_expression_loses_nothing_when_the_clocks_go_back_by_half_an_hour() -> None:
    assert dues(Cron("*/15 2 * * *", "Australia/Lord_Howe"), "2026-04-04 14:40", 2) == [
        "2026-04-04 15:30:00",  # 02:00 became 01:30 at 15:00
        "2026-04-04 15:45:00",
    ]


def test_a_walking_expression_at_a_midnight_that_is_skipped_waits_for_the_next_one() -> None:
    midnight = Cron("*/30 0 * * *", "America/Havana")
    assert dues(midnight, "2025-03-08 12:00", 1) == ["2025-03-10 04:00:00"]


def test_oncalendar_skips_what_the_clocks_skip_and_takes_the_first_of_two() -> None:
    assert dues(OnCalendar("02:30", NEW_YORK), "2027-03-13 12:00", 1) == ["2027-03-15 06:30:00"]
    assert dues(OnCalendar("01:30", NEW_YORK), "2026-10-31 12:00", 2) == ["2026-11-01 05:30:00", "2026-11-02 06:30:00"]


# Reading and refusing


@pytest.mark.parametrize("period", [timedelta(seconds=60), timedelta(days=365)])
def test_periods_from_a_minute_to_a_year_are_taken(period: timedelta) -> None:
    assert validated(Period(period), after=NOW) == Period(period)


@pytest.mark.parametrize("period", [timedelta(seconds=59), timedelta(days=365, seconds=1), timedelta(0), timedelta(-1)])
def test_periods_out_of_bounds_are_refused_with_the_bounds(period: timedelta) -> None:
    with pytest.raises(ScheduleError, match="use 60 seconds to 365 days"):
        validated(Period(period), after=NOW)


@pytest.mark.parametrize(
    ("schedule", "mend"),
    [
        (Cron("61 * * * *"), "bad minute: use 0 to 59"),
        (Cron("* 24 * * *"), "bad hour: use 0 to 23"),
        (Cron("0 0 31 2 *"), "bad day-of-month: use 1 to 31 and no more than its months have"),
        (Cron("0 0 * FOO *"), "bad month: use 1 to 12 or JAN to DEC"),
        (Cron("0 0 * * MON#6"), "bad day-of-week: use 0 to 7"),
        (Cron("0 0 * * * * *"), "has 7 fields: write minute hour"),
        (Cron("60 0 0 * * *"), "bad second: use 0 to 59"),
        (Cron("0 0 * * *\n0 24 * * *"), "bad hour: use 0 to 23"),
        (Cron("@daily"), "has 1 fields: write minute hour"),
        (OnCalendar("@daily"), "cannot be read: bad day-of-week. Write it as in Mon..Fri"),
        (OnCalendar("25:00"), "bad hour"),
        (OnCalendar("daily\n*-02-30"), "'*-02-30' is never due in UTC: there is no such time"),
        (OnCalendar("2020-01-01"), "has no time after 2026-11-24: change its year"),
        (OnCalendar(" \n "), "empty"),
        (Cron("0 0 * * *", "Europe/Berln"), "Did you mean Europe/Berlin?"),
        (OnCalendar("12:00 berlin"), "Did you mean Europe/Berlin?"),
        (OnCalendar("12:00 right/UTC"), "Unknown time zone 'right/UTC'"),
        (OnCalendar("12:00 Europe"), "Unknown time zone 'Europe'"),
        (Cron("0 0 * * *", "../../etc/passwd"), "Unknown time zone"),
        (Cron("0 0 * * *", "UTC\0"), "Unknown time zone"),
        (Cron("0 0 * * *", "x" * 5000), "at most 64 characters"),
        (Cron("0 " * 51), "has 102 characters: at most 100"),
        (Cron("0 0 * * \0"), r"'\x00': write it in plain ASCII"),
        (Cron("\u0660 0 * * *"), r"'\u0660': write it in plain ASCII"),
        (OnCalendar("daily\v"), r"'\x0b': write it in plain ASCII"),
    ],
)
def test_a_refused_schedule_says_what_is_wrong_and_how_to_mend_it(schedule: Schedule, mend: str) -> None:
    with pytest.raises(ScheduleError) as refusal:
        validated(schedule, after=NOW)
    assert mend in str(refusal.value)


NEVER_IN_NEW_YORK = [
    Cron("30 2 * 3 SUN#2", NEW_YORK, "skip"),
    Cron("*/15 2 * 3 SUN#2", NEW_YORK),
    OnCalendar("Sun *-3-8..14 02:*:*", NEW_YORK),
    OnCalendar("Sun *-3-8..14 02:*:* America/New_York"),
]


@pytest.mark.parametrize("schedule", NEVER_IN_NEW_YORK)
def test_a_schedule_that_can_never_be_due_in_its_zone_is_refused_before_a_ping_meets_it(schedule: Schedule) -> None:
    with pytest.raises(ScheduleError, match="never due in America/New_York"):
        validated(schedule, after=NOW)
    with pytest.raises(ScheduleError, match="never due in America/New_York"):
        next_due(schedule, NOW)


@pytest.mark.parametrize(
    "schedule",
    [
        *NEVER_IN_NEW_YORK,
        Cron("* * */40 * MON#5", NEW_YORK),
        Cron("0-59 0-23 29 2 */7", "Antarctica/Troll"),
        Cron("* 0-59 0-23 * * *", "Antarctica/Troll", "skip"),
        Cron("* 0-59 2 * 3 SUN#2", NEW_YORK, "skip"),
        OnCalendar("\n".join(["Sun *-3-8..14 02:*:*"] * 4), NEW_YORK),
        OnCalendar("*:*:*", "America/New_York"),
        OnCalendar("Mon 2199-2-29 *:*:*", NEW_YORK),
    ],
)
def test_the_worst_expressions_are_answered_within_a_fraction_of_a_second(schedule: Schedule) -> None:
    begun = process_time()
    with suppress(ScheduleError):
        next_due(schedule, utc("2026-11-01 06:00:00"))  # 01:00 for the second time in New York
    assert process_time() - begun < 0.5


# What a ping pays for


def test_a_check_with_a_period_imports_neither_parsers_nor_zones() -> None:
    program = """
import sys
before = set(sys.modules)
from datetime import UTC, datetime, timedelta
from lastseen.core.schedule import Period, next_due, validated
now = datetime(2026, 1, 1, tzinfo=UTC)
assert next_due(validated(Period(timedelta(hours=1)), after=now), now)
print(*sorted({"cronsim", "oncalendar", "zoneinfo", "difflib", "importlib.resources"} & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_due_times_of_a_year_ascend_strictly() -> None:
    moment = utc("2025-01-01")
    found = [moment]
    for _ in range(365):
        due = next_due(Cron("0 6 * * *", "Africa/Casablanca"), found[-1])
        assert due is not None
        found.append(due)
    assert all(early < late for early, late in pairwise(found))
    assert found[-1] == utc("2025-12-31 05:00")
