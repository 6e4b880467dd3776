"""The text of a schedule, in any scheduler's dialect: `understood` gives the schedule it means. Pure.

A text is recognized before it is judged, so that a refusal speaks of what its writer meant. What can be understood
without doubt is taken; what two schedulers read differently is refused with the line to write instead.

    this file           several lines as one schedule; what to know of it
    dialect_texts.py    texts: what stands around the lines
    dialect_lines.py    one line: DIALECTS, who recognizes it and reads it; dialect_words.py, those in words
    cron_fields.py      the fields of cron: what they mean elsewhere
    schedule.py         when a schedule is due
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from lastseen.core.cron_fields import notes
from lastseen.core.dialect_lines import DIALECTS, command, skipping
from lastseen.core.dialect_texts import ZONE_BEFORE, times
from lastseen.core.expressions import CRON_FIELDS
from lastseen.core.limits import SCHEDULE_CHARS
from lastseen.core.schedule import Cron, Period, Schedule, ScheduleError, SkippedHour, skipped_time, validated


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
    stated = times(text, tz)
    if stated.environment and any(map(command, stated.lines)):
        raise ScheduleError(
            f"{stated.environment} in a crontab is for its commands: cron starts them by the clocks of its host. Leave "
            f"it out and give the host's zone beside the schedule; if your cron reads it, write CRON_TZ={stated.tz}."
        )
    schedules = [_read(line, stated.tz) for line in stated.lines]
    if stated.kubernetes:
        schedules = [skipping(each) for each in schedules]
    schedule = schedules[0] if len(schedules) == 1 else _together(schedules, stated.lines)
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


def _read(line: str, tz: str) -> Schedule:
    if zoned := ZONE_BEFORE.fullmatch(line):  # as Kubernetes, not Vixie's cron
        return skipping(_read(zoned[2], zoned[1]))
    return next(schedule for read in DIALECTS if (schedule := read(line, tz)))


def _together(schedules: Sequence[Schedule], lines: Sequence[str]) -> Schedule:
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
