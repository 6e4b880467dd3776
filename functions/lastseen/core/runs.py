"""The open run of a check: when it starts, which end ends it, and when it hangs.

Lives here: the first of the four machines. It knows run ids, ends that overtake their starts, and what is sent twice.
Never here: the status (machine.py), how long runs in the history took (history.py).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from lastseen.core.check import Check, Ping, Status

RESENT = timedelta(minutes=10)
"""A start that bears the id of an ended run is that run's, sent again, so long after its end; later it is a new run."""


def grace_from(check: Check, since: datetime) -> timedelta:
    """Return how long something may take that began, or was due, at `since`. A grace that was changed counts anew."""
    counted = max(since, check.grace_changed) if check.grace_changed else since
    return counted - since + check.grace


def hangs(check: Check, at: datetime) -> bool:
    """Tell whether the open run should have ended by then."""
    return check.last_start is not None and at >= check.last_start + grace_from(check, check.last_start)


def forgotten(check: Check) -> Check:
    """Return the check without its open run: its end is not waited for any more."""
    return replace(check, last_start=None, start_rid=None)


def started(check: Check, ping: Ping) -> Check:
    """Open a run, or restart the clock of the open one.

    A start does nothing if a later one opened a run, or if its own run is over. A client that sends the same start
    twice has one run, which began with the earlier.
    """
    if check.last_start and ping.rid and ping.rid == check.start_rid:
        return replace(check, last_start=min(check.last_start, ping.at))
    superseded = check.last_start is not None and ping.at < check.last_start
    if superseded or _is_over(check, ping) or before_pause(check, ping):
        return check
    return replace(check, last_start=ping.at, start_rid=ping.rid)


def ended(check: Check, ping: Ping, *, any_run: bool) -> tuple[Check, timedelta | None]:
    """Record an end, and how long its run took. It ends the open run if it is this one, or any that began before."""
    start = check.last_start
    its_own = start is not None and ping.rid == check.start_rid and (ping.rid is not None or start <= ping.at)
    duration = max(ping.at - start, timedelta(0)) if start is not None and its_own else None
    repeated = ping.rid is not None and ping.rid == check.end_rid and not its_own
    if its_own or (any_run and start is not None and start <= ping.at):
        check = forgotten(check)
    if overtaken(check, ping):
        return check, duration  # a later end has said the rest
    last_duration = check.last_duration if repeated else duration
    return replace(check, end_rid=ping.rid, last_ping=ping.at, last_duration=last_duration), duration


def overtaken(check: Check, ping: Ping) -> bool:
    """Tell whether a later end was written before this one: then that one has decided the status."""
    return check.last_ping is not None and ping.at < check.last_ping


def before_pause(check: Check, ping: Ping) -> bool:
    """Tell whether a ping was on its way when the check was paused: then the pause has decided the status."""
    return check.status is Status.PAUSED and check.since is not None and ping.at < check.since


def _is_over(check: Check, start: Ping) -> bool:
    """Tell whether an end overtook a start: its own, or one that ends every run.

    Of those there are three: an end without id, a failure, and any end for a start without id.
    """
    if check.last_ping is None:
        return False
    if start.rid and start.rid == check.end_rid:
        return start.at < check.last_ping + RESENT
    ends_all = None in (start.rid, check.end_rid) or check.status is Status.DOWN
    return ends_all and start.at <= check.last_ping
