"""The text of a schedule, in any scheduler's dialect: `understood` gives the schedule it means. Pure.

A text is recognized before it is judged, so that a refusal speaks of what its writer meant. What can be understood
without doubt is taken; what two schedulers read differently is refused with the line to write instead.

    this file           texts: comments, settings, units, YAML around the lines; several lines
    dialect_lines.py    one line: DIALECTS, who recognizes it and reads it; dialect_words.py, those in words
    cron_fields.py      the fields of cron: what they mean elsewhere
    schedule.py         when a schedule is due
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from lastseen.core.cron_fields import notes
from lastseen.core.dialect_lines import DIALECTS, command, skipping
from lastseen.core.expressions import CRON_FIELDS
from lastseen.core.limits import SCHEDULE_CHARS
from lastseen.core.schedule import Cron, Period, Schedule, ScheduleError, SkippedHour, skipped_time, validated

_ZONE_ALONE = re.compile(r"(?:CRON_TZ|TZ|timeZone)\s*[:=]\s*[\"']?([^\s\"']+)[\"']?", re.ASCII)
_OF_KUBERNETES = re.compile(r"^\s*timeZone\s*:", re.ASCII | re.MULTILINE)
_ZONE_BEFORE = re.compile(r"(?:CRON_TZ|TZ)=([^\s\"']+)\s+(.+)", re.ASCII)
_LABEL = re.compile(r"(?:-\s*)?(?:cron|schedule\w*)\s*[:=]\s*", re.ASCII | re.IGNORECASE)
_SETTING = re.compile(r"[A-Za-z_]+\s*=.*|\[[A-Za-z]+\]", re.ASCII)
_UNIT_FILE = re.compile(r"OnCalendar\s*=\s*(.*)", re.ASCII | re.IGNORECASE)
_MONOTONIC = re.compile(r"On(?:UnitActive|UnitInactive|Boot|Startup|Active)Sec\s*=", re.ASCII)
_COMMENT = re.compile(r"\s#(?![1-5]$).*")


def understood(
    text: str, tz: str, *, after: datetime, skipped_hour: SkippedHour | None = None, otherwise: SkippedHour = "run"
) -> Schedule:
    """Return what a text means, on the clocks of `tz` unless it names a zone itself.

    `skipped_hour`: what its scheduler does with a time that the clocks skip, if that is asked for; else as the dialect
    tells, or `otherwise` if it does not tell.
    Raise ScheduleError for what cannot be understood without doubt, and for what is never due after `after`.
    """
    if len(text) > SCHEDULE_CHARS:
        raise ScheduleError(f"The schedule has {len(text)} characters: at most {SCHEDULE_CHARS} are allowed.")
    lines, tz = _times(text, tz)
    schedules = [_read(line, tz) for line in lines]
    if _OF_KUBERNETES.search(text):
        schedules = [skipping(each) for each in schedules]
    schedule = schedules[0] if len(schedules) == 1 else _together(schedules, lines)
    if isinstance(schedule, Cron):
        own = schedule.skipped_hour if schedule.skipped_hour == "skip" else otherwise
        schedule = replace(schedule, skipped_hour=skipped_hour or own)
    return validated(schedule, after=after)


def remarks(schedule: Schedule, *, after: datetime) -> list[str]:
    """Return what the writer of a schedule should know because other schedulers read it differently."""
    if not isinstance(schedule, Cron):
        return []
    found = [note for line in schedule.expression.splitlines() for note in notes(line.split()[-CRON_FIELDS:])]
    if skipped := skipped_time(schedule, after):
        time, end = skipped
        day = f"The clocks of {schedule.tz} skip {time:%H:%M} on {time:%Y-%m-%d}: a ping is expected"
        found.append(
            f"{day} at {end:%H:%M} then, as Debian's cron runs it. Kubernetes, Rails and AWS skip it: for those, set "
            "skipped_hour to skip."
            if schedule.skipped_hour == "run"
            else f"{day} on other days only."
        )
    return list(dict.fromkeys(found))


def _times(text: str, tz: str) -> tuple[list[str], str]:
    """Return the lines that say when, and the zone that a line beside them sets."""
    lines = [line for line in map(_bare, text.splitlines()) if line]
    if unit := [match[1] for line in lines if (match := _UNIT_FILE.fullmatch(line)) and match[1]]:
        return unit, tz
    if any(_MONOTONIC.match(line) for line in lines):
        raise ScheduleError("A timer without OnCalendar= counts from its last run: write `every 15 minutes`, say.")
    times = []
    for line in lines:
        if alone := _ZONE_ALONE.fullmatch(line):
            tz = alone[1]
        elif _ZONE_BEFORE.fullmatch(line) or not _SETTING.fullmatch(line):
            times.append(line)
    return times, tz


def _bare(line: str) -> str:
    """Return a line without comment, YAML label and quotation marks around it, its blanks in one form."""
    line = _COMMENT.sub("", f" {line.strip()}").strip()
    line = _LABEL.sub("", line, count=1) if _LABEL.match(line) else line
    if len(line) > 1 and line[0] == line[-1] and line[0] in "\"'`":
        line = line[1:-1]
    return " ".join(line.split())


def _read(line: str, tz: str) -> Schedule:
    if zoned := _ZONE_BEFORE.fullmatch(line):  # as Kubernetes, not Vixie's cron
        return skipping(_read(zoned[2], zoned[1]))
    return next(schedule for read in DIALECTS if (schedule := read(line, tz)))


def _together(schedules: list[Schedule], lines: list[str]) -> Schedule:
    """Return several lines as one schedule, which is due whenever one of them is."""
    if not schedules:
        raise ScheduleError("The schedule is empty: write five cron fields or an OnCalendar such as daily.")
    first, kinds = schedules[0], {(type(each), getattr(each, "tz", "")) for each in schedules}
    jobs = {command(line) for line in lines}
    if len(kinds) > 1 or isinstance(first, Period) or len(jobs) > 1:
        raise ScheduleError(
            f"These {len(schedules)} lines cannot be one schedule: write only cron lines of one time zone, or only "
            "OnCalendar lines; or give each line a check of its own."
        )
    expression = "\n".join(each.expression for each in schedules if not isinstance(each, Period))
    return replace(first, expression=expression)
