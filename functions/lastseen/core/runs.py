"""The open runs of a check: when each starts, which end ends it, and when it hangs.

Lives here: the first of the four machines. Each run has its own clock, and the oldest has the deadline. An end with a
run id ends its own run. A client without ids has one run, whose clock each start begins anew; on a check that is new or
paused it has two, the first and the last start since the last end, so that a job that dies each time is noticed.
Never here: the status (machine.py), how long runs in the history took (history.py).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from lastseen.core.check import Check, End, Ping, Run, Status

RUNS_LIMIT = 8
"""Open runs that are watched at once: those that began first, and while the check is down those that began last."""

RETRY = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""Stands for the id of a run that is over and waits for its retry, whose id nobody knows yet. RFC 9562's Max UUID is
no client's."""

RETRY_AHEAD = timedelta(seconds=20)
"""How much earlier a retry may begin than the word that its run is over: a free worker takes it at once, and our
clients send the word for so long."""

ENDS_LIMIT = 8
"""Run ids that are known to have ended."""

RESENT = timedelta(minutes=10)
"""A start with the id of an ended run is that run's, overtaken or sent again, so long after its end; later it is a new
run."""


def grace_from(check: Check, since: datetime) -> timedelta:
    """Return how long something may take that began, or was due, at `since`. A grace that was changed counts anew."""
    counted = max(since, check.grace_changed) if check.grace_changed else since
    return counted - since + check.grace


def hangs(check: Check, at: datetime) -> bool:
    """Return whether a run should have ended by then."""
    return any(_hung(check, run, at) for run in check.runs)


def under_way(check: Check) -> tuple[Run, ...]:
    """Return the open runs, oldest first, without those that are over and wait for their retry."""
    return tuple(run for run in check.runs if run.rid != RETRY)


def awaits_retry(check: Check, since: datetime | None) -> bool:
    """Return whether the run that began then is over, and its retry has not begun."""
    return any(run.rid == RETRY and run.started == since for run in check.runs)


def forgotten(check: Check) -> Check:
    """Return the check without its open runs: their ends are not waited for any more."""
    return replace(check, runs=())


def hung_forgotten(check: Check, at: datetime) -> Check:
    """Return the check without the runs that hung: people know that, and what came after them went well."""
    return replace(check, runs=tuple(run for run in check.runs if not _hung(check, run, at)))


def first_forgotten(check: Check) -> Check:
    """Return a check that has come up: of two starts without id the last one counts from now on."""
    last = next((run for run in reversed(check.runs) if run.rid is None), None)
    return replace(check, runs=tuple(run for run in check.runs if run.rid or run is last))


def started(check: Check, ping: Ping) -> Check:
    """Open a run, or restart the clock of the one without id.

    A start does nothing if its own run is over. One that is sent twice is one run, which began with the earlier.
    """
    known = next((run for run in check.runs if ping.rid and run.rid == ping.rid), None)
    if known is None and (_is_over(check, ping) or before_pause(check, ping)):
        return check
    others = [run for run in (check.runs if known else _without_retry(check)) if run.rid != ping.rid]
    starts = sorted([ping.at, *(run.started for run in check.runs if run.rid == ping.rid)])
    if ping.rid:
        kept = starts[:1]
    elif check.status in {Status.UP, Status.DOWN}:
        kept = starts[-1:]
    else:
        kept = list(dict.fromkeys((starts[0], starts[-1])))
    runs = sorted([*others, *(Run(start, ping.rid) for start in kept)], key=lambda run: (run.started, run.rid or ""))
    return replace(check, runs=tuple(runs[-RUNS_LIMIT:] if check.status is Status.DOWN else runs[:RUNS_LIMIT]))


def own_run(check: Check, end: Ping) -> Run | None:
    """Return the open run that an end belongs to: that of its id, or the last without one that began before."""
    if end.rid:
        return next((run for run in check.runs if run.rid == end.rid), None)
    return next((run for run in reversed(check.runs) if run.rid is None and run.started <= end.at), None)


