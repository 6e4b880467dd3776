"""What the simulation found, each told once more as a short story, on the tables and on their twin in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lastseen.check import Check, Kind, Ping, Status, pinged
from lastseen.store import ConflictError, Store, Tables
from tests.memory import MemoryStore
from tests.times import T0, seconds

KEYS = {"checks": ("id",), "names": ("project", "slug"), "history": ("id", "event"), "settings": ("kind", "name")}


@pytest.fixture(params=["dynamodb", "memory"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with mock_aws():
        client: Any = boto3.client("dynamodb", region_name="eu-central-1")
        for table, keys in KEYS.items():
            client.create_table(
                TableName=table,
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                BillingMode="PAY_PER_REQUEST",
            )
        yield Store(client, Tables(*KEYS))


UP = Check(id="0d7a2f6e-3c1b-4d8a-9e5f-6a7b8c9d0e1f", status=Status.UP, last_ping=T0, created=T0, flips=1, announced=1)


def test_a_start_whose_end_was_written_since_opens_no_run(store: Store) -> None:
    store.create(UP)
    end = pinged(UP, Ping(at=T0 + seconds(31)))
    store.save_ping(UP, end)
    assert end.check.rev == UP.rev  # a steady end does not make others look again
    with pytest.raises(ConflictError):
        store.save_ping(UP, pinged(UP, Ping(at=T0 + seconds(30), kind=Kind.START)))
    kept = store.get(UP.id, strong=True)
    assert kept is not None
    assert kept.last_start is None


def test_a_start_of_a_check_that_was_never_pinged_is_written_at_once(store: Store) -> None:
    fresh = Check(id=UP.id, created=T0)
    store.create(fresh)
    assert store.save_ping(fresh, pinged(fresh, Ping(at=T0, kind=Kind.START))) == 1


def test_a_start_after_an_end_is_written_at_once(store: Store) -> None:
    store.create(UP)
    assert store.save_ping(UP, pinged(UP, Ping(at=T0 + seconds(30), kind=Kind.START))) == 1
