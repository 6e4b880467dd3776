"""What the simulation found, each told once more as a short story, on the tables and on their twin in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from moto import mock_aws

from lastseen.alerting import alert
from lastseen.aws.deliveries import Deliveries
from lastseen.aws.fan_out import fan_out, read_notification
from lastseen.aws.topic import Topic, to_channels
from lastseen.core.blind import Window
from lastseen.core.channel import Channel, Via
from lastseen.core.check import Check, Kind, Ping, Reason, Status, unique_key
from lastseen.core.machine import pinged
from lastseen.core.moments import woken
from lastseen.core.schedule import Cron
from lastseen.health.canary import CanaryMessages, blind_windows, check_canary
from lastseen.storage.documents import CHANNELS
from lastseen.storage.errors import ConflictError
from lastseen.storage.store import Store, TableStore
from lastseen.storage.tables import Tables
from tests.memory import MemoryStore, MemoryTopic
from tests.sns import ARN, CHANNELS_ARN
from tests.times import T0, hours, minutes, seconds

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

KEYS = {"checks": ("id",), "names": ("project", "slug"), "history": ("id", "event"), "settings": ("kind", "name")}


@pytest.fixture(params=["dynamodb", "memory"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with mock_aws():
        client: Any = boto3.client("dynamodb", region_name="eu-central-1")
        for table, keys in KEYS.items():
            client.create_table(
                TableName=table,
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                BillingMode="PAY_PER_REQUEST",
            )
        yield TableStore(client, Tables(*KEYS))


UP = Check(id="0d7a2f6e-3c1b-4d8a-9e5f-6a7b8c9d0e1f", status=Status.UP, last_ping=T0, created=T0, flips=1, announced=1)


def test_a_start_whose_end_was_written_since_opens_no_run(store: Store) -> None:
    store.create(UP)
    end = pinged(UP, Ping(at=T0 + seconds(31)))
    store.save_ping(UP, end)
    assert end.check.rev == UP.rev  # a steady end does not make others look again
    with pytest.raises(ConflictError):
        store.save_ping(UP, pinged(UP, Ping(at=T0 + seconds(30), kind=Kind.START)))
    kept = store.get(UP.id, strong=True)
    assert kept is not None
    assert kept.runs == ()


def test_a_start_of_a_check_that_was_never_pinged_is_written_at_once(store: Store) -> None:
    fresh = Check(id=UP.id, created=T0)
    store.create(fresh)
    assert store.save_ping(fresh, pinged(fresh, Ping(at=T0, kind=Kind.START))) == 1


def test_a_start_after_an_end_is_written_at_once(store: Store) -> None:
    store.create(UP)
    assert store.save_ping(UP, pinged(UP, Ping(at=T0 + seconds(30), kind=Kind.START))) == 1


class _ListeningStore(MemoryStore):
    """Between two reads of it the sweep notes that we were deaf, and the canary is heard again."""

    def setting(self, kind: str, name: str) -> dict[str, Any] | None:
        known = super().setting(kind, name)
        if not self.noted:
            self.noted = True
            canary = str(known["canary"]) if known else ""
            check_canary(self, T0 + minutes(3), CanaryMessages(silent=lambda _since: None, back=lambda _window: None))
            self.checks[canary] = replace(self.checks[canary], last_ping=T0 + minutes(3))
        return known

    noted = True


def test_a_canary_that_is_heard_again_while_we_look_hides_no_deafness() -> None:
    store = _ListeningStore()
    quiet = CanaryMessages(silent=lambda _since: None, back=lambda _window: None)
    canary = check_canary(store, T0, quiet)
    store.checks[canary] = replace(store.checks[canary], last_ping=T0)
    store.noted = False
    assert blind_windows(store, T0 + minutes(3)) == (Window(T0, T0 + minutes(3)),)


def test_whoever_reads_digests_in_their_order_knows_at_last_that_a_check_is_up() -> None:
    store, topic = MemoryStore(), MemoryTopic()
    healthy = [replace(UP, id=f"{n}{UP.id[1:]}", name=f"job {n}") for n in range(6)]
    down = [replace(check, status=Status.DOWN, since=T0, last_ping=None) for check in healthy]
    for check in (*down[:5], healthy[5]):
        store.create(check)
        late = T0 + hours(26)
        store.save_ping(check, pinged(check, Ping(at=late)))
    alert.run(
        [check.id for check in healthy],
        store=store,
        topic=topic,
        clock=lambda: T0 + hours(26),
        site_url="https://x.test",
    )
    of_the_last = [
        message.document["status"]
        for message in topic.published
        for flip in message.document.get("flips", [message.document])
        if flip["id"].startswith(unique_key(healthy[5].id))
    ]
    assert of_the_last == ["down", "up"]


def test_a_check_that_flapped_and_whose_schedule_is_broken_is_told_again_after_an_hour() -> None:
    flapping = replace(UP, schedule=Cron("61 25 * * *", "Nowhere"), since=T0, flapping=True, wake_at=T0)
    outcome = woken(flapping, T0 + hours(1))
    assert [flip.reason for flip in outcome.flips] == [Reason.STEADY]
    assert outcome.fault
    assert outcome.check.wake_at == T0  # and so it is named as broken at each sweep
    failed = pinged(outcome.check, Ping(at=T0 + hours(2), kind=Kind.FAIL))
    assert [flip.notify for flip in failed.flips] == [True]


class _Queue:
    """A client of SQS: the events that are in the queue of each channel, in their order."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def send_message_batch(self, *, Entries: Sequence[Any], **_queue: str) -> Any:  # noqa: N803
        self.events += [json.loads(entry["MessageBody"])["event"]["id"] for entry in Entries]
        return {}


