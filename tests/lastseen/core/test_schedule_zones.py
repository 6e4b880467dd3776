"""Due times around every change of the clocks in five years of odd zones, against a plain reading of the rules.

The reference below walks real time minute by minute and looks at the wall clock. It shares nothing with the product:
no parser (an expression comes with its meaning as a function), no calendar search, no folds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lastseen.core.schedule import Cron, OnCalendar, Schedule, next_due
from lastseen.core.zones import zone

MINUTE = timedelta(minutes=1)
AROUND = timedelta(hours=50)  # Apia once skipped a whole day

# The first of the five years in which the zone's changes are of interest.
ZONES = {
    "Africa/Casablanca": 2025,  # winter time during Ramadan
    "America/Asuncion": 2020,  # at midnight, then abolished
    "America/Havana": 2025,  # at midnight, back at one
    "America/New_York": 2025,
    "America/Nuuk": 2022,  # on the evening before, with a change of standard time
    "America/Santiago": 2025,  # at midnight
    "America/Sao_Paulo": 2015,  # midnight skipped
    "Antarctica/Troll": 2025,  # by two hours
    "Asia/Beirut": 2025,
    "Asia/Gaza": 2025,  # around Ramadan
    "Asia/Tehran": 2018,  # by its own calendar
    "Australia/Adelaide": 2025,
    "Australia/Lord_Howe": 2025,  # by half an hour
    "Europe/Berlin": 2025,
    "Europe/Dublin": 2025,  # "winter time" is the exception
    "Europe/Kyiv": 2025,
    "Pacific/Apia": 2009,  # 30 December 2011 does not exist
    "Pacific/Chatham": 2025,  # at 02:45
}

Clock = list[tuple[datetime, datetime]]
Matches = Callable[[datetime], bool]
Rule = Callable[[Clock, Matches], list[datetime]]
WrittenRule = tuple[str, Rule, Matches]


def offset(moment: datetime, rules: tzinfo) -> timedelta | None:
    return moment.astimezone(rules).utcoffset()


@cache
def changes(name: str) -> list[datetime]:
    """Every change of the zone's clocks in its five years, to the minute, found by looking."""
    rules = zone(name)
    day = datetime(ZONES[name], 1, 1, tzinfo=UTC)
    found = []
    while day.year < ZONES[name] + 5:
        if offset(day, rules) != offset(day + timedelta(days=1), rules):
            minutes = (day + number * MINUTE for number in range(1, 1441))
            found.append(next(minute for minute in minutes if offset(minute, rules) != offset(day, rules)))
        day += timedelta(days=1)
    return found


