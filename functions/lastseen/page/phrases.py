"""Schedules and moments as a person says them on a page. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from lastseen.core.dialects import remarks
from lastseen.core.schedule import Cron, Period, Schedule
from lastseen.text.words import one_line, span

EXPRESSION_LIMIT = 200

_ONES = {timedelta(minutes=1): "every minute", timedelta(hours=1): "every hour", timedelta(days=1): "every day"}
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT_DAYS = {day[:3].upper(): day for day in _DAYS}
_STEP = re.compile(r"\*/([1-9][0-9]?)", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class When:
    """A moment: how far away it is, and what the clocks show, in UTC."""

    relative: str
    absolute: str
    exact: str
    iso: str


def when(moment: datetime, now: datetime) -> When:
    """Return a moment as seen from now; its date is left out if that is today's."""
    utc, today = moment.astimezone(UTC), now.astimezone(UTC)
    if utc.date() == today.date():
        absolute = f"{utc:%H:%M:%S} UTC"
    elif utc.year == today.year:
        absolute = f"{utc:%a} {utc.day} {utc:%b %H:%M} UTC"
    else:
        absolute = f"{utc:%Y-%m-%d %H:%M} UTC"
    return When(
        relative=distance(moment - now),
        absolute=absolute,
        exact=f"{utc:%a %Y-%m-%d %H:%M:%S} UTC",
        iso=utc.isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


def lasting(since: datetime, now: datetime) -> When:
    """Return a moment as the begin of something that lasts."""
    return replace(when(since, now), relative=span(now - since))


def distance(away: timedelta) -> str:
    """Return "in 2 h 5 min", "3 min ago" or "now"."""
    if abs(away) < timedelta(seconds=1):
        return "now"
    return f"in {span(away)}" if away > timedelta(0) else f"{span(away)} ago"


def expected(schedule: Schedule) -> str:
    """Return a schedule in words, or its expression where that says more than words would."""
    if isinstance(schedule, Period):
        return _ONES.get(schedule.period) or f"every {span(schedule.period)}"
    if isinstance(schedule, Cron):
        words = _cron(schedule.expression.split())
        if words and not words.startswith("every"):
            return f"{words}, {one_line(schedule.tz, EXPRESSION_LIMIT)}"
        if words:
            return words
    lines = "; ".join(schedule.expression.splitlines())
    kind = "cron" if isinstance(schedule, Cron) else "OnCalendar"
    return one_line(f"{kind} {lines}, {schedule.tz}", EXPRESSION_LIMIT)


def taken(sent: str, schedule: Schedule, now: datetime) -> str:
    """Return as what the text of a schedule was taken, if not to the letter, and what to know of it; "" if nothing."""
    words = expected(schedule)
    stored = "" if isinstance(schedule, Period) else schedule.expression
    same = [line.split() for line in sent.splitlines() if line.strip()] == [
        line.split() for line in stored.splitlines()
    ]
    written = f" ({written})" if (written := expression(schedule)) else ""
    return " ".join([*([] if same else [f"Taken as: {words}{written}."]), *remarks(schedule, after=now)])


def expression(schedule: Schedule) -> str:
    """Return what a schedule was written as, if `expected` put it into other words."""
    if isinstance(schedule, Cron) and _cron(schedule.expression.split()):
        return one_line(schedule.expression, EXPRESSION_LIMIT)
    return ""


def _cron(fields: list[str]) -> str:
    """Return the common forms of cron in words, or "" for all others."""
    if len(fields) != 5:  # noqa: PLR2004 - minute, hour, day of month, month, day of week
        return ""
    minute, hour, day, month, weekday = fields
    if fields[1:] == ["*"] * 4:
        return _each_minutes(minute)
    if not _NUMBER.fullmatch(minute) or month != "*":
        return ""
    if [day, weekday] == ["*", "*"] and (step := _STEP.fullmatch(hour)):
        hours = int(step[1])
        return f"every {hours} hours at :{int(minute):02}" if hours > 1 and 24 % hours == 0 else ""
    if not _NUMBER.fullmatch(hour):
        return ""
    at = f"at {int(hour):02}:{int(minute):02}"
    if weekday == "*":
        if day == "*":
            return f"each day {at}"
        return f"on day {int(day)} of each month {at}" if _NUMBER.fullmatch(day) else ""
    return f"{days} {at}" if day == "*" and (days := _weekdays(weekday)) else ""


def _each_minutes(minute: str) -> str:
    if minute == "*":
        return "every minute"
    if _NUMBER.fullmatch(minute):
        return f"each hour at :{int(minute):02}"
    step = _STEP.fullmatch(minute)
    return f"every {step[1]} minutes" if step and int(step[1]) > 1 and 60 % int(step[1]) == 0 else ""


def _weekdays(field: str) -> str:
    if field.upper() in {"1-5", "MON-FRI"}:
        return "Monday to Friday"
    if field.upper() in _SHORT_DAYS:
        return f"each {_SHORT_DAYS[field.upper()]}"
    return f"each {_DAYS[int(field)]}" if field.isdigit() and int(field) < len(_DAYS) else ""
