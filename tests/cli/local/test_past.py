"""The demo's jobs with a past: what the page shows of them, and that nobody is notified of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lastseen.core.check import Check, Status
from lastseen.core.schedule import next_due
from lastseen_cli.local import past
from tests.memory import MemoryStore
from tests.times import T0


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    store = MemoryStore()
    past.write(store, "default", T0)
    return store


def named(store: MemoryStore, name: str) -> Check:
    return next(check for check in store.checks.values() if check.name == name)


def test_the_page_has_one_job_of_each_state(store: MemoryStore) -> None:
    assert len(store.checks) == len(past.JOBS) == 12
    assert named(store, "Payments settlement").status is Status.DOWN
    assert named(store, "Price feed import").flapping
    assert named(store, "Search reindex").runs
    assert named(store, "Fraud model training").status is Status.PAUSED
    assert named(store, "Invoice export").recovered
    late = named(store, "Order import")
    assert late.last_ping
    assert (next_due(late.schedule, late.last_ping) or T0) < T0
    good = [check for check in store.checks.values() if check.status is Status.UP]
    assert len(good) == 9


def test_nobody_is_notified_of_the_past_and_nothing_happens_within_the_hour(store: MemoryStore) -> None:
    assert not [due for page in store.due(T0 + timedelta(minutes=50)) for due in page.dues]


def test_each_job_has_its_pings_and_flips(store: MemoryStore) -> None:
    for check in store.checks.values():
        assert check.n_pings >= len(store.pings(check.id, limit=100)) > 0
        assert len(store.flips(check.id)) == check.flips
    assert "503 Service Unavailable" in store.flips(named(store, "Payments settlement").id)[-1].body.decode()


def test_a_second_demo_leaves_the_jobs_alone(store: MemoryStore) -> None:
    before = dict(store.checks)
    past.write(store, "default", T0 + timedelta(hours=1))
    assert store.checks == before
