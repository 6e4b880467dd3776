"""Whether Lastseen itself can hear: what is noticed, written down and told, sweep by sweep, over memory."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from lastseen.core.blind import Window
from lastseen.core.check import Ping, Status
from lastseen.core.machine import pinged
from lastseen.health.canary import CANARY_PROJECT, STALE, WINDOWS_KEPT, CanaryMessages, blind_windows, check_canary
from tests.memory import MemoryStore
from tests.times import T0, minutes, seconds


class KilledError(BaseException):
    """The process ends here; nobody can catch it."""


@dataclass
class World:
    store: MemoryStore = field(default_factory=MemoryStore)
    said: list[str] = field(default_factory=list)

    def sweep(self, minute: float, *, heard: bool = True) -> str:
        """Listen as a sweep does, and then let the canary ping, which is heard or not."""
        canary = check_canary(self.store, at(minute), CanaryMessages(silent=self._deaf, back=self._hearing))
        if heard:
            check = self.store.checks[canary]
            self.store.save_ping(check, pinged(check, Ping(at=at(minute) + seconds(1))))
        return canary

    def _deaf(self, since: datetime) -> None:
        self._say(f"deaf since {minute(since)}")

    def _hearing(self, window: Window) -> None:
        self._say(f"hears again, deaf from {minute(window.start)} to {minute(window.end)}")

    def _say(self, words: str) -> None:
        self.store.hook("say", "before")
        self.said.append(words)
        self.store.hook("say", "after")

    def deaf_for(self, first: int, last: int) -> None:
        """Sweep each minute from `first` to `last` with nothing heard."""
        for now in range(first, last + 1):
            self.sweep(now, heard=False)


def at(minute: float) -> datetime:
    return T0 + minutes(minute)


def minute(moment: datetime) -> str:
    return f"{(moment - T0) / minutes(1):.2f}"


@pytest.fixture
def world() -> World:
    return World()


def test_the_first_sweep_makes_a_canary_that_no_list_of_users_shows(world: World) -> None:
    canary = world.sweep(0)
    check = world.store.checks[canary]
    assert (check.project, check.channels, check.status) == (CANARY_PROJECT, "", Status.UP)
    assert (world.store.project("default"), world.said) == ({}, [])


def test_the_canary_stays_the_same(world: World) -> None:
    assert world.sweep(0) == world.sweep(1) == world.sweep(2)


def test_a_canary_that_was_deleted_is_made_again(world: World) -> None:
    canary = world.sweep(0)
    world.store.delete(world.store.checks[canary])
    assert world.sweep(1) == canary
    assert world.store.checks[canary].last_ping == at(1) + seconds(1)


def test_before_anything_was_heard_nobody_is_called_deaf(world: World) -> None:
    world.deaf_for(0, 30)
    assert (world.said, blind_windows(world.store, at(31))) == ([], ())


def test_one_canary_ping_may_be_lost_without_a_word(world: World) -> None:
    world.sweep(0)
    world.sweep(1, heard=False)
    world.sweep(2)
    assert (world.said, blind_windows(world.store, at(3))) == ([], ())


def test_deafness_is_told_once_and_its_end_too(world: World) -> None:
    world.sweep(0)
    world.deaf_for(1, 9)
    assert world.said == ["deaf since 0.02"]
    world.sweep(10)
    world.sweep(11)
    world.sweep(12)
    assert world.said == ["deaf since 0.02", "hears again, deaf from 0.02 to 10.02"]


def test_while_we_are_deaf_the_window_lasts_until_now_noticed_or_not(world: World) -> None:
    world.sweep(0)
    heard = T0 + seconds(1)
    assert blind_windows(world.store, heard + STALE) == ()
    assert blind_windows(world.store, heard + STALE + seconds(1)) == (Window(heard, heard + STALE + seconds(1)),)
    world.deaf_for(1, 5)
    assert blind_windows(world.store, at(6)) == (Window(heard, at(6)),)


@pytest.mark.parametrize(("days", "kept"), [(1.9, 2), (2.1, 1)])
def test_a_window_that_is_over_is_kept_for_two_days(world: World, days: float, kept: int) -> None:
    assert timedelta(days=2) == WINDOWS_KEPT

    def deaf_once(start: int) -> Window:
        world.sweep(start)
        world.deaf_for(start + 1, start + 5)
        world.sweep(start + 6)
        world.sweep(start + 7)
        return Window(at(start) + seconds(1), at(start + 6) + seconds(1))

    first = deaf_once(0)
    again = int(days * 24 * 60)
    for now in range(9, again, 2):
        world.sweep(now)
    second = deaf_once(again)
    assert blind_windows(world.store, at(again + 8)) == (first, second)[-kept:]


def test_no_sweep_is_deafness_too(world: World) -> None:
    """If nobody let the canary ping, nobody knows whether pings came through."""
    world.sweep(0)
    world.sweep(60)
    assert world.said == ["deaf since 0.02"]
    world.sweep(61)
    assert world.said[1:] == ["hears again, deaf from 0.02 to 60.02"]


@pytest.mark.parametrize("broken", [{}, {"canary": 7}, {"canary": "x", "deaf_since": "soon"}])
def test_a_record_that_cannot_be_read_is_made_anew(world: World, broken: dict[str, object]) -> None:
    world.sweep(0)
    world.store.put_setting("watch", "hearing", broken)
    assert blind_windows(world.store, at(30)) == ()
    canary = world.sweep(31)
    assert world.sweep(32) == canary


def test_of_two_first_sweeps_at_once_one_chooses_the_canary(world: World) -> None:
    inner: list[str] = []

    def meanwhile(call: str, when: str) -> None:
        if (call, when) == ("put_setting", "before") and not inner:
            inner.append("")
            inner[0] = world.sweep(0)

    world.store.hook = meanwhile
    assert world.sweep(0) == inner[0]
    assert len(world.store.checks) == 1


@pytest.mark.parametrize("fault", [KilledError, OSError])
def test_broken_off_after_any_step_both_words_are_told_at_last(fault: type[BaseException]) -> None:
    step, finished = 0, False
    while not finished:
        world = World()
        world.sweep(0)
        left = [step]

        def breaks(_call: str, _when: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise fault

        world.store.hook = breaks
        for now in range(1, 14):
            with suppress(KilledError, OSError):
                world.sweep(now, heard=now >= 7)
        world.store.hook = lambda _call, _when: None
        finished, step = left[0] >= 0, step + 1
        kinds = [words.split()[0] for words in world.said]
        assert list(dict.fromkeys(kinds)) == ["deaf", "hears"]
        assert len(kinds) <= 3
        assert blind_windows(world.store, at(14))[0].start == T0 + seconds(1)
    assert step > 30


def test_deafness_that_nobody_could_be_told_of_is_held_against_no_job(world: World) -> None:
    def broken(call: str, _when: str) -> None:
        if call == "say":
            raise OSError

    world.sweep(0)
    world.store.hook = broken
    for now in range(1, 6):
        with suppress(OSError):
            world.sweep(now, heard=False)
    canary = next(iter(world.store.checks.values()))
    world.store.save_ping(canary, pinged(canary, Ping(at=at(6))))
    with suppress(OSError):  # nor can anybody be notified of its end
        world.sweep(7)
    assert blind_windows(world.store, at(8)) == (Window(T0 + seconds(1), at(6)),)


def test_the_limits_fit_together() -> None:
    assert timedelta(minutes=2) < STALE < timedelta(minutes=3)