def ended(check: Check, ping: Ping, *, failed: bool) -> tuple[Check, timedelta | None]:
    """Record an end, and how long its run took. It ends its own run; without id, or failing, also others before it."""
    own = own_run(check, ping)
    duration = max(ping.at - own.started, timedelta(0)) if own else None
    repeated = own is None and any(end.rid == ping.rid for end in check.ended)
    waiting = check.runs if own or repeated else _without_retry(check)
    open_runs = tuple(run for run in waiting if run is not own and not _ends(ping, run, failed=failed))
    after = replace(check, runs=open_runs, ended=_with_end(check, ping))
    if overtaken(check, ping):
        return after, duration  # a later end has said the rest
    return replace(after, last_ping=ping.at, last_duration=check.last_duration if repeated else duration), duration


def given_up(check: Check, ping: Ping) -> Check:
    """Record that a run is over and neither succeeded nor failed. If a retry follows, the clock runs on until that."""
    own = next((run for run in check.runs if run.rid == ping.rid), None)
    left = tuple(run for run in check.runs if run is not own)
    if own and ping.over == "again" and not _is_retried(check, own, ping):
        left = tuple(replace(run, rid=RETRY) if run is own else run for run in check.runs)
    return replace(check, runs=left, ended=_with_end(check, ping))


def overtaken(check: Check, ping: Ping) -> bool:
    """Return whether a later end was written before this one: then that one has decided the status."""
    return check.last_ping is not None and ping.at < check.last_ping


def before_pause(check: Check, ping: Ping) -> bool:
    """Return whether a ping was on its way when the check was paused: then the pause has decided the status."""
    return check.status is Status.PAUSED and check.since is not None and ping.at < check.since


def _without_retry(check: Check) -> tuple[Run, ...]:
    """Return the open runs without the first that waits for its retry: a run that is not open yet is taken for that."""
    retried = next((run for run in check.runs if run.rid == RETRY), None)
    return tuple(run for run in check.runs if run is not retried)


def _is_retried(check: Check, run: Run, over: Ping) -> bool:
    """Return whether the retry of a run overtook the word that the run is over: it may have ended already."""
    starts = [other.started for other in check.runs if other is not run and other.rid != RETRY]
    if check.last_ping:
        starts.append(check.last_ping - (check.last_duration or timedelta(0)))
    return any(start > max(run.started, over.at - RETRY_AHEAD) for start in starts)


def _hung(check: Check, run: Run, at: datetime) -> bool:
    return at >= run.started + grace_from(check, run.started)


def _ends(end: Ping, other: Run, *, failed: bool) -> bool:
    """Return whether an end ends a run that is not its own: the peer's rules for clients without ids."""
    return (end.rid is None or (failed and other.rid is None)) and other.started <= end.at


def _with_end(check: Check, ping: Ping) -> tuple[End, ...]:
    """Remember an end with a run id, and forget those that are too old to matter."""
    newest = max([ping.at, *(end.at for end in check.ended)])
    at = max([ping.at, *(end.at for end in check.ended if end.rid == ping.rid)])
    others = [end for end in check.ended if end.rid != ping.rid and end.at > newest - RESENT]
    return tuple(sorted([*others, *([End(at, ping.rid)] if ping.rid else [])])[-ENDS_LIMIT:])


def _is_over(check: Check, start: Ping) -> bool:
    """Return whether an end overtook a start: its own, or one that ends every run.

    Of those there are two: an end without id, and any end for a start without id.
    """
    for end in check.ended:
        if end.rid == start.rid:
            return start.at < end.at + RESENT
    if check.last_ping is None:
        return False
    last_bore_id = any(end.at == check.last_ping for end in check.ended)
    return not (start.rid and last_bore_id) and start.at <= check.last_ping
