"""UUIDs and ping keys that jobs use already, brought along from elsewhere: kept to the letter, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from lastseen.core.check import Kind, unique_key
from lastseen.core.keys import Scope, hashed
from lastseen.core.limits import SLUG_CHARS
from lastseen.pinging.url import KEY_LIMIT, read_path
from lastseen.storage.documents import KEYS
from tests.lastseen.api.world import ID, World

CHECKS, PING_KEYS = "/api/v3/checks/", "/api/v3/keys/"
UUID = "0b9f2c1e-7a64-4d0f-8e21-93c5d7a1b240"
SAME_UNIQUE_KEY = "0b9f2c1e-7a64-4d0f-9f00-000000000001"
PING_KEY = "dV9x-3k_TqLmZ0aRb7CyNw"


@pytest.mark.parametrize("written", [UUID, UUID.upper(), UUID.replace("-", "")])
def test_a_check_is_made_with_the_uuid_that_its_job_pings(world: World, written: str) -> None:
    dry = world.post(f"{CHECKS}?dry_run=1", {"name": "backup", "uuid": written})
    assert (dry.status, dry.json()["uuid"], world.store.checks) == (201, UUID, {})
    made = world.post(CHECKS, {"name": "backup", "uuid": written})
    assert (made.status, made.json()["uuid"], made.json()["status"]) == (201, UUID, "new")
    assert made.json()["ping_url"].endswith(f"/ping/{UUID}")
    assert list(world.store.checks) == [UUID]


@pytest.mark.parametrize("project", ["default", "shop"])
@pytest.mark.parametrize("query", ["", "?dry_run=1"])
def test_a_uuid_that_a_check_of_any_project_has_is_refused(world: World, project: str, query: str) -> None:
    before = world.check(project=project)
    reply = world.post(f"{CHECKS}{query}", {"name": "mine", "uuid": ID})
    assert (reply.status, reply.error) == (409, "uuid: there is a check with this UUID already")
    assert world.store.checks == {ID: before}


@pytest.mark.parametrize(("kind", "history_days"), [(Kind.LOG, 90), (Kind.SUCCESS, 0)])
def test_a_deleted_check_of_another_project_leaves_its_history_to_nobody(
    world: World, kind: Kind, history_days: int
) -> None:
    world.store.history_days = history_days
    world.check(project="shop")
    world.ping(kind=kind, body=b"their output")
    theirs = world.key(Scope.WRITE, "shop")
    assert world.send("DELETE", f"{CHECKS}{ID}", key=theirs).status == 200
    reply = world.post(CHECKS, {"uuid": ID})
    assert (reply.status, reply.error) == (
        409,
        "uuid: a check with this UUID was deleted here, and its history is still kept",
    )
    assert world.store.checks == {}


def test_a_deleted_check_that_was_never_pinged_may_come_again(world: World) -> None:
    for _ in range(2):
        assert world.post(CHECKS, {"uuid": UUID}).status == 201
        assert world.send("DELETE", f"{CHECKS}{UUID}").status == 200


@pytest.mark.parametrize(
    ("uuid", "words"),
    [
        ("nightly", "uuid must be a random UUID (version 4): it is the ping URL, so nobody may guess it"),
        ("00000000-0000-0000-0000-000000000000", "uuid must be a random UUID (version 4)"),
        ("00000000-0000-0000-0000-000000000001", "uuid must be a random UUID (version 4)"),
        ("3d813cbb-47fb-11ed-bdc3-0242ac120002", "uuid must be a random UUID (version 4)"),
        ("0b9f2c1e-7a64-4d0f-ce21-93c5d7a1b240", "uuid must be a random UUID (version 4)"),
        (f" {UUID[1:]}", "uuid must be a random UUID (version 4)"),
        ("\u0660b9f2c1e-7a64-4d0f-8e21-93c5d7a1b240", "uuid must be a random UUID (version 4)"),
        (f"{{{UUID}}}", "uuid must have at most 36 characters"),
        (None, "uuid must be text"),
        (7, "uuid must be text"),
    ],
)
def test_what_others_could_guess_or_is_no_uuid_is_refused(world: World, uuid: Any, words: str) -> None:
    reply = world.post(CHECKS, {"uuid": uuid})
    assert (reply.status, reply.error.startswith(words)) == (400, True), reply.error
    assert world.store.checks == {}


def test_a_read_only_key_and_a_ping_key_bring_nothing(world: World) -> None:
    for scope in (Scope.READ, Scope.PING):
        key = world.key(scope)
        assert world.post(CHECKS, {"uuid": UUID}, key=key).status == 401
        assert world.post(PING_KEYS, {"scope": "ping", "key": PING_KEY}, key=key).status == 401
    assert (world.store.checks, KEYS.one(world.store, hashed(PING_KEY))) == ({}, None)


def test_unique_finds_the_check_of_the_uuid_and_no_other(world: World) -> None:
    body = {"name": "Backup", "slug": "backup", "uuid": UUID, "unique": ["slug"]}
    assert [world.post(CHECKS, body).status for _ in range(2)] == [201, 200]
    world.check(id="00000000-0000-4000-8000-000000000001", slug="backup", name="Backup")  # the first of the two
    assert world.post(CHECKS, body | {"grace": 600}).json()["uuid"] == UUID
    world.post(f"{CHECKS}{UUID}", {"slug": "other", "name": "Other"})
    reply = world.post(CHECKS, body)
    assert (reply.status, reply.error) == (
        409,
        "uuid: the check that `unique` matches has another UUID, and a UUID never changes",
    )


def test_an_update_never_changes_the_uuid(world: World) -> None:
    world.check()
    assert world.post(f"{CHECKS}{ID}", {"uuid": UUID, "name": "new"}).json()["uuid"] == ID
    assert list(world.store.checks) == [ID]


def test_of_two_requests_for_one_uuid_at_once_one_makes_the_check(world: World) -> None:
    def other(call: str, when: str) -> None:
        if (call, when) == ("create", "before"):
            world.store.hook = lambda _call, _when: None
            world.check(id=UUID, name="theirs", project="shop")

    world.store.hook = other
    assert world.post(CHECKS, {"name": "mine", "uuid": UUID}).status == 409
    assert world.store.checks[UUID].project == "shop"


def test_half_a_uuid_of_another_project_hides_nothing_from_its_readers(world: World) -> None:
    world.check(id=UUID, project="shop")
    reader = world.key(Scope.READ, "shop")
    assert unique_key(UUID) == unique_key(SAME_UNIQUE_KEY)
    assert world.get(f"{CHECKS}{unique_key(UUID)}", key=reader).status == 200
    assert world.post(CHECKS, {"name": "mine", "uuid": SAME_UNIQUE_KEY}).status == 201
    assert world.get(f"{CHECKS}{unique_key(UUID)}", key=reader).json()["name"] == "backup"
    assert world.get(f"{CHECKS}{unique_key(UUID)}").json()["name"] == "mine"


def test_a_ping_key_that_jobs_have_opens_their_urls_here(world: World) -> None:
    reply = world.post(PING_KEYS, {"scope": "ping", "name": "hosts", "key": PING_KEY})
    assert (reply.status, reply.json()["key"], reply.json()["hint"]) == (201, PING_KEY, PING_KEY[:7])
    key = KEYS.one(world.store, hashed(PING_KEY))
    assert key is not None
    assert (key.scope, key.project) == (Scope.PING, "default")
    assert reply.json()["id"] == hashed(PING_KEY)[:12]
    assert world.get(CHECKS, key=PING_KEY).status == 401


@pytest.mark.parametrize("project", ["default", "shop"])
@pytest.mark.parametrize("scope", list(Scope))
def test_a_key_that_exists_in_any_project_is_refused(world: World, project: str, scope: Scope) -> None:
    theirs = world.key(scope, project)
    before = dict(world.store.documents)
    reply = world.post(PING_KEYS, {"scope": "ping", "key": theirs})
    assert (reply.status, reply.error) == (409, "key: there is this key already")
    assert KEYS.one(world.store, hashed(theirs)) == KEYS.read(hashed(theirs), before["key", hashed(theirs)])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"key": PING_KEY}, 'key: only a key of the scope "ping" may come from elsewhere; leave it out'),
        ({"scope": "ro", "key": PING_KEY}, 'key: only a key of the scope "ping" may come from elsewhere; leave it out'),
        ({"scope": "ping", "key": "a" * 19}, "key must have 20 to 100 characters"),
        ({"scope": "ping", "key": "a" * 101}, "key must have at most 100 characters"),
        ({"scope": "ping", "key": f"{PING_KEY}/"}, "key may hold A-Z, a-z, 0-9, hyphens and underscores only"),
        ({"scope": "ping", "key": f"{PING_KEY}\n"}, "key may hold A-Z, a-z, 0-9, hyphens and underscores only"),
        ({"scope": "ping", "key": f"{PING_KEY}é"}, "key may hold A-Z, a-z, 0-9, hyphens and underscores only"),
        ({"scope": "ping", "key": UUID.replace("-", "")}, "key must not be a UUID"),
        ({"scope": "ping", "key": UUID}, "key must not be a UUID"),
        ({"scope": "ping", "key": None}, "key must be text"),
    ],
)
def test_what_can_be_no_ping_key_from_elsewhere_is_400(world: World, body: dict[str, Any], words: str) -> None:
    before = dict(world.store.documents)
    reply = world.post(PING_KEYS, body)
    assert (reply.status, reply.error.startswith(words)) == (400, True), reply.error
    assert len(world.store.documents) == len(before)


def test_the_longest_key_that_is_taken_is_one_that_a_ping_url_can_hold(world: World) -> None:
    longest = "k" * KEY_LIMIT
    assert world.post(PING_KEYS, {"scope": "ping", "key": longest}).status == 201
    assert read_path(f"{longest}/{'s' * SLUG_CHARS}")[0].ping_key == longest


def test_a_hundred_keys_are_the_most_whoever_made_them(world: World) -> None:
    for number in range(98):
        world.post(PING_KEYS, {"scope": "ping", "key": f"{PING_KEY}{number:04}"})
    assert world.post(PING_KEYS, {"scope": "ping", "key": PING_KEY}).status == 409
