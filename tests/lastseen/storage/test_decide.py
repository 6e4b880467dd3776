"""A lost race: how often it is decided again, how long that waits, and what is read in between."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastseen.core.check import Check, Outcome
from lastseen.storage.decide import attempts, backoff_seconds, decide
from lastseen.storage.errors import ConflictError, DeletedError
from tests.memory import MemoryStore

CHECK = Check(id="6f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b")


def renamed(check: Check, name: str) -> Check:
    return replace(check, name=name, rev=check.rev + 1)


class Race:
    """A store in which another writer comes first, some times."""

    def __init__(self, losses: int) -> None:
        self.store = MemoryStore()
        self.store.create(CHECK)
        self.seen: list[str] = []
        self.waits: list[float] = []
        self.losses = losses

    def write(self, seen: Check) -> str:
        self.seen.append(seen.name)
        if self.losses:
            self.losses -= 1
            self.store.checks[CHECK.id] = renamed(self.store.checks[CHECK.id], f"{seen.name}x")
        self.store.save(seen, Outcome(check=renamed(seen, f"{seen.name}!")))
        return f"wrote {seen.name}!"

    def decide(self, tries: int = 5) -> str:
        return decide(CHECK, self.write, store=self.store, tries=tries, pause=self.waits.append)


def test_a_decision_that_wins_is_made_once_on_what_was_seen_without_a_read() -> None:
    race = Race(losses=0)
    race.store.hook = lambda call, _when: pytest.fail("read again") if call == "get" else None
    assert race.decide() == "wrote !"
    assert (race.seen, race.waits) == ([""], [])


def test_a_decision_that_loses_is_made_again_on_what_the_other_wrote() -> None:
    race = Race(losses=2)
    assert race.decide() == "wrote xx!"
    assert (race.seen, len(race.waits)) == (["", "x", "xx"], 2)


def test_after_the_last_try_nobody_waits_and_nobody_reads() -> None:
    race = Race(losses=99)
    calls: list[str] = []
    race.store.hook = lambda call, when: calls.append(call) if when == "before" else None
    with pytest.raises(ConflictError, match="4 races lost in a row"):
        race.decide(tries=4)
    assert (len(race.waits), calls) == (3, ["save", "get", "save", "get", "save", "get", "save"])


def test_a_check_that_is_deleted_meanwhile_ends_it() -> None:
    race = Race(losses=1)
    race.store.hook = lambda call, when: race.store.checks.clear() if (call, when) == ("get", "before") else None
    with pytest.raises(DeletedError):
        race.decide()
    assert len(race.seen) == 1


def test_attempts_wait_before_each_but_the_first() -> None:
    waits: list[float] = []
    assert list(attempts(3, pause=waits.append)) == [1, 2, 3]
    assert len(waits) == 2
    assert list(attempts(1, pause=waits.append)) == [1]
    assert len(waits) == 2


@given(tried=st.integers(1, 2_000), least=st.sampled_from([0.0, 0.5]))
def test_a_wait_doubles_up_to_a_limit_and_is_partly_random(tried: int, least: float) -> None:
    limit = min(0.1 * 2.0 ** min(tried - 1, 50), 3.0)
    wait = backoff_seconds(tried, first=0.1, longest=3.0, least=least)
    assert limit * least <= wait <= limit


def test_two_that_failed_together_do_not_come_back_together() -> None:
    assert len({backoff_seconds(5, first=0.1, longest=3.0) for _ in range(20)}) > 10
