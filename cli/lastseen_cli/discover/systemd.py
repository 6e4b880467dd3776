"""Timers of systemd and their services, as `systemctl cat` prints them or as unit files. Pure.

A timer's OnCalendar= is the schedule; the service that it starts gets the drop-in of docs/clients/systemd.md. The
slug is the service's name as `lastseen-ping` writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lastseen_cli.discover.jobs import Job, Reading, Remark

DROP_IN = """\
# A drop-in for a service that is to be watched:
#   mkdir -p /etc/systemd/system/NAME.service.d && cp lastseen.conf /etc/systemd/system/NAME.service.d/
#   systemctl daemon-reload
# The check's slug is the unit's name without .service (%N). Needs /usr/local/bin/lastseen-ping and /etc/lastseen.env.

[Service]
# The leading - : neither a missing file nor a lost ping must keep the job from running.
EnvironmentFile=-/etc/lastseen.env
ExecStartPre=-/usr/local/bin/lastseen-ping start %N
# Runs after success, failure, a signal, a time-out, a failed ExecStartPre= and an unmet ExecCondition=.
ExecStopPost=-/usr/local/bin/lastseen-ping end %N
"""
"""clients/systemd/lastseen.conf, which a test compares."""

DROP_IN_NAME = "lastseen.conf"
ACCURACY_SECONDS = 60  # what AccuracySec= is by default

_FILE = re.compile(r"# (/\S+)")
_DROP_IN_PATH = re.compile(r".*/(?P<unit>[^/]+)\.d/[^/]+\.conf")
_SECTION = re.compile(r"\[(\w[\w-]*)\]")
_SETTING = re.compile(r"([A-Za-z]+)\s*=\s*(.*)")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.ASCII | re.IGNORECASE)
_UNITS = {
    "": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1, "ms": 0.001, "us": 0.000001, "m": 60, "min": 60, "minute": 60,
    "minutes": 60, "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400,
    "w": 604800, "week": 604800, "weeks": 604800,
}  # fmt: skip
_COUNTED = ("OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec")
_PING = re.compile(r"lastseen-(?:ping (?:start|end) (?P<slug>\S+)|success@|failure@)")


@dataclass(slots=True)
class Unit:
    """A unit with its drop-ins: each setting's values, and the line of its first calendar or its section."""

    name: str
    where: tuple[str, int]
    values: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def last(self, name: str) -> str:
        """Return the value that counts of a setting that has one."""
        return (self.values.get(name) or [""])[-1]


def units(texts: Iterable[tuple[str, str]]) -> dict[str, Unit]:
    """Return the units of texts, given by file name and content; the output of `systemctl cat` has a head for each."""
    known: dict[str, Unit] = {}
    for place, text in texts:
        unit, section = _unit(known, place, place, 1), ""
        lines = _joined(text)
        for number, line in lines:
            if head := _FILE.fullmatch(line):
                unit, section = _unit(known, head[1], place, number), ""
            elif line.startswith(("#", ";")):
                continue
            elif title := _SECTION.fullmatch(line):
                section = title[1]
            elif section and (setting := _SETTING.fullmatch(line)):
                _set(unit, setting[1], setting[2].strip(), (place, number))
    return known


def read(known: Mapping[str, Unit], tz: str) -> Reading:
    """Return the services that timers start by the calendar, and what is to be said of other timers."""
    jobs, remarks = [], []
    services: dict[str, str] = {}
    for unit in known.values():
        if not unit.name.endswith(".timer") or not unit.values:
            continue
        job = _job(unit, known, tz)
        if isinstance(job, Job) and (other := services.setdefault(job.slug, unit.name)) != unit.name:
            job = Remark(job.where, f"the check {job.slug} is that of {other} too: name one of the services otherwise")
        if isinstance(job, Job):
            jobs.append(job)
        else:
            remarks.append(job)
    return Reading(tuple(jobs), tuple(remarks))


def service_of(job: Job) -> str:
    """Return the service of a job, whose name is that of the service without its ending."""
    return f"{job.name}.service"


def slug_of(service: str) -> str:
    """Return the slug that `lastseen-ping` makes of a service's name."""
    return re.sub(r"[^a-z0-9_-]", "-", service.removesuffix(".service").lower())


def drop_in(service: str, slug: str) -> str:
    """Return the drop-in of a service; one with another slug than its name says it."""
    return DROP_IN if slug == slug_of(service) else DROP_IN.replace(" %N\n", f" {slug}\n")


def seconds(text: str) -> int | None:
    """Return a time span as systemd writes it in seconds, or None if it is none."""
    parts = _SPAN.findall(text)
    if _SPAN.sub("", text).strip() or not parts or any(unit.lower() not in _UNITS for _, unit in parts):
        return None
    return int(sum(float(number) * _UNITS[unit.lower()] for number, unit in parts))


def _job(timer: Unit, known: Mapping[str, Unit], tz: str) -> Job | Remark:
    place, line = timer.where
    where = f"{place}:{line}"
    service = timer.last("Unit") or f"{timer.name.removesuffix('.timer')}.service"
    calendar = timer.values.get("OnCalendar", [])
    if not service.endswith(".service"):
        return Remark(where, f"{timer.name} starts {service}, which is no service: put what it starts under watch")
    name = service.removesuffix(".service")
    if not calendar:
        counted = next((timer.last(each) for each in _COUNTED[::-1] if timer.last(each)), "TIME")
        make = f"lastseen checks create {slug_of(service)} --every {counted.replace(' ', '')}"
        return Remark(
            where, f"{timer.name} has no OnCalendar=, it counts from an event: add the drop-in by hand, and {make}"
        )
    unit = known.get(service)
    pings = [match for each in (unit.values.get("pings", []) if unit else []) if (match := _PING.search(each))]
    own_slug = next((match["slug"] for match in pings if match["slug"] and "%" not in match["slug"]), "")
    late = [seconds(timer.last(each) or "0") for each in ("RandomizedDelaySec", "RandomizedOffsetSec")]
    accuracy = seconds(timer.last("AccuracySec")) if timer.last("AccuracySec") else ACCURACY_SECONDS
    return Job(
        place=place,
        line=line,
        name=name,
        schedule="\n".join(f"OnCalendar={each}" for each in calendar),
        tz=tz,
        slug=own_slug or slug_of(service),
        watched=bool(pings),
        ours=bool(pings),
        late_seconds=sum(each or 0 for each in (*late, accuracy)),
    )


def _unit(known: dict[str, Unit], path: str, place: str, line: int) -> Unit:
    drop_in_of = _DROP_IN_PATH.fullmatch(path)
    name = drop_in_of["unit"] if drop_in_of else path.rsplit("/", 1)[-1]
    unit = known.setdefault(name, Unit(name, (place, line)))
    unit.files.append(path)
    return unit


def _set(unit: Unit, name: str, value: str, where: tuple[str, int]) -> None:
    if _PING.search(value):
        unit.values.setdefault("pings", []).append(value)
    if name == "OnCalendar" and not unit.values.get(name):
        unit.where = where
    if not value:  # as in a drop-in: what was before is void
        unit.values[name] = []
    else:
        unit.values.setdefault(name, []).append(value)


def _joined(text: str) -> list[tuple[int, str]]:
    """Return the lines with their numbers, those that end with a backslash joined with the next."""
    lines: list[tuple[int, str]] = []
    is_open = False
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        text_of_line = stripped.removesuffix("\\").rstrip()
        if is_open and lines:
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {text_of_line}".strip())
        else:
            lines.append((number, text_of_line))
        is_open = stripped.endswith("\\") and not stripped.startswith(("#", ";"))
    return lines
