"""The chat path: fan-out, retries, order, channels that are lost. Real requests to a receiver on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from moto import mock_aws

from lastseen.aws.deliveries import TRIES, Deliveries, Delivery, read, wait_before
from lastseen.aws.fan_out import fan_out
from lastseen.core.channel import Channel, Via
from lastseen.delivery import guarded as line
from lastseen.delivery import pagerduty
from lastseen.delivery.deliver import GIVEN_UP_AFTER, KEPT, Tried, Ways, deliver
from lastseen.delivery.judging import SILENT
from lastseen.delivery.notes import NOTES, Note, Standing, save_note
from lastseen.delivery.results import Result
from lastseen.delivery.sender import sender
from lastseen.storage.documents import CHANNELS, PROJECTS
from lastseen.text.event import DigestEvent
from lastseen.text.message import Message, flipped
from lastseen.text.own import deaf, trial
from tests import gallery
from tests.lastseen.delivery.receiver import Receiver, Reply, listening
from tests.lastseen.delivery.test_services import DIGEST, SLACK
from tests.memory import MemoryStore, MemoryTopic
from tests.times import T0, minutes, seconds

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of Apprise, where Python is older than ours

MESSAGES = gallery.messages()
DOWN, UP = MESSAGES["The job failed"], MESSAGES["Up again"]
FAILED, BACK = gallery.flip_event("The job failed"), gallery.flip_event("Up again")


class Queue(Deliveries):
    """The queue of deliveries as a list, with the rules of a FIFO queue: per group in order, one at a time."""

    def __init__(self) -> None:
        self.waiting: list[tuple[datetime, int, datetime, Delivery]] = []  # when it may come, tries so far, since when
        self.now = T0

    def send(self, deliveries: Sequence[Delivery]) -> None:
        self.waiting += [(self.now, 0, self.now, delivery) for delivery in deliveries]

    def due(self, now: datetime) -> list[tuple[int, datetime, Delivery]]:
        heads: dict[str, tuple[datetime, int, datetime, Delivery]] = {}
        for entry in self.waiting:
            heads.setdefault(entry[3].channel_id, entry)
        return [(tries, sent_at, delivery) for at, tries, sent_at, delivery in heads.values() if at <= now]

    def done(self, delivery: Delivery) -> None:
        self.waiting = [entry for entry in self.waiting if entry[3] is not delivery]

    def again(self, delivery: Delivery, at: datetime) -> None:
        self.waiting = [
            (at, n + 1, sent_at, waiting) if waiting is delivery else (was, n, sent_at, waiting)
            for was, n, sent_at, waiting in self.waiting
        ]
        assert all(n < TRIES for _, n, _, _ in self.waiting), "it lies with the dead letters"


class World:
    """A project with channels, and the chat function at work on them."""

    def __init__(self, *channels: Channel) -> None:
        self.store, self.topic, self.queue, self.now = MemoryStore(), MemoryTopic(), Queue(), T0
        for channel in channels:
            self.store.put_setting(PROJECTS.kind, channel.project, {})
            CHANNELS.write(self.store, channel)
        send = sender(allow_private=True, clock=lambda: self.now)
        self.ways = Ways(store=self.store, topic=self.topic, deliveries=self.queue, send=send)

    def hear(self, message: Message) -> int:
        self.queue.now = self.now
        return fan_out(
            message.event,
            message.attributes,
            store=self.store,
            deliveries=self.queue,
        )

    def work(self) -> list[Tried]:
        """Try what is due now, once each."""
        results = []
        self.queue.now = self.now
        for tries, sent_at, delivery in self.queue.due(self.now):
            try:
                tried = deliver(delivery, tries=tries + 1, sent_at=sent_at, ways=self.ways, now=self.now)
            except KilledError:
                self.queue.again(delivery, self.now + minutes(6))  # it is hidden for so long
                continue
            if tried.wait is None:
                self.queue.done(delivery)
            else:
                self.queue.again(delivery, self.now + tried.wait)
            results.append(tried)
        return results

    def work_until(self, end: datetime) -> None:
        while self.now < end:
            self.work()
            self.now += seconds(5)
        self.work()

    def channel(self, channel_id: str) -> Channel:
        channel = CHANNELS.one(self.store, channel_id, project="default")
        assert channel
        return channel

    def killed_at(self, step: int) -> Callable[[], bool]:
        """Kill the function once, after so many steps; return what tells whether it came to that."""
        left = [step]

        def hook(call: str, when: str) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise KilledError(f"{when} {call}")

        self.store.hook = self.topic.hook = hook

        def killed() -> bool:
            was, left[0] = left[0] < 0, 1_000  # and whoever looks at the world is not
            return was

        return killed

    def silent_note(self, channel_id: str) -> None:
        """Let a delivery to a channel have hung just now."""
        standing = Standing(next_try=self.now + minutes(1))
        note = Note(event="e", at=self.now, result=Result.AGAIN, why=SILENT, standing=standing)
        save_note(self.store, self.channel(channel_id), note)

    def note(self, channel_id: str) -> dict[str, Any]:
        return self.store.setting(NOTES.place("default"), channel_id) or {}


def hook(receiver: Receiver, channel_id: str = "hook", **changes: Any) -> Channel:
    channel = Channel(id=channel_id, project="default", name=channel_id, via=Via.WEBHOOK, target=f"{receiver.url}/in")
    return replace(channel, **changes)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


@pytest.fixture
def other() -> Iterator[Receiver]:
    with listening() as other:
        yield other


def ids(receiver: Receiver) -> list[str]:
    return [received.headers["Lastseen-Event"] for received in receiver.received]


def test_an_event_goes_to_each_channel_that_wants_it(receiver: Receiver, other: Receiver) -> None:
    world = World(
        hook(receiver),
        hook(other, "other", statuses=("up",)),
        hook(other, "mail", via=Via.EMAIL),
        hook(other, "theirs", project="billing"),
    )
    assert world.hear(DOWN) == 1
    assert [tried.result for tried in world.work()] == ["delivered"]
    assert receiver.last.json == DOWN.document
    assert other.received == []


def test_a_retry_doubles_to_nobody_else(receiver: Receiver, other: Receiver) -> None:
    receiver.will(500, 500)
    world = World(hook(receiver), hook(other, "other"))
    world.hear(DOWN)
    world.work_until(T0 + minutes(5))
    assert ids(receiver) == [DOWN.document["id"]] * 3
    assert ids(other) == [DOWN.document["id"]]
    assert world.queue.waiting == []


def test_a_receiver_that_is_down_for_two_minutes_gets_its_alerts_afterwards_in_order_and_once_each(
    receiver: Receiver,
) -> None:
    receiver.usual = Reply(503)
    world = World(hook(receiver))
    alerts = [replace(DOWN, event=replace(FAILED, id=f"event:{n}")) for n in range(4)]
    for alert in alerts:
        world.hear(alert)
        world.work_until(world.now + seconds(30))
    assert world.now >= T0 + minutes(2)
    receiver.received.clear()
    receiver.usual = Reply(200)
    world.work_until(world.now + minutes(10))
    assert ids(receiver) == ["event:0", "event:1", "event:2", "event:3"]


def test_a_receiver_is_left_alone_for_as_long_as_it_asks(receiver: Receiver) -> None:
    receiver.will(Reply(429, headers={"Retry-After": "100"}))
    world = World(hook(receiver))
    world.hear(DOWN)
    world.work_until(T0 + seconds(95))
    assert len(receiver.received) == 1
    world.work_until(T0 + seconds(105))
    assert len(receiver.received) == 2


def test_a_clock_that_is_behind_uses_up_no_try_of_what_comes_in_time(receiver: Receiver) -> None:
    receiver.will(Reply(429, headers={"Retry-After": "100"}))
    world = World(hook(receiver))
    world.hear(DOWN)
    world.work()
    [(_, _, _, delivery)] = world.queue.waiting
    behind = T0 + seconds(100) - timedelta(milliseconds=600)
    tried = deliver(delivery, tries=2, sent_at=T0, ways=world.ways, now=behind)
    assert (tried.result, len(receiver.received)) == ("delivered", 2)


def test_a_delivery_that_is_put_off_does_not_come_before_its_time() -> None:
    waits: list[int] = []

    class Client:
        def change_message_visibility(self, *, VisibilityTimeout: int, **_message: str) -> None:  # noqa: N803
            waits.append(VisibilityTimeout)

    Deliveries(cast("SQSClient", Client()), "queue").postpone("receipt", timedelta(milliseconds=400))
    assert waits == [1]


def test_a_channel_that_hung_is_left_alone_for_a_minute_and_then_gets_everything_in_order(
    receiver: Receiver, other: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "READ_SECONDS", 0.2)
    receiver.will(Reply(after_seconds=0.6))
    world = World(hook(receiver), hook(other, "other"))
    alerts = [
        replace(DOWN, event=replace(FAILED, id=f"e:{n}", check=replace(FAILED.check, key=f"k{n}"))) for n in range(3)
    ]
    for alert in alerts:
        world.hear(alert)
    assert [(tried.result, tried.wait) for tried in world.work()] == [("again", seconds(60)), ("delivered", None)]
    world.work_until(T0 + seconds(55))
    assert len(receiver.received) == 1
    assert ids(other) == ["e:0", "e:1", "e:2"]  # it waits for nobody
    world.work_until(T0 + minutes(3))
    assert ids(receiver)[1:] == ["e:0", "e:1", "e:2"]


def test_a_digest_and_the_recoveries_of_its_checks_arrive_in_the_order_in_which_they_happened(
    receiver: Receiver,
) -> None:
    receiver.will(503, 503)
    world = World(hook(receiver))
    world.hear(MESSAGES["Many at once: a digest"])
    world.work()
    world.now += seconds(5)
    for n in range(3):
        world.hear(replace(UP, event=replace(BACK, id=f"up:{n}", check=replace(BACK.check, key=f"k{n}"))))
    world.work_until(T0 + minutes(5))
    digest_id = MESSAGES["Many at once: a digest"].event.id
    assert ids(receiver) == [digest_id, digest_id, digest_id, "up:0", "up:1", "up:2"]


def test_the_last_try_is_never_left_out(receiver: Receiver) -> None:
    world = World(hook(receiver))
    world.silent_note("hook")
    world.hear(DOWN)
    [(_, _, delivery)] = world.queue.due(T0)
    results = [deliver(delivery, tries=n, sent_at=T0, ways=world.ways, now=T0).result for n in (TRIES - 1, TRIES)]
    assert results == ["again", "delivered"]


def test_a_test_is_tried_though_the_channel_hung_a_moment_ago(receiver: Receiver) -> None:
    world = World(hook(receiver))
    world.silent_note("hook")
    world.hear(trial(world.channel("hook"), now=T0, nonce="test-1"))
    assert [tried.result for tried in world.work()] == ["delivered"]


def test_a_note_that_cannot_be_read_holds_nothing_up(receiver: Receiver) -> None:
    world = World(hook(receiver))
    world.store.put_setting(NOTES.place("default"), "hook", {"why": SILENT, "event": "e", "result": "again"})
    world.hear(DOWN)
    assert [tried.result for tried in world.work()] == ["delivered"]


def test_waits_double_and_in_all_last_well_over_an_hour() -> None:
    waits = [wait_before(tries) for tries in range(1, TRIES)]
    assert waits[:3] == [seconds(15), seconds(30), seconds(60)]
    assert waits[-1] == minutes(15)
    assert sum(waits, timedelta(0)) > minutes(80)


@pytest.mark.parametrize("status", [301, 401, 402, 403, 404, 405, 410])
def test_a_channel_that_refuses_twice_is_named_to_the_others_and_keeps_what_is_for_it(
    receiver: Receiver, other: Receiver, status: int
) -> None:
    receiver.usual = Reply(status, b'{"error": "channel_is_gone"}')
    world = World(hook(receiver), hook(other, "other", default=False, tags=("db",)))
    world.hear(DOWN)
    world.work_until(T0 + seconds(55))
    assert world.topic.published == []  # it may be in the middle of being deployed
    world.work_until(T0 + seconds(65))
    assert world.channel("hook").disabled == ""
    [message] = world.topic.published
    assert message.subject == "LOST: the channel hook of default takes no alerts"
    assert FAILED.title in message.email
    assert f"HTTP {status}" in message.email
    world.hear(message)
    world.work()
    assert other.last.json["type"] == "channel"  # although its filter is for tags
    receiver.usual = Reply(200)
    world.hear(UP)
    world.work_until(T0 + minutes(10))
    assert [received.json["type"] for received in receiver.received[-3:]] == ["flip", "channel_back", "flip"]
    assert [ids(receiver)[-3], ids(receiver)[-1]] == [FAILED.id, BACK.id]
    [_, back] = world.topic.published
    assert (back.event.incident, back.event.ends) == (message.event.id, True)
    assert world.queue.waiting == []


def test_a_channel_that_is_away_with_404_for_some_minutes_loses_nothing(receiver: Receiver) -> None:
    """A proxy answers so while the application behind it restarts."""
    receiver.usual = Reply(404)
    world = World(hook(receiver))
    world.hear(DOWN)
    world.work_until(T0 + seconds(100))
    receiver.usual = Reply(200)
    receiver.received.clear()
    world.hear(UP)
    world.work_until(T0 + minutes(10))
    assert [name for name in ids(receiver) if not name.startswith("channel")] == [FAILED.id, BACK.id]


def test_a_channel_that_refuses_is_asked_again_for_a_day_with_growing_waits_and_then_is_off(
    receiver: Receiver,
) -> None:
    receiver.usual = Reply(403, b"invalid_token")
    world = World(hook(receiver))
    world.hear(DOWN)
    world.work_until(T0 + GIVEN_UP_AFTER - minutes(1))
    assert world.channel("hook").disabled == ""
    assert 25 < len(receiver.received) < 35
    world.work_until(T0 + GIVEN_UP_AFTER + minutes(61))
    assert world.channel("hook").disabled == "it answered HTTP 403: invalid_token"
    lost, given_up = world.topic.published
    assert given_up.event.incident == lost.event.incident == lost.event.id
    assert given_up.event.id != lost.event.id
    assert "switched off now" in given_up.email
    assert world.queue.waiting == []


def test_a_channel_that_is_back_within_the_day_takes_alerts_again_by_itself(receiver: Receiver) -> None:
    receiver.usual = Reply(404)
    world = World(hook(receiver))
    world.hear(DOWN)
    world.work_until(T0 + KEPT + minutes(200))
    receiver.usual = Reply(200)
    receiver.received.clear()
    world.work_until(world.now + minutes(65))
    assert [received.json["type"] for received in receiver.received] == ["channel_back"]
    assert "1 alert for it could not be kept so long" in world.topic.published[-1].email
    world.hear(UP)
    world.work()
    assert receiver.last.json["id"] == BACK.id


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_message_that_is_refused_in_every_form_is_dropped_and_named_and_the_channel_stays_on(
    receiver: Receiver, other: Receiver, status: int
) -> None:
    receiver.will(status, status, status)
    world = World(hook(receiver), hook(other, "other", default=False))
    world.hear(DOWN)
    [tried] = world.work()
    assert (tried.result, tried.wait, tried.alarming) == ("refused", None, True)
    assert len(receiver.received) == 3
    assert world.channel("hook").disabled == ""
    [message] = world.topic.published
    assert message.subject == "LOST: an alert that the channel hook of default did not take"
    world.hear(message)
    world.hear(UP)
    world.work_until(T0 + minutes(1))
    assert receiver.last.json["id"] == BACK.id
    assert other.last.json["lead"].startswith("The channel hook of the project default did not take an alert")
    assert world.queue.waiting == []


def test_a_telegram_group_that_became_a_supergroup_is_followed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"{receiver.url}/bot")
    moved = b'{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat",'
    moved += b'"parameters":{"migrate_to_chat_id":-100123456}}'
    receiver.will(Reply(400, moved), Reply(200, b'{"ok": true}'))
    world = World(hook(receiver, via=Via.CHAT, target="tgram://123456789:abcdefg_hijklmnop/-4711:9/?silent=yes"))
    world.hear(DOWN)
    assert [tried.result for tried in world.work()] == ["delivered"]
    assert receiver.last.json["chat_id"] == -100123456
    assert receiver.last.json["parse_mode"] == "HTML"
    assert world.channel("hook").target == "tgram://123456789:abcdefg_hijklmnop/-100123456:9/?silent=yes"
    world.hear(UP)
    world.work()
    assert receiver.last.json["chat_id"] == -100123456


def test_telegrams_wait_in_the_body_is_kept(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"{receiver.url}/bot")
    receiver.will(Reply(429, b'{"ok":false,"error_code":429,"parameters":{"retry_after":35}}'))
    world = World(hook(receiver, via=Via.CHAT, target="tgram://123456789:abcdefg_hijklmnop/4711/"))
    world.hear(DOWN)
    assert [tried.wait for tried in world.work()] == [seconds(35)]


def test_an_event_that_carries_the_ids_of_its_channels_goes_to_exactly_these(
    receiver: Receiver, other: Receiver
) -> None:
    world = World(
        hook(receiver, statuses=("up",), tags=("other",), default=False),
        hook(other, "other"),
        hook(other, "mail", via=Via.EMAIL),
    )
    alert, now = gallery.FLIPS["The job failed"]()
    routed = flipped(alert, now=now, site_url=gallery.SITE, channels=["hook", "mail", "gone"])
    assert routed.attributes["channel_ids"] == ["hook", "mail", "gone"]
    assert world.hear(routed) == 1
    world.work()
    assert ids(receiver) == [FAILED.id]
    assert other.received == []
    nobody = flipped(alert, now=now, site_url=gallery.SITE, channels=[])
    assert world.hear(nobody) == 0


def test_a_channel_that_is_switched_off_hears_no_more(receiver: Receiver) -> None:
    world = World(hook(receiver, disabled="it answered HTTP 404"))
    world.hear(DOWN)
    assert [tried.result for tried in world.work()] == ["dropped"]
    assert receiver.received == []


def test_one_no_while_it_is_being_deployed_costs_a_channel_nothing(receiver: Receiver) -> None:
    receiver.will(404)
    world = World(hook(receiver))
    world.hear(DOWN)
    world.work_until(T0 + minutes(2))
    assert world.channel("hook").disabled == ""
    assert world.topic.published == []
    assert len(receiver.received) == 2


@pytest.mark.parametrize("first", [503, 500])
def test_trouble_before_the_first_no_does_not_count_as_a_no(receiver: Receiver, first: int) -> None:
    receiver.will(first, 404)
    world = World(hook(receiver))
    world.hear(DOWN)
    world.work_until(T0 + minutes(3))
    assert world.channel("hook").disabled == ""
    assert len(receiver.received) == 3


class KilledError(BaseException):
    """The function's process is gone."""


