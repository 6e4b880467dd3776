"""What may have caused a missed ping, seen in the pings before: a wrong time zone, a clock that is ahead. Pure.

A guess, so it is worded as a question, and made only where it explains this alert: pings that always come hours after
their time, and after their grace, or always too early to count for it.
Never here: whether a ping counts for a time (core/early.py), reading the history (storage/history.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from lastseen.core.check import Check, Flip, Reason
from lastseen.core.early import SAME_DAY, counted_early, too_early
from lastseen.core.history import Recorded, timed
from lastseen.core.schedule import Period, ScheduleError, next_due
from lastseen.text.usual import ENDS
from lastseen.text.words import span

HOUR = timedelta(hours=1)
ZONE_SLACK = timedelta(minutes=10)
"""A ping that is whole hours off, give or take this, hints at a wrong time zone."""

RUNS = range(3, 6)
"""How many runs must agree, at least, and how many are looked at."""

AHEAD_LIMIT = timedelta(minutes=30)
AHEAD_SPREAD = timedelta(minutes=2)
"""A clock that is ahead is so by less than this, and each day by as much, give or take."""

DUES_LIMIT = 60
"""Times of a schedule within `SAME_DAY`; one with more has none that is hours away."""


def likely_cause(check: Check, flip: Flip, newest_first: Sequence[Recorded], *, zone_name: str) -> str:
    """Return what may have caused a missed ping, to follow "Likely cause: "; "" if nothing hints at it."""
    if flip.reason is not Reason.MISSED or flip.started or not flip.expected or isinstance(check.schedule, Period):
        return ""
    return _always_off(check, flip, newest_first, zone_name) or _last_early(check, flip, zone_name)


def _always_off(check: Check, flip: Flip, newest_first: Sequence[Recorded], zone_name: str) -> str:
    ends = [recorded for recorded in timed(newest_first) if recorded.kind in ENDS and recorded.ping.at <= flip.at]
    begins = [each.ping.at - (each.duration or timedelta(0)) for each in ends[: RUNS[-1]]]
    offsets = [offset for offset in (_offset(check, began) for began in begins) if offset is not None]
    if len(offsets) < RUNS[0] or len(offsets) < len(begins):
        return ""
    runs = f"its last {len(offsets)} runs began"
    hours = round(offsets[0] / HOUR)
    same_hours = hours and all(abs(offset - hours * HOUR) <= ZONE_SLACK for offset in offsets)
    if same_hours and (hours < 0 or min(offsets) > check.grace):
        return f"{runs} {abs(hours)} h {'after' if hours > 0 else 'before'} their time: {_ask_zone(zone_name)}"
    early = all(-AHEAD_LIMIT <= offset < timedelta(0) for offset in offsets)
    if early and max(offsets) - min(offsets) <= AHEAD_SPREAD and not any(_counts(check, began) for began in begins):
        about = span(-offsets[0])
        return f"{runs} about {about} before their time, too early to count for it: is the clock of its host ahead?"
    return ""


def _last_early(check: Check, flip: Flip, zone_name: str) -> str:
    if not flip.last_ping or not flip.expected:
        return ""
    ahead = too_early(check, flip.last_ping - (flip.duration or timedelta(0)), flip.expected)
    if ahead is None:
        return ""
    hours = round(ahead / HOUR)
    is_whole = hours and abs(ahead - hours * HOUR) <= ZONE_SLACK
    why = _ask_zone(zone_name) if is_whole else "is the clock of its host ahead?"
    return f"its last ping came {span(ahead)} before it was expected, too early to count for that time: {why}"


def _ask_zone(zone_name: str) -> str:
    return f"is {zone_name} the zone of its scheduler?"


def _offset(check: Check, began: datetime) -> timedelta | None:
    """Return how long after the nearest time of its schedule a run began; None if no time is near."""
    near = _near(check, began)
    return began - min(near, key=lambda due: abs(began - due)) if near else None


def _counts(check: Check, began: datetime) -> bool:
    """Return whether a success that came early counts for the coming time."""
    coming = _near(check, began)[-1]
    return counted_early(check, began, coming) != coming


def _near(check: Check, moment: datetime) -> list[datetime]:
    """Return the times of a schedule before a moment, on the same day, and the first after it."""
    found: list[datetime] = []
    try:
        due = next_due(check.schedule, moment - SAME_DAY)
        while due and len(found) < DUES_LIMIT:
            found.append(due)
            if due > moment:
                return found if due - moment <= SAME_DAY else found[:-1]
            due = next_due(check.schedule, due)
    except ScheduleError:
        pass
    return []
