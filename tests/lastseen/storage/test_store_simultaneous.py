"""A hundred pings at once, on both stores: all read the check before the first is written."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier, Lock
from typing import Any

import pytest

from lastseen.core.check import Check, Outcome, Ping, Status
from lastseen.core.machine import pinged
from lastseen.core.schedule import Period
from lastseen.pinging.answer import PingAnswer, PingRequest, answer
from lastseen.pinging.keys import PingKeys
from lastseen.storage.store import TableStore
from tests.memory import MemoryStore, MemoryWakes
from tests.tables import made
from tests.times import T0, hours, seconds

ID = "6f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
MANY = 100
PATIENCE_SECONDS = 60


class OneAtATime:
    """A client whose calls do not overlap: moto's tables, unlike DynamoDB's, are not made for threads."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.exceptions = client.exceptions
        self._lock = Lock()

    def __getattr__(self, name: str) -> Any:
        called = getattr(self._client, name)

        def locked(*arguments: Any, **parameters: Any) -> Any:
            with self._lock:
                return called(*arguments, **parameters)

        return locked


def meeting(kind: Any) -> Any:
    """Return a store whose first readers wait for one another, and which counts the writes of pings."""

    class Meeting(kind):  # type: ignore[misc] # the same for both stores
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.barrier = Barrier(MANY)
            self.writes = 0

        def get(self, check_id: str, *, strong: bool = False) -> Check | None:
            found: Check | None = super().get(check_id, strong=strong)
            if not strong:
                self.barrier.wait(PATIENCE_SECONDS)
            return found

        def save_ping(self, seen: Check, outcome: Outcome) -> int:
            self.writes += 1
            return int(super().save_ping(seen, outcome))

    return Meeting


@pytest.fixture
def store(request: pytest.FixtureRequest, player: str) -> Any:
    if player == "memory":
        return meeting(MemoryStore)()
    client, template = request.getfixturevalue("dynamodb"), request.getfixturevalue("template")
    return meeting(TableStore)(OneAtATime(client), made(client, template))


def at_once(store: Any, at: Callable[[int], datetime]) -> list[PingAnswer]:
    """Send pings of an up check from as many threads; return the answers."""
    up = pinged(Check(id=ID, schedule=Period(hours(1)), created=T0), Ping(at=T0)).check
    store.create(up)

    def send(n: int) -> PingAnswer:
        request = PingRequest(path=ID, at=at(n))
        keys = PingKeys(store)
        return answer(request, store=store, wakes=MemoryWakes(), keys=keys, body_limit=0, pause=lambda _: None)

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(send, range(MANY)))


def test_a_hundred_pings_of_one_moment_are_a_hundred_writes(store: Any) -> None:
    assert at_once(store, lambda _: T0 + hours(0.5)) == [PingAnswer(200, "OK")] * MANY
    check = store.get(ID, strong=True)
    assert (check.n_pings, check.last_ping, check.status) == (MANY + 1, T0 + hours(0.5), Status.UP)
    assert store.writes == MANY
    assert [one.n for one in store.pings(ID, limit=200)] == list(range(MANY + 1, 1, -1))


def test_a_hundred_pings_in_any_order_are_all_counted_and_the_last_one_stands(store: Any) -> None:
    assert at_once(store, lambda n: T0 + seconds(n * 37 % MANY)) == [PingAnswer(200, "OK")] * MANY
    check = store.get(ID, strong=True)
    assert (check.n_pings, check.last_ping) == (MANY + 1, T0 + seconds(MANY - 1))
    assert check.wake_at == T0 + seconds(MANY - 1) + hours(2)
    assert store.writes <= 2 * MANY  # whoever comes after a later one looks once more
