"""When the next ping is expected: `Period | Cron | OnCalendar`, `next_due`, `validated`, `parse`.

Zones and daylight saving time live here and nowhere else; what leaves is UTC, so grace added later is real time.
Values in, values out: no clock, no AWS. cronsim and oncalendar read the expressions and know the calendar, in plain
wall-clock time; this module puts wall-clock time on the line of real time:

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
from functools import cache

from lastseen.core.limits import EXPRESSION_CHARS, SECONDS, ZONE_CHARS

SHORTEST_PERIOD = timedelta(seconds=SECONDS[0])
LONGEST_PERIOD = timedelta(seconds=SECONDS[-1])
CRON_FIELDS = 5
CRON_HORIZON = timedelta(days=50 * 366)  # cronsim, too, gives up after 50 years: 29 February on a Sunday takes up to 40
ONE_CHANGE = timedelta(days=1)  # no zone changes its clocks twice within this, nor by more
SECOND = timedelta(seconds=1)

CRON_HELP = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31 and no more than its months have, L or LW",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7, SUN to SAT, 5L or MON#2",
}

# The packed zone file points old names of places to the zone that has the same clock today, if need be abroad.
# These have a name in their own country.
AT_HOME = {
    "Africa/Asmera": "Africa/Asmara",
    "Africa/Timbuktu": "Africa/Bamako",
    "America/Coral_Harbour": "America/Atikokan",
    "America/Virgin": "America/St_Thomas",
    "Antarctica/South_Pole": "Antarctica/McMurdo",
    "Atlantic/Jan_Mayen": "Arctic/Longyearbyen",
    "Iceland": "Atlantic/Reykjavik",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
    "Pacific/Yap": "Pacific/Chuuk",
}
# Links as well, but nobody who writes them means a place.
PLACELESS = frozenset(
    ("UTC", "GMT", "CET", "EET", "MET", "WET", "EST", "MST", "HST", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT")
)


@dataclass(frozen=True, slots=True)
class Period:
    """A ping is expected at most `period` after the last one."""

    period: timedelta


@dataclass(frozen=True, slots=True)
class Cron:
    """A ping is expected at each time of a cron expression of five fields, on the clocks of `tz`."""

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


def parse(expression: str, tz: str, *, after: datetime) -> Cron | OnCalendar:
    """Read one line of five words as cron and all else as OnCalendar, and validate it; raise ScheduleError."""
    one_line = len(expression.strip().splitlines()) == 1
    kind = Cron if one_line and len(expression.split()) == CRON_FIELDS else OnCalendar
    schedule = _tidied(kind(expression, tz))
    _must_fire(schedule, after)
    return schedule


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
    if isinstance(schedule, Cron):
        return _cron_due(schedule, after)
    lines = schedule.expression.splitlines() or [""]
    dues = [_oncalendar_due(*_own_zone(line, schedule.tz), after) for line in lines]
    return min((due for due in dues if due), default=None)


def canonical_zone(name: str) -> str:
    """Give a zone's name of today in its right case; raise ScheduleError with the closest name for an unknown one."""
    if len(name) > ZONE_CHARS:
        raise ScheduleError(f"A zone's name has at most {ZONE_CHARS} characters, such as Europe/Berlin.")
    zones = _zones()
    wanted = name.strip().replace(" ", "_").lower()
    if wanted in zones:
        return zones[wanted]
    raise ScheduleError(f"Unknown time zone {name!r}. {_closest_zone(wanted)}")


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
    tz = canonical_zone(schedule.tz)
    if isinstance(schedule, Cron):
        return Cron(" ".join(lines), tz)
    return OnCalendar("\n".join(_line_with_canonical_zone(line) for line in lines), tz)


def _line_with_canonical_zone(line: str) -> str:
    spec, zone = _own_zone(line, "")
    return f"{spec} {canonical_zone(zone)}" if zone else line


def _own_zone(line: str, tz: str) -> tuple[str, str]:
    """Split an OnCalendar line from the zone that it ends with; without one it is in `tz`."""
    head, _, last = line.strip().rpartition(" ")
    return (head, last) if head and last[0].isalpha() else (line, tz)


def _cron_due(cron: Cron, after: datetime) -> datetime:
    fields = cron.expression.split()
    if len(fields) != CRON_FIELDS:
        raise ScheduleError(
            f"Cron {cron.expression!r} has {len(fields)} fields: write minute hour day-of-month month day-of-week."
        )
    zone = _zone(cron.tz)
    walks = fields[0].startswith("*") or fields[1].startswith("*")
    due = _walking_due(cron.expression, after, zone) if walks else _fixed_due(cron.expression, after, zone)
    if due is None:
        raise ScheduleError(f"Cron {cron.expression!r} is never due in {cron.tz}: no such time within 50 years.")
    return due


