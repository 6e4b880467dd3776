"""How a job usually does, from its last pings: who sent them, how many runs were good, how long they take. Pure.

Never here: reading the history (storage/history.py), sentences around it (message.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from lastseen.core.check import Kind, Ping
from lastseen.core.history import Recorded, timed
from lastseen.text.words import one_line, span

RUNS_LEAST = 3
"""Of fewer runs nothing is said."""

AGENT_LIMIT = 60
ENDS = frozenset({Kind.SUCCESS, Kind.FAIL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """How the runs before an alert went."""

    runs: int
    good: int
    takes: timedelta | None = None  # the middle one of the good runs whose length is known

    @property
    def words(self) -> str:
        """Words for the end of an alert's first lines: "29 of its last 30 runs were good, usually in 12 min"."""
        how_many = f"all of its last {self.runs} runs" if self.good == self.runs else None
        counted = how_many or f"{self.good} of its last {self.runs} runs"
        took = f", usually in {span(self.takes)}" if self.takes is not None and self.good else ""
        return f"{counted} were good{took}"


def usual(newest_first: Sequence[Recorded], before: datetime) -> Usual | None:
    """Return how the runs went that ended before an instant; None if too few are known."""
    ends = [recorded for recorded in timed(newest_first) if recorded.kind in ENDS and recorded.ping.at < before]
    if len(ends) < RUNS_LEAST:
        return None
    good = [recorded for recorded in ends if recorded.kind is Kind.SUCCESS]
    lengths = [recorded.duration.total_seconds() for recorded in good if recorded.duration is not None]
    takes = timedelta(seconds=median(lengths)) if lengths else None
    return Usual(runs=len(ends), good=len(good), takes=takes)


def last_heard(newest_first: Sequence[Recorded], upto: datetime) -> Ping | None:
    """Return the last ping that came from a job, up to an instant."""
    return next((recorded.ping for recorded in newest_first if recorded.ping.at <= upto), None)


def sender_of(ping: Ping) -> str:
    """Return who sent a ping: "10.0.3.7 (lastseen-exec/1.0)"; "" if that is not known."""
    agent = one_line(ping.agent, AGENT_LIMIT)
    return f"{ping.address} ({agent})" if ping.address and agent else ping.address or agent
