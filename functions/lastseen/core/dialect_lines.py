"""One line of a schedule, in the dialects of the schedulers that people copy it from. Pure.

DIALECTS is the table: each function recognizes its own lines, reads or refuses them, and gives None for all others.
The first that recognizes a line has it; the last one takes what is left for systemd's OnCalendar. A dialect that names
its scheduler also says what that does with a time that the clocks skip: all but Vixie's cron skip it.

Lives here: what is made of fields. Lines of words are in dialect_words.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile

from lastseen.core.cron_fields import DAY, DAYS, WEEKDAY, on_calendar, plain_fields, quartz_weekdays
from lastseen.core.dialect_words import SECONDS_IN, names_zone, natural, word
from lastseen.core.expressions import CRON_FIELDS
from lastseen.core.schedule import Cron, OnCalendar, Period, Schedule, ScheduleError

SYNONYMS = {"semi-annually": "semiannually", "biannually": "semiannually", "bi-annually": "semiannually"}
SPECIALS = "minutely|hourly|daily|monthly|weekly|yearly|annually|quarterly|semiannually"
_AWS = re.compile(r"(cron|rate|at)\s*\((.*)\)", re.ASCII | re.IGNORECASE)
_RATE = re.compile(r"([0-9]{1,8})\s+(minute|hour|day)s?", re.ASCII | re.IGNORECASE)
_DAYS = "(?:SUN|MON|TUE(?:S)?|WED(?:NES)?|THU(?:RS)?|FRI|SAT(?:UR)?)(?:DAY)?"
_MONTHS = (
    "JAN(?:UARY)?|FEB(?:RUARY)?|MAR(?:CH)?|APR(?:IL)?|MAY|JUNE?|JULY?|AUG(?:UST)?|SEP(?:TEMBER)?|OCT(?:OBER)?|"
    "NOV(?:EMBER)?|DEC(?:EMBER)?"
)
_FIELD = re.compile(
    rf"(?:[0-9*?,/#~LW-]|{_DAYS}|{_MONTHS}|\bH(?:\([0-9]+-[0-9]+\))?(?![A-Z]))+", re.ASCII | re.IGNORECASE
)
_WHENEVER = re.compile(
    r"every\s+(?::(?P<word>[a-z]+)|(?P<number>[0-9]{1,4})\.(?P<unit>[a-z]+?)s?|(?P<mark>['\"])(?P<cron>[^'\"]+)(?P=mark))"
    r"(?:,\s*:?at(?::|\s*=>)\s*['\"](?P<at>[^'\"]+)['\"])?(?:,\s*\w+:[^,]*)*?(?:\s+do)?",
    re.ASCII | re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)[0-9]{2}.*", re.ASCII)
_CALENDAR = re.compile(
    rf"(?:{SPECIALS}|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\b).*|.*[0-9*][:~.-].*", re.ASCII | re.IGNORECASE
)


def aws(line: str, tz: str) -> Schedule | None:
    """Read AWS's rate(...), cron(...) and at(...)."""
    match = _AWS.fullmatch(line)
    if not match:
        return None
    kind, inner = match[1].lower(), match[2].strip()
    if kind == "at":
        return OnCalendar(inner.replace("T", " "), tz)
    if kind == "rate":
        rate = _RATE.fullmatch(inner)
        if not rate:
            raise ScheduleError(f"{line} cannot be read: write it as in rate(5 minutes), rate(1 hour) or rate(7 days).")
        return Period(timedelta(seconds=int(rate[1]) * SECONDS_IN[rate[2][0].lower()]))
    fields = inner.split()
    if len(fields) != CRON_FIELDS + 1:
        raise ScheduleError(
            f"{line} has {len(fields)} fields: AWS's cron has six, minute hour day-of-month month day-of-week year, "
            "as in cron(0 10 ? * MON-FRI *)."
        )
    return skipping(_quartz(fields[:CRON_FIELDS], tz, year=fields[CRON_FIELDS]))


def cron(line: str, tz: str) -> Schedule | None:
    """Read cron: five fields, or six with seconds or a year, or seven; then a zone, or a command of a crontab."""
    fields, rest = _split(line)
    if len(fields) < CRON_FIELDS:
        is_cron = len(line.split()) == CRON_FIELDS and not _CALENDAR.fullmatch(line)
        return Cron(line, tz) if is_cron else None  # a field is bad; schedule.py says which
    if any(each.startswith((",", "#")) or each.endswith(",") for each in fields):
        raise ScheduleError(
            f"A blank too many: write {re.sub(r' *([,#]) *', lambda match: match[1], ' '.join(fields))}"
        )
    if names_zone(rest) and len(fields) == CRON_FIELDS:
        return skipping(_plain(fields, rest))
    if len(fields) == CRON_FIELDS:
        return _plain(fields, tz)
    if names_zone(rest):
        tz, rest = rest, ""
    if rest:
        raise ScheduleError(f"{line!r} has {len(fields)} fields before {rest!r}: a crontab's line has five.")
    has_year = len(fields) > CRON_FIELDS + 1 or _has_year(fields)
    return skipping(_with_year(fields, tz) if has_year else _with_seconds(fields, tz))