@pytest.mark.parametrize("answer", [200, 404])
def test_killed_at_any_step_the_channel_is_told_or_the_others_are_told_why_not(
    receiver: Receiver, other: Receiver, answer: int
) -> None:
    steps = 0
    while True:
        receiver.usual = Reply(answer)
        receiver.received.clear()
        world = World(hook(receiver), hook(other, "other", default=False))
        killed = world.killed_at(steps)
        with suppress(KilledError):
            world.hear(DOWN)
        if not world.queue.waiting:
            world.hear(DOWN)  # SNS calls the function again
        world.work_until(T0 + minutes(10))
        receiver.usual = Reply(200)
        world.work_until(T0 + minutes(30))
        was_killed = killed()
        assert world.queue.waiting == []
        assert [name for name in ids(receiver) if not name.startswith("channel")][-1] == FAILED.id
        assert len(receiver.received) <= (2 if answer == 200 else 9)
        assert world.channel("hook").disabled == ""
        kinds = [message.event.type for message in world.topic.published]
        assert list(dict.fromkeys(kinds)) == (["channel", "channel_back"] if answer == 404 else [])
        if not was_killed:
            break
        steps += 1
    assert steps >= (8 if answer == 200 else 20)


def test_a_test_that_arrives_switches_a_channel_on_again(receiver: Receiver) -> None:
    world = World(hook(receiver, disabled="it answered HTTP 404"))
    world.hear(trial(world.channel("hook"), now=T0, nonce="test-1"))
    assert [tried.result for tried in world.work()] == ["delivered"]
    assert world.channel("hook").disabled == ""
    assert world.note("hook#test")["result"] == "delivered"


