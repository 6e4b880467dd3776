"""The pings of a check as they are remembered, and how long their runs took. Pure.

A ping that ends an open run knows how long it took. The history finds the rest by their ids, as far as their starts are
on the same page: an end that overtook its start, a run beyond those that are watched at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lastseen.core.check import Kind, Ping

LONGEST_RUN = timedelta(hours=72)
"""How far back a start is looked for, as at the peer."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A ping as the history keeps it."""

    n: int
    kind: Kind
    ping: Ping
    duration: timedelta | None = None  # of the run that it ended


def timed(newest_first: Sequence[Recorded]) -> list[Recorded]:
    """Return the pings with a duration for every end whose start is among them; a run begins with its first start."""
    started: dict[str, datetime] = {}
    measured: list[Recorded] = []
    for recorded in reversed(newest_first):
        rid, at = recorded.ping.rid, recorded.ping.at
        if rid and recorded.kind is Kind.START:
            started.setdefault(rid, at)
        start = started.pop(rid, None) if rid and recorded.kind in {Kind.SUCCESS, Kind.FAIL} else None
        found = start is not None and recorded.duration is None and at - start <= LONGEST_RUN
        measured.append(replace(recorded, duration=max(at - start, timedelta(0))) if found and start else recorded)
    return measured[::-1]