def whenever(line: str, tz: str) -> Schedule | None:
    """Read a line of whenever, whose schedules are lines of the host's crontab: every 1.day, at: '4:30 am' do."""
    match = _WHENEVER.fullmatch(line)
    if not match:
        return None
    if match["cron"]:
        return cron(match["cron"], tz)
    unit = match["word"] or (match["unit"] if match["number"] == "1" else f"{match['number']} {match['unit']}s")
    schedule = natural(f"every {unit}" + (f" at {match['at']}" if match["at"] else ""), tz)
    return replace(schedule, skipped_hour="run") if isinstance(schedule, Cron) else schedule


def command(line: str) -> str:
    """Return the command at the end of a crontab's line; "" if there is none."""
    fields, rest = _split(line)
    return "" if len(fields) != CRON_FIELDS or names_zone(rest) else rest


def skipping(schedule: Schedule) -> Schedule:
    """Return the schedule as one of a scheduler that skips a time that the clocks skip."""
    return replace(schedule, skipped_hour="skip") if isinstance(schedule, Cron) else schedule


def calendar(line: str, tz: str) -> Schedule:
    """Read all else as systemd's OnCalendar."""
    first, blank, rest = line.partition(" ")
    line = SYNONYMS.get(first.lower(), first) + blank + rest
    if not _CALENDAR.fullmatch(line):
        raise ScheduleError(
            f"{line!r} is no schedule in a dialect known here: write cron (0 3 * * *), systemd's OnCalendar (Mon..Fri "
            "08:00) or `every 5 minutes`."
        )
    return OnCalendar(line, tz)


DIALECTS: tuple[Callable[[str, str], Schedule | None], ...] = (word, aws, whenever, natural, cron, calendar)


def _split(line: str) -> tuple[list[str], str]:
    """Return the fields of cron that a line begins with, at most seven, and the rest."""
    words = line.split()
    fields = list(takewhile(_FIELD.fullmatch, words[: CRON_FIELDS + 2]))
    return fields, " ".join(words[len(fields) :])


def _plain(fields: list[str], tz: str, *, second: str = "0") -> Schedule:
    fields = plain_fields(fields)
    expression = " ".join(fields if second.strip("0") == "" else [second, *fields])
    return Cron(expression, tz)


def _has_year(fields: list[str]) -> bool:
    """Return whether six fields end with a year, as AWS's do, and do not begin with seconds: by where the `?` is."""
    marks = {place for place, field in enumerate(fields) if field == "?"}
    return bool(marks & {DAY, WEEKDAY} and not marks & {DAY + 1, WEEKDAY + 1}) or bool(_YEAR.fullmatch(fields[-1]))


def _with_year(fields: list[str], tz: str) -> Schedule:
    second, fields = (fields[0], fields[1:]) if len(fields) > CRON_FIELDS + 1 else ("0", fields)
    return _quartz(fields[:CRON_FIELDS], tz, second=second, year=fields[CRON_FIELDS])


def _with_seconds(fields: list[str], tz: str) -> Schedule:
    second, *fields = fields
    weekday = fields[WEEKDAY]
    if "?" in fields and re.search(r"(?<![#/])[1-6]", weekday):
        quartz = quartz_weekdays(weekday)
        unix = re.sub(r"(?<![#/])[0-7]", lambda match: DAYS[int(match[0]) % len(DAYS)], weekday)
        raise ScheduleError(
            f"{weekday} in the day of week is {quartz} in Quartz, but {unix} in Spring and Go: write one of them."
        )
    return _plain(fields, tz, second=second)


def _quartz(fields: list[str], tz: str, *, year: str, second: str = "0") -> Schedule:
    """Read five fields of Quartz or AWS: days of week count from 1, Sunday, and one of both days is `?`."""
    if fields[DAY] not in {"*", "?"} and fields[WEEKDAY] not in {"*", "?"}:
        raise ScheduleError(f"{' '.join(fields)}: one of day-of-month and day-of-week must be ?, else AWS refuses it.")
    fields = [*fields[:WEEKDAY], quartz_weekdays(fields[WEEKDAY])]
    if year in {"*", "?"}:
        return _plain(fields, tz, second=second)
    return on_calendar(plain_fields(fields), year, tz=tz, second=second)
