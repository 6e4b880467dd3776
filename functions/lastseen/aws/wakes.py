"""The wake queue: "look at this check, then".

A wake is a hint, never a truth: the function that gets one reads the check and decides. So a wake may come twice, late
or for nothing, and a lost one is made again by the next sweep.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

T = TypeVar("T")

BATCH = 10
"""Messages in one SendMessageBatch; SQS's limit."""

CHECKS = 50
"""Checks in one message, of those that are due in the same second: a sweep that finds many due makes a fiftieth of the
calls, and a thousand that fall due together are twenty messages, so twenty digests at most."""

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
        for group in _chunks(packed(wakes), BATCH):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {
                    "Id": str(index),
                    "MessageBody": json.dumps({"ids": check_ids}),
                    "DelaySeconds": delay_seconds,
                }
                for index, (delay_seconds, check_ids) in enumerate(group)
            ]
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            refused += sum(len(group[int(failed["Id"])][1]) for failed in answer.get("Failed", []))
        return refused


def read(body: str) -> list[str]:
    """Return the ids of the checks that a message is about. Raises ValueError if it is none of ours."""
    document = json.loads(body)
    ids = document.get("ids") if isinstance(document, dict) else None
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise ValueError("A wake is a JSON object with a list of ids.")
    return ids


def packed(wakes: Sequence[Wake]) -> list[tuple[int, Sequence[str]]]:
    """Return the messages to send, each a delay in seconds and its checks; the most urgent first."""
    by_delay: dict[int, list[str]] = {}
    for wake in wakes:
        by_delay.setdefault(min(max(wake.delay_seconds, 0), DELAY_LIMIT), []).append(wake.check_id)
    return [(delay, group) for delay in sorted(by_delay) for group in _chunks(by_delay[delay], CHECKS)]


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[first : first + size] for first in range(0, len(items), size)]
