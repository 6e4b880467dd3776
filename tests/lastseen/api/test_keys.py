"""Keys and projects over the API: who may make, see and revoke them, and what is kept of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lastseen.core.channel import Channel, Via
from lastseen.core.check import Check
from lastseen.core.keys import Scope, hashed
from lastseen.storage.documents import CHANNELS
from tests.lastseen.api.world import ID, Reply, World
from tests.times import T0, hours, minutes

KEYS = "/api/v3/keys/"


def by_aws(world: World, method: str, target: str, body: object = None) -> Reply:
    return world.send(method, target, body, key=None, signed=True)


def listed(world: World, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.get(KEYS, **options).json()["keys"]
    return found


def ours(world: World, word: str) -> dict[str, Any]:
    return next(each for each in listed(world) if each["hint"] == word[:7] and hashed(word).startswith(each["id"]))


@pytest.mark.parametrize(("scope", "begins"), [("rw", "lsw_"), ("ro", "lsr_"), ("ping", "")])
def test_a_key_is_shown_once_and_kept_as_a_hash(world: World, scope: str, begins: str) -> None:
    reply = world.post(KEYS, {"scope": scope, "name": "Terraform"})
    assert reply.status == 201
    shown = reply.json()
    word = shown.pop("key")
    assert word.startswith(begins)
    assert len(word) >= 32
    assert shown == {
        "id": hashed(word)[:12],
        "project": "default",
        "scope": scope,
        "name": "Terraform",
        "hint": word[:7],
        "created": "2026-03-02T12:00:00+00:00",
        "last_used": None,
    }
    assert word not in json.dumps([[*name, document] for name, document in world.store.documents.items()])
    assert shown in listed(world)


@pytest.mark.parametrize("scope", ["rw", "ro"])
def test_a_key_can_ask_which_it_is(world: World, scope: str) -> None:
    made = world.post(KEYS, {"scope": scope, "name": "laptop"}).json()
    word = made.pop("key")
    assert world.get(f"{KEYS}self", key=word).json() == {**made, "last_used": None}
    world.now += minutes(1)
    assert world.get(f"{KEYS}self", key=word).json()["last_used"] == "2026-03-02T12:00:00+00:00"


def test_a_signed_request_can_ask_which_project_it_opens(world: World) -> None:
    by_aws(world, "POST", "/iam/projects/", {"name": "shop"})
    reply = by_aws(world, "GET", "/iam/keys/self?project=shop").json()
    assert (reply["id"], reply["project"], reply["scope"]) == ("", "shop", "rw")


def test_a_key_may_do_what_its_scope_says(world: World) -> None:
    made = {scope: world.post(KEYS, {"scope": scope}).json()["key"] for scope in ("rw", "ro", "ping")}
    may = {
        scope: (world.get("/api/v3/checks/", key=word).status, world.post("/api/v3/checks/", {}, key=word).status)
        for scope, word in made.items()
    }
    assert may == {"rw": (200, 201), "ro": (200, 401), "ping": (401, 401)}


def test_keys_are_listed_with_their_last_use_to_the_hour(world: World) -> None:
    world.get("/api/v3/checks/", key=world.read)
    world.now = T0 + minutes(59)
    world.get("/api/v3/checks/", key=world.read)
    assert ours(world, world.read)["last_used"] == "2026-03-02T12:00:00+00:00"
    world.now = T0 + hours(1) + minutes(1)
    world.get("/api/v3/checks/", key=world.read)
    assert ours(world, world.read)["last_used"] == "2026-03-02T13:01:00+00:00"


def test_a_revoked_key_opens_nothing_at_once(world: World) -> None:
    reply = world.send("DELETE", f"{KEYS}{ours(world, world.read)['id']}")
    assert (reply.status, reply.json()["scope"]) == (200, "ro")
    assert world.get("/api/v3/checks/", key=world.read).status == 401
    assert [each["scope"] for each in listed(world)] == ["rw"]


@pytest.mark.parametrize("name", ["000000000000", "x", "%00", "*", "a" * 5000])
def test_a_key_that_is_not_there_is_404(world: World, name: str) -> None:
    assert world.send("DELETE", f"{KEYS}{name}").status == 404


def test_another_projects_keys_are_not_seen_and_not_revoked(world: World) -> None:
    theirs = world.key(Scope.WRITE, "shop")
    assert {each["project"] for each in listed(world)} == {"default"}
    assert world.send("DELETE", f"{KEYS}{hashed(theirs)[:12]}").status == 404
    assert [each["project"] for each in listed(world, key=theirs)] == ["shop"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_keys_are_for_those_who_may_write(world: World, method: str) -> None:
    assert world.send(method, KEYS, key=world.read).status == 401


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"scope": "admin"}, "scope must be 'rw', 'ro' or 'ping'"),
        ({"scope": None}, "scope must be 'rw', 'ro' or 'ping'"),
        ({"name": "n" * 101}, "name must have at most 100 characters"),
    ],
)
def test_a_key_of_no_scope_is_400(world: World, body: dict[str, Any], words: str) -> None:
    reply = world.post(KEYS, body)
    assert (reply.status, reply.error) == (400, words)


def test_a_project_has_a_hundred_keys_at_most(world: World) -> None:
    for _ in range(98):
        assert world.post(KEYS, {}).status == 201
    reply = world.post(KEYS, {})
    assert (reply.status, reply.error) == (409, "a project has at most 100 keys: revoke some that are used no more")


def test_the_first_key_is_minted_by_whoever_holds_aws_credentials(world: World) -> None:
    world.store.documents.clear()
    word = by_aws(world, "POST", "/iam/keys/", {"name": "first"}).json()["key"]
    assert world.post("/api/v3/checks/", {"name": "x"}, key=word).status == 201
    (key,) = by_aws(world, "GET", "/iam/keys").json()["keys"]
    assert by_aws(world, "DELETE", f"/iam/keys/{key['id']}").status == 200
    assert world.get("/api/v3/checks/", key=word).status == 401


def test_a_key_of_a_project_that_is_not_there_is_not_made(world: World) -> None:
    assert by_aws(world, "POST", "/iam/keys/?project=shop", {}).status == 404


def test_a_key_whose_record_is_broken_is_told_as_ours_to_mend(world: World) -> None:
    world.store.documents["key", hashed("broken")] = {"project": "default", "scope": "admin"}
    assert world.get("/api/v3/checks/", key="broken").status == 500


# --- Projects ---


def projects(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = by_aws(world, "GET", "/iam/projects/").json()["projects"]
    return found


def test_the_default_project_is_there_from_the_start(world: World) -> None:
    assert projects(world) == [{"name": "default", "created": None, "channels": "*"}]


def test_projects_are_made_and_listed_by_name(world: World) -> None:
    for name in ("web", "shop"):
        assert by_aws(world, "POST", "/iam/projects/", {"name": name}).status == 201
    assert [each["name"] for each in projects(world)] == ["default", "shop", "web"]
    assert projects(world)[1]["created"] == "2026-03-02T12:00:00+00:00"


@pytest.mark.parametrize("name", ["shop", "default"])
def test_a_project_is_made_once(world: World, name: str) -> None:
    by_aws(world, "POST", "/iam/projects/", {"name": "shop"})
    reply = by_aws(world, "POST", "/iam/projects/", {"name": name})
    assert (reply.status, reply.error) == (409, f"there is a project {name} already")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "name is missing"),
        ({"name": ""}, "name must have at least 1 character"),
        ({"name": "a" * 61}, "name must have at most 60 characters"),
        ({"name": "Shop"}, "name may hold a-z, 0-9 and hyphens only, and begins with a letter or digit"),
        ({"name": "_lastseen"}, "name may hold a-z, 0-9 and hyphens only, and begins with a letter or digit"),
        ({"name": "shop", "channels": "nobody"}, "channels: no channel has the id or name 'nobody'"),
    ],
)
def test_a_project_name_is_short_and_plain(world: World, body: dict[str, Any], words: str) -> None:
    reply = by_aws(world, "POST", "/iam/projects/", body)
    assert reply.status == 400
    assert reply.error.startswith(words)
    assert len(projects(world)) == 1


def test_projects_are_for_aws_credentials_alone(world: World) -> None:
    for path in ("/iam/projects/", "/api/v3/projects/"):
        assert world.get(path).status in {401, 404}


def test_an_empty_project_goes_with_its_keys(world: World) -> None:
    by_aws(world, "POST", "/iam/projects/", {"name": "shop"})
    word = by_aws(world, "POST", "/iam/keys/?project=shop", {}).json()["key"]
    assert by_aws(world, "DELETE", "/iam/projects/shop").json()["name"] == "shop"
    assert world.get("/api/v3/checks/", key=word).status == 401
    assert [each["name"] for each in projects(world)] == ["default"]
    assert world.get("/api/v3/checks/").status == 200


def test_a_check_that_a_ping_creates_while_its_project_is_deleted_is_no_orphan(world: World) -> None:
    by_aws(world, "POST", "/iam/projects/", {"name": "shop"})

    def late(call: str, when: str) -> None:
        if (call, when) == ("drop_setting", "after"):
            world.store.hook = lambda _call, _when: None
            world.store.create(Check(id=ID, slug="late", project="shop"))

    world.store.hook = late
    assert by_aws(world, "DELETE", "/iam/projects/shop").status == 200
    assert world.store.checks == {}
    assert world.waited == [2.0]


def test_a_project_that_holds_something_stays(world: World) -> None:
    by_aws(world, "POST", "/iam/projects/", {"name": "shop"})
    world.check(project="shop")
    assert by_aws(world, "DELETE", "/iam/projects/shop").error == "the project shop has checks: delete them first"
    world.store.delete(world.store.checks[ID])
    channel = Channel(id="id-1", project="shop", name="ops", via=Via.EMAIL, target="a@example.org")
    CHANNELS.write(world.store, channel)
    reply = by_aws(world, "DELETE", "/iam/projects/shop")
    assert (reply.status, reply.error) == (409, "the project shop has channels: delete them first")


def test_the_default_project_stays(world: World) -> None:
    assert by_aws(world, "DELETE", "/iam/projects/default").error == "the project default stays"


def test_new_checks_get_the_channels_that_the_project_gives(world: World) -> None:
    channel = Channel(id="id-1", project="default", name="ops", via=Via.EMAIL, target="a@example.org")
    CHANNELS.write(world.store, channel)
    assert world.post("/api/v3/checks/", {}).json()["channels"] == "*"
    assert by_aws(world, "POST", "/iam/projects/default", {"channels": "ops"}).json()["channels"] == "id-1"
    assert world.post("/api/v3/checks/", {}).json()["channels"] == "id-1"
    assert world.post("/api/v3/checks/", {"channels": ""}).json()["channels"] == ""
    assert by_aws(world, "POST", "/iam/projects/default", {}).json()["channels"] == "id-1"
