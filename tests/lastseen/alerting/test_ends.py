"""Whoever saw an incident begin sees it end: when channels or tags change meanwhile, and whatever is cut off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from lastseen.alerting.alert import run
from lastseen.core.channel import DEPLOYMENT, Channel, Via
from lastseen.core.check import Check, Kind, Outcome, Ping, Reason
from lastseen.core.machine import configured, paused, pinged
from lastseen.core.schedule import Period
from lastseen.delivery.pagerduty import requests_by_key
from lastseen.delivery.results import MessageForm
from lastseen.storage.documents import CHANNELS
from lastseen.text.incident import singly
from lastseen.text.message import Message
from tests.memory import MemoryStore, MemoryTopic
from tests.times import T0, hours, minutes

SITE = "https://lastseen.example.com"
CHECK = Check(
    id="7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80",
    name="backup",
    tags="prod db",
    channels="pager,chat",
    schedule=Period(hours(12)),
    grace=hours(1),
    created=T0,
)
PAGER = Channel(
    id="pager",
    project="default",
    name="pager",
    via=Via.CHAT,
    target="pagerduty://k@x",
    statuses=("down",),
    tags=("db",),
)
CHAT = replace(PAGER, id="chat", name="chat", target="slack://", statuses=(), tags=())


class KilledError(BaseException):
    """The process ends here; nobody can catch it."""


class Told:
    """A check that failed, of which people were notified; and what they hear from then on."""

    def __init__(self, *, flapping: bool = False) -> None:
        self.store, self.topic = MemoryStore(), MemoryTopic()
        self.now = T0
        for channel in (PAGER, CHAT):
            CHANNELS.write(self.store, channel)
        self.store.create(CHECK)
        for n in range(8 if flapping else 2):
            self.ping(Kind.FAIL if n % 2 else Kind.SUCCESS)
        self.alert()
        self.topic.published.clear()

    @property
    def check(self) -> Check:
        return self.store.checks[CHECK.id]

    def ping(self, kind: Kind) -> None:
        self.now += minutes(1)
        self.store.save_ping(self.check, pinged(self.check, Ping(at=self.now, kind=kind)))

    def change(self, decide: Callable[[Check], Outcome]) -> None:
        self.now += minutes(1)
        self.store.save(self.check, decide(self.check))

    def alert(self) -> None:
        run([CHECK.id], store=self.store, topic=self.topic, clock=lambda: self.now, site_url=SITE)

    def heard(self) -> list[tuple[str, list[str]]]:
        """Return why each message came, and whom it went to."""
        return [(str(_reason(message)), list(message.attributes["channel_ids"])) for message in self.topic.published]


def _reason(message: Message) -> Reason:
    return Reason(message.document["reason"])


def asked(now_at: Told, **settings: Any) -> None:
    now_at.change(lambda check: configured(check, now_at.now, **settings))
    now_at.alert()


LEFT: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a channel is taken off": ({"channels": "chat"}, ["pager"]),
    "all are": ({"channels": ""}, ["chat", "pager"]),
    "another takes the place of one": ({"channels": "chat,other"}, ["pager"]),
    "the tag by which one hears is gone": ({"tags": "prod"}, ["pager"]),
    "more channels": ({"channels": "pager,chat,other"}, []),
    "the same ones in another order": ({"channels": "chat, pager", "tags": "db prod"}, []),
    "something else": ({"name": "nightly", "reminder": hours(2)}, []),
    "all are deleted ones, so it goes to the project's": ({"channels": "gone"}, []),
}


@pytest.mark.parametrize("case", LEFT)
def test_those_whom_a_change_leaves_see_the_end_at_once_and_only_they(case: str) -> None:
    settings, left = LEFT[case]
    told = Told()
    asked(told, **settings)
    assert told.heard() == ([("unassigned", left)] if left else [])
    told.ping(Kind.SUCCESS)
    told.alert()
    [end] = told.heard()[len(told.heard()) - 1 :]
    assert end == ("pinged", sorted({"chat", "pager", DEPLOYMENT} - set(left)))


def test_an_incident_tool_resolves_what_it_had_opened_and_a_chat_reads_why() -> None:
    told = Told()
    asked(told, channels="")
    [message] = told.topic.published
    [request] = requests_by_key(message.event, MessageForm.FULL, routing_key="KEY", region="us")
    assert b'"event_action": "resolve"' in request.body
    assert message.event.incident == f"{message.event.id.partition(':')[0]}:2"
    assert message.document["status"] == "paused"
    assert message.subject == "UNASSIGNED: backup has other channels or tags now"
    assert "its alerts do not come here any more. It is still down, since" in message.document["lead"]


def test_what_flaps_ends_too_for_those_whom_a_change_leaves() -> None:
    told = Told(flapping=True)
    assert told.check.flapping
    asked(told, channels="chat")
    assert told.heard() == [("unassigned", ["pager"])]
    assert told.topic.published[0].event.ends


def test_one_that_is_taken_off_and_comes_back_hears_of_the_end_once_more() -> None:
    told = Told()
    asked(told, channels="chat")
    asked(told, channels="chat,pager")
    told.change(lambda check: paused(check, told.now))
    told.alert()
    assert told.heard() == [("unassigned", ["pager"]), ("paused", ["chat", DEPLOYMENT])]


def test_a_change_of_channels_without_an_incident_tells_nobody() -> None:
    told = Told()
    told.ping(Kind.SUCCESS)
    told.alert()
    told.topic.published.clear()
    asked(told, channels="")
    assert told.check.announced == told.check.flips
    assert told.heard() == []


def steps() -> list[tuple[str, str]]:
    """Return each call of the alert path after a change, before and after which it may be killed."""
    calls: list[tuple[str, str]] = []
    told = Told()
    told.change(lambda check: configured(check, told.now, channels="chat"))
    told.store.hook = told.topic.hook = lambda call, when: calls.append((call, when))
    told.alert()
    return list(dict.fromkeys(calls))


@pytest.mark.parametrize("step", steps(), ids="-".join)
def test_killed_at_any_step_nobody_misses_the_end(step: tuple[str, str]) -> None:
    told = Told()
    told.change(lambda check: configured(check, told.now, channels="chat"))

    def killed(call: str, when: str) -> None:
        if (call, when) == step:
            told.store.hook = told.topic.hook = lambda _call, _when: None
            raise KilledError

    told.store.hook = told.topic.hook = killed
    with suppress(KilledError):
        told.alert()
    told.alert()
    assert set(map(str, told.heard())) == {"('unassigned', ['pager'])"}
    assert len({message.event.id for message in told.topic.published}) == 1
    told.ping(Kind.SUCCESS)
    told.alert()
    assert told.heard()[-1] == ("pinged", ["chat", DEPLOYMENT])


def test_one_that_may_have_seen_a_beginning_before_a_crash_sees_the_end_although_it_was_taken_off_meanwhile() -> None:
    told = Told()
    told.ping(Kind.SUCCESS)
    told.alert()
    told.ping(Kind.FAIL)

    def killed(call: str, _when: str) -> None:
        if call == "announce":
            raise KilledError

    told.store.hook = killed
    with suppress(KilledError):
        told.alert()
    told.store.hook = lambda _call, _when: None
    told.topic.published.clear()
    asked(told, channels="chat")
    assert told.heard() == [("failed", ["chat", DEPLOYMENT]), ("unassigned", ["pager"])]


@pytest.mark.parametrize("last", [Kind.SUCCESS, Kind.FAIL])
def test_a_channel_that_hears_of_down_only_hears_that_many_flap_and_later_that_they_are_steady(last: Kind) -> None:
    """Whatever the status is at which they begin to flap: later flips of theirs are silent."""
    store, topic = MemoryStore(), MemoryTopic()
    CHANNELS.write(store, replace(PAGER, tags=()))
    many = [replace(CHECK, id=f"{n:08x}-94ad-4b1e-8f0e-2d1c5a6b7f80", channels="*") for n in range(8)]
    ids = [each.id for each in many]
    for each in many:
        store.create(each)
        for n in range(9):
            kind = last if n % 2 else Kind.FAIL if last is Kind.SUCCESS else Kind.SUCCESS
            outcome = pinged(store.checks[each.id], Ping(at=T0 + minutes(n), kind=kind))
            store.save_ping(store.checks[each.id], outcome)
        store.announce(each.id, seen=store.checks[each.id].announced, upto=6)  # those before went out one by one
    run(ids, store=store, topic=topic, clock=lambda: T0 + minutes(9), site_url=SITE)
    mine = [message for message in topic.published if "pager" in message.attributes["channel_ids"]]
    flapping = [message for message in mine if message.document.get("flapping")]
    assert [message.document["count"] for message in flapping] == [8]
    assert flapping[0].subject == "FLAPPING: 8 checks of default"
    assert not flapping[0].event.ends
    assert len([each for each in singly(flapping[0].event) if not each.ends]) == 8  # each opens an incident
    topic.published.clear()
    run(ids, store=store, topic=topic, clock=lambda: T0 + hours(3), site_url=SITE)
    [steady] = [message for message in topic.published if "pager" in message.attributes["channel_ids"]]
    opened = {flip["incident"] for flip in flapping[0].document["flips"]}
    assert {flip["incident"] for flip in steady.document["flips"]} == opened
