"""Nothing that a client can send is answered by a 5xx: generated requests against functions/ping.py itself.

Each one answered 200 or 201 is counted once, and what is kept of it can be written to a table and read back.
"""

from __future__ import annotations

import base64
import json
import logging
from collections import Counter
from dataclasses import replace
from random import Random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastseen.core.check import Check, Filters, Status
from lastseen.core.keys import Scope, hashed
from lastseen.pinging.keys import PingKeys
from lastseen.storage.documents import KEYS
from lastseen.storage.fresh import new_key
from lastseen.storage.items import check_from_item, check_to_item, ping_from_item, ping_to_item
from tests.functions.anyclient import Clients
from tests.functions.pinged import ENVIRONMENT, load
from tests.memory import MemoryStore, MemoryWakes
from tests.times import T0, hours

REQUESTS, BATCH = 10_000, 50
ANSWERS = {200, 201, 204, 400, 404, 409}
ITEM_LIMIT = 400_000  # DynamoDB's, in bytes
KEY_LIMIT = 1_024  # DynamoDB's, in bytes, of a sort key
CHECK_LIMIT = 4_000  # bytes: a name of 100 and tags of 500 characters of four bytes each, and the rest
PING_KEY, _KEY = new_key(Scope.PING, "default", "", T0)
IDS = [f"{number:08x}-94ad-4b1e-8f0e-2d1c5a6b7f80" for number in range(7)]
SLUGS = ["up", "words", "post", "sticky", "twins", *(f"made-{number}" for number in range(9)), "n" * 100, "n" * 1100]


def checks() -> list[Check]:
    """One check of each kind that treats pings in its own way; the last two share a slug."""
    made: dict[str, Any] = {"created": T0 - hours(9)}
    up = made | {"status": Status.UP, "last_ping": T0 - hours(1), "wake_at": T0 + hours(24)}
    words = Filters(http_body=True, start="begin,\u00e9", success="done", failure="ERROR, \x00", default_fail=True)
    return [
        Check(id=IDS[0], slug="new", **made),
        Check(id=IDS[1], slug="up", **up),
        Check(id=IDS[2], slug="words", filters=words, **up),
        Check(id=IDS[3], slug="post", methods="POST", **up),
        Check(id=IDS[4], slug="sticky", manual_resume=True, status=Status.PAUSED, **made),
        Check(id=IDS[5], slug="twins", **made),
        Check(id=IDS[6], slug="twins", **made),
    ]


@pytest.fixture
def ping(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> ModuleType:
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}.items():  # nobody is there
        monkeypatch.setenv(name, value)
    module = load()
    caplog.set_level(logging.ERROR)
    return module


def send(ping: ModuleType, chance: Random, count: int) -> Counter[int]:
    """Send requests to the function over a fresh store in memory, and hold it to its promises; return its answers."""
    store = MemoryStore()
    KEYS.write(store, replace(_KEY, hash=hashed(PING_KEY)))
    for check in checks():
        store.create(check)
    vars(ping).update(_store=store, _wakes=MemoryWakes(), _keys=PingKeys(store))
    clients = Clients(chance, ids=IDS, slugs=SLUGS, key=PING_KEY)
    answers: Counter[int] = Counter()
    for _ in range(count):
        event = clients.event()
        try:
            answer = ping.handler(event, None)
            json.dumps(answer, ensure_ascii=False).encode()
            assert answer["statusCode"] in ANSWERS
        except Exception as error:
            error.add_note(f"It was sent {event!a}")
            raise
        answers[answer["statusCode"]] += 1
    assert sum(check.n_pings for check in store.checks.values()) == answers[200] + answers[201]
    assert sum(len(pings) for pings in store.pings_of.values()) == answers[200] + answers[201]
    assert_writable(store)
    return answers


def assert_writable(store: MemoryStore) -> None:
    assert all(0 < len(name.encode()) < KEY_LIMIT for _, name in store.names)
    for check in store.checks.values():
        item = check_to_item(check)
        assert check_from_item(item) == check
        assert size(item) < CHECK_LIMIT
        for recorded in store.pings_of.get(check.id, {}).values():
            kept = ping_to_item(check.id, recorded)
            assert ping_to_item(check.id, ping_from_item(kept)) == kept
            assert size(kept) < ITEM_LIMIT


def size(item: dict[str, Any]) -> int:
    """Count the bytes of an item, more or less; fails on text that is no UTF-8."""
    parts = {name: base64.b64encode(value["B"]).decode() if "B" in value else value for name, value in item.items()}
    return len(json.dumps(parts, ensure_ascii=False, default=lambda value: value.decode("latin-1")).encode())


def test_10_000_requests_of_any_kind_are_answered_without_a_5xx(ping: ModuleType) -> None:
    chance = Random(20261125)  # noqa: S311 - the same requests each time
    answers = sum((send(ping, chance, BATCH) for _ in range(REQUESTS // BATCH)), Counter())
    assert answers.total() == REQUESTS
    for status, least in {200: 2_000, 201: 150, 204: 10, 400: 1_000, 404: 1_000, 409: 50}.items():
        assert answers[status] >= least, answers


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False))
def test_no_request_that_is_searched_for_gets_a_5xx(ping: ModuleType, chance: Random) -> None:
    send(ping, chance, 5)
