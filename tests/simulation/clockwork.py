"""Simulated time: events in their order, and functions that can be held up in the middle while others go on.

Time is whole milliseconds since 1970. One thing runs at a time, chosen by time and then by order of arrival, so that a
seed replays to the letter. A function that may be held up runs on a strand: a thread that has the baton, or waits.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


class EndedError(BaseException):
    """The simulation is over; whoever was held up goes home."""


@dataclass(eq=False, slots=True)
class Op:
    """One run of a function: a ping, a sweep, an alert, a call of the API."""

    name: str
    now: int = 0  # what its clock shows
    said: Any = None  # what it was asked, in the words of the rules
    held_up: bool = False  # whether it is slow: others run between its calls
    strand: Strand | None = None
    outcome: Any = None  # what the call in progress writes
    free_at: int = 0  # when it may publish again
    written: int = 0  # how many of its writes came through
    process: Op | None = None  # of which it is a thread, if it is one
    ends: int = 0  # when Lambda ends it
    killed: bool = False  # whether its process is gone, with all threads


class Strand:
    """A thread that works for one operation after the other."""

    def __init__(self, clock: Clock) -> None:
        self.go = threading.Lock()
        self.go.acquire()
        self.work: tuple[Op, Callable[[Op], None]] | None = None
        self._clock = clock
        threading.Thread(target=self._live, daemon=True).start()

    def _live(self) -> None:
        while True:
            self.go.acquire()
            if self.work is None:
                return
            op, run = self.work
            try:
                run(op)
            except EndedError:
                pass
            except BaseException as error:  # noqa: BLE001 - told by the clock, in the thread of the simulation
                self._clock.error = error
            self._clock.idle.append(self)
            self._clock.back.release()


@dataclass(eq=False)
class Clock:
    """The present, what is to come, and who runs."""

    now: int
    current: Op = field(default_factory=lambda: Op("nothing"))
    error: BaseException | None = None
    back: threading.Lock = field(default_factory=threading.Lock)
    idle: list[Strand] = field(default_factory=list)
    waiting: set[Op] = field(default_factory=set)
    ended: bool = False
    _events: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0
    _strands: list[Strand] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.back.acquire()

    def at(self, moment: int, act: Callable[[], None]) -> None:
        """Let something happen at a moment; one that is past is now."""
        self._count += 1
        heapq.heappush(self._events, (max(moment, self.now), self._count, act))

    def run_until(self, end: int, stop: Callable[[], bool]) -> None:
        """Let everything happen up to a moment, or until `stop` says so."""
        while self._events and self._events[0][0] <= end and not stop():
            self.now, _, act = heapq.heappop(self._events)
            act()
            if self.error:
                raise self.error
        self.now = max(self.now, end)

    def start(self, op: Op, run: Callable[[Op], None], *, strand: bool) -> None:
        """Run an operation; on a strand if it may have to wait."""
        if not strand:
            self.current = op
            run(op)
            return
        if not self.idle:
            self._strands.append(Strand(self))
            self.idle.append(self._strands[-1])
        op.strand = self.idle.pop()
        op.strand.work = (op, run)
        self._resume(op)

    def sleep(self, op: Op, millis: int) -> None:
        """Hold up an operation; it goes on later. One without a strand cannot wait."""
        if op.strand is None or millis <= 0:
            return
        self.at(self.now + millis, lambda: self._resume(op))
        self._park(op)

    def side_by_side(self, process: Op, threads: Sequence[Callable[[Op], None]]) -> None:
        """Let an operation that has a strand wait for threads of its own, which may be held up as it may be."""
        left = len(threads)

        def work(op: Op, run: Callable[[Op], None]) -> None:
            nonlocal left
            try:
                run(op)
            finally:
                left -= 1
                if not left:
                    self.at(self.now, lambda: self._resume(process))

        for run in threads:
            op = Op(process.name, now=process.now, held_up=process.held_up, process=process)
            self.at(self.now, partial(self.start, op, partial(work, run=run), strand=True))
        self._park(process)

    def _park(self, op: Op) -> None:
        """Hand the baton back until somebody resumes the operation."""
        assert op.strand is not None
        self.waiting.add(op)
        strand = op.strand
        self.back.release()
        strand.go.acquire()
        self.waiting.discard(op)
        if self.ended:
            raise EndedError

    def close(self) -> None:
        """Let all threads end, those in the middle of something too."""
        self.ended = True
        for op in list(self.waiting):
            self._resume(op)
        for strand in self.idle:
            strand.work = None
            strand.go.release()

    def _resume(self, op: Op) -> None:
        assert op.strand is not None
        self.current = op
        op.strand.go.release()
        self.back.acquire()