@cache
def clock_around(name: str, change: datetime) -> Clock:
    """Each real minute around the change with what the wall clock shows, both as plain values."""
    start = change - AROUND
    minutes = [start + number * MINUTE for number in range(2 * AROUND // MINUTE)]
    return [(minute, minute.astimezone(zone(name)).replace(tzinfo=None, fold=0)) for minute in minutes]


def fixed(clock: Clock, matches: Matches) -> list[datetime]:
    """Debian's cron for fixed times: due when the clock first reaches or passes the time."""
    reached = clock[0][1]
    found = []
    for moment, wall in clock[1:]:
        if wall <= reached:
            continue
        if any(matches(reached + number * MINUTE) for number in range(1, (wall - reached) // MINUTE + 1)):
            found.append(moment)
        reached = wall
    return found


def walking(clock: Clock, matches: Matches) -> list[datetime]:
    """All other cron expressions: due whenever the clock shows the time."""
    return [moment for moment, wall in clock[1:] if matches(wall)]


def calendar(clock: Clock, matches: Matches) -> list[datetime]:
    """OnCalendar, and cron that skips what the clocks skip: due when the clock shows the time and never did before."""
    reached = clock[0][1]
    found = []
    for moment, wall in clock[1:]:
        if wall > reached:
            if matches(wall):
                found.append(moment)
            reached = wall
    return found


RULES: list[WrittenRule] = [
    ("30 2 * * *", fixed, lambda wall: (wall.hour, wall.minute) == (2, 30)),
    ("0 0 * * *", fixed, lambda wall: (wall.hour, wall.minute) == (0, 0)),
    ("15,45 0-3,22-23 * * *", fixed, lambda wall: wall.minute in {15, 45} and wall.hour in {0, 1, 2, 3, 22, 23}),
    ("0-59/20 0-23 * * *", fixed, lambda wall: wall.minute in {0, 20, 40}),
    ("50 1 * * SUN,SAT", fixed, lambda wall: (wall.hour, wall.minute) == (1, 50) and wall.isoweekday() > 5),
    ("*/20 * * * *", walking, lambda wall: wall.minute in {0, 20, 40}),
    ("5 * * * *", walking, lambda wall: wall.minute == 5),
    ("*/10 2 * * *", walking, lambda wall: wall.hour == 2 and wall.minute % 10 == 0),
    ("*/15 0 * * SUN", walking, lambda wall: wall.hour == 0 and wall.minute % 15 == 0 and wall.isoweekday() == 7),
    ("59 */23 * * *", walking, lambda wall: wall.minute == 59 and wall.hour in {0, 23}),
    ("*:00/30", calendar, lambda wall: wall.minute in {0, 30}),
    ("02:30", calendar, lambda wall: (wall.hour, wall.minute) == (2, 30)),
    ("30 2 * * *", calendar, lambda wall: (wall.hour, wall.minute) == (2, 30)),
    ("15,45 0-3,22-23 * * *", calendar, lambda wall: wall.minute in {15, 45} and wall.hour in {0, 1, 2, 3, 22, 23}),
    ("Sun 00..03:10,50", calendar, lambda wall: wall.hour < 4 and wall.minute in {10, 50} and wall.isoweekday() == 7),
]


def schedule(written: WrittenRule, tz: str) -> Schedule:
    expression, rule, _ = written
    if ":" in expression:
        return OnCalendar(expression, tz)
    return Cron(expression, tz, "skip" if rule is calendar else "run")


@pytest.mark.parametrize("name", ZONES)
def test_due_times_around_every_change_are_those_of_the_rules(name: str) -> None:
    assert changes(name)
    for change in changes(name):
        clock = clock_around(name, change)
        for written in RULES:
            expression, rule, matches = written
            moment, found = clock[0][0], []
            while (due := next_due(schedule(written, name), moment)) and due <= clock[-1][0]:
                assert due > moment, (expression, moment)
                found.append(due)
                moment = due
            assert found == rule(clock, matches), (expression, change)


CHANGES = st.sampled_from([(name, change) for name in ZONES for change in changes(name)])
SECONDS_AWAY = st.one_of(st.integers(-4 * 3600, 4 * 3600), st.integers(-30 * 3600, 20 * 3600))
DAY_NAMES = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")


@st.composite
def written_rules(draw: st.DrawFn) -> WrittenRule:
    """Draw an expression with a few hours, minutes and weekdays, and say what it means."""
    rule = draw(st.sampled_from([fixed, walking, calendar]))
    hours = draw(st.frozensets(st.integers(0, 23), min_size=1, max_size=4))
    minutes = draw(st.frozensets(st.integers(0, 59), min_size=1, max_size=4))
    days = draw(st.frozensets(st.integers(0, 6), min_size=1, max_size=7))
    hour, minute = (",".join(str(number) for number in sorted(numbers)) for numbers in (hours, minutes))
    names = ",".join(DAY_NAMES[day] for day in days)
    is_cron = rule is not calendar or draw(st.booleans())
    expression = f"{minute} {hour} * * {names}" if is_cron else f"{names} {hour}:{minute}"
    if rule is walking:
        step = draw(st.integers(2, 30))
        minutes = frozenset(range(0, 60, step))
        expression = f"*/{step} {hour} * * {names}"
    return (
        expression,
        rule,
        lambda wall: wall.minute in minutes and wall.hour in hours and wall.isoweekday() % 7 in days,
    )


@given(CHANGES, SECONDS_AWAY, written_rules())
@settings(max_examples=600, deadline=None)
def test_the_next_due_time_after_any_moment_near_a_change_is_that_of_the_rules(
    place: tuple[str, datetime], seconds_away: int, written: WrittenRule
) -> None:
    name, change = place
    after = change + timedelta(seconds=seconds_away)
    clock = clock_around(name, change)
    _, rule, matches = written
    expected = next((moment for moment in rule(clock, matches) if moment > after), None)
    due = next_due(schedule(written, name), after)
    assert due is not None
    if expected:
        assert due == expected
    else:
        assert due > clock[-1][0]


@given(CHANGES, st.integers(-6 * 3600, 6 * 3600), st.integers(1, 6 * 3600), st.sampled_from(RULES))
@settings(max_examples=300, deadline=None)
def test_a_later_moment_never_has_an_earlier_due_time(
    place: tuple[str, datetime],
    seconds_away: int,
    seconds_later: int,
    written: WrittenRule,
) -> None:
    name, change = place
    early = change + timedelta(seconds=seconds_away)
    late = early + timedelta(seconds=seconds_later)
    first, second = next_due(schedule(written, name), early), next_due(schedule(written, name), late)
    assert first is not None
    assert second is not None
    assert early < first <= second
    if late < first:
        assert first == second
