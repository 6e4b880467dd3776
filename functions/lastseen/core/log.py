"""The log of a check: how an entry is made, and whether people are notified of it.

Lives here: `flipped` (a change of status), `noted` (a note on one that lasts), and SILENCES: who is not notified, and
until when. Whatever is silent here has an end in moments.py, so that nothing is silenced for ever.
Never here: when a status changes (machine.py, moments.py), what an alert says (text/message.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from lastseen.core.check import Check, Flip, Ping, Reason, Status
from lastseen.core.output import kept_output
from lastseen.core.runs import own_run

FLAP_SPAN = timedelta(hours=1)
"""More flips than a check's limit within this span: it flaps. None for as long: it is steady again."""

FLIP_BODY_LIMIT = 2_000
"""Bytes of a ping's body that a flip keeps for the alert: its head and its tail."""


def _flaps(check: Check) -> bool:
    """Ends when the check is steady again, or its limit is lifted."""
    return check.flapping and check.flap_limit > 0


SILENCES: tuple[Callable[[Check], bool], ...] = (_flaps,)
"""Why people are not notified of a flip that concerns them. The status changes all the same: facts never wait."""


def flipped(check: Check, status: Status, reason: Reason, at: datetime, *, notify: bool) -> tuple[Check, Flip]:
    """Change the status and log it. Flips never go back in time, however late a ping was written.

    One flip too many within `FLAP_SPAN` is alerted as flapping; those after it are silent until the check is steady.
    That is one incident: what ends it names the one that people were notified of. A pause ends the flapping too.
    """
    assert at.tzinfo is not None, "times are aware"
    at = max(at, check.since) if check.since else at
    is_watched = status in {Status.UP, Status.DOWN}
    counts = notify and is_watched
    recent = tuple(moment for moment in check.recent if moment > at - FLAP_SPAN) + ((at,) if counts else ())
    flaps = counts and not check.flapping and 0 < check.flap_limit < len(recent)
    n = check.flips + 1
    goes_on = check.flapping and check.incident is not None
    incident = n if status is Status.DOWN and not goes_on else check.incident
    lasts = status is Status.DOWN or (is_watched and (check.flapping or flaps))
    silent = is_watched and any(silences(check) for silences in SILENCES)
    flip = replace(
        _entry(check, status, reason, at, notify=notify and not silent),
        incident=incident,
        flapping=flaps,
    )
    after = replace(
        _logged(check, flip),
        status=status,
        since=at,
        incident=incident if lasts else None,
        recovered=at if check.status is Status.DOWN else check.recovered,
        reminded=None,
        recent=recent[-check.flap_limit - 1 :] if check.flap_limit and is_watched else (),
        flapping=is_watched and (check.flapping or flaps),
    )
    return after, flip


def noted(check: Check, reason: Reason, at: datetime) -> tuple[Check, Flip]:
    """Log a note on a status that lasts."""
    flip = _entry(check, check.status, reason, at, notify=True)
    return _logged(check, flip), flip


def with_evidence(flip: Flip, before: Check, ping: Ping) -> Flip:
    """Return the flip with what its ping said, and what was known before it."""
    own = own_run(before, ping)
    return replace(
        flip,
        last_ping=before.last_ping,
        started=own.started if own else None,
        runs=len(before.runs),
        exit_status=ping.exit_status,
        note=ping.note,
        body=kept_output(ping.body, FLIP_BODY_LIMIT),
    )


def _entry(check: Check, status: Status, reason: Reason, at: datetime, *, notify: bool) -> Flip:
    return Flip(
        n=check.flips + 1,
        at=at,
        was=check.status,
        status=status,
        reason=reason,
        notify=notify,
        incident=check.incident,
        since=check.since,
        last_ping=check.last_ping,
        started=check.running_since,
        runs=len(check.runs),
        duration=check.last_duration,
    )


def _logged(check: Check, flip: Flip) -> Check:
    """Count an entry of the log. A silent one needs no notification, unless others before it still do."""
    assert flip.n == check.flips + 1, "entries have consecutive numbers"
    nothing_pending = check.announced == check.flips
    announced = flip.n if nothing_pending and not flip.notify else check.announced
    return replace(check, flips=flip.n, announced=announced)
