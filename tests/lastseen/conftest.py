"""Stores for tests: in memory, and DynamoDB as moto plays it, with the tables of the template that ships."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lastseen.storage.store import Store, TableStore
from tests.memory import MemoryStore
from tests.tables import made

MakeStore = Callable[..., Store]


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    """A client of DynamoDB as moto plays it; no call leaves the process."""
    with mock_aws():
        yield boto3.client(
            "dynamodb", region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )


@pytest.fixture(params=["memory", "dynamodb"])
def make_store(request: pytest.FixtureRequest) -> MakeStore:
    """Make empty stores, of either kind."""
    if request.param == "memory":
        return MemoryStore
    client, template = request.getfixturevalue("dynamodb"), request.getfixturevalue("template")
    return lambda **options: TableStore(client, made(client, template), **options)


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store()
