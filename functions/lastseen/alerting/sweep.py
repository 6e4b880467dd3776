"""The sweep: each minute, look at every check and wake those to which time will soon do something.

Lives here: the look-ahead and the delay of each wake. It writes nothing and decides nothing: it has no cursor and no
timer to lose, so a sweep that crashes or never ran is healed by the next one.
Never here: whether a check is really late (core/moments.py, asked by alert.py with a strong read).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from lastseen.aws.wakes import Wake, Wakes
from lastseen.core.moments import SLACK
from lastseen.storage.checks import SweptCheck
from lastseen.storage.store import Store

LOOK_AHEAD = timedelta(seconds=125)
"""Until the next sweep: EventBridge Scheduler keeps its minute with a precision of 60 s, so two sweeps may be 119 s
apart; the rest is for a function that starts slowly and a large table."""

CHECKS_PER_SEGMENT = 200_000
"""A million compact checks are scanned by five readers at once, well under what a partition serves."""

SEGMENT_LIMIT = 32


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did."""

    checks: int = 0
    wakes: int = 0
    refused: int = 0  # wakes that the queue did not take; the next sweep makes them again
    pages: int = 0
    read_units: float = 0.0


def run(*, store: Store, wakes: Wakes, clock: Callable[[], datetime], segments: int = 1) -> Swept:
    """Wake all checks that are due within `LOOK_AHEAD`, or of whose flips people have still to be notified.

    `clock`: read anew for each page, since a wake's delay counts from when it is sent. A segment that fails is raised
    only when all others are done.
    """
    with ThreadPoolExecutor(segments) as pool:
        until = clock() + LOOK_AHEAD
        running = [pool.submit(_sweep, store, wakes, clock, until, (n, segments)) for n in range(segments)]
    parts = [segment.result() for segment in running]
    return Swept(
        checks=sum(part.checks for part in parts),
        wakes=sum(part.wakes for part in parts),
        refused=sum(part.refused for part in parts),
        pages=sum(part.pages for part in parts),
        read_units=sum(part.read_units for part in parts),
    )


def segments_for(checks: int) -> int:
    """Return how many readers share the table, by the number of checks that the last sweep saw."""
    return min(1 + checks // CHECKS_PER_SEGMENT, SEGMENT_LIMIT)


def _sweep(store: Store, wakes: Wakes, clock: Callable[[], datetime], until: datetime, part: tuple[int, int]) -> Swept:
    """Sweep one segment; wakes leave page by page, so that the first do not wait for the last."""
    segment, segments = part
    checks, sent, refused, pages, units = 0, 0, 0, 0, 0.0
    for page in store.due(until, segment=segment, segments=segments):
        now = clock()
        refused += wakes.send([Wake(due.id, _delay_seconds(due, now)) for due in page.dues])
        sent += len(page.dues)
        checks += page.scanned
        pages += 1
        units += page.read_units
    return Swept(checks=checks, wakes=sent, refused=refused, pages=pages, read_units=units)


def _delay_seconds(due: SweptCheck, now: datetime) -> int:
    """Return in how many seconds a wake should be there; rounded down, for alert.py waits out the rest."""
    if due.unannounced or due.wake_at is None:
        return 0
    return max(0, (due.wake_at + SLACK - now) // timedelta(seconds=1))
