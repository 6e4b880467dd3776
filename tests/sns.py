"""SNS as AWS lists it, for whoever subscribes: what the emulators leave out.

- A subscription that was removed stays in the list for days, as "Deleted".
- One that nobody has confirmed has no ARN in the list, cannot be unsubscribed, and goes by itself after three days.
- An address is subscribed once: again with the same filter, it keeps its subscription, and a reader who has not
  confirmed gets another mail; with another filter it is refused.
Sources: API reference of Subscribe and Unsubscribe; ansible pull request 20086; LocalStack.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from lastseen.aws.topic import DELETED, PENDING
from tests.judge import judged

ARN = "arn:aws:sns:eu-west-1:123456789012:alerts"
CHANNELS_ARN = f"{ARN}-of-channels"


@dataclass
class Entry:
    """A subscription as SNS knows it."""

    protocol: str
    endpoint: str
    policy: dict[str, Any]
    arn: str
    confirmed: bool
    deleted: bool = False

    @property
    def topic_arn(self) -> str:
        return self.arn.rpartition(":")[0]

    @property
    def listed_arn(self) -> str:
        return DELETED if self.deleted else self.arn if self.confirmed else PENDING


@judged("sns")
@dataclass
class SnsAsAws:
    """The calls of a client that are about subscriptions."""

    entries: list[Entry] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)  # addresses that AWS has asked for confirmation

    @property
    def present(self) -> list[Entry]:
        """Those that are, confirmed or not."""
        return [entry for entry in self.entries if not entry.deleted]

    def subscribe(
        self,
        *,
        TopicArn: str,  # noqa: N803
        Protocol: str,  # noqa: N803
        Endpoint: str,  # noqa: N803
        Attributes: Mapping[str, str],  # noqa: N803
        **_more: Any,
    ) -> Any:
        policy = json.loads(Attributes.get("FilterPolicy", "{}"))
        for entry in self.present:
            if (entry.topic_arn, entry.protocol, entry.endpoint) == (TopicArn, Protocol, Endpoint):
                if entry.policy != policy:
                    raise refused("Subscribe", "Subscription already exists with different attributes")
                break
        else:
            entry = Entry(Protocol, Endpoint, policy, f"{TopicArn}:{len(self.entries)}", confirmed=Protocol != "email")
            self.entries.append(entry)
        if not entry.confirmed:
            self.mails.append(Endpoint)
        return {"SubscriptionArn": entry.arn}

    def confirm_subscription(self, *, Token: str, **_more: Any) -> Any:  # noqa: N803
        """Confirm the address that is the token, as if AWS had mailed it that."""
        for entry in self.present:
            if entry.endpoint == Token:
                entry.confirmed = True
                return {"SubscriptionArn": entry.arn}
        raise refused("ConfirmSubscription", "Invalid parameter: Token")

    def unsubscribe(self, *, SubscriptionArn: str) -> Any:  # noqa: N803
        for entry in self.present:
            if entry.arn == SubscriptionArn:
                if not entry.confirmed:
                    raise refused("Unsubscribe", "Cannot unsubscribe a subscription that is pending confirmation")
                entry.deleted = True
        return {}

    def get_paginator(self, _operation: str) -> SnsAsAws:
        return self

    def paginate(self, *, TopicArn: str, **_asked: Any) -> Iterator[Any]:  # noqa: N803
        listed = [
            {"Protocol": entry.protocol, "Endpoint": entry.endpoint, "SubscriptionArn": entry.listed_arn}
            for entry in self.entries
            if entry.topic_arn == TopicArn
        ]
        yield {"Subscriptions": listed}

    def forget_pending(self) -> None:
        """Let three days pass."""
        self.entries = [entry for entry in self.entries if entry.confirmed]

    def opened_every_link(self, address: str) -> None:
        """Let a mail scanner follow the unsubscribe link of a mail."""
        for entry in self.present:
            if entry.endpoint == address:
                entry.deleted = True


def refused(operation: str, words: str, code: str = "InvalidParameter") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": words}}, operation)
