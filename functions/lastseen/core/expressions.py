"""Expressions of cron and of systemd's OnCalendar: when they are next due, on the line of real time. Pure.

cronsim and oncalendar read them and know the calendar, in plain wall-clock time; this module puts that on the line of
real time, by the rules of zones.py and the arithmetic of local_time.py:

    cron, fixed times       neither the minute nor the hour starts with `*`: a time that the clocks skip is due at the
                            end of the gap, as in Debian's cron, or not at all, as in Kubernetes, Rails and AWS; a time
                            that they show twice is due once, the first time
    cron, all others        real time: skipped times are not due, repeated ones are due twice
    OnCalendar              as systemd: skipped times are not due, repeated ones are due once, the first time

Most pings need none of this: what only some schedules need is imported where they need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from lastseen.core.local_time import SECOND, change, on_the_clocks, wall
from lastseen.core.zones import zone

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


class ExpressionError(ValueError):
    """The expression cannot be read, or is never due; the text says what is wrong and how to fix it."""


def cron_due(line: str, tz: str, after: datetime, *, skips: bool) -> datetime:
    """Return when a line of cron is due after `after`, in UTC. `skips`: not at all at a time that the clocks skip.

    Raise ExpressionError for a line that cannot be read or is never due, ZoneError for an unknown zone.
    """
    fields = line.split()
    if len(fields) not in {CRON_FIELDS, CRON_FIELDS + 1}:
        raise ExpressionError(
            f"Cron {line!r} has {len(fields)} fields: write minute hour day-of-month month day-of-week."
        )
    rules = zone(tz)
    due = _walking_due(line, after, rules) if walks(line) else _fixed_due(line, after, rules, skips=skips)
    if due is None:
        raise ExpressionError(f"Cron {line!r} is never due in {tz}: no such time within 50 years.")
    return due


def _fixed_due(expression: str, after: datetime, rules: tzinfo, *, skips: bool) -> datetime | None:
    walls, due = _cron_walls(expression, wall(after, rules)), after
    while due < after + CRON_HORIZON and (match := next(walls, None)):
        due, shown = on_the_clocks(match, rules)
        if due > after and (shown or not skips):  # otherwise it was due the first time round, or is not due at all
            return due
        if not shown:  # go on at the end of the gap
            walls = _cron_walls(expression, wall(due, rules) - SECOND)
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


def walks(line: str) -> bool:
    """Return whether a line of cron is due in real time: its minute or its hour begins with `*`."""
    return any(field.startswith("*") for field in line.split()[-CRON_FIELDS:][:2])


def oncalendar_due(spec: str, tz: str, after: datetime) -> datetime | None:
    """Return when an OnCalendar is due after `after`, in UTC; None if its years are over.

    Raise ExpressionError for one that cannot be read or has no such time, ZoneError for an unknown zone.
    """
    from oncalendar import RANGES, BaseIterator, Field, OnCalendarError  # noqa: PLC0415 - see the module's docstring

    rules = zone(tz)
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
        raise ExpressionError(
            f"OnCalendar {spec!r} cannot be read: {str(error).lower()}. "
            "Write it as in Mon..Fri *-*-* 08:00:00, or five fields for cron."
        ) from error
    if any_year:
        raise ExpressionError(f"OnCalendar {spec!r} is never due in {tz}: there is no such time.")
    return None


def _cron_walls(expression: str, shown: datetime) -> Iterator[datetime]:
    """Give the matches after `shown`, all without zone, up to 50 years ahead."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - see the module's docstring

    try:
        return CronSim(expression, shown)
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        raise ExpressionError(
            f"Cron {expression!r} has a bad {field}: use {CRON_HELP.get(field, 'five fields')}, with , - / or *."
        ) from error
