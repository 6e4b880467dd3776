"""A channel: where alerts go, and which of them.

Lives here: the value Channel, and the rule of which alerts it wants. Pure.
Never here: its document (storage/documents.py), who is notified of a batch of alerts (alerting/routing.py), delivery
(delivery/), who may change a channel (api/channels.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from lastseen.core.check import Check, Flip, Reason, Status

ALL_CHANNELS = "*"
"""In a check's `channels`: every channel of its project."""

DEPLOYMENT = "deployment"
"""The receiver of every alert: the addresses of `alert_emails`. No channel has this id; theirs are UUIDs."""

EVERY = "*"
"""As the project, or a channel, of a message: each. Lastseen speaks of itself so."""


ENDED_BY_HAND = frozenset({Reason.PAUSED, Reason.RESUMED, Reason.DELETED, Reason.UNASSIGNED})
"""A person ended the incident, and no job: for all who saw it begin, or for some of them."""


class Via(StrEnum):
    """How a channel is reached."""

    EMAIL = "email"  # an SNS subscription
    SMS = "sms"  # an SNS subscription
    CHAT = "chat"  # an Apprise URL
    WEBHOOK = "webhook"  # a request of ours, by template


BY_SNS = frozenset({Via.EMAIL, Via.SMS})
"""SNS delivers to these; to the others the chat function does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where alerts of a project go, and which of them."""

    id: str
    project: str
    name: str
    via: Via
    target: str  # address, number or URL: a secret, in no log and no list
    default: bool = True  # takes alerts of checks that say "*"; else only of those that name it
    statuses: tuple[str, ...] = ()  # "down", "up": only those; empty: all
    tags: tuple[str, ...] = ()  # only checks that have one of them; empty: all
    webhook: Mapping[str, Any] | None = None  # method, headers, body templates and signing secret
    subscription: str = ""  # ARN, for e-mail and SMS
    disabled: str = ""  # why nothing is sent any more; empty: it works
    created: datetime | None = None


def listed(channel: Channel, channels: str) -> bool:
    """Return whether a channel is among those that a check, or a project, lists in its `channels`."""
    ids = {each.strip() for each in channels.split(",")}
    return channel.id in ids or (ALL_CHANNELS in ids and channel.default)


def is_reached_by(channel: Channel, check: Check) -> bool:
    """Return whether a channel is notified when this check goes down."""
    wants_down = not channel.statuses or Status.DOWN in channel.statuses
    return wants_down and is_named_by(channel, check)


def is_named_by(channel: Channel, check: Check) -> bool:
    """Return whether a check's list has the channel, and the channel's tags let the check through."""
    return listed(channel, check.channels) and _wants_tags(channel, check)


def hears(channel: Channel, check: Check, flip: Flip) -> bool:
    """Return whether a channel is notified of this flip: the one rule of routing.

    Flapping, and its end, concern those who want either status alone.
    """
    wants_status = not channel.statuses or bool(set(concerned(flip)) & set(channel.statuses))
    return wants_status and is_named_by(channel, check)


def readers_of(check: Check) -> tuple[set[str], set[str]]:
    """Return what of a check decides which channels hear of it."""
    return {each.strip() for each in check.channels.split(",")}, set(check.tags.split())


def concerned(flip: Flip) -> tuple[Status, ...]:
    """Return the statuses whose readers a flip concerns: an end made by a person those of recoveries."""
    if flip.reason in ENDED_BY_HAND:
        return (Status.UP,)
    both = flip.flapping or flip.reason is Reason.STEADY
    return (Status.DOWN, Status.UP) if both else (flip.status,)


def _wants_tags(channel: Channel, check: Check) -> bool:
    return not channel.tags or not set(channel.tags).isdisjoint(check.tags.split())


def wants(channel: Channel, attributes: Mapping[str, str | list[str]]) -> bool:
    """Return whether a message without the ids of its channels is for this one: published before routing was ours."""
    rule: dict[str, list[str]] = {
        "project": [channel.project, EVERY],
        "channels": [ALL_CHANNELS, channel.id] if channel.default else [channel.id],
    }
    rule |= {"status": list(channel.statuses)} if channel.statuses else {}
    rule |= {"tags": list(channel.tags)} if channel.tags else {}
    for key, accepted in rule.items():
        value = attributes.get(key)
        values = [value] if isinstance(value, str) else value or []
        if not set(values) & set(accepted):
            return False
    return True


def policy(channel_id: str) -> dict[str, list[str]]:
    """Return the filter policy of a channel's SNS subscription, written once: its own id, and what is for everybody."""
    return {"channel_ids": [channel_id, EVERY]}
