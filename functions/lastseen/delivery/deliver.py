"""The chat path: an event from the topic goes to each chat and webhook that wants it, once.

Lives here: the order of steps. The event is fanned out to one delivery per channel; a delivery is tried until the
channel takes it, and what a failure means for the channel is decided here. People hear of it: a channel that refuses
twice is switched off and the project's others are told; what was tried in vain for over an hour goes to the dead
letters, of which an alarm tells. A channel that hangs is left alone for a while, since all others wait for the same few
places.
Never here: HTTP (line.py), services (services.py), the queue (deliveries.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lastseen.aws.deliveries import TRIES, Deliveries, Delivery, wait_before
from lastseen.aws.topic import Topic
from lastseen.core.channel import BY_SNS, EVERY, Channel, Via, from_document, kind, to_document, wants
from lastseen.delivery.guarded import SILENT, Outcome
from lastseen.delivery.incident import singly
from lastseen.delivery.notes import Note, last_delivery, note_delivery
from lastseen.delivery.webhook import form, request
from lastseen.storage.errors import ConflictError
from lastseen.storage.projects import projects
from lastseen.storage.store import Store
from lastseen.text.event import Event, OwnKind
from lastseen.text.own import channel_lost

log = logging.getLogger(__name__)

SECOND_OPINION = timedelta(seconds=60)
"""A channel that says no is asked once more after so long: it may be in the middle of being deployed."""

REST = timedelta(minutes=1)
"""A channel that kept us waiting in vain is tried again after so long, however much is for it: three deliveries are
tried at a time, and a hundred to a receiver that hangs would keep every other channel waiting for minutes."""

LASTING = 4
"""A delivery that has failed so often, in two minutes or so, is worth an alarm."""

Send = Callable[[Channel, Event, bool], Outcome]
"""Send an event to a channel once; True: only its one line."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What one try of a delivery came to."""

    result: str  # delivered, dropped, again, refused
    wait: timedelta | None = None  # until the next try, if there is to be one
    why: str = ""  # what was wrong; no secret


def fan_out(
    event: Event,
    attributes: Mapping[str, str | list[str]],
    *,
    store: Store,
    deliveries: Deliveries,
    opens_incidents: Callable[[str], bool],
) -> int:
    """Send an event on its way to each channel that wants it; return to how many."""
    asked = str(attributes.get("project", ""))
    found = [asked] if asked != EVERY else projects(store)
    hearing = [channel for project in found for channel in _ours(project, store) if wants(channel, attributes)]
    sent = [
        Delivery(project=channel.project, channel_id=channel.id, event=each)
        for channel in hearing
        for each in (singly(event) if channel.via is Via.CHAT and opens_incidents(channel.target) else [event])
    ]
    deliveries.send(sent)
    return len(hearing)


def deliver(delivery: Delivery, *, tries: int, store: Store, topic: Topic, send: Send, now: datetime) -> Tried:
    """Try a delivery for the n-th time.

    1. A channel that was deleted, or is switched off, hears nothing; a test is tried even then.
    2. A channel that has just kept us waiting in vain is left alone; only the last try is never left out.
    3. A refusal that may be of the message, and not of the channel, is tried with the message's one line.
    4. A refusal that comes twice switches the channel off. Whatever else failed is tried again.
    """
    channel = _channel(delivery, store)
    is_test = delivery.event.type == OwnKind.TEST
    if channel is None or (channel.disabled and not is_test):
        return Tried("dropped")
    last = _last(channel, store)
    if last and last.why == SILENT and now < last.at + REST and tries < TRIES and not is_test:
        return Tried("again", max(wait_before(tries), last.at + REST - now), SILENT)
    outcome = _sent(channel, delivery.event, send)
    said_no = last is not None and last.why == outcome.why and now - last.at > SECOND_OPINION / 2
    result = _judged(outcome, tries, no_more=is_test or (said_no and tries > 1))
    note_delivery(store, channel, delivery.event, result=result.result, why=outcome.why, tries=tries, now=now)
    if outcome.delivered and channel.disabled:
        _save(store, replace(channel, disabled=""))
    if result.result == "refused" and not is_test:
        _switch_off(channel, delivery.event, outcome.why, store=store, topic=topic, now=now)
    return result


def _sent(channel: Channel, event: Event, send: Send) -> Outcome:
    outcome = send(channel, event, False)
    if outcome.content and channel.via is Via.CHAT:
        brief = send(channel, event, True)
        return brief if brief.delivered else outcome
    return outcome


def _judged(outcome: Outcome, tries: int, *, no_more: bool) -> Tried:
    """Return what follows; `no_more`: a refusal is the last word."""
    if outcome.delivered:
        return Tried("delivered")
    if not outcome.permanent:
        return Tried("again", max(wait_before(tries), outcome.wait or timedelta(0)), outcome.why)
    if no_more:
        return Tried("refused", why=outcome.why)
    return Tried("again", SECOND_OPINION, outcome.why)


def _last(channel: Channel, store: Store) -> Note | None:
    """Return what the last delivery to a channel came to; a note that cannot be read holds nothing up."""
    try:
        return last_delivery(store, channel)
    except (KeyError, TypeError, ValueError):
        return None


def _switch_off(channel: Channel, event: Event, why: str, *, store: Store, topic: Topic, now: datetime) -> None:
    """Switch a channel off, then tell the others. Killed in between, the next try of the delivery tells them."""
    others = [other.id for other in _all(channel.project, store) if other.id != channel.id and not other.disabled]
    topic.publish(channel_lost(channel, others=others, why=why, refused=event, now=now))
    _save(store, replace(channel, disabled=why))


def _save(store: Store, channel: Channel) -> None:
    with suppress(ConflictError):  # it was deleted meanwhile
        store.put_setting(kind(channel.project), channel.id, to_document(channel), known=True)


def _channel(delivery: Delivery, store: Store) -> Channel | None:
    document = store.setting(kind(delivery.project), delivery.channel_id)
    return from_document(delivery.project, delivery.channel_id, document) if document else None


def _ours(project: str, store: Store) -> Iterable[Channel]:
    return (channel for channel in _all(project, store) if channel.via not in BY_SNS)


def _all(project: str, store: Store) -> list[Channel]:
    """Return a project's channels; one that cannot be read stops no other."""
    found = []
    for channel_id, document in store.settings(kind(project)).items():
        try:
            found.append(from_document(project, channel_id, document))
        except (KeyError, ValueError, TypeError):
            log.exception("The channel %s of the project %s cannot be read.", channel_id, project)
    return found


def sender(
    chat: Callable[..., Outcome], post: Callable[..., Outcome], *, allow_private: bool, clock: Callable[[], datetime]
) -> Send:
    """Return how events are really sent: chats over Apprise, webhooks by their template."""

    def send(channel: Channel, event: Event, brief: bool) -> Outcome:  # noqa: FBT001 - the form of `Send`
        if channel.via is Via.CHAT:
            return chat(channel.target, event, allow_private=allow_private, brief=brief)
        return post(request(form(channel), event, clock()), allow_private=allow_private)

    return send
