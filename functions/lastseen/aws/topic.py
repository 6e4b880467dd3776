"""The two topics, from which SNS fans alerts out to e-mail, SMS and users' queues; and the queue of deliveries beside.

  alerts     what the deployment gets: each alert once, many together as one digest; and the alarms of CloudWatch
  channels   what channels get: each message lists its channels, and a subscription lets through its own id alone

What is for chats, webhooks and incident tools goes straight into the queue (fan_out.py), where it keeps its order.

Two, because a filter policy lets no message without attributes through, which is what an alarm of CloudWatch is: so
the addresses that get alarms have no filter, and what is for channels alone must not be published where they listen.

Never here: what an alert says (text/), who is notified (alerting/routing.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lastseen.aws.deliveries import Deliveries
from lastseen.aws.fan_out import QUEUED, fan_out
from lastseen.core.channel import DEPLOYMENT, EVERY
from lastseen.storage.decide import Pause, sleep
from lastseen.storage.errors import code_of, throttled
from lastseen.storage.store import Store
from lastseen.text.message import Message

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

SIZE_LIMIT = 262_144
"""Bytes of all parts of one publication together, attributes included; SNS's limit."""

ALERT_GAP_SECONDS = 0.25
"""Between two messages of one alert function to the same receiver. Two of them run at once (infra/wakes.py), so that no
subscription gets more than 8 a second: above 10, SNS cuts off e-mail."""

PENDING = "PendingConfirmation"
"""SNS's word in place of the ARN of a subscription that nobody has confirmed yet."""
DELETED = "Deleted"
"""SNS's word in place of the ARN of a subscription that was removed: it stays in the list for some days."""


class SubscriptionError(Exception):
    """SNS refused an address or a token; the text says why.

    SubscriptionError
      SubscribedError     the address is subscribed already, with another filter
      TopicFullError      SNS takes no more subscriptions with a filter
      TopicBusyError      SNS takes no more for the moment; the same call can be made again later
    """


class SubscribedError(SubscriptionError):
    """The address is subscribed already, with another filter."""


class TopicFullError(SubscriptionError):
    """SNS takes no more subscriptions, or none with a filter."""


class TopicBusyError(SubscriptionError):
    """SNS takes no more for the moment."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscriber of the topic, as SNS lists it."""

    protocol: str
    endpoint: str
    arn: str  # PENDING while it is not confirmed

    @property
    def confirmed(self) -> bool:
        """Whether SNS sends anything there: only what has an ARN was confirmed."""
        return self.arn.startswith("arn:")


ToChannels = Callable[[Message], object]
"""Put what a message has for channels into the queue of deliveries."""


def to_channels(store: Store, deliveries: Deliveries) -> ToChannels:
    """Return the way of messages into the queue."""
    return lambda message: fan_out(message.event, message.attributes, store=store, deliveries=deliveries)