def test_a_test_that_is_refused_says_so_at_once_and_switches_nothing_off(receiver: Receiver) -> None:
    receiver.usual = Reply(404)
    world = World(hook(receiver))
    world.hear(trial(world.channel("hook"), now=T0, nonce="test-1"))
    assert [tried.result for tried in world.work()] == ["refused"]
    assert (world.note("hook#test")["event"], world.note("hook#test")["why"]) == ("test-1", "it answered HTTP 404: ok")
    assert world.channel("hook").disabled == ""
    assert world.topic.published == []


def test_a_message_that_a_chat_does_not_take_is_sent_without_markup_and_then_as_one_line(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NotifySlack, "webhook_url", f"{receiver.url}/services")
    receiver.will(413, 400, 200)
    world = World(hook(receiver, via=Via.CHAT, target=SLACK))
    world.hear(DOWN)
    assert [tried.result for tried in world.work()] == ["delivered"]
    whole, plain, line = (received.json for received in receiver.received)
    assert whole["attachments"][0]["text"].startswith(FAILED.lead)
    assert len(whole["attachments"]) == 2
    assert len(plain["attachments"]) == 1
    assert line == {"text": FAILED.title, "mrkdwn": False}


def test_an_incident_tool_hears_of_each_check_of_a_digest_on_its_own(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagerduty, "HOSTS", {"us": receiver.url})
    world = World(hook(receiver, via=Via.CHAT, target=f"pagerduty://{'A' * 32}@{'B' * 20}"))
    assert isinstance(DIGEST, DigestEvent)
    world.hear(replace(MESSAGES["Many at once: a digest"], event=replace(DIGEST, flips=DIGEST.flips[:7])))
    world.work_until(T0 + minutes(1))
    assert len({received.json["dedup_key"] for received in receiver.received}) == 7


