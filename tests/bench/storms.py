"""A storm: a thousand checks of a hundred thousand fall due together. Calls, CPU, and when the last is told of.

The real sweep and alert code run over tables, queue and topic in memory, on a clock of their own: a call takes as long
as is assumed of AWS, and the queue hands out batches as the template sets it up.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from infra.wakes import BATCH, CONCURRENT_BATCHES
from lastseen.alerting import alert, sweep
from lastseen.aws.wakes import CHECKS, Wake
from lastseen.core.check import Check
from tests.bench.laboratory import Laboratory
from tests.bench.money import CALL_MS
from tests.bench.table import Figure, Section
from tests.bench.typical import check
from tests.memory import MemoryStore, MemoryTopic, MemoryWakes
from tests.times import T0, minutes, seconds

AMONG, DUE = 100_000, 1_000
DEADLINE = T0 + seconds(42)
PAUSE = timedelta(seconds=0.25)  # between two publications of a function: functions/alert.py
AT_ONCE = 8  # checks that are written at the same time: functions/alert.py
BY_CHECK = {"save", "announce"}
POLLERS = 5  # of Lambda on a queue, from the first message on
BATCHES = (1, BATCH)
"""Messages in a batch: the smallest, and the most that the template allows."""


@dataclass(slots=True)
class Storm:
    """What came of it."""

    calls: Counter[str]
    cpu_ms: float
    messages: int
    first: timedelta
    last: timedelta
    """From the deadline to the first and the last publication."""


def measure(_laboratory: Laboratory) -> list[Section]:
    """Let the storm break over batches of several sizes."""
    storms = {batch: storm(batch) for batch in BATCHES}
    chosen = storms[BATCH]
    calls = sum(chosen.calls.values())
    figures = [
        Figure("calls per alert", calls / DUE, "", _spoken(chosen.calls)),
        Figure("our own CPU per alert", chosen.cpu_ms / DUE, "ms", "the store cut out"),
        *(
            Figure(
                f"batches of {batch} message{'s' if batch > 1 else ''}: the last is sent after",
                one.last.total_seconds(),
                "s",
                f"first after {one.first.total_seconds():.1f} s; {one.messages} messages in all",
            )
            for batch, one in storms.items()
        ),
    ]
    return [Section(f"A storm: {DUE:,} of {AMONG:,} checks due in one second; simulated clock", tuple(figures))]


def _spoken(calls: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in calls.most_common())


def storm(batch: int, among: int = AMONG) -> Storm:
    """Sweep, hand the wakes out in batches of so many messages, and alert."""
    clock = _Clock()
    store, wakes, topic = MemoryStore(clock.hook), MemoryWakes(), MemoryTopic(clock.hook)
    typical = check()
    for number in range(among):
        each = _numbered(typical, number)
        store.checks[each.id] = each
    sweep.run(store=store, wakes=wakes, clock=lambda: T0, segments=sweep.segments_for(among))
    clock.calls.clear()
    queue = _messages(wakes.taken(), batch)
    began, free = time.process_time(), [T0] * CONCURRENT_BATCHES
    for due_at, check_ids in queue:
        worker = free.index(min(free))
        clock.now = max(free[worker], due_at)
        site = "https://example.com"
        alert.run(check_ids, store=store, topic=topic, clock=clock, site_url=site, pause=clock.pause)
        free[worker] = clock.now
    cpu_ms = (time.process_time() - began) * 1000
    told = [at - DEADLINE for at in clock.published]
    return Storm(clock.calls, cpu_ms, len(topic.published), min(told), max(told))


class _Clock:
    """Moves with each call and each wait, and notes the publications."""

    def __call__(self) -> datetime:
        return self.now

    def __init__(self) -> None:
        self.now = T0
        self.calls: Counter[str] = Counter()
        self.published: list[datetime] = []

    def hook(self, call: str, when: str) -> None:
        if when == "before":
            return
        self.now += timedelta(milliseconds=CALL_MS / (AT_ONCE if call in BY_CHECK else 1))
        self.calls[call] += 1
        if call == "publish":
            self.published.append(self.now)
            self.now += PAUSE

    def pause(self, length: float) -> None:
        self.now += seconds(length)


def _numbered(typical: Check, number: int) -> Check:
    """Return a check of the crowd: the first thousand missed their ping, the others have time."""
    waits = DEADLINE if number < DUE else DEADLINE + minutes(60)
    name = f"job-{number}"
    return replace(
        typical, id=str(UUID(int=number + 1)), name=name, slug=name, wake_at=waits, last_ping=waits - minutes(70)
    )


def _messages(wakes: Sequence[Wake], batch: int) -> list[tuple[datetime, list[str]]]:
    """Return what the queue hands out: when, and the checks of each batch."""
    by_delay: dict[int, list[str]] = {}
    for wake in wakes:
        by_delay.setdefault(wake.delay_seconds, []).append(wake.check_id)
    return [
        (T0 + seconds(delay), ids)
        for delay, due in sorted(by_delay.items())
        for ids in _batches([due[first : first + CHECKS] for first in range(0, len(due), CHECKS)], batch)
    ]


def _batches(messages: Sequence[Sequence[str]], size: int) -> list[list[str]]:
    """Deal the messages of one second to Lambda's pollers; each makes batches of its own of at most `size`."""
    hands = [messages[poller::POLLERS] for poller in range(POLLERS)]
    return [
        [check_id for message in hand[first : first + size] for check_id in message]
        for hand in hands
        for first in range(0, len(hand), size)
    ]
