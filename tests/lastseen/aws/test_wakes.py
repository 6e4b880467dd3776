"""The queue, on moto: what a message says, when it is due, and what becomes of one that SQS does not take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from lastseen.aws.wakes import BATCH, CHECKS, DELAY_LIMIT, Wake, Wakes

AWS = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


@pytest.fixture
def sqs() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("sqs", **AWS)  # type: ignore[call-overload]  # the stubs want the keywords one by one


@pytest.fixture
def url(sqs: Any) -> str:
    return str(sqs.create_queue(QueueName="wakes")["QueueUrl"])


def delays_asked(sqs: Any) -> list[tuple[int, list[str]]]:
    """Note what is asked of SQS from now on: each message's delay and its checks."""
    asked: list[tuple[int, list[str]]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.extend((entry["DelaySeconds"], json.loads(entry["MessageBody"])["ids"]) for entry in params["Entries"])

    sqs.meta.events.register("provide-client-params.sqs.SendMessageBatch", note)
    return asked


def test_a_wake_says_which_check_and_when(sqs: Any, url: str) -> None:
    asked = delays_asked(sqs)
    assert Wakes(sqs, url).send([Wake("a", 7)]) == 0
    assert asked == [(7, ["a"])]
    [attributes] = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"


def test_checks_of_one_second_share_a_message_and_the_most_urgent_go_first(sqs: Any, url: str) -> None:
    asked = delays_asked(sqs)
    Wakes(sqs, url).send([Wake("late", 60), *(Wake(str(n), 5) for n in range(CHECKS + 1)), Wake("now", 0)])
    assert asked == [(0, ["now"]), (5, [str(n) for n in range(CHECKS)]), (5, [str(CHECKS)]), (60, ["late"])]


def test_delays_keep_to_what_sqs_takes(sqs: Any, url: str) -> None:
    asked = delays_asked(sqs)
    Wakes(sqs, url).send([Wake("past", -3), Wake("far", 5_000)])
    assert asked == [(0, ["past"]), (DELAY_LIMIT, ["far"])]


def test_a_thousand_wakes_of_one_second_take_two_calls_and_all_arrive(sqs: Any, url: str) -> None:
    calls: list[int] = []
    sqs.meta.events.register("before-call.sqs.SendMessageBatch", lambda **_: calls.append(1))
    Wakes(sqs, url).send([Wake(str(n)) for n in range(1_000)])
    assert len(calls) == 1_000 // CHECKS // BATCH == 2
    arrived: set[str] = set()
    while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in got:
            arrived |= set(json.loads(message["Body"])["ids"])
    assert len(arrived) == 1_000


def test_no_wakes_are_no_call(sqs: Any, url: str) -> None:
    with Stubber(sqs) as refusing:
        assert Wakes(sqs, url).send([]) == 0
        refusing.assert_no_pending_responses()


def test_checks_whose_message_sqs_refused_are_counted(sqs: Any, url: str) -> None:
    with Stubber(sqs) as aws:
        failed = [{"Id": "1", "SenderFault": False, "Code": "InternalError"}]
        aws.add_response("send_message_batch", {"Successful": [], "Failed": failed})
        assert Wakes(sqs, url).send([Wake("a", 1), Wake("b", 2), Wake("c", 2), Wake("d", 3)]) == 2
