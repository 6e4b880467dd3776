"""The wake queue: "look at this check, then". The only file that speaks SQS.

A wake is a hint, never a truth: whoever gets one reads the check and decides. So a wake may come twice, late or for
nothing, and a lost one is made again by the next sweep.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

BATCH = 10
"""Messages in one SendMessageBatch; SQS's limit."""

DELAY_LIMIT = 900
"""Seconds; SQS's limit."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Look at a check, `delay_seconds` from now."""

    check_id: str
    delay_seconds: int = 0


class Wakes:
    """The queue, as the rest of the program sees it."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, wakes: Sequence[Wake]) -> int:
        """Send wakes; return how many SQS did not take. They are not lost: the next sweep makes them again."""
        refused = 0
        for first in range(0, len(wakes), BATCH):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {
                    "Id": str(index),
                    "MessageBody": json.dumps({"id": wake.check_id}),
                    "DelaySeconds": min(max(wake.delay_seconds, 0), DELAY_LIMIT),
                }
                for index, wake in enumerate(wakes[first : first + BATCH])
            ]
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            refused += len(answer.get("Failed", []))
        return refused