class _Sns:
    """A client of SNS: what it hands to the deliver function."""

    def __init__(self) -> None:
        self.handed: list[dict[str, Any]] = []

    def publish(self, **message: Any) -> None:
        attributes = {
            name: {"Type": value["DataType"], "Value": value["StringValue"]}
            for name, value in message["MessageAttributes"].items()
        }
        self.handed.append({"Message": json.loads(message["Message"])["default"], "MessageAttributes": attributes})


def test_an_end_cannot_overtake_its_beginning_on_the_way_to_a_channel() -> None:
    store, sns, queue = MemoryStore(), _Sns(), _Queue()
    tool = Channel(id="tool", project="default", name="tool", via=Via.CHAT, target=f"pagerduty://{'a' * 32}@lastseen")
    CHANNELS.write(store, tool)
    deliveries = Deliveries(cast("SQSClient", queue), "queue")
    topic = Topic(cast("SNSClient", sns), ARN, CHANNELS_ARN, to_channels=to_channels(store, deliveries))
    store.create(UP)
    store.save_ping(UP, pinged(UP, Ping(at=T0 + seconds(30), kind=Kind.FAIL)))
    alert.run([UP.id], store=store, topic=topic, clock=lambda: T0 + seconds(31), site_url="https://x.test")
    down = store.checks[UP.id]
    store.save_ping(down, pinged(down, Ping(at=T0 + seconds(40))))
    alert.run([UP.id], store=store, topic=topic, clock=lambda: T0 + seconds(41), site_url="https://x.test")
    for sns_message in reversed(sns.handed):  # SNS promises no order, and hands over again what the function failed on
        notification = read_notification(sns_message)
        assert notification
        fan_out(notification.event, notification.attributes, store=store, deliveries=deliveries)
    assert queue.events == [f"{unique_key(UP.id)}:2", f"{unique_key(UP.id)}:3"]


class _CutOffError(Exception):
    pass


@pytest.mark.parametrize(
    ("cut_off", "swept", "heard"),
    [("silent", {0, 1, 2, 3, 4, 5}, {0, 3, 4, 5}), ("back", {0, 1, 2, 3, 4, 5, 8, 9, 10}, {0, 4, 9, 10})],
    ids=["and it was heard before the beginning was noted", "and the next silence came before the end was said"],
)
def test_whoever_read_that_nothing_is_heard_reads_its_end_though_a_sweep_was_cut_off(
    cut_off: str, swept: set[int], heard: set[int]
) -> None:
    store, told, failing = MemoryStore(), list[str](), [cut_off]

    def say(what: str) -> None:
        told.append(what)  # some have it already
        if what.startswith(failing[0]):
            failing[0] = "never"
            raise _CutOffError

    messages = CanaryMessages(
        silent=lambda since: say(f"silent {since:%H:%M}"), back=lambda window: say(f"back {window.start:%H:%M}")
    )
    for minute in sorted(swept):
        with suppress(_CutOffError):
            canary = check_canary(store, T0 + minutes(minute), messages)
        if minute in heard:
            store.checks[canary] = replace(store.checks[canary], last_ping=T0 + minutes(minute))
    incidents = [line.split()[1] for line in told if line.startswith("silent")]
    assert set(incidents) == {line.split()[1] for line in told if line.startswith("back")}
    assert told[-1].startswith("back")