def _fixed_due(expression: str, after: datetime, zone: tzinfo) -> datetime | None:
    for wall in _cron_walls(expression, _wall(after, zone)):
        due, _ = _on_the_clocks(wall, zone)
        if due > after:  # otherwise the clocks were turned back and this was due the first time round
            return due
    return None


def _walking_due(expression: str, after: datetime, zone: tzinfo) -> datetime | None:
    """Search stretch by stretch of one offset from UTC; each stretch is plain wall-clock time."""
    start = after.replace(microsecond=0) + SECOND
    while start < after + CRON_HORIZON:
        offset = start.astimezone(zone).utcoffset() or timedelta()
        wall = next(_cron_walls(expression, _wall(start, zone) - SECOND), None)
        if wall is None:
            return None
        due = wall.replace(tzinfo=UTC) - offset
        nearby = min(due, start + ONE_CHANGE)
        if nearby.astimezone(zone).utcoffset() != offset:
            start = _change(start, nearby, zone)  # clocks turned back may show an earlier match once more
        elif due == nearby:
            return due
        else:
            # Far away. A change between is of no account: clocks turned back by then show only what did not match.
            start, shown = _on_the_clocks(wall, zone)
            if shown:
                return start
    return None


def _oncalendar_due(spec: str, tz: str, after: datetime) -> datetime | None:
    from oncalendar import RANGES, BaseIterator, Field, OnCalendarError  # noqa: PLC0415  see the module's docstring

    zone = _zone(tz)
    try:
        walls = BaseIterator(spec, _wall(after, zone))
        any_year = walls.years.issuperset(RANGES[Field.YEAR])
        while match := next(walls, None):
            due, shown = _on_the_clocks(match, zone)
            if shown and due > after:
                return due
            if not shown:  # go on at the end of the gap, else a gap's seconds are tried one by one
                walls = BaseIterator(spec, _wall(due, zone) - SECOND)
    except OnCalendarError as error:
        raise ScheduleError(
            f"OnCalendar {spec!r} cannot be read: {str(error).lower()}. "
            "Write it as in Mon..Fri *-*-* 08:00:00, or five fields for cron."
        ) from error
    if any_year:
        raise ScheduleError(f"OnCalendar {spec!r} is never due in {tz}: there is no such time.")
    return None


def _cron_walls(expression: str, wall: datetime) -> Iterator[datetime]:
    """Give the matches after `wall`, all without zone, up to 50 years ahead."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415  see the module's docstring

    try:
        return CronSim(expression, wall)
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        raise ScheduleError(
            f"Cron {expression!r} has a bad {field}: use {CRON_HELP.get(field, 'five fields')}, with , - / or *."
        ) from error


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415  see the module's docstring

    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise ScheduleError(f"Unknown time zone {name!r}: use a name such as Europe/Berlin.") from error


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    """Give what the clocks show in whole seconds, without zone."""
    return moment.astimezone(zone).replace(microsecond=0, tzinfo=None, fold=0)


def _on_the_clocks(wall: datetime, zone: tzinfo) -> tuple[datetime, bool]:
    """Give the moment at which the clocks first show `wall`, and True; if they skip it, the gap's end, and False."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if _wall(moment, zone) == wall:
        return moment, True
    before_the_gap = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change(before_the_gap, moment, zone), False


def _change(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    """Give the moment in (low, high] at which the offset changes, by halving; it must change once."""
    offset = low.astimezone(zone).utcoffset()
    while high - low > SECOND:
        middle = low + (high - low) // (2 * SECOND) * SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


@cache
def _zones() -> dict[str, str]:
    """Map every name that tzdata knows, in lower case, to the one to use."""
    from importlib.resources import files  # noqa: PLC0415  see the module's docstring

    folder = files("tzdata") / "zoneinfo"
    places = {
        line.split("\t")[2]
        for line in (folder / "zone.tab").read_text("utf-8").splitlines()
        if not line.startswith("#")
    }
    zones: dict[str, str] = {}
    for line in (folder / "tzdata.zi").read_text("utf-8").splitlines():
        kind, name, *rest = line.split(" ", 2)
        if kind == "Z":
            zones[name.lower()] = name
        elif kind == "L":  # "L Europe/Kyiv Europe/Kiev": target, then the other name
            other = rest[0]
            stays = other in places or other in PLACELESS
            zones[other.lower()] = other if stays else AT_HOME.get(other, name)
    return zones


def _closest_zone(wanted: str) -> str:
    """Suggest a name: the one with that city, else one spelt alike."""
    from difflib import get_close_matches  # noqa: PLC0415  see the module's docstring

    places = {name: zone for name, zone in _zones().items() if "/" in name}
    cities = {name.rpartition("/")[2]: zone for name, zone in places.items()}
    for known in (cities, places):
        for name in get_close_matches(wanted, known, n=1, cutoff=0.8):
            return f"Did you mean {known[name]}?"
    return "Use a name such as Europe/Berlin or UTC."
