"""When the next ping is expected: `Period | Cron | OnCalendar`, `next_due`, `validated`.

What leaves is UTC, so grace added later is real time. Values in, values out: no clock, no AWS. cronsim and oncalendar
read the expressions and know the calendar, in plain wall-clock time; this module puts it on the line of real time, by
the rules of zones.py and the arithmetic of local_time.py:

    cron, fixed times       neither the minute nor the hour starts with `*`, as in Debian's cron: a time that the clocks
                            skip is due at the end of the gap, a time that they show twice is due once, the first time
    cron, all others        real time: skipped times are not due, repeated ones are due twice
    OnCalendar              as systemd: skipped times are not due, repeated ones are due once, the first time

Every ping imports this file: what only some schedules need is imported where they need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from lastseen.core.limits import EXPRESSION_CHARS, SECONDS
from lastseen.core.local_time import SECOND, change, on_the_clocks, wall
from lastseen.core.zones import ZoneError, canonical_zone, zone

SHORTEST_PERIOD = timedelta(seconds=SECONDS[0])
LONGEST_PERIOD = timedelta(seconds=SECONDS[-1])
CRON_FIELDS = 5
CRON_HORIZON = timedelta(days=50 * 366)  # cronsim, too, gives up after 50 years: 29 February on a Sunday takes up to 40
ONE_CHANGE = timedelta(days=1)  # no zone changes its clocks twice within this, nor by more

CRON_HELP = {
    "second": "0 to 59",
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31 and no more than its months have, L or LW",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7, SUN to SAT, 5L or MON#2",
}


@dataclass(frozen=True, slots=True)
class Period:
    """A ping is expected at most `period` after the last one."""

    period: timedelta


@dataclass(frozen=True, slots=True)
class Cron:
    """A ping is expected at each time of its cron lines, on the clocks of `tz`. Six fields begin with seconds."""

    expression: str
    tz: str = "UTC"


@dataclass(frozen=True, slots=True)
class OnCalendar:
    """A ping is expected at each time of systemd's OnCalendar lines, on the clocks of `tz` or of a line's own zone."""

    expression: str
    tz: str = "UTC"


Schedule = Period | Cron | OnCalendar


class ScheduleError(ValueError):
    """The schedule cannot be used; the text says what is wrong and how to mend it."""


def validated(schedule: Schedule, *, after: datetime) -> Schedule:
    """Give the schedule with blanks and zone names in their one form.

    Raise ScheduleError for a bad expression, an unknown zone, a period out of bounds, and for a schedule that will
    never be due after `after` in its zone.
    """
    if isinstance(schedule, Period):
        if not SHORTEST_PERIOD <= schedule.period <= LONGEST_PERIOD:
            raise ScheduleError(
                f"A period of {schedule.period.total_seconds():.0f} seconds is out of bounds: "
                f"use {SHORTEST_PERIOD.total_seconds():.0f} seconds to {LONGEST_PERIOD.days} days."
            )
        return schedule
    schedule = _tidied(schedule)
    _must_fire(schedule, after)
    return schedule


def next_due(schedule: Schedule, after: datetime) -> datetime | None:
    """Give the first moment strictly after `after` (aware, any zone) at which a ping is expected, in UTC.

    None: an OnCalendar whose years are over. Raise ScheduleError for a schedule that `validated` would refuse.
    """
    if after.tzinfo is None:
        raise ValueError("`after` must be aware of its zone.")
    after = after.astimezone(UTC)
    if isinstance(schedule, Period):
        return after + schedule.period
    lines = schedule.expression.splitlines() or [""]
    if isinstance(schedule, Cron):
        return min(_cron_due(line, schedule.tz, after) for line in lines)
    dues = [_oncalendar_due(*_own_zone(line, schedule.tz), after) for line in lines]
    return min((due for due in dues if due), default=None)


def _must_fire(schedule: Cron | OnCalendar, after: datetime) -> None:
    if next_due(schedule, after) is None:
        raise ScheduleError(f"OnCalendar {schedule.expression!r} has no time after {after:%Y-%m-%d}: change its year.")


def _tidied(schedule: Cron | OnCalendar) -> Cron | OnCalendar:
    """Bring blanks, line ends and zone names to one form; refuse what is too long or no plain text."""
    text = schedule.expression
    if len(text) > EXPRESSION_CHARS:
        raise ScheduleError(f"The schedule has {len(text)} characters: at most {EXPRESSION_CHARS} are allowed.")
    odd = next((char for char in text if not (" " <= char <= "~" or char in "\t\r\n")), None)
    if odd:
        raise ScheduleError(f"The schedule holds the character {odd!a}: write it in plain ASCII.")
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not lines:
        raise ScheduleError("The schedule is empty: write five cron fields or an OnCalendar such as daily.")
    tz = _zone_name(schedule.tz)
    if isinstance(schedule, Cron):
        return Cron("\n".join(lines), tz)
    return OnCalendar("\n".join(_line_with_canonical_zone(line) for line in lines), tz)


def _line_with_canonical_zone(line: str) -> str:
    spec, name = _own_zone(line, "")
    return f"{spec} {_zone_name(name)}" if name else line


def _own_zone(line: str, tz: str) -> tuple[str, str]:
    """Split an OnCalendar line from the zone that it ends with; without one it is in `tz`."""
    head, _, last = line.strip().rpartition(" ")
    return (head, last) if head and last[0].isalpha() else (line, tz)


def _cron_due(line: str, tz: str, after: datetime) -> datetime:
    fields = line.split()
    if len(fields) not in {CRON_FIELDS, CRON_FIELDS + 1}:
        raise ScheduleError(
            f"Cron {line!r} has {len(fields)} fields: write minute hour day-of-month month day-of-week."
        )
    rules = _rules(tz)
    minute, hour, *_ = fields[-CRON_FIELDS:]
    walks = minute.startswith("*") or hour.startswith("*")
    due = _walking_due(line, after, rules) if walks else _fixed_due(line, after, rules)
    if due is None:
        raise ScheduleError(f"Cron {line!r} is never due in {tz}: no such time within 50 years.")
    return due


def _fixed_due(expression: str, after: datetime, rules: tzinfo) -> datetime | None:
    for shown in _cron_walls(expression, wall(after, rules)):
        due, _ = on_the_clocks(shown, rules)
        if due > after:  # otherwise the clocks were turned back and this was due the first time round
            return due
    return None


def _walking_due(expression: str, after: datetime, rules: tzinfo) -> datetime | None:
    """Search stretch by stretch of one offset from UTC; each stretch is plain wall-clock time."""
    start = after.replace(microsecond=0) + SECOND
    while start < after + CRON_HORIZON:
        offset = start.astimezone(rules).utcoffset() or timedelta()
        match = next(_cron_walls(expression, wall(start, rules) - SECOND), None)
        if match is None:
            return None
        due = match.replace(tzinfo=UTC) - offset
        nearby = min(due, start + ONE_CHANGE)
        if nearby.astimezone(rules).utcoffset() != offset:
            start = change(start, nearby, rules)  # clocks turned back may show an earlier match once more
        elif due == nearby:
            return due
        else:
            # Far away. A change between is of no account: clocks turned back by then show only what did not match.
            start, shown = on_the_clocks(match, rules)
            if shown:
                return start
    return None


def _oncalendar_due(spec: str, tz: str, after: datetime) -> datetime | None:
    from oncalendar import RANGES, BaseIterator, Field, OnCalendarError  # noqa: PLC0415  see the module's docstring

    rules = _rules(tz)
    try:
        walls = BaseIterator(spec, wall(after, rules))
        any_year = walls.years.issuperset(RANGES[Field.YEAR])
        while match := next(walls, None):
            due, shown = on_the_clocks(match, rules)
            if shown and due > after:
                return due
            if not shown:  # go on at the end of the gap, else a gap's seconds are tried one by one
                walls = BaseIterator(spec, wall(due, rules) - SECOND)
    except OnCalendarError as error:
        raise ScheduleError(
            f"OnCalendar {spec!r} cannot be read: {str(error).lower()}. "
            "Write it as in Mon..Fri *-*-* 08:00:00, or five fields for cron."
        ) from error
    if any_year:
        raise ScheduleError(f"OnCalendar {spec!r} is never due in {tz}: there is no such time.")
    return None


def _cron_walls(expression: str, shown: datetime) -> Iterator[datetime]:
    """Give the matches after `shown`, all without zone, up to 50 years ahead."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415  see the module's docstring

    try:
        return CronSim(expression, shown)
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        raise ScheduleError(
            f"Cron {expression!r} has a bad {field}: use {CRON_HELP.get(field, 'five fields')}, with , - / or *."
        ) from error


def _rules(name: str) -> tzinfo:
    try:
        return zone(name)
    except ZoneError as error:
        raise ScheduleError(str(error)) from error


def _zone_name(name: str) -> str:
    try:
        return canonical_zone(name)
    except ZoneError as error:
        raise ScheduleError(str(error)) from error
