"""Channels that change, and those that are deleted while checks list them: no check loses its alerts unsaid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lastseen.core.channel import Channel
from lastseen.core.check import Kind
from lastseen.delivery import pagerduty
from lastseen.storage.documents import CHANNELS
from tests.lastseen.api.world import World
from tests.lastseen.delivery.receiver import Receiver, Reply, listening

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of Apprise, where Python is older than ours

PATH = "/api/v3/channels/"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


@pytest.fixture
def world() -> World:
    """A deployment whose channels may lead to loopback."""
    return World(allow_private_targets=True)


def made(world: World, **wanted: Any) -> Any:
    reply = world.post(PATH, wanted)
    assert reply.status == 201, reply.body
    return reply.json()


def stored(world: World, channel_id: str) -> Channel:
    channel = CHANNELS.one(world.store, channel_id, project="default")
    assert channel
    return channel


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_channel_keeps_its_id_and_checks_when_its_target_changes(
    world: World, receiver: Receiver, method: str
) -> None:
    channel = made(world, name="hook", target="http://127.0.0.1:9/old")
    check = world.post("/api/v3/checks/", {"name": "job", "channels": "hook"}).json()
    reply = world.send(method, f"{PATH}hook", {"target": f"{receiver.url}/new"})
    assert (reply.status, reply.json()["id"], reply.json()["secret"]) == (200, channel["id"], "")
    kept = stored(world, channel["id"])
    assert kept.target == f"{receiver.url}/new"
    assert kept.webhook
    assert kept.webhook["secret"] == channel["secret"]
    assert len(receiver.received) == 1  # the test alert
    assert world.get(f"/api/v3/checks/{check['uuid']}").json()["channels"] == channel["id"]


def test_a_new_target_that_takes_no_test_alert_changes_nothing(world: World, receiver: Receiver) -> None:
    channel = made(world, name="hook", target=f"{receiver.url}/old")
    receiver.will(404)
    reply = world.send("PATCH", f"{PATH}hook", {"target": f"{receiver.url}/new", "name": "renamed"})
    assert (reply.status, "did not take a test alert" in reply.error, "404" in reply.error) == (400, True, True)
    assert (stored(world, channel["id"]).target, stored(world, channel["id"]).name) == (f"{receiver.url}/old", "hook")


def test_a_channel_that_was_off_is_on_with_its_new_target(world: World, receiver: Receiver) -> None:
    channel = made(world, name="hook", target="http://127.0.0.1:9/old")
    document = world.store.setting(CHANNELS.place("default"), channel["id"])
    world.store.put_setting(
        CHANNELS.place("default"), channel["id"], (document or {}) | {"disabled": "it answered HTTP 410"}
    )
    assert world.send("PATCH", f"{PATH}hook", {"target": receiver.url}).json()["state"] == "on"


def test_name_and_filters_change_without_a_test(world: World, receiver: Receiver) -> None:
    channel = made(world, name="hook", target=receiver.url)
    changes = {"name": "renamed", "tags": ["db"], "statuses": ["down"], "default": False}
    shown = world.send("PATCH", f"{PATH}hook", changes).json()
    assert {name: shown[name] for name in changes} == changes
    assert shown["id"] == channel["id"]
    assert receiver.received == []
    assert world.send("PATCH", f"{PATH}renamed", {"tags": []}).json()["tags"] == []


def test_a_webhooks_form_is_tested_before_it_replaces_and_its_secret_stays(world: World, receiver: Receiver) -> None:
    channel = made(world, name="hook", target=receiver.url)
    form = {"method": "PUT", "headers": {"X-Team": "ops"}, "body": "$NAME"}
    assert world.send("PATCH", f"{PATH}hook", {"webhook": form}).status == 200
    assert stored(world, channel["id"]).webhook == form | {"secret": channel["secret"]}
    [request] = receiver.received
    assert request.method == "PUT"


def test_an_address_of_mail_is_not_changed_but_the_way_is_said(world: World) -> None:
    made(world, name="ops", target="ops@example.com")
    reply = world.send("PATCH", f"{PATH}ops", {"target": "new@example.com"})
    assert (reply.status, "replace_by" in reply.error) == (409, True)
    assert world.send("PATCH", f"{PATH}ops", {"tags": ["db"]}).json()["tags"] == ["db"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"name": "other"}, 409),
        ({"name": "a,b"}, 400),
        ({"target": "nonsense"}, 400),
        ({"target": ""}, 400),
        ({"via": "chat"}, 400),
        ({"statuses": ["new"]}, 400),
        ({"target": "http://127.0.0.1:70000/x"}, 400),
    ],
)
def test_what_a_channel_may_not_become_is_refused(world: World, changes: dict[str, Any], status: int) -> None:
    made(world, name="other", target="http://127.0.0.1:9/")
    before = stored(world, made(world, name="hook", target="http://127.0.0.1:9/")["id"])
    assert world.send("PATCH", f"{PATH}hook", changes).status == status
    assert stored(world, before.id) == before


def test_what_is_not_there_is_404(world: World) -> None:
    assert world.send("PATCH", f"{PATH}nothing", {"name": "x"}).status == 404


# --- Deleting ---


def listing(world: World, *names: str, channels: str) -> None:
    for name in names:
        world.post("/api/v3/checks/", {"name": name, "channels": channels})


def channels_of(world: World) -> dict[str, str]:
    return {check["name"]: check["channels"] for check in world.get("/api/v3/checks/").json()["checks"]}


@pytest.fixture
def in_use(world: World) -> World:
    for name in ("old", "new"):
        made(world, name=name, target="http://127.0.0.1:9/")
    listing(world, "job", "report", channels="old")
    listing(world, "both", channels="old,new")
    listing(world, "all", channels="*")
    return world


def test_a_channel_in_use_is_not_deleted_and_its_checks_are_named(in_use: World) -> None:
    reply = in_use.send("DELETE", f"{PATH}old")
    assert reply.status == 409
    assert reply.error == (
        "this channel is in use by the checks 'both', 'job', 'report': delete it with replace_by=CHANNEL to put "
        "another in its place, or with detach=1 to let them go without"
    )
    assert len(in_use.get(PATH).json()["channels"]) == 2


def test_another_channel_takes_its_place(in_use: World) -> None:
    new = in_use.get(f"{PATH}new").json()["id"]
    reply = in_use.send("DELETE", f"{PATH}old?replace_by=new").json()
    assert (reply["changed"], reply["without"]) == (["both", "job", "report"], [])
    assert channels_of(in_use) == {"both": new, "job": new, "report": new, "all": "*"}
    assert in_use.get(f"{PATH}old").status == 404


def test_checks_go_without_and_those_that_alert_nobody_are_named(in_use: World) -> None:
    new = in_use.get(f"{PATH}new").json()["id"]
    reply = in_use.send("DELETE", f"{PATH}old?detach=1").json()
    assert (reply["changed"], reply["without"]) == (["both", "job", "report"], ["job", "report"])
    assert channels_of(in_use) == {"both": new, "job": "", "report": "", "all": "*"}


@pytest.mark.parametrize(("query", "status"), [("replace_by=nobody", 404), ("replace_by=old", 400), ("detach=2", 400)])
def test_a_successor_that_is_none_changes_nothing(in_use: World, query: str, status: int) -> None:
    before = channels_of(in_use)
    assert in_use.send("DELETE", f"{PATH}old?{query}").status == status
    assert channels_of(in_use) == before
    assert in_use.get(f"{PATH}old").status == 200


def test_a_channel_that_new_checks_get_is_in_use(world: World) -> None:
    old, new = (made(world, name=name, target="http://127.0.0.1:9/")["id"] for name in ("old", "new"))
    world.post("/iam/projects/default", {"channels": old}, key=None, signed=True)
    assert "the project gives it to new checks" in world.send("DELETE", f"{PATH}old").error
    assert world.send("DELETE", f"{PATH}old?replace_by=new").status == 200
    [project] = world.get("/iam/projects/", key=None, signed=True).json()["projects"]
    assert project["channels"] == new


def test_a_document_of_a_check_can_always_be_written_back(in_use: World) -> None:
    in_use.send("DELETE", f"{PATH}old?detach=1")
    for check in in_use.get("/api/v3/checks/").json()["checks"]:
        assert in_use.post(f"/api/v3/checks/{check['uuid']}", check).status == 200


def test_a_check_that_reaches_nobody_says_so_in_its_document_and_in_lists(world: World) -> None:
    world.post("/api/v3/checks/", {"name": "job"})
    body = {"name": "hook", "target": "http://127.0.0.1:9/", "statuses": ["up"]}
    check = world.get("/api/v3/checks/").json()["checks"][0]
    assert "reaches_nobody" not in check
    made(world, **body)
    assert world.get(f"/api/v3/checks/{check['uuid']}").json()["reaches_nobody"] is True
    assert [each["reaches_nobody"] for each in world.get("/api/v3/checks/?limit=5").json()["checks"]] == [True]
    assert "reaches_nobody" not in world.get(f"/api/v3/checks/{check['uuid']}", key=world.read).json()
    world.send("PATCH", f"{PATH}hook", {"statuses": []})
    assert "reaches_nobody" not in world.get(f"/api/v3/checks/{check['uuid']}").json()


PAGERDUTY_KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("answer", [202, 503])
def test_what_is_open_in_an_incident_tool_is_closed_when_its_channel_is_deleted(
    world: World, receiver: Receiver, answer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagerduty, "HOSTS", {"us": receiver.url})
    receiver.usual = Reply(answer, b"{}")
    for name, target in (("pager", PAGERDUTY_KEY), ("hook", f"{receiver.url}/hook")):
        made(world, name=name, target=target)
    for name in ("down", "also-down", "up", "paged-elsewhere"):
        uuid = world.post("/api/v3/checks/", {"name": name}).json()["uuid"]
        if name == "paged-elsewhere":
            world.post(f"/api/v3/checks/{uuid}", {"channels": "hook"})
        world.ping(uuid, kind=Kind.SUCCESS if name == "up" else Kind.FAIL)
        world.alerts([uuid])
    opened = {
        message.event.incident
        for message in world.topic.published
        if stored_id(world, "pager") in message.attributes["channel_ids"]
    }
    assert len(opened) == 2
    assert world.send("DELETE", f"{PATH}pager").status == 200
    closed = [(each.json["event_action"], each.json["dedup_key"]) for each in receiver.received]
    expected = [("resolve", incident) for incident in opened]
    assert sorted(closed) == sorted(expected) if answer == 202 else len(closed) == 1
    assert world.send("DELETE", f"{PATH}hook?detach=1").status == 200
    assert len(receiver.received) == len(closed)  # whoever reads a webhook knows that it is gone


def stored_id(world: World, name: str) -> str:
    return str(world.get(f"{PATH}{name}").json()["id"])
