"""Successes shortly before their time: which of them count for it. Pure.

A clock that is ahead, or a job that starts a minute early, pings before its time each day. If that counted for the time
before, a job that works would be called silent. So a success counts for the coming time if its run began as little
before it as the check allows: by default a twentieth of the interval, five minutes at most. A run that began earlier
belongs to the time before, however long it took. A period has no times, so nothing is early.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from lastseen.core.check import Check
from lastseen.core.schedule import Period, ScheduleError, next_due

EARLY_PART = 20
"""By default, the part of the interval that a success may be early is one of so many."""

EARLY_LIMIT = timedelta(minutes=5)
"""By default, at most so much."""

SAME_DAY = timedelta(hours=14)
"""No two time zones of people are further apart: what comes earlier is a run of the time before."""


def counted_early(check: Check, began: datetime, due: datetime) -> datetime | None:
    """Return when the next success is expected if one whose run began at `began` was the last, and `due` is coming.

    That is `due`, unless the success counts for it already. Raises ScheduleError.
    """
    most = EARLY_LIMIT if check.early is None else check.early
    if isinstance(check.schedule, Period) or due - began > most:
        return due
    following = next_due(check.schedule, due)
    return following if due - began <= allowance(check, due, following) else due


def began(check: Check, last_ping: datetime) -> datetime:
    """Return when the run of the last ping began, as far as that is known."""
    return last_ping - (check.last_duration or timedelta(0))


def allowance(check: Check, due: datetime, following: datetime | None) -> timedelta:
    """Return how early a success may be to count for `due`, which another time follows; never half the interval."""
    if following is None:
        return EARLY_LIMIT if check.early is None else check.early
    interval = following - due
    return min(EARLY_LIMIT, interval / EARLY_PART) if check.early is None else min(check.early, interval / 2)


def too_early(check: Check, began: datetime, due: datetime) -> timedelta | None:
    """Return by how much a success came too early to count for `due`, if it may have been meant for it; else None."""
    if isinstance(check.schedule, Period):
        return None
    try:
        following = next_due(check.schedule, due)
    except ScheduleError:
        return None
    if following is None or not timedelta(0) < due - began <= min((following - due) / 2, SAME_DAY):
        return None
    return due - began
