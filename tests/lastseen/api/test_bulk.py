"""Many checks in one request: each is answered as if it had come alone, and none keeps another back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from lastseen.core.keys import Scope
from lastseen.storage.errors import ConflictError
from tests.lastseen.api.world import ID, OTHER_ID, Reply, World

BULK, CHECKS = "/api/v3/checks/bulk", "/api/v3/checks/"
UUID = "0b9f2c1e-7a64-4d0f-8e21-93c5d7a1b240"


def bulk(world: World, *entries: Any, query: str = "", **options: Any) -> list[dict[str, Any]]:
    reply = world.post(f"{BULK}{query}", {"checks": entries}, **options)
    assert reply.status == 200, reply.body
    results: list[dict[str, Any]] = reply.json()["results"]
    assert [set(each) for each in results] == [
        {"status", "error"} if each["status"] >= 400 else {"status", "check"} for each in results
    ]
    return results


def alone(world: World, entry: dict[str, Any]) -> Reply:
    return world.post(f"{CHECKS}{entry['change']}" if "change" in entry else CHECKS, entry)


ENTRIES: list[dict[str, Any]] = [
    {"name": "new", "uuid": UUID, "schedule": "@daily"},
    {"name": "backup", "grace": 600, "unique": ["name"]},
    {"change": ID, "tags": "prod", "snoozed_until": "2026-04-01T12:00:00Z"},
    {"change": ID.upper().replace("-", ""), "slug": "backup"},
    {"change": OTHER_ID, "name": "theirs"},
    {"change": UUID.replace("0", "1"), "name": "nobody"},
    {"change": "f" * 36, "name": "nobody"},
    {"name": "taken", "uuid": ID},
    {"name": 7},
    {"schedule": "0 0 31 2 *"},
    {"name": "control\x00"},
    {"channels": "nobody"},
]


def test_each_is_answered_as_it_would_be_alone() -> None:
    together, apart = World(), World()
    for world in (together, apart):
        world.check()
        world.check(id=OTHER_ID, name="theirs", project="shop")
    results = bulk(together, *ENTRIES)
    assert [each["status"] for each in results] == [201, 200, 200, 200, 403, 404, 404, 409, 400, 400, 400, 400]
    for entry, result in zip(ENTRIES, results, strict=True):
        reply = alone(apart, entry)
        said = reply.error if reply.status >= 400 else {**reply.json(), "badge_url": ""}
        told = result.get("error") or {**result["check"], "badge_url": ""}
        assert (result["status"], told) == (reply.status, said)
    assert together.store.checks == apart.store.checks
    assert together.store.names == apart.store.names


def test_what_is_no_entry_is_refused_alone(world: World) -> None:
    odd: list[Any] = [None, 7, "x", [], {"timeout": 60.5}, {"name": "\uffff"}]
    results = bulk(world, *odd, {"name": "fine"})
    assert [each["status"] for each in results] == [400] * len(odd) + [201]
    assert [check.name for check in world.store.checks.values()] == ["fine"]
    digits = b'{"checks": [{"timeout": ' + b"9" * 5_000 + b'}, {"name": "next"}]}'
    assert world.post(BULK, digits).status in {200, 400}


def test_a_dry_run_judges_all_and_writes_nothing(world: World) -> None:
    check = world.check()
    before = dict(world.store.names)
    results = bulk(world, {"name": "new", "uuid": UUID}, {"change": ID, "name": "x"}, {"tz": "x"}, query="?dry_run=1")
    assert [each["status"] for each in results] == [201, 200, 400]
    assert results[1]["check"]["name"] == "x"
    assert (world.store.checks, world.store.names) == ({ID: check}, before)


def test_two_of_one_slug_in_one_request_are_one_check(world: World) -> None:
    entry = {"name": "backup", "slug": "backup", "unique": ["slug"]}
    assert [each["status"] for each in bulk(world, entry, entry)] == [201, 200]
    assert len(world.store.checks) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "checks is missing"),
        ({"checks": {}}, "checks must be a list"),
        ({"checks": [{}] * 101}, "checks must have at most 100 entries"),
        ([], "body must be a JSON object"),
    ],
)
def test_a_request_of_another_form_is_400_and_does_nothing(world: World, body: Any, words: str) -> None:
    reply = world.post(BULK, body)
    assert (reply.status, reply.error, world.store.checks) == (400, words, {})


@pytest.mark.parametrize("scope", [Scope.READ, Scope.PING])
def test_it_needs_a_key_that_may_write(world: World, scope: Scope) -> None:
    assert world.post(BULK, {"checks": [{"name": "x"}]}, key=world.key(scope)).status == 401
    assert world.post(BULK, {"checks": [{"name": "x", "api_key": world.write}]}, key=None).status == 401
    assert world.store.checks == {}
    assert world.post(BULK, {"checks": [{"name": "x"}], "api_key": world.write}, key=None).status == 200


def test_a_body_that_is_too_large_is_refused_as_a_whole(world: World) -> None:
    body = json.dumps({"checks": [{"desc": "x" * 3_000}] * 40}).encode()
    assert (world.post(BULK, body).status, world.store.checks) == (400, {})


def test_after_one_that_found_no_way_the_rest_is_left_for_later(world: World) -> None:
    def busy(call: str, when: str) -> None:
        if (call, when) == ("create", "before") and world.store.checks:
            raise ConflictError("Somebody else is always first.")

    world.store.hook = busy
    results = bulk(world, {"name": "a"}, {"name": "b"}, {"name": "c"})
    assert [each["status"] for each in results] == [201, 503, 503]
    assert results[2]["error"].endswith("send it again")


def test_what_does_not_fit_into_the_time_of_a_request_is_left_for_later(world: World) -> None:
    def slow(call: str, when: str) -> None:
        if (call, when) == ("create", "after"):
            world.now += timedelta(seconds=15)

    world.store.hook = slow
    assert [each["status"] for each in bulk(world, *({"name": name} for name in "abcd"))] == [201, 201, 503, 503]
    assert len(world.store.checks) == 2
