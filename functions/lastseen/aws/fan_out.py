"""From a message to the queue of deliveries: one delivery for each channel that an event is for.

Lives here: which channels that are. A message that lists its channels goes to exactly these; one that was published
before routing was ours, to those whose own rule wants it.

Who publishes a message puts its deliveries into the queue as well, before anything else: SNS hands messages over in any
order, and again after minutes where the function that took them was cut off, so that an end could overtake its
beginning. What comes from the topic all the same is of a function that does not know the queue.
Never here: publishing (topic.py), sending (delivery/).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lastseen.aws.deliveries import Deliveries, Delivery
from lastseen.core.channel import BY_SNS, DEPLOYMENT, EVERY, Channel, Via, wants
from lastseen.storage.projects import channels_of, project_names
from lastseen.storage.store import Store
from lastseen.text.event import Event, read_event
from lastseen.text.incident import opens_incidents, singly

Attributes = Mapping[str, str | list[str]]

QUEUED = "queued"
"""The attribute of a message whose deliveries are in the queue already."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What the topic says: an event, and what filters look at."""

    event: Event
    attributes: Attributes


def read_notification(sns: Mapping[str, Any]) -> Notification | None:
    """Return what SNS handed over; None for an alarm of CloudWatch, which knows no projects.

    Raises DocumentError for an event that cannot be read.
    """
    try:
        attributes = {name: _attribute(value) for name, value in sns["MessageAttributes"].items()}
        document = json.loads(sns["Message"])
        is_ours = bool(document["type"] and attributes["project"])
    except (KeyError, TypeError, ValueError):
        return None
    return Notification(read_event(document), attributes) if is_ours else None


def fan_out(
    event: Event,
    attributes: Attributes,
    *,
    store: Store,
    deliveries: Deliveries,
) -> int:
    """Send an event on its way to each channel that it is for; return to how many."""
    if attributes.get("channel_ids") == [DEPLOYMENT] or QUEUED in attributes:
        return 0  # it has come another way: on the topic of channels, or from who published it
    project = str(attributes.get("project", ""))
    candidates = [
        channel
        for name in (project_names(store) if project == EVERY else [project])
        for channel in channels_of(store, name).values
        if channel.via not in BY_SNS
    ]
    receivers = [channel for channel in candidates if _is_for(channel, event, attributes)]
    deliveries.send(
        [
            Delivery(project=channel.project, channel_id=channel.id, event=part)
            for channel in receivers
            for part in (singly(event) if channel.via is Via.CHAT and opens_incidents(channel.target) else [event])
        ]
    )
    return len(receivers)


def _is_for(channel: Channel, event: Event, attributes: Attributes) -> bool:
    receivers = attributes.get("channel_ids", event.channels)
    return wants(channel, attributes) if receivers is None else channel.id in receivers or EVERY in receivers


def _attribute(value: Mapping[str, str]) -> str | list[str]:
    return json.loads(value["Value"]) if value["Type"] == "String.Array" else value["Value"]
