"""Channels on the emulator, under the template's own IAM: from a job's failure to a receiver on loopback."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from lastseen.aws.wakes import CHECKS
from lastseen.core.check import Check, Ping
from lastseen.core.machine import pinged
from lastseen.core.schedule import Period
from tests.conftest import Figure
from tests.e2e.conftest import Deployed
from tests.e2e.grants import no_schedule
from tests.lastseen.delivery.receiver import Receiver, listening

pytestmark = pytest.mark.emulator
PATIENCE_SECONDS = 90.0
STORM = 1_000
AHEAD = timedelta(seconds=40)
"""Time to make a thousand checks before they fall due together."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


def until(done: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    give_up = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < give_up
        time.sleep(0.2)


def make(deployed: Deployed, name: str, via: str, target: str, **asked: object) -> str:
    body = {"name": name, "via": via, "target": target, "default": False} | asked
    made = deployed.api("POST", "/channels/", body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def test_an_alert_goes_from_a_job_to_a_chat_and_a_webhook_that_the_check_names(
    deployed: Deployed, receiver: Receiver
) -> None:
    make(deployed, "chat", "chat", f"ntfy://127.0.0.1:{receiver.port}/chat")
    make(deployed, "hook", "webhook", f"{receiver.url}/hook")
    make(deployed, "deaf", "webhook", f"{receiver.url}/deaf")
    url = deployed.create("to-chat", channels="chat,hook")
    assert deployed.ping(url) == 200
    assert deployed.ping(f"{url}/fail", "disk full") == 200
    until(lambda: len(receiver.received) >= 2)
    by_path = {received.path: received for received in receiver.received}
    assert set(by_path) == {"/", "/hook"}
    assert by_path["/"].json["topic"] == "chat"
    assert by_path["/"].json["title"] == "DOWN: to-chat failed: disk full"
    assert "disk full" in by_path["/"].json["message"]
    assert by_path["/hook"].json["output"] == "disk full"
    [told] = deployed.post.about("to-chat", count=1)
    assert by_path["/hook"].json == told.event
    assert by_path["/hook"].headers["Lastseen-Signature"].startswith("t=")
    listed = deployed.api("GET", "/channels/").json()["channels"]
    last = {channel["name"]: channel["last_delivery"] for channel in listed}
    until(lambda: deployed.api("GET", "/channels/hook").json()["last_delivery"])
    assert last["deaf"] is None
    assert not any(f":{receiver.port}" in line for line in deployed.logged())


def test_a_channel_that_is_taken_off_and_one_of_a_check_that_is_deleted_see_the_end(
    deployed: Deployed, receiver: Receiver
) -> None:
    for name in ("leaving", "staying"):
        make(deployed, name, "webhook", f"{receiver.url}/{name}")
    url = deployed.create("ends", channels="leaving,staying")
    path = f"/checks/{url.rsplit('/', 1)[1]}"

    def heard(name: str) -> list[str]:
        return [each.json["reason"] for each in receiver.received if each.path == f"/{name}"]

    assert deployed.ping(f"{url}/fail", "disk full") == 200
    until(lambda: heard("leaving") == heard("staying") == ["failed"])
    assert deployed.api("POST", path, {"channels": "staying"}).status_code == 200
    until(lambda: heard("leaving") == ["failed", "unassigned"])
    assert deployed.api("DELETE", path).status_code == 200
    assert deployed.api("GET", path).status_code == 404
    until(lambda: heard("staying") == ["failed", "deleted"])
    assert heard("leaving") == ["failed", "unassigned"]
    assert len({each.json["incident"] for each in receiver.received}) == 1
    assert [told.event["reason"] for told in deployed.post.about("ends", count=2)] == ["failed", "deleted"]


def test_a_test_tells_whether_it_arrived(deployed: Deployed, receiver: Receiver) -> None:
    make(deployed, "tried", "webhook", f"{receiver.url}/tried")
    for status, result in ((200, "delivered"), (404, "refused")):
        receiver.will(status)
        test = deployed.api("POST", "/channels/tried/test").json()["test"]
        path = f"/channels/tried/tests/{test}"
        until(lambda path=path: deployed.api("GET", path).json()["result"] != "waiting")  # type: ignore[misc] # bound now
        assert deployed.api("GET", path).json()["result"] == result
    assert receiver.last.json["subject"] == "TEST: alert for the channel tried"


def test_an_address_of_mail_is_subscribed_and_unsubscribed(deployed: Deployed) -> None:
    make(deployed, "mail", "email", "ops@example.com", tags=["db"])
    sns = deployed.cloud.client("sns")

    def subscribed() -> list[str]:
        topic = deployed.live.stack.output("ChannelsTopicArn")
        found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return [one["SubscriptionArn"] for one in found if one["Endpoint"] == "ops@example.com"]

    [arn] = subscribed()
    policy = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["FilterPolicy"]
    assert json.loads(policy)["channel_ids"][1:] == ["*"]
    assert deployed.api("DELETE", "/channels/mail").status_code == 200
    assert subscribed() == []


@pytest.mark.slow
def test_a_receiver_that_was_away_gets_its_alerts_afterwards_once_each_and_in_order(
    deployed: Deployed, receiver: Receiver
) -> None:
    make(deployed, "away", "webhook", f"{receiver.url}/away")
    url = deployed.create("while-away", channels="away")
    receiver.will(503)
    assert deployed.ping(url) == 200
    before = _on_their_way(deployed)
    for count, suffix in enumerate(("/fail", "", "/fail"), start=1):
        assert deployed.ping(url + suffix) == 200
        # One after the other: SNS keeps no order within a moment.
        until(lambda count=count: _on_their_way(deployed) >= before + count or len(receiver.received) > count)  # type: ignore[misc] # bound now
    until(lambda: len(receiver.received) >= 4, 150)
    events = dict.fromkeys(told.event["id"] for told in deployed.post.about("while-away", count=3))
    first, *rest = events
    assert [received.json["id"] for received in receiver.received] == [first, first, *rest]


@pytest.mark.slow
def test_a_thousand_checks_that_fall_due_together_make_a_handful_of_messages_that_name_each(
    deployed: Deployed, receiver: Receiver, figure: Figure
) -> None:
    channel = make(deployed, "storm", "webhook", f"{receiver.url}/storm")
    due = datetime.now(UTC) + AHEAD  # noqa: TID251 - the emulator's functions read the clock too
    pinged_at = due - timedelta(hours=1, minutes=1)

    def create(n: int) -> None:
        blank = Check(id=str(UUID(int=(n + 1) << 64)), name=f"storm-{n:04d}", channels=channel, created=pinged_at)
        blank = replace(blank, schedule=Period(timedelta(hours=1)), grace=timedelta(minutes=1))
        deployed.live.store.create(pinged(blank, Ping(at=pinged_at)).check)

    with no_schedule(deployed):  # another sweep may wake the same checks: they would be told twice, as is allowed
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(create, range(STORM)))
        deployed.invoke("sweep")
        until(lambda: len(_named(receiver)) >= STORM, 200)
    late = datetime.now(UTC) - due  # noqa: TID251 - see above
    figure(
        f"{len(receiver.received)} messages named {len(_named(receiver))} checks by {late.total_seconds():.0f} s after"
    )
    names = Counter(flip["check"] for received in receiver.received for flip in _flips(received.json))
    assert names == {f"storm-{n:04d}": 1 for n in range(STORM)}
    # At most one for each message of fifty checks; less where a batch holds several.
    assert len(receiver.received) <= -(-STORM // CHECKS)
    assert len({received.json["id"] for received in receiver.received}) == len(receiver.received)


def _on_their_way(deployed: Deployed) -> int:
    """Return how many deliveries wait, or are being tried."""
    numbers = deployed.cloud.client("sqs").get_queue_attributes(
        QueueUrl=deployed.live.stack.output("DeliveriesQueueUrl"),
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return sum(int(number) for number in numbers.values())


def _flips(event: dict[str, object]) -> list[dict[str, str]]:
    flips = event.get("flips")
    check = event.get("check")
    if isinstance(flips, list):
        return flips
    return [{"check": str(check["name"])}] if isinstance(check, dict) else []


def _named(receiver: Receiver) -> set[str]:
    return {flip["check"] for received in list(receiver.received) for flip in _flips(received.json)}
