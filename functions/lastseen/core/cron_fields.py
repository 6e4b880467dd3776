"""Fields of cron as other schedulers write them, brought to the form that schedule.py reads, or refused. Pure.

Lives here: one expression and what its fields mean elsewhere. Never here: which dialect a text is in (dialects.py).

What all schedulers read alike is taken; what they read differently is refused with each spelling of what can be meant:

    N/step in day-of-week   to Saturday (Kubernetes, Quartz), to Sunday (cron-parser), N alone (fugit), nothing (Vixie)
    H                       a time that Jenkins alone knows
    0~30                    a time that cron chooses at random (cronie, OpenBSD)
    15W                     the nearest weekday, for which there is no expression here

Source: the parsers of Vixie's cron (Debian), robfig/cron, Quartz, AWS EventBridge, fugit, croniter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lastseen.core.schedule import OnCalendar, ScheduleError

DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MINUTE, HOUR, DAY, MONTH, WEEKDAY = range(5)

_NAMES = {MONTH: MONTHS, WEEKDAY: DAYS}
_FIRST_AND_COUNT = {MINUTE: (0, 60), HOUR: (0, 24), DAY: (1, 31), MONTH: (1, 12), WEEKDAY: (0, 7)}
_RANGE = re.compile(r"(\w+)-(\w+)", re.ASCII)
_NUMBERED_STEP = re.compile(r"(\w+)/([0-9]{1,2})", re.ASCII)
_HASHED = re.compile(r"H(?:\(([0-9]+)-[0-9]+\))?(/[0-9]+)?", re.ASCII)
_CALENDAR_ITEM = re.compile(r"(\*|[0-9]+)(?:-([0-9]+))?(/[0-9]+)?", re.ASCII)

BOTH_DAYS = (
    "Its day of month and its day of week must both match, as in Debian's cron, because one of them begins with *; "
    "Kubernetes and fugit take either."
)


def plain_fields(fields: Sequence[str]) -> list[str]:
    """Return five fields as schedule.py reads them. Raise ScheduleError for what schedulers read differently."""
    if any("H" in field.upper().replace("THU", "").replace("MARCH", "") for field in fields):
        raise _hashed(fields)
    if any("~" in field for field in fields):
        raise _random(fields)
    return [",".join(_plain(item, place) for item in field.split(",")) for place, field in enumerate(fields)]


def notes(fields: Sequence[str]) -> list[str]:
    """Return what a reader should know of five plain fields."""
    day, weekday = fields[DAY], fields[WEEKDAY]
    restricted = day != "*" and weekday != "*"
    return [BOTH_DAYS] if restricted and (day.startswith("*") or weekday.startswith("*")) else []


def quartz_weekdays(field: str) -> str:
    """Return a day of week that counts from 1 for Sunday, as Quartz and AWS do, by names."""
    return ",".join(_quartz_item(item) for item in field.upper().split(","))


def on_calendar(fields: Sequence[str], year: str, *, tz: str, second: str = "0") -> OnCalendar:
    """Return five plain fields of a year as an OnCalendar, for cron has no years. Raise ScheduleError."""
    try:
        minute, hour, day, month = (_calendar(field, place) for place, field in enumerate(fields[:WEEKDAY]))
        weekday = (
            "" if fields[WEEKDAY] == "*" else ",".join(_calendar_days(each) for each in fields[WEEKDAY].split(","))
        )
        years = _calendar(year, None)
    except ValueError as error:
        line = " ".join(fields)
        raise ScheduleError(
            f"The year {year} cannot be said beside {error}: leave the year out, as in {line}."
        ) from error
    return OnCalendar(f"{weekday} {years}-{month}-{day} {hour}:{minute}:{second.zfill(2)}".strip(), tz)


def _plain(item: str, place: int) -> str:
    upper = item.upper()
    if item == "?" and place in {DAY, WEEKDAY}:
        return "*"
    if place == DAY and re.fullmatch(r"[0-9]{1,2}W|W", upper):
        raise ScheduleError(
            f"{item}, the weekday nearest to a day, cannot be said here; LW, the last weekday of the month, can. "
            "Write the last day that it can be, with a grace of some days, or `every 32 days`."
        )
    if place == WEEKDAY and upper[:-1] in DAYS and upper.endswith("L"):
        return f"{DAYS.index(upper[:-1])}L"
    if place == WEEKDAY and (step := _NUMBERED_STEP.fullmatch(upper)):
        raise _ambiguous_step(item, step)
    if (wrapped := _RANGE.fullmatch(upper)) and place in _FIRST_AND_COUNT:
        return _unwrapped(item, wrapped, place)
    return item


def _ambiguous_step(item: str, step: re.Match[str]) -> ScheduleError:
    first, by = _index(step[1], WEEKDAY), int(step[2])
    if first is None or not by:
        return ScheduleError(f"{item} in the day of week cannot be read: use 0 to 7 or SUN to SAT.")
    days = [DAYS[day] for day in range(first % len(DAYS), len(DAYS), by)]
    listed = f"{','.join(days)}, or {days[0]} for that day alone" if len(days) > 1 else days[0]
    return ScheduleError(
        f"{item} in the day of week means other days in each scheduler: write {listed}. Every second week cannot be "
        "said by cron: use `every 14 days`."
    )


def _unwrapped(item: str, match: re.Match[str], place: int) -> str:
    """Return a range that ends before it begins, such as 22-3 or FRI-MON, as a list."""
    first, last = _index(match[1], place), _index(match[2], place)
    if first is None or last is None or first <= last:
        return item
    low, count = _FIRST_AND_COUNT[place]
    numbers = [low + (number - low) % count for number in range(first, last + count + 1)]
    names = _NAMES.get(place)
    return ",".join(names[number - low] if names else str(number) for number in numbers)


def _index(word: str, place: int) -> int | None:
    """Return the number of a value; None for what is none."""
    low, count = _FIRST_AND_COUNT[place]
    names = _NAMES.get(place, ())
    if word in names:
        return names.index(word) + low
    extra = 1 if place == WEEKDAY else 0  # 7 is Sunday as well
    return int(word) if word.isdigit() and low <= int(word) < low + count + extra else None


def _hashed(fields: Sequence[str]) -> ScheduleError:
    """Return why Jenkins' H is refused, with the line that comes nearest."""
    if (every := re.fullmatch(r"H/([0-9]+)", fields[MINUTE], re.IGNORECASE)) and set(fields[HOUR:]) == {"*"}:
        return ScheduleError(f"H is a minute that Jenkins alone knows: write `every {every[1]} minutes`.")

    def earliest(place: int, match: re.Match[str]) -> str:
        return "*" + match[2] if match[2] else match[1] or str(_FIRST_AND_COUNT[place][0])

    plain = [
        ",".join(
            earliest(place, match) if (match := _HASHED.fullmatch(item.upper())) else item for item in field.split(",")
        )
        for place, field in enumerate(fields)
    ]
    return ScheduleError(
        f"H is a time that Jenkins alone knows: write `{' '.join(plain)}` and as much more grace as H can be later."
    )


