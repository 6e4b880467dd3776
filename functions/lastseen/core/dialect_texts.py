"""What stands around the lines of a schedule: comments, settings, a unit, a manifest, a call, quotation marks. Pure.

Lives here: which lines of a text say when, and the zone that a line beside them sets.
Never here: what such a line means (dialect_lines.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lastseen.core.schedule import ScheduleError

_ZONE_NAMES = r"CRON_TZ|TZ|time_?zone|schedule_?expression_?timezone"
_ZONE_ALONE = re.compile(
    rf"[\"']?({_ZONE_NAMES})[\"']?\s*([:=])\s*[\"']?([^\s\"',]+)[\"']?,?", re.ASCII | re.IGNORECASE
)
ZONE_BEFORE = re.compile(r"(?:CRON_TZ|TZ)=([^\s\"']+)\s+(.+)", re.ASCII)
_KUBERNETES = re.compile(r"^\s*(?:timeZone\s*:|kind\s*:\s*CronJob\b)", re.ASCII | re.MULTILINE)
_LABEL = re.compile(
    r"(?:-\s*)?[\"']?(?:crons?|schedule\w*|rate|expression)[\"']?\s*(?::|=>?)\s*", re.ASCII | re.IGNORECASE
)
_JENKINSFILE = re.compile(r"(?:triggers\s*\{\s*)?(?:cron|pollSCM)\s*\(\s*([\"'])(.+?)\1\s*\)(?:\s*\})?", re.ASCII)
_SPRING = re.compile(r"@Scheduled\s*\((?=.*\bcron\s*=\s*\"([^\"]+)\")(?:.*\bzone\s*=\s*\"([^\"]+)\")?.*\)", re.ASCII)
_WHENEVER = re.compile(r"every\s.*\sdo", re.ASCII)
_BESIDE = re.compile(  # lines of a file that say nothing of a schedule, where others do
    r"(?:-\s+)?[\"']?[A-Za-z][\w./-]*[\"']?\s*:(?:\s.*)?|-\s+(?![\"']?[0-9*@]).*|.*\{|[{}\[\],\s]+|end|(?:runner|rake|command|script)\s.*",
    re.ASCII,
)
_SETTING = re.compile(r"[A-Za-z_]+\s*=.*|\[[A-Za-z]+\]", re.ASCII)
_UNIT_FILE = re.compile(r"OnCalendar\s*=\s*(.*)", re.ASCII | re.IGNORECASE)
_MONOTONIC = re.compile(r"On(?:UnitActive|UnitInactive|Boot|Startup|Active)Sec\s*=", re.ASCII)
_COMMENT = re.compile(r"\s#(?![1-5]$).*")
_QUOTED = re.compile(r"\[?([\"'`])((?:(?!\1).)*)\1\]?")


@dataclass(frozen=True, slots=True)
class Times:
    """The lines that say when, on the clocks of `tz`."""

    lines: tuple[str, ...]
    tz: str
    environment: str = ""  # the line TZ=... that sets it: in a crontab it is for the commands only
    kubernetes: bool = False


def times(text: str, tz: str) -> Times:
    """Return the lines of a text that say when. Raise ScheduleError for a zone that counts for some of them only."""
    raw = [line for line in (_COMMENT.sub("", f" {line.strip()}").strip() for line in text.splitlines()) if line]
    if unit := [match[1] for line in raw if (match := _UNIT_FILE.fullmatch(line))]:
        resets = [place for place, line in enumerate(unit) if not line]  # as in a drop-in: what was before is void
        lines = unit[resets[-1] + 1 :] if resets else unit
        return Times(tuple(" ".join(line.split()) for line in lines), tz)
    if any(_MONOTONIC.match(line) for line in raw):
        raise ScheduleError("A timer without OnCalendar= counts from its last run: write `every 15 minutes`, say.")
    labelled = any(_is_labelled(line) for line in raw)
    kept: list[str] = []
    environment = ""
    for line in raw:
        if zone := _ZONE_ALONE.fullmatch(line):
            if kept and zone[1] in {"TZ", "CRON_TZ"}:
                raise ScheduleError(f"{line} counts for the lines below it only: write it above, or each line alone.")
            tz, environment = zone[3], line if zone[1] == "TZ" and zone[2] == "=" else ""
        elif _is_labelled(line) or not (_BESIDE.fullmatch(line) if labelled else _SETTING.fullmatch(line)):
            kept += filter(None, [_bare(line)])
        elif ZONE_BEFORE.fullmatch(line):
            kept.append(" ".join(line.split()))
    return Times(tuple(kept), tz, environment, kubernetes=bool(_KUBERNETES.search(text)))


def _is_labelled(line: str) -> bool:
    return bool(
        _LABEL.match(line) or _JENKINSFILE.fullmatch(line) or _SPRING.fullmatch(line) or _WHENEVER.fullmatch(line)
    )


def _bare(line: str) -> str:
    """Return a line without the label, the call and the quotation marks around it, its blanks in one form."""
    line = _LABEL.sub("", line, count=1) if _LABEL.match(line) else line
    line = line.removeprefix("- ").rstrip(" ,")
    if quoted := _QUOTED.fullmatch(line):
        line = quoted[2]
    if jenkins := _JENKINSFILE.fullmatch(line):
        line = jenkins[2]
    elif spring := _SPRING.fullmatch(line):
        line = f"{spring[1]} {spring[2] or ''}"
    return " ".join(line.split())
