"""A success shortly before its time counts for it; one that comes earlier is explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastseen.core.check import Check, Kind, Ping, Status
from lastseen.core.dues import deadline, expectation
from lastseen.core.early import EARLY_LIMIT, too_early
from lastseen.core.machine import configured, pinged
from lastseen.core.moments import woken
from lastseen.core.schedule import Cron, OnCalendar, Period, Schedule, next_due
from tests.times import T0, hours, minutes, seconds

ID = "7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80"
HOURLY, DAILY = Cron("0 * * * *"), Cron("0 13 * * *")  # T0 is at 12:00
ONE = T0 + hours(1)


def up(schedule: Schedule, at: datetime, **other: object) -> Check:
    check = Check(id=ID, schedule=schedule, created=T0 - hours(9), **other)  # type: ignore[arg-type]
    return pinged(check, Ping(at=at)).check


@pytest.mark.parametrize(
    ("schedule", "ahead", "expected"),
    [
        (DAILY, minutes(5), ONE + hours(24)),  # the limit
        (DAILY, minutes(5) + seconds(1), ONE),
        (HOURLY, minutes(3), ONE + hours(1)),  # a twentieth
        (HOURLY, minutes(3) + seconds(1), ONE),
        (Cron("*/5 * * * *"), seconds(15), ONE + minutes(5)),
        (Cron("*/5 * * * *"), seconds(16), ONE),
        (OnCalendar("13:00"), minutes(5), ONE + hours(24)),
        (OnCalendar("2026-03-02 13:00"), minutes(5), None),  # its last time
        (Period(hours(1)), minutes(1), ONE + minutes(59)),
    ],
)
def test_a_success_just_before_its_time_counts_for_it(
    schedule: Schedule, ahead: timedelta, expected: datetime | None
) -> None:
    assert expectation(up(schedule, ONE - ahead)) == expected


@pytest.mark.parametrize(
    ("early", "ahead", "counts"),
    [
        (minutes(20), minutes(20), True),
        (minutes(20), minutes(21), False),
        (minutes(50), minutes(30), True),
        (minutes(50), minutes(31), False),  # never half the interval
        (seconds(0), timedelta(microseconds=1), False),
    ],
)
def test_how_early_can_be_asked_for(early: timedelta, ahead: timedelta, *, counts: bool) -> None:
    assert expectation(up(HOURLY, ONE - ahead, early=early)) == (ONE + hours(1) if counts else ONE)


def test_a_job_whose_clock_is_a_minute_ahead_is_never_called_silent() -> None:
    check = up(DAILY, ONE - minutes(1))
    for day in range(1, 8):
        now = ONE + hours(24 * day) - minutes(1)
        assert woken(check, now).flips == ()
        outcome = pinged(check, Ping(at=now))
        assert outcome.flips == ()
        check = outcome.check
    assert woken(check, ONE + hours(24 * 8) + check.grace + minutes(1)).check.status is Status.DOWN


def test_a_run_that_began_long_before_counts_for_its_own_time_however_long_it_took() -> None:
    began = Check(id=ID, schedule=HOURLY, created=T0 - hours(9))
    running = pinged(began, Ping(at=T0 + seconds(1), kind=Kind.START)).check
    assert expectation(pinged(running, Ping(at=ONE - minutes(1))).check) == ONE
    soon = pinged(began, Ping(at=ONE - minutes(2), kind=Kind.START)).check
    assert expectation(pinged(soon, Ping(at=ONE - minutes(1))).check) == ONE + hours(1)


def test_a_shorter_early_is_not_held_against_the_past() -> None:
    check = up(HOURLY, ONE - minutes(20), early=minutes(30))
    changed = configured(check, ONE + minutes(30), early=minutes(1))
    assert changed.flips == ()
    assert expectation(changed.check) == ONE + hours(1)


SCHEDULES = st.sampled_from(
    [HOURLY, DAILY, Cron("*/5 * * * *"), Cron("30 2 * * *", "Europe/Berlin", "skip"), OnCalendar("Mon..Fri 08:00")]
)
EARLY = st.none() | st.integers(0, 86_400).map(seconds)


@given(SCHEDULES, st.integers(0, 40 * 86_400), st.integers(0, 7_200), EARLY)
@settings(max_examples=400, deadline=None)
def test_a_success_counts_for_one_coming_time_at_most_and_only_within_half_its_interval(
    schedule: Schedule, after: int, took: int, early: timedelta | None
) -> None:
    at = T0 + seconds(after)
    check = replace(up(schedule, at, early=early), last_duration=seconds(took))
    first = next_due(schedule, at)
    assert first is not None
    second = next_due(schedule, first)
    assert second is not None
    expected = expectation(check)
    began = at - seconds(took)
    assert expected in (first, second)
    assert (deadline(check) or at) > at
    if expected == second:
        assert first - began <= min((second - first) / 2, EARLY_LIMIT if early is None else early)
    elif early is not None:
        assert first - began > min((second - first) / 2, early)


@pytest.mark.parametrize(
    ("schedule", "ahead", "too"),
    [
        (DAILY, minutes(40), minutes(40)),
        (DAILY, hours(5), hours(5)),
        (DAILY, hours(12) + seconds(1), None),  # the run of the day before
        (Cron("0 13 * * MON"), hours(15), None),  # no zones are so far apart
        (HOURLY, minutes(31), None),
        (Period(hours(1)), minutes(40), None),
        (Cron("61 * * * *"), minutes(40), None),
    ],
)
def test_what_may_have_been_meant_for_the_missed_time_is_told_from_what_was_not(
    schedule: Schedule, ahead: timedelta, too: timedelta | None
) -> None:
    assert too_early(Check(id=ID, schedule=schedule), ONE - ahead, ONE) == too
