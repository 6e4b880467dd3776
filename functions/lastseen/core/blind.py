"""When no pings could reach Lastseen: windows of time in which a missing ping says nothing of the job.

Lives here: how a deadline moves for the time that we were blind. Pure: values in, values out; no mass write either,
since the deadline is extended whenever somebody looks at it.
Never here: how blindness is noticed (watch.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOLD_LIMIT = timedelta(minutes=15)
"""The most that one window in which we ran moves a deadline: after that people are notified anyway, with a note that
we were blind."""


@dataclass(frozen=True, slots=True)
class Window:
    """We heard nothing from `start` to `end`; `end` is the present while it lasts.

    `asleep`: we did not even run then, or forgot it, for our tables are older. Nobody could have been notified, so
    nobody is kept waiting if the window counts in full: grace goes on where it stopped.
    """

    start: datetime
    end: datetime
    asleep: bool = False


def extended(deadline: datetime, *, since: datetime, windows: Sequence[Window]) -> datetime:
    """Return the deadline moved by the blind time since `since`, when lateness begins: grace does not run while blind.

    Each window counts once, at most `HOLD_LIMIT` unless we were asleep. Windows that begin after the moved deadline do
    not count: until then pings arrived, and the job was late.
    """
    for window in sorted(windows, key=lambda window: window.start):
        start = max(window.start, since)
        if start < deadline and start < window.end:
            length = window.end - start
            deadline += length if window.asleep else min(length, HOLD_LIMIT)
    return deadline
