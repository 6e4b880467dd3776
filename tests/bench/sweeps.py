"""A sweep over tables of many sizes: pages, read units, CPU and memory, with the network cut out (generated.py)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from lastseen.alerting.sweep import run, segments_for
from lastseen.health.rounds import check_addresses, ping_canary
from lastseen.pinging.answer import PingRequest, answer
from lastseen.pinging.keys import PingKeys
from tests.bench.counted import counted
from tests.bench.generated import Cost
from tests.bench.laboratory import Laboratory
from tests.bench.table import Figure, Section
from tests.memory import MemoryTopic
from tests.times import T0, minutes

SIZES = (1_000, 10_000, 100_000, 1_000_000)
FEW, MANY = 0.001, 1.0
"""Shares of the checks that are due within the look-ahead: jobs by the hour, and jobs by the minute."""


NOTHING_FOUND = "a sweep that finds nothing"


def measure(_laboratory: Laboratory) -> list[Section]:
    """Sweep tables of each size with few checks due, and of all but the largest with all of them due."""
    idle_calls, units = idle_round()
    note = " + ".join(f"{n} {name}" for name, n in Counter(idle_calls).items())
    figures = [Figure(f"{NOTHING_FOUND}: read units", units, "RRU", note)]
    for share, sizes in ((FEW, SIZES), (MANY, SIZES[:-1])):
        for size in sizes:
            cost = _in_its_own_process(size, share)
            what = f"{size:,} checks, {share:.1%} due"
            calls = f"{cost.pages} pages, {cost.wakes:,} wakes, {cost.calls:,} calls, {segments_for(size)} segments"
            figures += [
                Figure(f"{what}: read units", cost.read_units, "RRU", calls),
                Figure(f"{what}: CPU", cost.cpu_ms, "ms", f"peak {cost.peak_mb:.0f} MB"),
            ]
    return [Section("A sweep", tuple(figures))]


def idle_round() -> tuple[list[str], float]:
    """Return the calls and read units of the whole round of a minute in which nothing happens, without its canary's
    ping: counted on the emulator, the third of three rounds.
    """
    with counted() as aws_side:
        store, topic, keys = aws_side.store(), MemoryTopic(), PingKeys(aws_side.store())

        def round_at(now: datetime, *, is_answered: Callable[..., bool]) -> None:
            assert ping_canary(store, topic, now, ping_urls={"ours": "ping"}, is_answered=is_answered)
            run(store=store, wakes=aws_side.wakes, clock=lambda: now, segments=1)
            check_addresses(store, topic, now)

        for minute in (0, 1):
            now = T0 + minutes(minute)

            def is_answered(url: str, *, whose: str, at: datetime = now) -> bool:
                assert whose == "ours"
                sent = PingRequest(path=url.partition("/")[2], at=at)
                return answer(sent, store=store, wakes=aws_side.wakes, keys=keys, body_limit=0).status == 200

            round_at(now, is_answered=is_answered)
        aws_side.count.clear()
        round_at(T0 + minutes(2), is_answered=lambda _url, *, whose: bool(whose))
        assert aws_side.count.write_units == 0
        return list(aws_side.count.calls), aws_side.count.read_units


def _in_its_own_process(size: int, share: float) -> Cost:
    command = [sys.executable, "-m", "tests.bench.generated", str(size), str(share)]
    return Cost(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
