"""The queue of deliveries: one message for each event and channel, so that a retry never doubles to the others.

It is a FIFO queue with a group for each channel: a channel gets everything in the order in which it happened, however
often one has to be tried again, and no other channel waits for it. A double from SNS within five minutes is dropped.
Never here: what is delivered (delivery/deliver.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING

from lastseen.text.event import Event, read_event, to_json

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

BATCH_BYTES = 200_000
BATCH = 10
"""Of one SendMessageBatch: bytes, well under SQS's limit, and messages."""

WAIT_FIRST = timedelta(seconds=15)
WAIT_LIMIT = timedelta(minutes=15)
TRIES = 12
"""Waits double from 15 s to 15 min: in all, a receiver may be away for well over an hour. Then the dead letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way to a channel."""

    project: str
    channel_id: str
    event: Event


class NotSentError(Exception):
    """SQS did not take all deliveries; the event is fanned out once more."""


class Deliveries:
    """The queue, as the rest of the program sees it."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, deliveries: Sequence[Delivery]) -> None:
        """Put deliveries into the queue, in order. Raises NotSentError; then it is safe to send all again."""
        batch: list[SendMessageBatchRequestEntryTypeDef] = []
        size = 0
        documents = {id(delivery.event): to_json(delivery.event) for delivery in deliveries}  # many have the same
        for index, delivery in enumerate(deliveries):
            body = json.dumps(
                {"project": delivery.project, "channel": delivery.channel_id, "event": documents[id(delivery.event)]},
                ensure_ascii=False,
            )
            if batch and (len(batch) == BATCH or size + len(body.encode()) > BATCH_BYTES):
                self._send(batch)
                batch, size = [], 0
            size += len(body.encode())
            batch.append(
                {
                    "Id": str(index),
                    "MessageBody": body,
                    "MessageGroupId": _short(delivery.channel_id),
                    "MessageDeduplicationId": _short(f"{delivery.channel_id}:{delivery.event.id}"),
                }
            )
        if batch:
            self._send(batch)

    def postpone(self, receipt: str, wait: timedelta) -> None:
        """Let a delivery that failed come again after `wait`, and not before."""
        seconds = max(0, ceil(wait.total_seconds()))
        self._client.change_message_visibility(
            QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=seconds
        )

    def _send(self, batch: list[SendMessageBatchRequestEntryTypeDef]) -> None:
        answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=batch)
        if answer.get("Failed"):
            raise NotSentError(f"{len(answer['Failed'])} deliveries were not taken: {answer['Failed'][0].get('Code')}")


def read(body: str) -> Delivery:
    """Return the delivery that a message's body holds. Raises KeyError or ValueError."""
    held = json.loads(body)
    return Delivery(project=held["project"], channel_id=held["channel"], event=read_event(held["event"]))


def wait_before(tries: int) -> timedelta:
    """Return how long to wait after so many tries have failed."""
    doublings = min(max(tries - 1, 0), TRIES)
    return min(WAIT_FIRST * (1 << doublings), WAIT_LIMIT)


def _short(name: str) -> str:
    """Return a name of at most 128 characters that SQS takes."""
    return hashlib.sha256(name.encode()).hexdigest()
