"""Twelve made-up jobs with thirty days behind them, so that a first look at the page is a look at a page in use.

Lives here: the jobs, their past as the program's own state machine decides it from their pings, and its way into the
tables. Nobody is notified of the past: it is stored as known.
Never here: the three jobs that are played live (demo.py).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lastseen.core.check import Check, Flip, Kind, Outcome, Ping
from lastseen.core.history import Recorded
from lastseen.core.machine import paused, pinged
from lastseen.core.moments import woken
from lastseen.core.schedule import Cron, Period, Schedule
from lastseen.storage.fresh import new_id
from lastseen.storage.store import Store

DAYS = 30
PINGS_KEPT = 60
"""Of each job: as many as its page shows, and so few that they are written within seconds."""

AT_ONCE = 8
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

FAIL, MISS, HANG = "fail", "miss", "hang"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job, and how its last runs went."""

    name: str
    tags: str
    about: str
    every: timedelta = DAY
    last: timedelta  # how long ago its last run was to begin
    takes: timedelta = MINUTE  # about
    grace: timedelta = HOUR
    exit_status: int = 1  # when it fails
    says: str  # at the end of a good run
    complains: str = ""  # at the end of a bad one
    odd: Mapping[int, str] = field(default_factory=dict)  # runs ago, 0 is the last: what went wrong
    is_paused: bool = False

    def schedule(self, now: datetime) -> Schedule:
        """Return a cron line for what runs once a day or once a week, a period for the rest."""
        at = now - self.last
        if self.every == DAY:
            return Cron(f"{at.minute} {at.hour} * * *", "UTC")
        if self.every == 7 * DAY:
            return Cron(f"{at.minute} {at.hour} * * {at.isoweekday() % 7}", "UTC")
        return Period(self.every)


JOBS: Sequence[Job] = (
    Job(
        name="Database backup", tags="prod db host=db1", last=5 * HOUR, takes=12 * MINUTE,
        about="Dumps the shop's database to the vault. If it fails: is the disk of db1 full? `df -h /var/backups`.",
        says="dumped 41 tables, 18.2 GB\nuploaded to the vault in 204 s\n", odd={19: MISS},
    ),
    Job(
        name="Payments settlement", tags="prod payments host=app2", every=6 * HOUR, last=19 * MINUTE, takes=6 * MINUTE,
        about="Settles the day's payments with the bank. Runbook: ask the bank's status page before you run it again.",
        says="settled 1,204 payments\n", exit_status=3, odd={0: FAIL, 47: FAIL},
        complains="settled 311 of 1,187 payments\nBankError: 503 Service Unavailable from https://api.bank.example/v2\n",
    ),
    Job(
        name="Search reindex", tags="prod search host=search1", every=4 * HOUR, last=3 * MINUTE, takes=9 * MINUTE,
        about="Builds the search index anew.", says="indexed 88,120 products\n", odd={0: HANG, 71: HANG},
        grace=3 * HOUR,
    ),
    Job(
        name="Invoice export", tags="prod billing host=app1", every=3 * HOUR, last=2 * HOUR, takes=2 * MINUTE,
        about="Writes the invoices for the accountant.", says="exported 317 invoices\n", odd={1: FAIL},
        complains="Traceback (most recent call last):\n  ...\nOSError: [Errno 28] No space left on device\n",
    ),
    Job(
        name="Price feed import", tags="prod import host=app1", every=10 * MINUTE, last=4 * MINUTE,
        takes=20 * MINUTE / 60,
        about="Reads the prices of the wholesaler.", says="2,014 prices, 12 changed\n", grace=12 * HOUR,
        complains="requests.exceptions.ReadTimeout: feed.example timed out after 30 s\n",
        odd=dict.fromkeys(range(0, 12, 2), FAIL),
    ),
    Job(
        name="Order import", tags="prod import host=app2", every=12 * HOUR, last=12 * HOUR + 10 * MINUTE,
        takes=8 * MINUTE,
        about="Fetches the marketplaces' orders.", says="96 orders\n", grace=6 * HOUR,
    ),
    Job(
        name="Weekly newsletter", tags="prod mail", every=7 * DAY, last=3 * DAY, takes=47 * MINUTE, grace=4 * HOUR,
        about="Sends the newsletter on Tuesdays.", says="sent 12,870 mails, 31 bounced\n",
    ),
    Job(
        name="Certificate renewal", tags="infra host=edge1", last=9 * HOUR, takes=20 * MINUTE / 60,
        about="Renews what expires within 30 days.", says="no certificate is due\n", odd={8: MISS},
    ),
    Job(
        name="Log rotation", tags="infra host=app1 host=app2", last=2 * HOUR, takes=40 * MINUTE / 60,
        about="Rotates and ships the logs.", says="rotated 14 files\n",
    ),
    Job(
        name="Warehouse load", tags="analytics host=dwh", last=7 * HOUR, takes=95 * MINUTE, grace=3 * HOUR,
        about="Loads yesterday into the data warehouse.", says="loaded 3,402,118 rows\n", odd={13: HANG},
    ),
    Job(
        name="Fraud model training", tags="analytics ml", last=28 * HOUR, takes=3 * HOUR, grace=6 * HOUR,
        about="Paused while the new cluster is set up.", says="AUC 0.914\n", is_paused=True,
    ),
    Job(
        name="Disk usage report", tags="infra", every=8 * HOUR, last=HOUR, takes=5 * MINUTE / 60,
        about="Mails what grows.", says="/ 61 %, /var 74 %, /srv 38 %\n",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Past:
    """What thirty days left of a job: in the table of checks, and in the history."""

    check: Check
    flips: tuple[Flip, ...]
    pings: tuple[Recorded, ...]


def write(store: Store, project: str, now: datetime) -> None:
    """Store all jobs with their past; where a job of that name is there, it stays as it is."""
    there = {check.name for check in store.get_many(list(store.project(project))).values()}
    jobs = [job for job in JOBS if job.name not in there]
    rng = random.Random(DAYS)  # noqa: S311 - durations of made-up jobs, the same each time
    pasts = [lived(job, new_id(), project, now, rng) for job in jobs]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda job, past: _write(store, job, past), jobs, pasts))


