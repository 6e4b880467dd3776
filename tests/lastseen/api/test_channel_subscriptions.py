"""Channels of mail and SMS over SNS as AWS lists it: what is confirmed, asked for again, interrupted and refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lastseen.core.keys import Scope
from lastseen.core.times import millis
from lastseen.storage.documents import CHANNELS
from tests.lastseen.api.world import World
from tests.sns import refused

PATH = "/api/v3/channels/"
MAIL = {"name": "ops", "target": "ops@example.com"}


class Killed(BaseException):
    """The function was killed."""


def killed_at(call: str, when: str) -> Callable[[str, str], None]:
    def hook(made: str, at: str) -> None:
        if (made, at) == (call, when):
            raise Killed

    return hook


def state(world: World) -> str:
    return str(world.get(f"{PATH}ops").json()["state"])


def confirm(world: World) -> None:
    assert world.post(f"{PATH}ops/confirm", {"token": "ops@example.com"}).json()["state"] == "on"


def test_an_address_that_was_unsubscribed_is_not_on_although_sns_lists_it_still(world: World) -> None:
    world.post(PATH, MAIL)
    confirm(world)
    world.topic.sns.opened_every_link("ops@example.com")
    assert state(world) == "pending"
    assert world.post(f"{PATH}ops/test").status == 409


def test_an_address_that_was_lost_can_be_asked_again(world: World) -> None:
    world.post(PATH, MAIL)
    confirm(world)
    world.topic.sns.opened_every_link("ops@example.com")
    assert world.post(f"{PATH}ops/ask-again").status == 202
    assert world.topic.sns.mails == ["ops@example.com"] * 2
    confirm(world)


def test_an_address_that_was_lost_can_be_deleted_and_made_anew(world: World) -> None:
    world.post(PATH, MAIL)
    confirm(world)
    world.topic.sns.opened_every_link("ops@example.com")
    assert world.send("DELETE", f"{PATH}ops").status == 200
    assert world.post(PATH, MAIL).status == 201
    confirm(world)


def test_a_reader_who_never_got_the_mail_is_asked_again(world: World) -> None:
    world.post(PATH, MAIL)
    reply = world.post(f"{PATH}ops/ask-again")
    assert (reply.status, reply.json()["state"]) == (202, "pending")
    assert world.topic.sns.mails == ["ops@example.com"] * 2


def test_whoever_has_confirmed_is_not_asked_again(world: World) -> None:
    world.post(PATH, MAIL)
    confirm(world)
    reply = world.post(f"{PATH}ops/ask-again")
    assert (reply.status, reply.error) == (409, "it is confirmed already: alerts go there")


def test_a_chat_has_nobody_to_ask(world: World) -> None:
    world.store.put_setting(CHANNELS.place("default"), "c1", {"name": "chat", "via": "chat", "target": "slack://x"})
    assert world.post(f"{PATH}chat/ask-again").status == 400


@pytest.mark.parametrize("project", ["default", "shop"])
def test_a_channel_that_nobody_confirmed_is_deleted_and_made_anew(world: World, project: str) -> None:
    # SNS keeps the old subscription for three days and removes it for nobody; the new channel takes it over.
    world.post(PATH, MAIL)
    world.send("DELETE", f"{PATH}ops")
    key = world.key(Scope.WRITE, project)
    assert world.post(PATH, MAIL | {"name": "again"}, key=key).status == 201
    assert world.topic.sns.mails == ["ops@example.com"] * 2
    reply = world.post(f"{PATH}again/confirm", {"token": "ops@example.com"}, key=key)
    assert reply.json()["state"] == "on"


def test_a_channel_is_made_anew_after_sns_has_forgotten_the_old_one(world: World) -> None:
    world.post(PATH, MAIL)
    world.send("DELETE", f"{PATH}ops")
    world.topic.sns.forget_pending()
    assert world.post(PATH, MAIL).status == 201


def test_an_address_of_another_projects_channel_is_taken_also_while_it_is_pending(world: World) -> None:
    world.post(PATH, MAIL)
    assert world.post(PATH, MAIL, key=world.key(Scope.WRITE, "shop")).status == 409


@pytest.mark.parametrize("target", ["ops@example.com", "+491701234567"])
@pytest.mark.parametrize(
    ("call", "when"),
    [("put_setting", "after"), ("subscribe", "before"), ("subscribe", "after"), ("drop_setting", "before")],
)
def test_a_creation_that_was_killed_is_finished_by_the_same_request(
    world: World, call: str, when: str, target: str
) -> None:
    world.get(PATH)  # the use of the key is noted
    wanted = {"name": "ops", "target": target}
    world.store.hook = world.topic.hook = killed_at(call, when)
    with pytest.raises(Killed):
        world.post(PATH, wanted)
    world.store.hook = world.topic.hook = lambda _call, _when: None
    world.store.documents.pop(("lock", "channels"), None)
    if world.get(f"{PATH}ops").status == 404 or state(world) == "pending":
        again = world.post(PATH, wanted)
        assert again.status in {201, 409}, again.body
        assert again.status == 201 or stored_subscription(world)
    assert len(world.get(PATH).json()["channels"]) == 1
    assert len(world.topic.sns.present) == 1
    if "@" in target:
        confirm(world)
    assert state(world) == "on"


def stored_subscription(world: World) -> str:
    [channel] = CHANNELS.all(world.store, project="default").values
    return channel.subscription


def test_a_creation_that_was_killed_can_be_finished_by_asking_again_or_deleted(world: World) -> None:
    world.get(PATH)
    world.topic.hook = killed_at("subscribe", "before")
    with pytest.raises(Killed):
        world.post(PATH, {"name": "sms", "target": "+491701234567"})
    world.topic.hook = lambda _call, _when: None
    world.store.documents.pop(("lock", "channels"), None)
    shown = world.get(f"{PATH}sms").json()
    assert (shown["state"], "interrupted" in shown["why"]) == ("pending", True)
    world.post(f"{PATH}sms/ask-again")
    assert world.get(f"{PATH}sms").json()["state"] == "on"
    assert world.send("DELETE", f"{PATH}sms").status == 200
    assert world.topic.sns.present == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["unsubscribe", "drop_setting"])
def test_a_deletion_that_was_killed_can_be_done_again(world: World, call: str, when: str) -> None:
    world.post(PATH, MAIL)
    confirm(world)
    world.store.hook = world.topic.hook = killed_at(call, when)
    with pytest.raises(Killed):
        world.send("DELETE", f"{PATH}ops")
    world.store.hook = world.topic.hook = lambda _call, _when: None
    assert world.send("DELETE", f"{PATH}ops").status in {200, 404}
    assert world.topic.sns.present == []
    assert world.post(PATH, MAIL).status == 201


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("FilterPolicyLimitExceeded", 409, "200 for a topic"),
        ("FilterPolicyLimitExceededException", 409, "200 for a topic"),
        ("SubscriptionLimitExceeded", 409, "takes no more addresses"),
        ("Throttling", 429, "Try again"),
        ("ThrottlingException", 429, "Try again"),
        ("InvalidParameter", 400, "SNS does not take this address"),
    ],
)
def test_what_sns_refuses_is_said_in_words_and_nothing_is_left(
    world: World, code: str, status: int, words: str
) -> None:
    world.topic.sns.subscribe = failing(refused("Subscribe", "Endpoint", code))  # type: ignore[method-assign]
    reply = world.post(PATH, MAIL)
    assert (reply.status, words in reply.error) == (status, True)
    assert world.store.settings(CHANNELS.place("default")) == world.store.settings("address") == {}
    if status == 429:
        assert reply.headers["retry-after"]


def failing(error: ClientError) -> Callable[..., Any]:
    def fail(**_asked: Any) -> Any:
        raise error

    return fail


def test_names_are_given_once_also_to_requests_at_the_same_time(world: World) -> None:
    # The second request comes while the first is about to write; it waits for a while, and gives up.
    second: list[int] = []

    def hook(call: str, when: str) -> None:
        if (call, when) == ("put_setting", "before") and ("lock", "channels") in world.store.documents:
            world.store.hook = lambda _call, _when: None
            second.append(world.post(PATH, MAIL | {"target": "other@example.com"}).status)

    world.get(PATH)
    world.store.hook = hook
    assert world.post(PATH, MAIL).status == 201
    assert second == [503]
    assert len(world.waited) > 10
    assert [channel["to"] for channel in world.get(PATH).json()["channels"]] == ["ops@example.com"]


def test_a_lock_that_was_left_by_a_killed_function_is_taken_over(world: World) -> None:
    world.store.put_setting("lock", "channels", {"at": millis(world.now)})
    world.now += timedelta(seconds=59)
    assert world.post(PATH, MAIL).status == 503
    world.now += timedelta(seconds=2)
    assert world.post(PATH, MAIL).status == 201
    assert world.store.settings("lock") == {}
