"""Stores for tests: in memory, and DynamoDB as others play it, with the tables of the template that ships.

Three judges of what the store asks of DynamoDB, for each lets pass what another refuses: moto, in this process; the
emulator of `lastseen local`; and any DynamoDB on this machine that `--dynamodb URL` names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lastseen.storage.store import Store, TableStore
from lastseen_cli.local import emulator
from tests.memory import MemoryStore
from tests.tables import made

MakeStore = Callable[..., Store]

CONTRACT = "test_store_contract"
"""The module whose tests run at every judge each time; others meet the slow ones with the slow tests."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of stores at everything that can be one, and a test of DynamoDB at all who play it."""
    if "player" not in metafunc.fixturenames:
        return
    each_time = metafunc.module.__name__.endswith(CONTRACT)
    marks = [pytest.mark.emulator] if each_time else [pytest.mark.emulator, pytest.mark.slow]
    players = ["moto", pytest.param("emulator", marks=marks)]
    if metafunc.config.option.dynamodb:
        players.append("given")
    if {"store", "make_store"} & set(metafunc.fixturenames):
        players.insert(0, "memory")
    metafunc.parametrize("player", players, scope="module", indirect=True)


@pytest.fixture(scope="module")
def player(request: pytest.FixtureRequest) -> str:
    """Who keeps the tables."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def dynamodb(request: pytest.FixtureRequest, player: str) -> Any:
    """A client of DynamoDB as somebody plays it on this machine."""
    return request.getfixturevalue({"memory": "moto"}.get(player, player))


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    with mock_aws():
        yield _client()


@pytest.fixture(scope="session", name="emulator")
def _emulator() -> Iterator[Any]:
    with emulator.running(environ=os.environ) as running:  # noqa: TID251 - tests are an entry point
        yield running.client("dynamodb")


@pytest.fixture(scope="session")
def given(pytestconfig: pytest.Config) -> Any:
    return _client(endpoint_url=pytestconfig.option.dynamodb)


def _client(**options: Any) -> Any:
    return boto3.client(
        "dynamodb", region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing", **options
    )


@pytest.fixture
def make_store(request: pytest.FixtureRequest, player: str) -> MakeStore:
    """Make empty stores, of any kind."""
    if player == "memory":
        return MemoryStore
    client, template = request.getfixturevalue("dynamodb"), request.getfixturevalue("template")
    return lambda **options: TableStore(client, made(client, template), **options)


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store()
