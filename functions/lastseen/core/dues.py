"""What a check waits for, and what follows from that: a table of dues, the deadline, the appearance.

Lives here: DUES. Each due has its own allowance, so nothing else needs to know what is late after how long.
Never here: what happens when a deadline is over (moments.py), when a schedule is due (schedule.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lastseen.core.check import Check, Reason, Status
from lastseen.core.early import began, counted_early
from lastseen.core.runs import grace_from, hangs
from lastseen.core.schedule import Period, ScheduleError, next_due


@dataclass(frozen=True, slots=True)
class Due:
    """Something that should come."""

    at: datetime  # when it is expected: from then on the check is late
    allowed: timedelta  # how much later it may come
    reason: Reason  # what its absence is called

    @property
    def deadline(self) -> datetime:
        """When it is too late."""
        return self.at + self.allowed


def next_success(check: Check) -> Due | None:
    """Wait for the next success of a check that is up. Raises ScheduleError if the stored schedule is broken."""
    expected = expected_after(check, check.last_ping) if check.status is Status.UP and check.last_ping else None
    return Due(expected, grace_from(check, expected), Reason.MISSED) if expected else None


def expected_after(check: Check, last_ping: datetime) -> datetime | None:
    """Return when the next success is expected: not at a time that the last one counts for, having come early.

    A changed schedule is not held against the past. What a new expression would have expected before the change, nobody
    knew: its first time is the first one after it. A period that was made shorter is over at the change, not before.
    Raises ScheduleError.
    """
    changed = max(last_ping, check.schedule_changed or last_ping)
    if isinstance(check.schedule, Period):
        return max(last_ping + check.schedule.period, changed)
    due = next_due(check.schedule, changed)
    return counted_early(check, began(check, last_ping), due) if due else None


def end_of_run(check: Check) -> Due | None:
    """Wait for the end of the oldest open run, unless the check is down already."""
    start = check.running_since
    return Due(start, grace_from(check, start), Reason.STUCK) if start and check.status is not Status.DOWN else None


DUES = (next_success, end_of_run)


def waits_for(check: Check) -> Due | None:
    """Return what a check waits for: of all dues, the one whose deadline is first. Raises ScheduleError."""
    dues = [due for wait in DUES if (due := wait(check))]
    return min(dues, key=lambda due: (due.deadline, due.at), default=None)


def expectation(check: Check) -> datetime | None:
    """When lateness begins: the next expected success, or the start of the oldest open run if that is earlier.

    None when nothing is expected. Raises ScheduleError if the stored schedule is broken.
    """
    due = waits_for(check)
    return due.at if due else None


def deadline(check: Check) -> datetime | None:
    """When the check goes down unless a ping comes, in real time. None: never. Raises ScheduleError."""
    due = waits_for(check)
    return due.deadline if due else None


def appearance(check: Check, now: datetime) -> str:
    """Return the status as people see it: new, up, grace, down or paused; right whether or not a sweep has run.

    A check with a broken schedule keeps the status that is stored.
    """
    if hangs(check, now):
        return "down"
    if check.status is not Status.UP:
        return str(check.status)
    try:
        due = next_success(check)
    except ScheduleError:
        return "up"
    if due is None or now < due.at:
        return "up"
    return "grace" if now < due.deadline else "down"
