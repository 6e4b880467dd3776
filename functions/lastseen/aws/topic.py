"""The alert topic: from here SNS fans out to e-mail, SMS, queues and the chat function. The only file that speaks SNS.

Never here: what an alert says (message.py), who is to hear it (filter policies on the attributes).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lastseen.text.message import Message

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

SIZE_LIMIT = 262_144
"""Bytes of all parts of one publication together, attributes included; SNS's limit."""

ALERT_GAP_SECONDS = 0.25
"""Between two messages of one alert function. Two of them run at once (infra/wakes.py), so that no subscription sees
more than 8 a second: above 10, SNS cuts off e-mail."""

PENDING = "PendingConfirmation"
"""SNS's word in place of the ARN of a subscription that nobody has confirmed yet."""


class SubscriptionError(Exception):
    """SNS refused an address or a token; the text says why."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscriber of the topic, as SNS lists it."""

    protocol: str
    endpoint: str
    arn: str  # PENDING while it is not confirmed


class Topic:
    """The topic, as the rest of the program sees it."""

    def __init__(
        self,
        client: SNSClient,
        arn: str,
        *,
        gap_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`gap_seconds`: how long to wait at least between two publications."""
        self._client = client
        self._arn = arn
        self._gap_seconds = gap_seconds
        self._clock = clock
        self._pause = pause
        self._free_at = float("-inf")

    def publish(self, message: Message) -> None:
        """Publish one alert: text for people, the JSON event for programs. Returns when SNS has taken it."""
        self._wait()
        parts = {"default": as_json(message.document), "email": message.email, "sms": message.sms}
        self._client.publish(
            TopicArn=self._arn,
            Subject=message.subject,
            Message=as_json(parts),
            MessageStructure="json",
            MessageAttributes={name: _attribute(value) for name, value in message.attributes.items()},
        )

    def subscriptions(self) -> list[Subscription]:
        """Return all subscribers."""
        pages = self._client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._arn)
        return [
            Subscription(protocol=one["Protocol"], endpoint=one["Endpoint"], arn=one["SubscriptionArn"])
            for page in pages
            for one in page["Subscriptions"]
        ]

    def subscribe(self, protocol: str, endpoint: str, policy: Mapping[str, list[str]]) -> str:
        """Subscribe an address to what the policy lets through; return the subscription's ARN, confirmed or not.

        Raises SubscriptionError if SNS does not take the address.
        """
        try:
            answer = self._client.subscribe(
                TopicArn=self._arn,
                Protocol=protocol,
                Endpoint=endpoint,
                Attributes={"FilterPolicy": json.dumps(policy)},
                ReturnSubscriptionArn=True,
            )
        except ClientError as error:
            raise _refusal(error) from error
        return answer["SubscriptionArn"]

    def confirm(self, token: str) -> str:
        """Confirm a subscription so that unsubscribing takes AWS credentials; return its ARN.

        Raises SubscriptionError if the token is wrong or too old.
        """
        try:
            answer = self._client.confirm_subscription(
                TopicArn=self._arn, Token=token, AuthenticateOnUnsubscribe="true"
            )
        except ClientError as error:
            raise _refusal(error) from error
        return answer["SubscriptionArn"]

    def unsubscribe(self, arn: str) -> None:
        """Remove a subscription; one that is gone is no error.

        Raises SubscriptionError for one that is not confirmed: SNS forgets that by itself, after two days.
        """
        try:
            self._client.unsubscribe(SubscriptionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"NotFound", "NotFoundException"}:
                raise _refusal(error) from error

    def _wait(self) -> None:
        now = self._clock()
        if now < self._free_at:
            self._pause(self._free_at - now)
        self._free_at = max(now, self._free_at) + self._gap_seconds


def as_json(document: Any) -> str:
    """Return JSON in which every character stays as it is: escapes would cost up to three times the bytes."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _attribute(value: str | list[str]) -> Any:
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    return {"DataType": "String.Array", "StringValue": as_json(value)}


_REFUSALS = frozenset({"InvalidParameter", "InvalidParameterException", "InvalidParameterValue", "NotFound"})


def _refusal(error: ClientError) -> Exception:
    """Return SNS's words if the request was at fault; else the error as it is."""
    told = error.response["Error"]
    code, words = str(told.get("Code", "")), str(told.get("Message", ""))
    return SubscriptionError(words) if code in _REFUSALS else error
