"""The sweep over memory: who is woken, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import pytest

from lastseen.alerting.sweep import Swept, run, segments_for
from lastseen.aws.wakes import Wake
from lastseen.core.check import Check, Kind, Ping
from lastseen.core.machine import pinged
from lastseen.core.schedule import Period
from tests.memory import MemoryStore, MemoryWakes
from tests.times import T0, hours, minutes, seconds


def given(*pings: Sequence[Ping]) -> MemoryStore:
    """Make a check for each list of pings, missed 70 minutes after its last success."""
    store = MemoryStore()
    for n, sent in enumerate(pings, start=1):
        check = Check(id=str(UUID(int=n)), schedule=Period(hours(1)), grace=minutes(10))
        store.create(check)
        for ping in sent:
            seen = store.checks[check.id]
            store.save_ping(seen, pinged(seen, ping))
    return store


def woken(store: MemoryStore, now: datetime) -> list[tuple[int, int]]:
    """Return which checks a sweep wakes, and in how many seconds."""
    wakes = MemoryWakes()
    run(store=store, wakes=wakes, clock=lambda: now)
    return sorted((UUID(wake.check_id).int, wake.delay_seconds) for wake in wakes.sent)


def late_by(length: float) -> datetime:
    return T0 + minutes(70) + seconds(length)


@pytest.mark.parametrize(
    ("now", "delays"),
    [
        pytest.param(-125.001, [], id="the next sweep will see it"),
        pytest.param(-125, [127], id="as soon as it is in sight: when it is late"),
        pytest.param(-10.5, [12], id="rounded down"),
        pytest.param(0, [2], id="at its deadline"),
        pytest.param(1.5, [0], id="a moment before it is late: the alert function waits that out"),
        pytest.param(9000, [0], id="long after"),
    ],
)
def test_a_check_is_woken_when_it_is_really_late(now: float, delays: list[int]) -> None:
    assert [delay for _, delay in woken(given([Ping(at=T0)]), late_by(now))] == delays


def test_a_check_of_which_people_have_to_be_told_is_woken_at_once_and_by_each_sweep() -> None:
    store = given([Ping(at=T0), Ping(at=T0 + minutes(1), kind=Kind.FAIL)])
    assert woken(store, T0 + minutes(2)) == woken(store, T0 + minutes(3)) == [(1, 0)]
    store.announce(str(UUID(int=1)), seen=1, upto=2)
    assert woken(store, T0 + minutes(4)) == []


def test_a_sweep_reads_and_writes_nothing() -> None:
    store = given([Ping(at=T0)])
    calls: list[str] = []
    store.hook = lambda call, _when: calls.append(call)
    woken(store, late_by(0))
    assert set(calls) == {"due"}


def test_a_sweep_counts_what_it_did() -> None:
    store = given([Ping(at=T0)], [], [Ping(at=T0)])
    assert run(store=store, wakes=MemoryWakes(), clock=lambda: late_by(0)) == Swept(checks=3, wakes=2, pages=1)


class Refusing(MemoryWakes):
    def send(self, wakes: Sequence[Wake]) -> int:
        super().send(wakes)
        return 1


def test_wakes_that_the_queue_did_not_take_are_counted_and_made_again() -> None:
    store = given([Ping(at=T0)], [Ping(at=T0)])
    assert run(store=store, wakes=Refusing(), clock=lambda: late_by(0)).refused == 1
    assert len(woken(store, late_by(60))) == 2


def test_segments_together_wake_each_check_once() -> None:
    store, wakes = given(*[[Ping(at=T0)]] * 20), MemoryWakes()
    swept = run(store=store, wakes=wakes, clock=lambda: late_by(0), segments=3)
    assert (swept.checks, swept.wakes, swept.pages) == (20, 20, 3)
    assert sorted(UUID(wake.check_id).int for wake in wakes.sent) == list(range(1, 21))


def test_a_segment_that_cannot_be_read_holds_back_no_other() -> None:
    store, wakes = given(*[[Ping(at=T0)]] * 20), MemoryWakes()
    reads: list[str] = []

    def breaks(_call: str, when: str) -> None:
        if when == "before":
            reads.append(when)
            if len(reads) == 1:
                raise OSError

    store.hook = breaks
    with pytest.raises(OSError, match=r"^$"):
        run(store=store, wakes=wakes, clock=lambda: late_by(0), segments=4)
    assert len(wakes.sent) == 15


@pytest.mark.parametrize(("checks", "segments"), [(0, 1), (199_999, 1), (200_000, 2), (1_000_000, 6), (10**9, 32)])
def test_readers_grow_with_the_table(checks: int, segments: int) -> None:
    assert segments_for(checks) == segments


def test_no_deadline_falls_between_two_sweeps_that_are_as_far_apart_as_aws_allows() -> None:
    """The first at the beginning of its minute, the next at the end of the next: 119 seconds, and a slow start."""
    store, apart = given([Ping(at=T0)]), seconds(119) + seconds(5)
    for before_the_next in range(0, 125, 5):
        first = late_by(0) - (apart - seconds(before_the_next))
        assert woken(store, first), f"a deadline {before_the_next} s before the next sweep is noticed by that only"