def test_lastseen_speaks_of_itself_to_the_channels_of_every_project(receiver: Receiver, other: Receiver) -> None:
    world = World(hook(receiver), hook(other, "theirs", project="billing"), hook(other, "down", statuses=("down",)))
    assert world.hear(deaf(since=T0, now=T0)) == 3
    world.work()
    assert (len(receiver.received), len(other.received)) == (1, 2)


def test_a_channel_that_cannot_be_read_stops_no_other(receiver: Receiver) -> None:
    world = World(hook(receiver))
    world.store.put_setting(CHANNELS.place("default"), "broken", {"via": "pigeon"})
    assert world.hear(DOWN) == 1


def test_a_channel_that_was_deleted_meanwhile_hears_nothing(receiver: Receiver) -> None:
    world = World(hook(receiver))
    world.hear(DOWN)
    world.store.drop_setting(CHANNELS.place("default"), "hook")
    assert [tried.result for tried in world.work()] == ["dropped"]
    assert receiver.received == []


def test_what_became_of_a_delivery_is_noted_without_its_address(receiver: Receiver) -> None:
    receiver.will(500)
    world = World(hook(receiver))
    world.hear(DOWN)
    world.work()
    assert world.note("hook") | {"at": 0} == {
        "event": DOWN.document["id"],
        "at": 0,
        "result": "again",
        "why": "it answered HTTP 500: ok",
        "tries": 1,
        "fault": "passing",
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_queue_keeps_the_order_of_a_channel_and_drops_doubles() -> None:
    with mock_aws():
        sqs = boto3.client("sqs", region_name="eu-west-1")
        url = sqs.create_queue(QueueName="d.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        queue = Deliveries(sqs, url)
        deliveries = [
            Delivery(project="default", channel_id="c1", event=replace(FAILED, id=f"e:{n}", text="x" * 50_000))
            for n in range(12)
        ]
        queue.send(deliveries)
        queue.send(deliveries)  # SNS told the function twice
        found: list[str] = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages"):
            found.append(read(messages[0]["Body"]).event.id)
            assert "Messages" not in sqs.receive_message(QueueUrl=url)  # the group waits for its head
            sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
    assert found == [f"e:{n}" for n in range(12)]