class Topic:
    """Both topics, as the rest of the program sees them."""

    def __init__(
        self,
        client: SNSClient,
        arn: str,
        channels_arn: str,
        *,
        to_channels: ToChannels | None = None,
        gap_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        pause: Pause = sleep,
    ) -> None:
        """`to_channels`: puts what is for channels into the queue; None: the deliver function does, by way of SNS.

        `gap_seconds`: how long to wait at least between two publications to the same receiver.
        """
        self._client = client
        self._arn = arn
        self._channels_arn = channels_arn
        self._to_channels = to_channels
        self._gap_seconds = gap_seconds
        self._clock = clock
        self._pause = pause
        self._free_at: dict[str, float] = {}  # receiver -> when it may get the next message

    def publish(self, message: Message) -> None:
        """Publish one message where its receivers listen: text for people, the JSON event for programs.

        Returns when the queue and SNS have taken it; sent once more, it is a double. For every channel and the
        deployment: the one receiver "*".
        """
        receivers = list(message.attributes["channel_ids"])
        if self._gap_seconds:
            self._wait(receivers)
        channels = [each for each in receivers if each != DEPLOYMENT]
        if channels:
            if self._to_channels:
                self._to_channels(message)
                message = replace(message, attributes=message.attributes | {QUEUED: "true"})
            self._publish(self._channels_arn, message, channels)
        if DEPLOYMENT in receivers or EVERY in receivers:
            self._publish(self._arn, message, [DEPLOYMENT])

    def _publish(self, arn: str, message: Message, receivers: list[str]) -> None:
        parts = {"default": as_json(message.document), "email": message.email, "sms": message.sms}
        attributes = message.attributes | {"channel_ids": receivers}
        self._client.publish(
            TopicArn=arn,
            Subject=message.subject,
            Message=as_json(parts),
            MessageStructure="json",
            MessageAttributes={name: _attribute(value) for name, value in {**attributes, **SMS}.items()},
        )

    def publish_document(self, document: Any) -> None:
        """Publish a document of another form, as JSON."""
        self._client.publish(TopicArn=self._arn, Message=as_json(document))

    def subscriptions(self) -> list[Subscription]:
        """Return all subscribers, those of the deployment first, then those of channels, confirmed or not.

        Those that were removed are left out, though SNS lists them on.
        """
        paginator = self._client.get_paginator("list_subscriptions_by_topic")
        return [
            Subscription(protocol=one["Protocol"], endpoint=one["Endpoint"], arn=one["SubscriptionArn"])
            for arn in (self._arn, self._channels_arn)
            for page in paginator.paginate(TopicArn=arn)
            for one in page["Subscriptions"]
            if one["SubscriptionArn"] != DELETED
        ]

    def subscribe(self, protocol: str, endpoint: str, policy: Mapping[str, list[str]]) -> str:
        """Subscribe a channel's address to what the policy lets through; return the ARN, confirmed or not.

        An address that is subscribed with the same policy keeps its subscription; where it is not confirmed, AWS mails
        its reader again. Raises SubscriptionError if SNS does not take the address.
        """
        try:
            answer = self._client.subscribe(
                TopicArn=self._channels_arn,
                Protocol=protocol,
                Endpoint=endpoint,
                Attributes={"FilterPolicy": json.dumps(policy)},
                ReturnSubscriptionArn=True,
            )
        except ClientError as error:
            raise refusal(error) from error
        return answer["SubscriptionArn"]

    def confirm(self, token: str) -> str:
        """Confirm a subscription so that unsubscribing takes AWS credentials; return its ARN.

        Raises SubscriptionError if the token is wrong or too old.
        """
        try:
            answer = self._client.confirm_subscription(
                TopicArn=self._channels_arn, Token=token, AuthenticateOnUnsubscribe="true"
            )
        except ClientError as error:
            raise refusal(error) from error
        return answer["SubscriptionArn"]

    def unsubscribe(self, arn: str) -> None:
        """Remove a subscription; one that is gone is no error.

        Raises SubscriptionError for one that is not confirmed: SNS forgets that by itself, after two days.
        """
        try:
            self._client.unsubscribe(SubscriptionArn=arn)
        except ClientError as error:
            if code_of(error).removesuffix("Exception") not in _GONE:
                raise refusal(error) from error

    def _wait(self, receivers: Iterable[str]) -> None:
        """Wait until each receiver may get a message, and note when each may get the next."""
        now = self._clock()
        free_at = max((self._free_at.get(receiver, now) for receiver in receivers), default=now)
        if now < free_at:
            self._pause(free_at - now)
        sent_at = max(now, free_at)
        still_busy = {receiver: at for receiver, at in self._free_at.items() if at > sent_at}
        self._free_at = still_busy | dict.fromkeys(receivers, sent_at + self._gap_seconds)


def as_json(document: Any) -> str:
    """Return JSON in which every character stays as it is: escapes would cost up to three times the bytes."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _attribute(value: str | list[str]) -> Any:
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    return {"DataType": "String.Array", "StringValue": as_json(value)}


SMS = {"AWS.SNS.SMS.SMSType": "Transactional"}
"""Delivered before what is only promotional, which is SNS's default: no one is woken by an alert that was put off."""

_AT_FAULT = frozenset({"InvalidParameter", "InvalidParameterValue", "NotFound"})
"""How SNS says that what was asked of it is wrong."""
_FULL = frozenset({"FilterPolicyLimitExceeded", "SubscriptionLimitExceeded"})
_GONE = frozenset({"NotFound"})


def refusal(error: ClientError) -> Exception:
    """Return what a refusal of SNS means; the error as it is where that is nobody's to answer but ours."""
    code = code_of(error).removesuffix("Exception")
    words = str(error.response["Error"].get("Message", ""))
    if code in _AT_FAULT:
        return (SubscribedError if "already exists" in words else SubscriptionError)(words)
    if code in _FULL:
        return TopicFullError(words)
    return TopicBusyError(words) if throttled(error) else error
