"""A subscriber of the alert topic: an SQS queue that SNS delivers to, as to any other subscriber.

What is read here has gone the whole way: deadline, flip, publish, fan-out. Nothing looks into the tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from lastseen.core.times import moment

MESSAGES_AT_ONCE = 10
WAIT_LIMIT_SECONDS = 20  # SQS allows no longer poll


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert as a subscriber got it: the subject, the JSON event, and the attributes that filters look at."""

    subject: str
    event: Mapping[str, Any]
    attributes: Mapping[str, str]
    arrived: datetime  # at the queue


class Account(Protocol):
    """AWS, or the emulator of it."""

    def client(self, service: str) -> Any:
        """Return a client of a service."""


class Inbox:
    """A queue of its own, subscribed to a topic."""

    def __init__(self, account: Account, topic_arn: str, *, name: str) -> None:
        """Make the queue and subscribe it, unless an earlier run did."""
        self._sqs: Any = account.client("sqs")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": _open_to(topic_arn, arn)})
        sns: Any = account.client("sns")
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
        if not any(subscribed["Endpoint"] == arn for page in pages for subscribed in page["Subscriptions"]):
            sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)

    def receive(self, *, wait_seconds: int) -> list[Notice]:
        """Return what has come, each alert once, waiting up to `wait_seconds` for the first."""
        found = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=MESSAGES_AT_ONCE,
            WaitTimeSeconds=min(wait_seconds, WAIT_LIMIT_SECONDS),
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        messages = found.get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return [_notice(message) for message in messages]


def _open_to(topic_arn: str, queue_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _notice(message: Mapping[str, Any]) -> Notice:
    envelope = json.loads(message["Body"])
    return Notice(
        subject=envelope.get("Subject", ""),
        event=json.loads(envelope["Message"]),
        attributes={name: str(entry["Value"]) for name, entry in envelope.get("MessageAttributes", {}).items()},
        arrived=moment(message["Attributes"]["SentTimestamp"]),
    )
