"""Who is notified of what: one table of the rule, its way through SNS, and how a batch is divided into messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from lastseen.alerting.publishing import addressed
from lastseen.alerting.routing import DIGEST_ABOVE, Parcel, ProjectChannels, Routed, parcels, reaches_nobody, routed
from lastseen.aws.topic import Topic
from lastseen.core.channel import DEPLOYMENT, Channel, Via, policy
from lastseen.core.check import Check, Flip, Reason, Status
from lastseen.text.digest import digest
from lastseen.text.message import Alert, flipped
from lastseen.text.own import deaf, trial
from tests.gallery import FLIPS, SITE
from tests.times import T0

ALL = Channel(id="all", project="default", name="all", via=Via.EMAIL, target="a@example.com")
CHANNELS = {
    "all": ALL,
    "down": replace(ALL, id="down", statuses=("down",)),
    "up": replace(ALL, id="up", statuses=("up",)),
    "db": replace(ALL, id="db", tags=("db", "queue")),
    "named": replace(ALL, id="named", default=False),
    "off": replace(ALL, id="off", disabled="it answered HTTP 404"),
}
MANY_TAGS = " ".join([*(f"a{n}" for n in range(200)), "queue"])
KNOWN = ProjectChannels(tuple(CHANNELS.values()))


def alert(name: str = "The job failed", **changes: Any) -> Alert:
    made, _ = FLIPS[name]()
    return Alert(check=replace(made.check, **changes), flip=made.flip)


TABLE: dict[str, tuple[Alert, set[str]]] = {
    "down, no tags": (alert(), {"all", "down"}),
    "up": (alert("Up again"), {"all", "up", "db"}),
    "down, a tag": (alert(tags="prod db"), {"all", "down", "db"}),
    "down, another tag": (alert(tags="prod"), {"all", "down"}),
    "a tag that begins alike": (alert(tags="dbx"), {"all", "down"}),
    "a tag behind a hundred others": (alert(tags=MANY_TAGS), {"all", "down", "db"}),
    "flapping, now down": (alert("Flapping"), {"all", "down", "up"}),
    "a reminder": (alert("Still down: a reminder"), {"all", "down", "db"}),
    "of a check that names a channel": (alert(channels="named"), {"named"}),
    "of a check that names two": (alert(channels="named,up, down"), {"named", "down"}),
    "of a check that wants no channel": (alert(channels=""), set()),
    "of a check whose channel was deleted": (alert(channels="gone"), {"all", "down", "up", "db"}),
    "of a check whose channel is switched off": (alert(channels="off"), {"all", "down", "up", "db"}),
    "up, of a check whose only channel hears of down": (alert("Up again", channels="down"), set()),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_an_alert_goes_to_exactly_those_whom_it_concerns_and_to_the_deployment(case: str) -> None:
    given_alert, expected = TABLE[case]
    assert routed(given_alert, KNOWN).receivers == expected | {DEPLOYMENT}


def test_what_goes_astray_is_marked_and_goes_to_the_default_channels_of_the_project() -> None:
    chosen = ProjectChannels(KNOWN.known, defaults="named")
    astray = routed(alert(channels="gone"), chosen)
    assert (astray.receivers, astray.alert.astray) == (frozenset({"named", DEPLOYMENT}), True)
    message = flipped(astray.alert, now=T0, site_url=SITE)
    assert "none of this check takes it, so it goes to the project's default channels" in message.email
    assert not routed(alert(), KNOWN).alert.astray


def test_a_project_without_channels_alerts_the_deployment_as_it_should() -> None:
    """As every new deployment is, with `alert_emails` alone: its alerts must not speak of channels gone astray."""
    ordinary = routed(alert(), ProjectChannels())
    assert (ordinary.receivers, ordinary.alert.astray) == (frozenset({DEPLOYMENT}), False)
    assert "Channels:" not in flipped(ordinary.alert, now=T0, site_url=SITE).email


def test_whoever_saw_an_incident_begin_sees_it_end() -> None:
    moved = alert("Up again", channels="named")
    assert routed(moved, KNOWN, saw_beginning=("all", "down", "off")).receivers == {"named", "all", "down", DEPLOYMENT}
    assert routed(alert(channels="named"), KNOWN, saw_beginning=("all",)).receivers == {"named", DEPLOYMENT}


ASKS: dict[str, tuple[str, list[str], bool]] = {
    "one that works": ("all", ["all", "off"], False),
    "all of the project": ("*", ["all"], False),
    "one that was deleted": ("gone", ["all"], True),
    "one that is off": ("off", ["all", "off"], True),
    "one that hears of up only": ("up", ["up"], True),
    "one that filters by tag": ("db", ["db"], True),
    "all, which are off": ("*", ["off"], True),
    "all of a project without channels: the deployment hears of it": ("*", [], False),
    "none, by choice": ("", ["all"], False),
}


@pytest.mark.parametrize("case", ASKS)
def test_a_check_reaches_nobody_if_none_of_its_channels_would_hear_that_it_is_down(case: str) -> None:
    listed, known, expected = ASKS[case]
    check = replace(alert(tags="prod").check, channels=listed)
    assert reaches_nobody(check, [CHANNELS[name] for name in known]) is expected


# Through SNS


@pytest.fixture(scope="module")
def topic_and_queues() -> Iterator[tuple[Topic, Any, dict[str, str]]]:
    with mock_aws():
        sns, sqs = boto3.client("sns", region_name="eu-west-1"), boto3.client("sqs", region_name="eu-west-1")
        arn, channels_arn = (sns.create_topic(Name=name)["TopicArn"] for name in ("alerts", "channels"))
        topic, queues = Topic(sns, arn, channels_arn), {}
        for name in (*CHANNELS, DEPLOYMENT):
            queues[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
            attributes = sqs.get_queue_attributes(QueueUrl=queues[name], AttributeNames=["QueueArn"])["Attributes"]
            if name == DEPLOYMENT:
                sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=attributes["QueueArn"])
            else:
                topic.subscribe("sqs", attributes["QueueArn"], policy(name))
        yield topic, sqs, queues


def heard(topic_and_queues: tuple[Topic, Any, dict[str, str]]) -> set[str]:
    """Return into whose queues SNS put the last message."""
    _, sqs, queues = topic_and_queues
    found = set()
    for name, url in queues.items():
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.add(name)
    return found


@pytest.mark.parametrize("case", TABLE)
def test_sns_delivers_to_exactly_these(case: str, topic_and_queues: tuple[Topic, Any, dict[str, str]]) -> None:
    each = routed(TABLE[case][0], KNOWN)
    topic_and_queues[0].publish(addressed(flipped(each.alert, now=T0, site_url=SITE), each.receivers))
    assert heard(topic_and_queues) == set(each.receivers)


def test_a_message_for_channels_alone_does_not_reach_the_deployment(
    topic_and_queues: tuple[Topic, Any, dict[str, str]],
) -> None:
    topic_and_queues[0].publish(addressed(flipped(alert(), now=T0, site_url=SITE), frozenset({"db"})))
    assert heard(topic_and_queues) == {"db"}


def test_everybody_hears_of_lastseen_itself_and_one_channel_of_its_test(
    topic_and_queues: tuple[Topic, Any, dict[str, str]],
) -> None:
    topic_and_queues[0].publish(deaf(since=T0, now=T0))
    assert heard(topic_and_queues) == {*CHANNELS, DEPLOYMENT}
    topic_and_queues[0].publish(trial(CHANNELS["db"], now=T0, nonce="n"))
    assert heard(topic_and_queues) == {"db"}


def test_a_channel_of_mail_that_was_made_before_the_topic_of_channels_hears_as_before(
    topic_and_queues: tuple[Topic, Any, dict[str, str]],
) -> None:
    topic, sqs, queues = topic_and_queues
    sns = boto3.client("sns", region_name="eu-west-1")
    arn = next(each["TopicArn"] for each in sns.list_topics()["Topics"] if each["TopicArn"].endswith("alerts"))
    queues["old"] = sqs.create_queue(QueueName="old")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queues["old"], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = {"project": ["default", "*"], "channels": ["*", "old"], "status": ["down"], "tags": ["db"]}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn, Attributes={"FilterPolicy": json.dumps(rule)})
    try:
        for name, hears_of_it in (("down, a tag", True), ("down, another tag", False), ("up", False)):
            each = routed(TABLE[name][0], KNOWN)
            topic.publish(addressed(flipped(each.alert, now=T0, site_url=SITE), each.receivers))
            assert ("old" in heard(topic_and_queues)) is hears_of_it
        storm = [
            replace(alert(tags="db"), check=replace(alert(tags="db").check, id=str(UUID(int=n)))) for n in range(9)
        ]
        topic.publish(addressed(digest(storm, now=T0, site_url=SITE), frozenset({DEPLOYMENT})))
        assert heard(topic_and_queues) == {"old", DEPLOYMENT}
    finally:
        del queues["old"]


# Parcels


def flip(n: int, status: Status) -> Flip:
    was = Status.UP if status is Status.DOWN else Status.DOWN
    return Flip(n=n, at=T0, was=was, status=status, reason=Reason.FAILED, notify=True)


def one(number: int, receivers: str, *, n: int = 2, status: Status = Status.DOWN) -> Routed:
    """Return an alert of the check of that number, for the receivers named by letters."""
    check = Check(id=str(UUID(int=number)), name=f"job-{number}")
    return Routed(Alert(check=check, flip=flip(n, status)), frozenset(receivers))


def seen(ready: list[Parcel], receiver: str) -> list[list[tuple[int, int]]]:
    """Return the messages of one receiver, each by the numbers of its checks and flips."""
    return [
        [(UUID(each.check.id).int, each.flip.n) for each in parcel.alerts]
        for parcel in ready
        if receiver in parcel.receivers
    ]


def test_few_alerts_go_one_by_one_to_all_their_receivers_at_once() -> None:
    ready = parcels([one(1, "ab"), one(2, "a")])
    assert [sorted(parcel.receivers) for parcel in ready] == [["a", "b"], ["a"]]
    assert all(len(parcel.alerts) == 1 for parcel in ready)


def test_many_alerts_make_one_digest_for_each_set_of_alerts_however_many_sets_of_receivers_there_are() -> None:
    batch = [one(n, "d" + ("a" if n % 2 else "b")) for n in range(40)]
    ready = parcels(batch)
    assert len(ready) == 3
    assert [len(each) for each in seen(ready, "d")] == [40]
    assert seen(ready, "a") == [[(n, 2) for n in range(1, 40, 2)]]


def test_a_receiver_of_few_alerts_of_a_storm_gets_them_singly() -> None:
    ready = parcels([one(n, "d" + ("z" if n == 7 else "")) for n in range(30)])
    assert seen(ready, "z") == [[(7, 2)]]
    assert [len(each) for each in seen(ready, "d")] == [30]


def test_a_digest_is_never_of_one() -> None:
    ready = parcels([*(one(n, "d") for n in range(9)), one(9, "d", status=Status.UP)])
    assert [len(each) for each in seen(ready, "d")] == [9, 1]


BATCHES = st.lists(
    st.tuples(st.integers(0, 8), st.sets(st.sampled_from("abcde"), min_size=1).map(lambda each: "".join(sorted(each)))),
    max_size=40,
)


@given(BATCHES)
def test_each_receiver_gets_each_of_its_alerts_once_and_those_of_a_check_in_order(
    batch: list[tuple[int, str]],
) -> None:
    numbers: dict[int, int] = {}
    ready = []
    for number, receivers in batch:
        numbers[number] = numbers.get(number, 0) + 1
        status = Status.DOWN if numbers[number] % 2 else Status.UP
        ready.append(one(number, receivers, n=numbers[number], status=status))
    made = parcels(ready)
    for receiver in "abcde":
        mine = [(UUID(each.alert.check.id).int, each.alert.flip.n) for each in ready if receiver in each.receivers]
        got = [name for message in seen(made, receiver) for name in message]
        assert sorted(got) == sorted(mine)
        for number in numbers:
            in_order = [n for check, n in got if check == number]
            assert in_order == sorted(in_order)
        assert all(len(message) == 1 for message in seen(made, receiver)) or len(mine) > DIGEST_ABOVE
    for parcel in made:
        assert len({each.flip.status for each in parcel.alerts}) == 1
        if len(parcel.alerts) > 1:
            digest(parcel.alerts, now=T0, site_url=SITE)
