"""From jobs to checks: slugs that no two share, schedules understood, a grace by how often a job runs. Pure.

A check that exists keeps all but its schedule: its name, grace and tags may be somebody's choice. One that carries the
tag of another host is another job, even if its name and its times are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

from lastseen.core.dialects import understood
from lastseen.core.limits import SECONDS, SLUG_CHARS
from lastseen.core.schedule import Cron, Period, Schedule, ScheduleError, next_due
from lastseen_cli.checkfile import Entry
from lastseen_cli.discover import naming
from lastseen_cli.discover.jobs import Job, Proposal, Reading, Remark

MINUTE, HOUR, DAY = 60, 3_600, 86_400
GRACES = ((5 * MINUTE, 5 * MINUTE), (HOUR, 15 * MINUTE), (6 * HOUR, 30 * MINUTE), (DAY, HOUR))
"""Interval at most -> grace, in seconds."""

LONGEST_GRACE = 2 * HOUR
NEXT_DUES = 12
WATCHED_DAYS = timedelta(days=8)
"""So many of a schedule's next times, or those of so many days, say how often it runs."""

HOST_TAG = "host:"
SHARED = (
    "the check {} is that of another host: two jobs that ping one check hide each other, so give this one its own slug"
)
UUID_CHARS = 36


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asks of all proposals."""

    grace: int | None = None
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    host: str = ""


@dataclass(frozen=True, slots=True)
class Proposed:
    """What all sources together come to."""

    proposals: tuple[Proposal, ...]
    watched: tuple[Job, ...]  # in their own way: nothing to do
    remarks: tuple[Remark, ...]


def propose(
    readings: Iterable[Reading], existing: Sequence[Mapping[str, Any]], wishes: Wishes, now: datetime
) -> Proposed:
    """Return the checks that jobs come to, those that are watched already, and what is to be said of other lines."""
    jobs: list[Job] = []
    remarks: list[Remark] = []
    for reading in readings:
        jobs += reading.jobs
        remarks += reading.remarks
    watched = [job for job in jobs if job.watched and not job.ours]
    named = _with_slugs(
        [job for job in jobs if job not in watched], {job.slug for job in watched}, existing, wishes.host
    )
    elsewhere = {check["slug"] for check in existing if _is_of_another(check, wishes.host)}
    remarks += [Remark(job.where, SHARED.format(job.slug), is_fault=False) for job in named if job.slug in elsewhere]
    proposals = []
    for job in named:
        if not _is_wanted(job, wishes):
            continue
        try:
            due = _due(job, now)
        except ScheduleError as error:
            remarks.append(Remark(job.where, str(error)))
            continue
        proposals.append(Proposal(job, job.slug, due, wishes.grace or _grace(job, due, now)))
    return Proposed(tuple(proposals), tuple(watched), tuple(remarks))


def settings(proposal: Proposal, host: str) -> dict[str, Any]:
    """Return the settings of a new check, as the API takes them."""
    made: dict[str, Any] = {"name": proposal.job.name, "slug": proposal.slug, **_times(proposal.due)}
    made["grace"] = proposal.grace
    if host:
        made["tags"] = HOST_TAG + host
        made["desc"] = f"It runs on {host}, from {proposal.job.place}."
    return made


def entries(proposals: Sequence[Proposal], existing: Sequence[Mapping[str, Any]], host: str) -> list[Entry]:
    """Return what `apply` is asked for: new checks whole, of those that exist the schedule only."""
    slugs = {check["slug"] for check in existing}
    return [
        Entry(
            proposal.job.where,
            {"slug": proposal.slug, **_times(proposal.due)} if proposal.slug in slugs else settings(proposal, host),
            derived=False,
        )
        for proposal in proposals
    ]


def _times(due: Schedule) -> dict[str, Any]:
    if isinstance(due, Period):
        return {"timeout": int(due.period.total_seconds())}
    skipped = {"skipped_hour": due.skipped_hour} if isinstance(due, Cron) and due.skipped_hour == "skip" else {}
    return {"schedule": due.expression, "tz": due.tz, **skipped}


def _due(job: Job, now: datetime) -> Schedule:
    return understood(job.schedule, job.tz, after=now, skipped_hour="skip" if job.skips else None)


def _grace(job: Job, due: Schedule, now: datetime) -> int:
    """Return the grace for how often a job runs, and how late its scheduler may start it."""
    interval = _interval(due, now)
    grace = next((grace for longest, grace in GRACES if interval <= longest), LONGEST_GRACE)
    return min(grace + job.late_seconds, SECONDS[-1])


def _interval(due: Schedule, now: datetime) -> float:
    if isinstance(due, Period):
        return due.period.total_seconds()
    times: list[datetime] = []
    at = next_due(due, now)
    while at and len(times) < NEXT_DUES and at - now < WATCHED_DAYS:
        times.append(at)
        at = next_due(due, at)
    return min(((later - earlier).total_seconds() for earlier, later in pairwise(times)), default=float("inf"))


def _is_wanted(job: Job, wishes: Wishes) -> bool:
    names = (job.slug, job.name)
    is_named = not wishes.only or any(fnmatchcase(name, each) for each in wishes.only for name in names)
    return is_named and not any(fnmatchcase(name, each) for each in wishes.without for name in names)


def _with_slugs(jobs: Sequence[Job], taken: set[str], existing: Sequence[Mapping[str, Any]], host: str) -> list[Job]:
    """Return the jobs, each with a slug of its own: as it has, or from its name, a word of its command, a number."""
    taken |= {job.slug for job in jobs if job.slug}
    elsewhere = {check["slug"] for check in existing if _is_of_another(check, host)}
    named = _told_apart([replace(job, name=job.name or f"job of line {job.line}") for job in jobs])
    result = []
    for job in named:
        slug = job.slug
        if not slug or (not job.ours and slug in elsewhere):
            slug = _free(slug or naming.slug_for(job.name) or f"job-{job.line}", taken, elsewhere, host)
            taken.add(slug)
        result.append(replace(job, slug=slug))
    return result


def _told_apart(jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs, those of one name with a word of their command behind it if that tells all of them apart."""
    open_jobs = [job for job in jobs if not job.slug]
    names = Counter(job.name for job in open_jobs)
    hints = {name: [job.hint for job in open_jobs if job.name == name] for name, count in names.items() if count > 1}
    clear = {name for name, words in hints.items() if all(words) and len(set(words)) == len(words)}
    return [replace(job, name=f"{job.name} {job.hint}") if job.name in clear and not job.slug else job for job in jobs]


def _free(slug: str, taken: set[str], elsewhere: set[str], host: str) -> str:
    if slug in elsewhere:
        slug = f"{slug}-{naming.slug_for(host)}"
    number, free = 2, slug
    while free in taken or free in elsewhere:
        free = f"{slug[: SLUG_CHARS - 6]}-{number}"
        number += 1
    return free


def _is_of_another(check: Mapping[str, Any], host: str) -> bool:
    hosts = {tag for tag in str(check.get("tags", "")).split() if tag.startswith(HOST_TAG)}
    return bool(host and hosts) and HOST_TAG + host not in hosts
