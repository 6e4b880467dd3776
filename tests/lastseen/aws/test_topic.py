"""The topic: what SNS is given, how fast, and who subscribes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from lastseen.alerting.publishing import addressed
from lastseen.aws.topic import PENDING, SubscriptionError, Topic
from lastseen.core.channel import DEPLOYMENT, EVERY, Channel, Via, policy
from tests import gallery

ARN = "arn:aws:sns:eu-west-1:123456789012:alerts"
CHANNELS_ARN = f"{ARN}-of-channels"
CHANNEL = Channel(id="c1", project="default", name="mail", via=Via.EMAIL, target="a@example.com")


@pytest.fixture
def sns() -> Any:
    return boto3.client("sns", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def stub(sns: Any) -> Iterator[Stubber]:
    with Stubber(sns) as stub:
        yield stub


def test_each_protocol_gets_its_part() -> None:
    message = gallery.messages()["The job failed"]
    with mock_aws():
        sns, sqs = boto3.client("sns", region_name="eu-west-1"), boto3.client("sqs", region_name="eu-west-1")
        arn = sns.create_topic(Name="alerts")["TopicArn"]
        url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
        Topic(sns, arn, arn).publish(addressed(message, frozenset({"c"})))
        [received] = sqs.receive_message(QueueUrl=url)["Messages"]
    envelope = json.loads(received["Body"])
    assert envelope["Subject"] == message.subject
    assert json.loads(envelope["Message"]) == message.document
    assert envelope["MessageAttributes"]["status"] == {"Type": "String.Array", "Value": '["down"]'}
    assert envelope["MessageAttributes"]["AWS.SNS.SMS.SMSType"] == {"Type": "String", "Value": "Transactional"}


def paced(sns: Any, now: list[float]) -> Topic:
    """Return a topic whose clock is `now`."""
    return Topic(
        sns,
        ARN,
        CHANNELS_ARN,
        gap_seconds=0.25,
        clock=lambda: now[0],
        pause=lambda length: now.__setitem__(0, now[0] + length),
    )


def test_what_is_for_channels_is_in_the_queue_before_sns_has_it(sns: Any) -> None:
    order: list[object] = []
    sns.meta.events.register("provide-client-params.sns.Publish", lambda params, **_: order.append(params))
    topic = Topic(sns, ARN, CHANNELS_ARN, to_channels=lambda message: order.append(message.subject))
    message = addressed(gallery.messages()["The job failed"], frozenset({"c", DEPLOYMENT}))
    with Stubber(sns) as stub:
        for _ in range(2):
            stub.add_response("publish", {"MessageId": "m"})
        topic.publish(message)
    queued, to_channels, to_deployment = order
    assert queued == message.subject
    for params, arn in ((to_channels, CHANNELS_ARN), (to_deployment, ARN)):
        assert isinstance(params, dict)
        assert params["TopicArn"] == arn
        assert params["MessageAttributes"]["queued"]["StringValue"] == "true"
        assert len(params["MessageAttributes"]) <= 10  # more are not delivered raw: "SNS raw message delivery"


def test_what_the_queue_does_not_take_is_not_published_and_so_tried_again(sns: Any, stub: Stubber) -> None:
    def full(_: object) -> None:
        raise ConnectionError("no queue")

    topic = Topic(sns, ARN, CHANNELS_ARN, to_channels=full)
    with pytest.raises(ConnectionError, match="no queue"):
        topic.publish(addressed(gallery.messages()["The job failed"], frozenset({"c"})))
    stub.assert_no_pending_responses()


def test_no_receiver_waits_for_what_goes_to_others(sns: Any, stub: Stubber) -> None:
    now = [0.0]
    topic = paced(sns, now)
    for n in range(100):
        stub.add_response("publish", {"MessageId": "m"})
        topic.publish(addressed(gallery.messages()["The job failed"], frozenset({f"channel-{n}"})))
    assert now == [0.0]
    stub.add_response("publish", {"MessageId": "m"})
    topic.publish(addressed(gallery.messages()["The job failed"], frozenset({"channel-7"})))
    assert now == [0.25]


def test_a_message_is_published_where_its_receivers_listen(sns: Any, stub: Stubber) -> None:
    message = gallery.messages()["The job failed"]
    topic = Topic(sns, ARN, CHANNELS_ARN)
    for receivers, expected in (
        ({"c1", "c2"}, [(CHANNELS_ARN, '["c1","c2"]')]),
        ({DEPLOYMENT}, [(ARN, '["deployment"]')]),
        ({DEPLOYMENT, "c1"}, [(CHANNELS_ARN, '["c1"]'), (ARN, '["deployment"]')]),
        ({EVERY}, [(CHANNELS_ARN, '["*"]'), (ARN, '["deployment"]')]),
    ):
        published: list[tuple[str, str]] = []
        sns.meta.events.register_first(
            "provide-client-params.sns.Publish",
            lambda params, published=published, **_: published.append(
                (params["TopicArn"], params["MessageAttributes"]["channel_ids"]["StringValue"])
            ),
            unique_id="seen",
        )
        for _ in expected:
            stub.add_response("publish", {"MessageId": "m"})
        topic.publish(addressed(message, frozenset(receivers)))
        sns.meta.events.unregister("provide-client-params.sns.Publish", unique_id="seen")
        assert published == expected


def test_two_functions_together_publish_less_than_ten_messages_a_second(sns: Any, stub: Stubber) -> None:
    now = [0.0]
    sent: list[float] = []
    topic = paced(sns, now)
    for _ in range(40):
        stub.add_response("publish", {"MessageId": "m"})
        topic.publish(gallery.messages()["A test"])
        sent.append(now[0])
        now[0] += 0.01  # what a call takes
    for at in sent:
        assert 2 * sum(at <= other < at + 1 for other in sent) <= 8


def test_a_confirmed_address_cannot_be_unsubscribed_by_who_opens_a_link(sns: Any, stub: Stubber) -> None:
    expected = {"TopicArn": CHANNELS_ARN, "Token": "t" * 40, "AuthenticateOnUnsubscribe": "true"}
    stub.add_response("confirm_subscription", {"SubscriptionArn": f"{ARN}:1"}, expected)
    assert Topic(sns, ARN, CHANNELS_ARN).confirm("t" * 40) == f"{ARN}:1"


def test_a_wrong_token_is_refused_in_the_words_of_sns(sns: Any, stub: Stubber) -> None:
    stub.add_client_error("confirm_subscription", "InvalidParameter", "Invalid parameter: Token")
    with pytest.raises(SubscriptionError, match="Token"):
        Topic(sns, ARN, CHANNELS_ARN).confirm("x")


def test_an_address_is_subscribed_with_its_rule(sns: Any, stub: Stubber) -> None:
    expected = {
        "TopicArn": CHANNELS_ARN,
        "Protocol": "email",
        "Endpoint": "a@example.com",
        "Attributes": {"FilterPolicy": json.dumps(policy(CHANNEL.id))},
        "ReturnSubscriptionArn": True,
    }
    stub.add_response("subscribe", {"SubscriptionArn": f"{ARN}:1"}, expected)
    assert Topic(sns, ARN, CHANNELS_ARN).subscribe("email", "a@example.com", policy(CHANNEL.id)) == f"{ARN}:1"


def test_all_subscribers_are_listed_page_by_page(sns: Any, stub: Stubber) -> None:
    one = {"Protocol": "email", "TopicArn": ARN, "Owner": "1"}
    first = {"Subscriptions": [one | {"Endpoint": "a@example.com", "SubscriptionArn": PENDING}], "NextToken": "n"}
    second = {"Subscriptions": [one | {"Endpoint": "b@example.com", "SubscriptionArn": f"{ARN}:2"}]}
    stub.add_response("list_subscriptions_by_topic", first, {"TopicArn": ARN})
    stub.add_response("list_subscriptions_by_topic", second, {"TopicArn": ARN, "NextToken": "n"})
    stub.add_response("list_subscriptions_by_topic", {"Subscriptions": []}, {"TopicArn": CHANNELS_ARN})
    found = Topic(sns, ARN, CHANNELS_ARN).subscriptions()
    assert [(one.endpoint, one.arn == PENDING) for one in found] == [("a@example.com", True), ("b@example.com", False)]


def test_a_subscription_that_is_gone_may_be_removed_again(sns: Any, stub: Stubber) -> None:
    stub.add_client_error("unsubscribe", "NotFound", "gone")
    Topic(sns, ARN, CHANNELS_ARN).unsubscribe(f"{ARN}:1")


def test_a_pending_subscription_is_refused_and_another_fault_passes_through(sns: Any, stub: Stubber) -> None:
    stub.add_client_error("unsubscribe", "InvalidParameter", "not confirmed")
    with pytest.raises(SubscriptionError):
        Topic(sns, ARN, CHANNELS_ARN).unsubscribe(PENDING)
    stub.add_client_error("unsubscribe", "InternalError", "try again")
    with pytest.raises(sns.exceptions.ClientError):
        Topic(sns, ARN, CHANNELS_ARN).unsubscribe(f"{ARN}:1")
