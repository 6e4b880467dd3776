"""Promise: a ping answered 200 is in `checks`; one answered otherwise can be sent again without harm.

Each kind of ping meets each kind of check, and is stopped before and after each call that it makes: killed (the client
gets no answer and sends again), or by an error of AWS (which is answered, or passes through as a 500).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from lastseen.core.check import Check, Run, Status
from lastseen.pinging.answer import PingAnswer
from tests.lastseen.pinging.world import PING_KEY, RUN, Pinging
from tests.times import T0, hours, minutes, seconds

BY_SLUG = f"{PING_KEY}/nightly"
RETRIED = T0 + seconds(3)

CHECKS: dict[str, dict[str, Any]] = {
    "new": {},
    "up": {"status": Status.UP, "last_ping": T0 - hours(1), "wake_at": T0 + hours(24)},
    "late": {"status": Status.UP, "last_ping": T0 - hours(26), "wake_at": T0 - hours(1)},
    "running": {
        "status": Status.UP,
        "last_ping": T0 - hours(1),
        "runs": (Run(T0 - minutes(1), RUN),),
        "wake_at": T0 + minutes(59),
    },
    "down": {"status": Status.DOWN, "since": T0 - hours(1), "incident": 1, "flips": 1, "announced": 1},
    "down, untold": {"status": Status.DOWN, "since": T0 - seconds(1), "incident": 1, "flips": 1},
    "paused": {"status": Status.PAUSED},
    "none yet": {"absent": True},
}
PINGS = ["", "/start", "/fail", "/log", "/0", "/TERM"]


class KilledError(BaseException):
    """The function is killed: nothing of ours runs any more."""


def world_with(check: dict[str, Any]) -> Pinging:
    world = Pinging()
    if "absent" not in check:
        world.check(n_pings=1, **check)
    return world


def ping(world: Pinging, suffix: str, query: str, at: datetime) -> PingAnswer:
    return world.ping(BY_SLUG + suffix, f"create=1&{query}", at)


def steps(make: Callable[[], Pinging], suffix: str, query: str) -> int:
    """Count the moments at which the ping can be stopped: before and after each of its calls."""
    world, seen = make(), []
    world.store.hook = world.wakes.hook = lambda call, when: seen.append((call, when))
    ping(world, suffix, query, T0)
    return len(seen)


def stop(world: Pinging, at_step: int, error: BaseException) -> None:
    seen = 0

    def hook(_call: str, _when: str) -> None:
        nonlocal seen
        seen += 1
        if seen == at_step:
            raise error

    world.store.hook = world.wakes.hook = hook


def go_on(world: Pinging) -> None:
    world.store.hook = world.wakes.hook = lambda *_: None


def told(world: Pinging, check: Check) -> list[tuple[Any, ...]]:
    """What people are told, or were, whatever the moment."""
    return [(flip.was, flip.status, flip.reason, flip.notify) for flip in world.store.flips(check.id)]


def gist(world: Pinging) -> tuple[Any, ...]:
    """What must be the same whether a ping was sent once or again: all but its time and how often it was counted."""
    check = world.now
    return (check.status, {run.rid for run in check.runs}, check.last_ping is None, check.flips,
            check.announced, check.wake_at is None, told(world, check))  # fmt: skip


@pytest.mark.parametrize("query", ["", f"rid={RUN}"])
@pytest.mark.parametrize("suffix", PINGS)
@pytest.mark.parametrize("name", CHECKS)
def test_a_ping_killed_at_any_step_can_be_sent_again_without_harm(name: str, suffix: str, query: str) -> None:
    def make() -> Pinging:
        return world_with(CHECKS[name])

    once = make()
    assert ping(once, suffix, query, T0).status in {200, 201}
    for step in range(1, steps(make, suffix, query) + 1):
        world = make()
        stop(world, step, KilledError())
        with pytest.raises(KilledError):
            ping(world, suffix, query, T0)
        go_on(world)
        assert ping(world, suffix, query, RETRIED).status in {200, 201}
        assert gist(world) == gist(once), f"killed at step {step}"
        assert once.now.n_pings <= world.now.n_pings <= once.now.n_pings + 1
        kept = world.store.pings_of[world.now.id]
        assert kept[max(kept)].ping.at == RETRIED


@pytest.mark.parametrize("suffix", PINGS)
@pytest.mark.parametrize("name", CHECKS)
def test_a_ping_answered_well_is_recorded_whatever_fails_on_its_way(name: str, suffix: str) -> None:
    def make() -> Pinging:
        return world_with(CHECKS[name])

    once = make()
    ping(once, suffix, "", T0)
    answered = 0
    for step in range(1, steps(make, suffix, "") + 1):
        world = make()
        stop(world, step, OSError("AWS is away"))
        try:
            answer = ping(world, suffix, "", T0)
        except OSError:
            go_on(world)
            answer = ping(world, suffix, "", RETRIED)
        else:
            answered += 1
        assert answer.status in {200, 201}
        assert gist(world) == gist(once), f"failed at step {step}"
        assert world.now.n_pings >= once.now.n_pings
    assert answered >= 2  # before and after its history


def test_a_run_whose_start_was_sent_again_ends_with_its_end() -> None:
    for step in range(1, steps(lambda: world_with(CHECKS["up"]), "/start", f"rid={RUN}") + 1):
        world = world_with(CHECKS["up"])
        stop(world, step, KilledError())
        with pytest.raises(KilledError):
            ping(world, "/start", f"rid={RUN}", T0)
        go_on(world)
        ping(world, "/start", f"rid={RUN}", RETRIED)
        ping(world, "", f"rid={RUN}", T0 + seconds(60))
        assert world.now.runs == ()
        assert world.last.duration in {seconds(60), seconds(57)}
