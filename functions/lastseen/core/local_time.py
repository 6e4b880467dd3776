"""What clocks show and the line of real time: `wall`, `on_the_clocks`, `change`, `next_gap`. Pure.

Wall-clock time is a datetime without zone, real time one in UTC; both in whole seconds. No fold leaves this file.
Read next: expressions.py, which searches the times of a schedule on the wall clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def wall(moment: datetime, zone: tzinfo) -> datetime:
    """Return what the clocks show in whole seconds, without zone."""
    return moment.astimezone(zone).replace(microsecond=0, tzinfo=None, fold=0)


def on_the_clocks(shown: datetime, zone: tzinfo) -> tuple[datetime, bool]:
    """Return the moment at which the clocks first show this, and True; if they skip it, the gap's end, and False."""
    moment = shown.replace(tzinfo=zone).astimezone(UTC)
    if wall(moment, zone) == shown:
        return moment, True
    before_the_gap = shown.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return change(before_the_gap, moment, zone), False


def change(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    """Return the moment in (low, high] at which the offset changes, by halving; it must change once."""
    offset = low.astimezone(zone).utcoffset()
    while high - low > SECOND:
        middle = low + (high - low) // (2 * SECOND) * SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def next_gap(after: datetime, until: datetime, zone: tzinfo) -> tuple[datetime, datetime, datetime] | None:
    """Return when the clocks are next put forward: the moment, and what they show first of what they skip and after it.

    None if they are not within the span.
    """
    while after < until:
        before, later = after.astimezone(zone).utcoffset(), (after + DAY).astimezone(zone).utcoffset()
        if before is not None and later is not None and before < later:
            moment = change(after, after + DAY, zone)
            plain = moment.replace(tzinfo=None)
            return moment, plain + before, plain + later
        after += DAY
    return None