def _random(fields: Sequence[str]) -> ScheduleError:
    """Return why a time that cron chooses at random is refused, with the line that comes nearest."""
    firsts = [str(first) for first, _ in _FIRST_AND_COUNT.values()]
    earliest = [re.sub(r"(?<![0-9])~", f"{first}~", field) for first, field in zip(firsts, fields, strict=True)]
    plain = re.sub(r"~[0-9]*", "", " ".join(earliest))
    return ScheduleError(
        f"~ is a time that cron alone knows: write `{plain}` and as much more grace as it can be later."
    )


def _quartz_item(item: str) -> str:
    if item == "L":
        return "SAT"
    if last := re.fullmatch(r"([1-7])L", item):
        return f"{DAYS[int(last[1]) - 1]}L"
    if step := re.fullmatch(r"(\w+)/([1-7])", item):
        first = DAYS.index(step[1]) if step[1] in DAYS else int(_quartz_day(step[1], index=True))
        return ",".join(DAYS[day] for day in range(first, len(DAYS), int(step[2])))
    return re.sub(r"(?<![#/0-9])[0-9]+", lambda match: _quartz_day(match[0]), item)


def _quartz_day(number: str, *, index: bool = False) -> str:
    if not number.isdigit() or not 1 <= int(number) <= len(DAYS):
        raise ScheduleError(f"{number} is no day of week of Quartz or AWS: use 1 (SUN) to 7 (SAT), or the names.")
    return str(int(number) - 1) if index else DAYS[int(number) - 1]


def _calendar(field: str, place: int | None) -> str:
    """Return a field in OnCalendar's form. Raise ValueError with what has none."""
    low = 1 if place in {DAY, MONTH} else 0
    for number, name in enumerate(_NAMES[MONTH] if place == MONTH else (), start=1):
        field = re.sub(name, str(number), field, flags=re.IGNORECASE)
    items = []
    for item in field.split(","):
        match = _CALENDAR_ITEM.fullmatch(item)
        if not match:
            raise ValueError(item)
        first, last, step = match.groups(default="")
        first = f"{low}" if first == "*" and step else first
        items.append(first.zfill(2 * (place in {MINUTE, HOUR})) + (f"..{last}" if last else "") + step)
    return ",".join(items)


def _calendar_days(item: str) -> str:
    ends = [_index(word, WEEKDAY) for word in item.upper().split("-")]
    if len(ends) > 2 or None in ends:  # noqa: PLR2004 - first and last
        raise ValueError(item)
    return "..".join(DAYS[(end or 0) % len(DAYS)].capitalize() for end in ends)