def _write(store: Store, job: Job, past: Past) -> None:
    """Write the history first, and the check, its flips and that nobody need hear of them as one."""
    for recorded in past.pings:
        store.record(past.check.id, recorded)
    first = _first(job, past.check.id, past.check.project, past.check.created)
    first = replace(first, schedule=past.check.schedule, n_pings=past.check.n_pings)
    store.create(first, about=job.about)
    store.save(first, Outcome(check=past.check, flips=past.flips))


def _first(job: Job, check_id: str, project: str, created: datetime | None) -> Check:
    slug = job.name.lower().replace(" ", "-")
    return Check(
        id=check_id, project=project, name=job.name, slug=slug, tags=job.tags, grace=job.grace, created=created
    )


def lived(job: Job, check_id: str, project: str, now: datetime, rng: random.Random) -> Past:
    """Return what became of a job's check by the pings of thirty days."""
    check = replace(_first(job, check_id, project, now - DAYS * DAY), schedule=job.schedule(now))
    flips: list[Flip] = []
    pings: list[Recorded] = []
    for ping in _pings(job, now, rng):
        outcome = pinged(check, ping)
        pings.append(Recorded(outcome.check.n_pings, outcome.kind or ping.kind, ping, outcome.duration))
        flips += outcome.flips
        check = outcome.check
    outcome = paused(check, now - 2 * HOUR) if job.is_paused else woken(check, now)
    flips += outcome.flips
    check = replace(outcome.check, announced=outcome.check.flips)
    return Past(check, tuple(flips), tuple(pings[-PINGS_KEPT:]))


def _pings(job: Job, now: datetime, rng: random.Random) -> Iterator[Ping]:
    """Return all pings of a job, oldest first: a start and an end for each run, unless something went wrong."""
    runs = (DAYS * DAY - job.last) // job.every
    for ago in range(runs, -1, -1):
        trouble = job.odd.get(ago)
        begins = now - job.last - ago * job.every + timedelta(seconds=rng.uniform(0, 8))
        ends = begins + job.takes * rng.uniform(0.8, 1.25)
        start = Ping(
            at=begins, kind=Kind.START, method="POST", address=f"10.0.4.{10 + len(job.tags)}", agent="lastseen-exec/1.0"
        )
        if trouble != MISS and begins < now:
            yield start
        if trouble in {MISS, HANG} or ends >= now:
            continue
        if trouble == FAIL:
            yield replace(start, at=ends, kind=Kind.FAIL, exit_status=job.exit_status, body=job.complains.encode())
        else:
            yield replace(start, at=ends, kind=Kind.SUCCESS, exit_status=0, body=job.says.encode())
