"""Schedules in words: cron's @daily, Kubernetes' @every 1h30m, `every day at 2:30am Europe/Berlin` as in Rails. Pure.

Each function recognizes its own lines, reads or refuses them, and gives None for all others. A zone behind the words is
fugit's way: its schedulers skip a time that the clocks skip.
"""

from __future__ import annotations

import re
from datetime import timedelta

from lastseen.core.schedule import Cron, Period, Schedule, ScheduleError
from lastseen.core.zones import is_zone, names_city

WORDS = {  # Vixie's cron; Kubernetes and Rails read them alike. systemd's `weekly`, without @, is Monday.
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
SECONDS_IN = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


_EVERY = re.compile(
    r"(every\s+)?(?:([0-9]{1,8})\s*)?(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)",
    re.ASCII | re.IGNORECASE,
)
_EVERY_DAY = re.compile(r"(?:every ([a-z]+)|daily)(?: (?:at )?(.+))?", re.ASCII | re.IGNORECASE)
_TIME = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?\s*(am|pm)?", re.ASCII | re.IGNORECASE)
_DURATION = re.compile(r"(?=.)(?:([0-9]{1,4})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?", re.ASCII)
_AREAS = re.compile(
    r"(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific|US|Etc)/.*",
    re.ASCII | re.IGNORECASE,
)
_MEANT_AS_ZONE = re.compile(r"[A-Z]{2,4}T|(?:UTC|GMT)?[+-][0-9]{1,2}(?::?[0-9]{2})?", re.ASCII)


def word(line: str, tz: str) -> Schedule | None:
    """Read @daily and its like, and @every with Go's durations."""
    name, _, rest = line.partition(" ")
    name = name.lower()
    if not re.fullmatch(r"@[a-z_-]+", name):
        return None
    if name == "@every":
        match = _DURATION.fullmatch(rest)
        if not match:
            raise ScheduleError(f"@every {rest} cannot be read: write it as in @every 1h30m.")
        return Period(_duration(match))
    if name == "@reboot":
        raise ScheduleError("@reboot has no time: write the longest that may pass between two, as in `every 30 days`.")
    if name not in WORDS:
        raise ScheduleError(f"{name} is no word of cron: use {', '.join(WORDS)} or @every 1h30m.")
    return Cron(WORDS[name], rest, "skip") if names_zone(rest) else Cron(WORDS[name], tz)


def natural(line: str, tz: str) -> Schedule | None:
    """Read `every 5 minutes`, `every day at 2:30am` and `every monday at noon Europe/Berlin`."""
    if match := _EVERY.fullmatch(line):
        if not match[1]:
            raise ScheduleError(f"{line} alone could be many things: write `every {line}`.")
        return Period(timedelta(seconds=int(match[2] or 1) * SECONDS_IN[match[3][0].lower()]))
    if not line.lower().startswith(("every ", "daily at ")):
        return None
    if match := _DURATION.fullmatch(line.partition(" ")[2]):
        return Period(_duration(match))
    head, _, last = line.rpartition(" ")
    if names_zone(last):
        line, tz = head, last
    match = _EVERY_DAY.fullmatch(line)
    days = _days((match[1] or "day").upper()) if match else ""
    time = _time(match[2] or "midnight") if match else ""
    if not days or not time:
        raise ScheduleError(f"{line!r} cannot be read: write `every 5 minutes`, `every day at 2:30am` or cron.")
    return Cron(f"{time} {days}", tz, "skip")


def names_zone(text: str) -> bool:
    """Return whether a text is a zone, or is meant to be one."""
    is_city = text[:1].isupper() and names_city(text)
    return is_zone(text) or is_city or bool(_AREAS.fullmatch(text) or _MEANT_AS_ZONE.fullmatch(text))


def _duration(match: re.Match[str]) -> timedelta:
    parts = zip(match.groups(default="0"), ("d", "h", "m", "s"), strict=True)
    return timedelta(seconds=sum(int(number) * SECONDS_IN[unit] for number, unit in parts))


def _days(name: str) -> str:
    """Return the days that a word means as cron's day of month, month and day of week; "" if it means none."""
    if spans := {"DAY": "* * *", "WEEKDAY": "* * MON-FRI", "MONTH": "1 * *", "YEAR": "1 1 *"}.get(name):
        return spans
    full = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
    return next((f"* * {day[:3]}" for day in full if name in {day[:3], day, f"{day}S"}), "")


def _time(text: str) -> str:
    """Return a time of day as cron's minute and hour; "" if it is none."""
    match = _TIME.fullmatch({"noon": "12:00", "midnight": "0:00"}.get(text.lower(), text))
    if not match:
        return ""
    hour, half = int(match[1]), (match[3] or "").lower()
    if half and not 1 <= hour <= 12:  # noqa: PLR2004 - of a clock's face
        return ""
    hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
    return f"{int(match[2] or 0)} {hour}"
