"""Channels over the API: made, listed, tested, confirmed, deleted; and what one may not do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lastseen.core.channel import Channel, wants
from lastseen.core.keys import Scope
from lastseen.core.times import millis
from lastseen.delivery.notes import NOTES
from lastseen.storage.documents import CHANNELS
from tests.lastseen.api.world import World
from tests.lastseen.delivery.receiver import listening
from tests.sns import ARN, CHANNELS_ARN, Entry
from tests.times import T0

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of Apprise, where Python is older than ours

PATH = "/api/v3/channels/"
MAIL = {"name": "ops", "via": "email", "target": "ops@example.com"}
SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


def stored(world: World, channel_id: str) -> Channel:
    channel = CHANNELS.one(world.store, channel_id, project="default")
    assert channel
    return channel


def made(world: World, **asked: Any) -> Any:
    reply = world.post(PATH, MAIL | asked)
    assert reply.status == 201, reply.body
    return reply.json()


@pytest.fixture
def hook() -> Iterator[str]:
    with listening() as receiver:
        yield f"{receiver.url}/s3cret-path"


@pytest.fixture
def inside() -> World:
    """A deployment whose channels may lead to loopback."""
    return World(allow_private_targets=True)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_list_has_the_peers_form(world: World, version: int) -> None:
    channel = made(world)
    reply = world.get(f"/api/v{version}/channels/")
    [listed] = reply.json()["channels"]
    assert (listed["id"], listed["name"], listed["kind"]) == (channel["id"], "ops", "email")


def test_an_address_of_mail_is_subscribed_to_what_lists_its_channel(world: World) -> None:
    channel = made(world, statuses=["down"], tags=["db"])
    [entry] = world.topic.sns.entries
    assert entry.topic_arn == CHANNELS_ARN
    assert entry.policy == {"channel_ids": [channel["id"], "*"]}
    assert channel["state"] == "pending"


def test_an_address_is_confirmed_by_the_link_of_aws(world: World) -> None:
    made(world)
    link = "https://sns.eu-west-1.amazonaws.com/confirmation.html?TopicArn=arn:x&Token=ops@example.com&Endpoint=y"
    assert world.post(f"{PATH}ops/confirm", {"token": link}).json()["state"] == "on"
    assert world.get(f"{PATH}ops").json()["state"] == "on"


def test_a_wrong_token_is_refused_with_the_words_of_sns(world: World) -> None:
    made(world)
    reply = world.post(f"{PATH}ops/confirm", {"token": "x"})
    assert (reply.status, reply.error) == (400, "SNS does not take this token: Invalid parameter: Token")


def test_a_telephone_needs_no_confirmation(world: World) -> None:
    assert made(world, via="sms", target="+491701234567")["state"] == "on"
    assert [entry.protocol for entry in world.topic.sns.present] == ["sms"]


def test_a_channel_that_takes_only_what_names_it(world: World) -> None:
    channel = stored(world, made(world, default=False)["id"])
    assert not wants(channel, {"project": "default", "channels": ["*"], "status": ["down"]})
    assert wants(channel, {"project": "default", "channels": [channel.id], "status": ["down"]})


def test_a_chat_is_kept_as_apprise_writes_it_and_shown_to_nobody(world: World) -> None:
    channel = made(world, via="chat", target=SLACK)
    assert stored(world, channel["id"]).target.startswith("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ")
    assert (channel["kind"], channel["to"]) == ("slack", "slack")
    assert b"TIiajkdn" not in world.get(PATH).body


def test_a_webhook_gets_a_secret_that_is_shown_once(inside: World, hook: str) -> None:
    request = {"method": "PUT", "headers": {"X-Team": "ops"}, "body": "$NAME"}
    channel = made(inside, via="webhook", target=hook, webhook=request)
    assert channel["secret"].startswith("lss_")
    assert channel["to"] == "http://127.0.0.1"
    for path in (PATH, f"{PATH}ops"):
        shown = inside.get(path).body.decode()
        assert "s3cret-path" not in shown
        assert channel["secret"] not in shown
    kept = stored(inside, channel["id"]).webhook
    assert kept == request | {"secret": channel["secret"]}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"via": "chat", "target": "slack://nonsense"}, "cannot read this URL"),
        ({"via": "chat", "target": "nonsense"}, "cannot read this URL"),
        ({"via": "chat", "target": "mmost://127.0.0.1/" + "3" * 32}, "private network"),
        ({"via": "chat", "target": "ntfy://169.254.169.254/latest"}, "private network"),
        ({"via": "chat", "target": "syslog://"}, "is not offered"),
        ({"via": "webhook", "target": "http://localhost/x"}, "private network"),
        ({"via": "webhook", "target": "http://[::1]/x"}, "private network"),
        ({"via": "webhook", "target": "ftp://example.com/x"}, "no URL of a webhook"),
        ({"target": "nobody"}, "an address of mail as its target"),
        ({"via": "sms", "target": "01701234567"}, "begins with +"),
        ({"via": "fax"}, "via"),
        ({"name": ""}, "name"),
        ({"name": "a,b"}, "name"),
        ({"name": "*"}, "name"),
        ({"statuses": ["new"]}, "statuses"),
        ({"tags": ["t"] * 11}, "tags"),
        ({"webhook": {}}, "only if it is via webhook"),
        ({"via": "webhook", "target": "https://x/", "webhook": {"method": "BREW"}}, "webhook.method"),
        ({"via": "webhook", "target": "https://x/", "webhook": {"headers": {"a b": "c"}}}, "webhook.headers"),
    ],
)
def test_what_a_channel_may_not_be_is_refused_with_a_reason(world: World, asked: dict[str, Any], why: str) -> None:
    reply = world.post(PATH, MAIL | asked)
    assert reply.status == 400
    assert why in reply.error
    assert world.topic.sns.entries == []
    assert world.store.settings(CHANNELS.place("default")) == {}


def test_a_name_is_given_once_and_an_address_too(world: World) -> None:
    made(world)
    again = world.post(PATH, MAIL | {"target": "other@example.com"})
    assert (again.status, "called 'ops' already" in again.error) == (409, True)
    taken = world.post(PATH, MAIL | {"name": "second", "target": "OPS@example.com"})
    assert (taken.status, "you+jobs@example.com" in taken.error) == (409, True)


@pytest.mark.parametrize("confirmed", [True, False])
def test_an_address_of_the_deployment_itself_is_taken(world: World, *, confirmed: bool) -> None:
    world.topic.sns.entries.append(Entry("email", "ops@example.com", {}, f"{ARN}:1", confirmed=confirmed))
    assert world.post(PATH, MAIL).status == 409
    assert world.store.settings(CHANNELS.place("default")) == {}


def test_a_project_has_a_hundred_channels_at_most(world: World) -> None:
    for n in range(100):
        world.store.put_setting(
            CHANNELS.place("default"), f"c{n}", {"name": f"c{n}", "via": "chat", "target": "slack://x"}
        )
    assert "at most 100" in world.post(PATH, MAIL).error


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_channel_is_deleted_with_its_subscription(world: World, by: str) -> None:
    channel = made(world, via="sms", target="+491701234567")
    assert world.send("DELETE", f"{PATH}{channel[by]}").status == 200
    assert world.topic.sns.present == []
    assert world.get(PATH).json() == {"channels": []}
    assert world.get(f"{PATH}{channel['id']}").status == 404


def test_an_address_that_nobody_confirmed_is_deleted_too(world: World) -> None:
    made(world)
    assert world.send("DELETE", f"{PATH}ops").json()["state"] == "pending"
    assert world.get(PATH).json() == {"channels": []}


def test_channels_of_another_project_are_not_there(world: World) -> None:
    made(world)
    other = world.key(Scope.WRITE, "billing")
    assert world.get(PATH, key=other).json() == {"channels": []}
    assert world.get(f"{PATH}ops", key=other).status == 404
    assert world.send("DELETE", f"{PATH}ops", key=other).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", ""), ("GET", "ops"), ("DELETE", "ops"), ("POST", "ops/test"), ("POST", "ops/confirm")],
)
def test_channels_are_for_keys_that_may_write(world: World, method: str, path: str) -> None:
    made(world)
    assert world.send(method, PATH + path, key=world.read).status == 401
    assert world.send(method, PATH + path, key=None).status == 401


def test_a_test_goes_the_whole_way_to_one_channel(world: World) -> None:
    channel = made(world, via="chat", target=SLACK, tags=["db"])
    reply = world.post(f"{PATH}ops/test")
    test = reply.json()
    assert (reply.status, test["result"]) == (202, "waiting")
    [message] = world.topic.published
    assert message.subject == "TEST: alert for the channel ops"
    assert wants(stored(world, channel["id"]), message.attributes)
    assert world.get(f"{PATH}ops/tests/{test['test']}").json()["result"] == "waiting"
    note = {"event": test["test"], "at": millis(T0), "result": "refused", "why": "it answered HTTP 404", "tries": 1}
    world.store.put_setting(NOTES.place("default"), f"{channel['id']}#test", note)
    told = world.get(f"{PATH}ops/tests/{test['test']}").json()
    assert (told["result"], told["why"]) == ("refused", "it answered HTTP 404")
    assert world.get(f"{PATH}ops/tests/another").json()["result"] == "waiting"


def test_a_test_of_mail_is_sent_only_to_who_confirmed(world: World) -> None:
    made(world)
    assert world.post(f"{PATH}ops/test").status == 409
    world.post(f"{PATH}ops/confirm", {"token": "ops@example.com"})
    assert world.post(f"{PATH}ops/test").json()["result"] == "sent"
    assert len(world.topic.published) == 1


def test_the_last_delivery_is_shown(world: World) -> None:
    channel = made(world, via="chat", target=SLACK)
    note = {"event": "e:1", "at": millis(T0), "result": "again", "why": "it answered HTTP 503", "tries": 2}
    world.store.put_setting(NOTES.place("default"), channel["id"], note)
    shown = world.get(f"{PATH}ops").json()["last_delivery"]
    assert shown == note | {"at": "2026-03-02T12:00:00+00:00"}


def test_a_check_names_a_channel_by_its_name(world: World) -> None:
    channel = made(world)
    check = world.post("/api/v3/checks/", {"name": "job", "channels": "ops"}).json()
    assert check["channels"] == channel["id"]


@pytest.mark.parametrize("name", ["e\u0301quipe", '"><img>', "```", "\u2100", "team: night & day (2)"])
def test_a_channel_is_found_by_any_name_that_it_may_have(world: World, name: str) -> None:
    channel = made(world, name=name)
    assert world.get(f"{PATH}{name}").json()["id"] == channel["id"]
