"""When the next ping is expected: `Period | Cron | OnCalendar`, `next_due`, `validated`, `skipped_time`.

What leaves is UTC, so grace added later is real time. Values in, values out: no clock, no AWS.
Never here: how expressions are searched (expressions.py), how people write them (dialects.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from lastseen.core.expressions import ExpressionError, cron_due, oncalendar_due, walks
from lastseen.core.limits import EXPRESSION_CHARS, SECONDS
from lastseen.core.local_time import SECOND, next_gap
from lastseen.core.zones import ZoneError, canonical_zone, zone

SHORTEST_PERIOD = timedelta(seconds=SECONDS[0])
LONGEST_PERIOD = timedelta(seconds=SECONDS[-1])
A_YEAR = timedelta(days=400)  # and a little, so that the next change to summer time is always seen

SkippedHour = Literal["run", "skip"]
"""What a scheduler does with a time that the clocks skip: run it when the gap ends, or not at all that day."""


@dataclass(frozen=True, slots=True)
class Period:
    """A ping is expected at most `period` after the last one."""

    period: timedelta
    tz: str = "UTC"  # moves no deadline: it is kept for a later schedule


@dataclass(frozen=True, slots=True)
class Cron:
    """A ping is expected at each time of its cron lines, on the clocks of `tz`. Six fields begin with seconds."""

    expression: str
    tz: str = "UTC"
    skipped_hour: SkippedHour = "run"  # of lines with a fixed minute and hour; all others skip


@dataclass(frozen=True, slots=True)
class OnCalendar:
    """A ping is expected at each time of systemd's OnCalendar lines, on the clocks of `tz` or of a line's own zone."""

    expression: str
    tz: str = "UTC"


Schedule = Period | Cron | OnCalendar


def same_times(one: Schedule, other: Schedule) -> bool:
    """Return whether two schedules expect the same: a period has no clocks, so its zone makes no difference."""
    if isinstance(one, Period) and isinstance(other, Period):
        return one.period == other.period
    return one == other


class ScheduleError(ValueError):
    """The schedule cannot be used; the text says what is wrong and how to fix it."""


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
    try:
        if isinstance(schedule, Cron):
            skips = schedule.skipped_hour == "skip"
            return min(cron_due(line, schedule.tz, after, skips=skips) for line in lines)
        dues = [oncalendar_due(*_own_zone(line, schedule.tz), after) for line in lines]
    except (ExpressionError, ZoneError) as error:
        raise ScheduleError(str(error)) from error
    return min((due for due in dues if due), default=None)


def skipped_time(schedule: Cron, after: datetime) -> tuple[datetime, datetime] | None:
    """Return the first time of the coming year that the clocks skip, as they would show it, and the end of that gap.

    None: there is none, or only lines that begin with `*`, which no scheduler runs then.
    """
    lines = [line for line in schedule.expression.splitlines() if not walks(line)]
    if not lines:
        return None
    on_the_wall = Cron("\n".join(lines))  # in UTC: what clocks would show that skip nothing
    moment, until = after.astimezone(UTC), after.astimezone(UTC) + A_YEAR
    while gap := next_gap(moment, until, zone(schedule.tz)):
        moment, begin, end = gap
        due = next_due(on_the_wall, begin.replace(tzinfo=UTC) - SECOND)
        if due and due.replace(tzinfo=None) < end:
            return due.replace(tzinfo=None), end
    return None


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
    try:
        tz = canonical_zone(schedule.tz)
        if isinstance(schedule, OnCalendar):
            lines = [_line_with_canonical_zone(line) for line in lines]
    except ZoneError as error:
        raise ScheduleError(str(error)) from error
    return replace(schedule, expression="\n".join(lines), tz=tz)


def _line_with_canonical_zone(line: str) -> str:
    spec, name = _own_zone(line, "")
    return f"{spec} {canonical_zone(name)}" if name else line


def _own_zone(line: str, tz: str) -> tuple[str, str]:
    """Split an OnCalendar line from the zone that it ends with; without one it is in `tz`."""
    head, _, last = line.strip().rpartition(" ")
    return (head, last) if head and last[0].isalpha() else (line, tz)
