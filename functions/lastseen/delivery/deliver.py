"""From the queue to the receiver: a delivery is tried until the channel takes it, or somebody is notified why not.

Lives here: what a failure means, by its cause.
- Passing (the receiver is busy or away): tried again, for well over an hour, then it lies with the dead letters.
- The message is at fault: it is sent without markup, then as one line; at last it is dropped and the project's other
  channels are notified. The channel stays on.
- The channel is at fault: after a second opinion the others are notified. What is for the channel is kept for the usual
  hour, and a message that it is reached again is tried for a day; then the channel is off until somebody tests it.

A channel gets all that is for it in order (the queue's groups): one that hangs or is away delays nobody else.
Never here: HTTP (guarded.py), services (slack.py ...), the queue (aws/deliveries.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lastseen.aws.deliveries import TRIES, Deliveries, Delivery, wait_before
from lastseen.aws.topic import Topic
from lastseen.core.channel import Channel
from lastseen.core.times import millis
from lastseen.delivery.notes import Note, Standing, last_delivery, save_note
from lastseen.delivery.results import Delivered, Fault, MessageForm, Result
from lastseen.delivery.sender import Send
from lastseen.storage.documents import CHANNELS
from lastseen.storage.errors import ConflictError
from lastseen.storage.projects import channels_of
from lastseen.storage.store import Store
from lastseen.text.event import OwnKind
from lastseen.text.message import Message
from lastseen.text.own import alert_refused, channel_back, channel_lost, reached_again

SECOND_OPINION = timedelta(seconds=60)
"""A channel that refuses is asked once more after so long: it may be in the middle of being deployed."""

REST = timedelta(minutes=1)
"""A channel that kept us waiting in vain is left alone for so long: a few deliveries are tried at a time."""

REFUSAL_WAIT_LIMIT = timedelta(hours=1)
"""Waits for a channel that refuses double from `SECOND_OPINION` up to this."""

KEPT = timedelta(minutes=80)
"""For how long an alert is kept for a channel that refuses."""

CLOCKS_DIFFER = timedelta(seconds=5)
"""A channel that is to be left alone for less than this is tried: what seems early may be another function's clock, and
a try that is put off is one of few all the same."""

DOUBLINGS_LIMIT = 10

GIVEN_UP_AFTER = timedelta(days=1)
"""A channel that refuses for so long is off until somebody tests it."""

LASTING = 4
"""A delivery that has failed so often, in two minutes or so, is worth an alarm."""

FORMS = (MessageForm.FULL, MessageForm.PLAIN, MessageForm.LINE)


@dataclass(frozen=True, slots=True)
class Tried:
    """What one try of a delivery came to."""

    result: Result
    wait: timedelta | None = None  # until the next try, if there is to be one
    why: str = ""  # what was wrong; no secret
    alarming: bool = False  # whether an alarm is to name it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Where channels and notes are, and the ways to receivers and to people."""

    store: Store
    topic: Topic
    deliveries: Deliveries
    send: Send


def attempt(delivery: Delivery, *, receipt: str, tries: int, sent_at: datetime, ways: Ways, now: datetime) -> Tried:
    """Try a delivery as `deliver` does, and say when it comes again: a try that raises as soon as one that was in vain.

    Left to the queue it would come again after the queue's own time, six minutes, for which its channel would wait.
    """
    try:
        tried = deliver(delivery, tries=tries, sent_at=sent_at, ways=ways, now=now)
    except Exception:
        ways.deliveries.postpone(receipt, wait_before(tries))
        raise
    if tried.wait is not None:
        ways.deliveries.postpone(receipt, tried.wait)
    return tried


def deliver(delivery: Delivery, *, tries: int, sent_at: datetime, ways: Ways, now: datetime) -> Tried:
    """Try a delivery for the n-th time; `sent_at`: when it was put into the queue.

    1. A channel that was deleted, or is off, gets nothing; a test is tried even then.
    2. A channel that is to be left alone is; only the last try is never left out.
    3. A message that is refused for its form is sent with less of it.
    4. What follows depends on whose fault it is.
    """
    assert tries >= 1
    channel = _channel(delivery, ways.store)
    is_test = delivery.event.type == OwnKind.TEST
    if channel is None or (channel.disabled and not is_test):
        return Tried(Result.DROPPED)
    standing, why = _standing(channel, ways.store)
    if standing.next_try and now < standing.next_try - CLOCKS_DIFFER and tries < TRIES and not is_test:
        return Tried(Result.AGAIN, standing.next_try - now, why)
    channel, outcome = _sent(channel, delivery, ways)
    attempt = _Attempt(channel, delivery, outcome, standing, tries, sent_at, ways, now)
    if is_test:
        return attempt.tested()
    if outcome.ok:
        return attempt.taken()
    if outcome.fault is Fault.MESSAGE:
        return attempt.message_refused()
    return attempt.channel_refused() if outcome.fault is Fault.CHANNEL else attempt.failed()


def _sent(channel: Channel, delivery: Delivery, ways: Ways) -> tuple[Channel, Delivered]:
    """Send in each form until one is not refused for its form; follow a channel that has moved, once."""
    outcome, forms = Delivered(fault=Fault.MESSAGE), list(FORMS)
    while forms and outcome.fault is Fault.MESSAGE:
        outcome = ways.send(channel, delivery.event, forms[0])
        if outcome.moved_to and outcome.moved_to != channel.target:
            channel = replace(channel, target=outcome.moved_to)
            _save(ways.store, channel)
            forms.pop()  # the time is for three
            outcome = replace(outcome, fault=Fault.MESSAGE)
        else:
            forms.pop(0)
    return channel, outcome


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One try, what it came to, and what is known of the channel: each method says what follows."""

    channel: Channel
    delivery: Delivery
    outcome: Delivered
    standing: Standing  # before this try
    tries: int
    sent_at: datetime
    ways: Ways
    now: datetime

    def taken(self) -> Tried:
        """Note that the channel took something; those who were notified of its trouble are notified of the end."""
        standing = self.standing
        if standing.lost:
            self._publish(
                channel_back(
                    self.channel, others=self._others(), incident=standing.lost, missed=standing.missed, now=self.now
                )
            )
        return self._noted(Tried(Result.DELIVERED), Standing())

    def failed(self) -> Tried:
        """Try again later what the receiver was too busy for, or away."""
        tried = self._postponed()
        leave_alone = self.outcome.fault is Fault.SILENT or self.outcome.wait is not None
        assert tried.wait is not None
        next_try = self.now + tried.wait if leave_alone else None
        return self._noted(tried, replace(self.standing, fault=self.outcome.fault, next_try=next_try))

    def message_refused(self) -> Tried:
        """Drop a message that is refused in every form, and notify the others. The channel stays on."""
        message = alert_refused(
            self.channel, others=self._others(), why=self.outcome.why, refused=self.delivery.event, now=self.now
        )
        self._publish(message)
        tried = Tried(Result.REFUSED, why=self.outcome.why, alarming=True)
        return self._noted(tried, replace(self.standing, fault=Fault.MESSAGE, next_try=None))

    def channel_refused(self) -> Tried:
        """Keep what is for a channel that refuses, for an hour; notify the others; ask again for a day."""
        standing = self._refused_once_more()
        since = standing.failing_since
        assert since is not None
        if standing.refusals > 1 and not standing.lost:
            lost = self._lost()
            self._publish(lost)
            standing = replace(standing, lost=lost.event.id)
            self._ask_again(standing)
        if self.now - since >= GIVEN_UP_AFTER:
            return self._given_up(standing)
        is_question = self.delivery.event.type == OwnKind.CHANNEL_BACK
        is_too_old = self.now - self.sent_at >= KEPT and not is_question
        is_renewed = is_question and self.tries >= TRIES - 1
        if is_renewed:
            self._ask_again(standing)  # before the queue takes it for a dead letter
        wait = min(SECOND_OPINION * (1 << min(standing.refusals - 1, DOUBLINGS_LIMIT)), REFUSAL_WAIT_LIMIT)
        standing = replace(standing, next_try=self.now + wait, missed=standing.missed + is_too_old)
        tried = Tried(Result.AGAIN, wait, self.outcome.why, alarming=self.tries >= LASTING)
        self._noted(tried, standing)
        return Tried(Result.DROPPED, why=self.outcome.why) if is_too_old or is_renewed else tried

    def tested(self) -> Tried:
        """Note what a test came to. A test that arrives switches its channel on again."""
        tried = self._postponed()
        if self.outcome.ok:
            tried = Tried(Result.DELIVERED)
        elif self.outcome.fault in {Fault.MESSAGE, Fault.CHANNEL}:
            tried = Tried(Result.REFUSED, why=self.outcome.why)
        note = Note(event=self.delivery.event.id, at=self.now, result=tried.result, why=tried.why, tries=self.tries)
        save_note(self.ways.store, self.channel, note, of_a_test=True)
        if self.outcome.ok and self.channel.disabled:
            _save(self.ways.store, replace(self.channel, disabled=""))
        if self.outcome.ok and (self.channel.disabled or self.standing.refusals):
            self.taken()
        return tried

    def _refused_once_more(self) -> Standing:
        """Return the standing after this refusal. One that follows at once is the same, tried by another process."""
        before = self.standing
        is_another = before.refused_at is None or self.now - before.refused_at >= SECOND_OPINION / 2
        return replace(
            before,
            fault=Fault.CHANNEL,
            failing_since=before.failing_since or self.now,
            refused_at=self.now if is_another else before.refused_at,
            refusals=before.refusals + is_another,
        )

    def _given_up(self, standing: Standing) -> Tried:
        """Switch the channel off. Killed in between, the next try notifies the others once more."""
        self._publish(self._lost(incident=standing.lost))
        tried = self._noted(
            Tried(Result.REFUSED, why=self.outcome.why, alarming=True), replace(standing, next_try=None)
        )
        _save(self.ways.store, replace(self.channel, disabled=self.outcome.why))
        return tried

    def _lost(self, incident: str = "") -> Message:
        return channel_lost(
            self.channel,
            others=self._others(),
            why=self.outcome.why,
            refused=self.delivery.event,
            now=self.now,
            incident=incident,
        )

    def _ask_again(self, standing: Standing) -> None:
        """Put a message for the channel itself behind all that waits for it: that it is reached again, once it is."""
        assert standing.failing_since is not None
        name = f"{standing.lost}:{millis(self.now)}"
        message = reached_again(self.channel, since=standing.failing_since, event_id=name, now=self.now)
        self.ways.deliveries.send(
            [Delivery(project=self.channel.project, channel_id=self.channel.id, event=message.event)]
        )

    def _postponed(self) -> Tried:
        rest = REST if self.outcome.fault is Fault.SILENT else timedelta(0)
        wait = max(wait_before(self.tries), self.outcome.wait or timedelta(0), rest)
        return Tried(Result.AGAIN, wait, self.outcome.why, alarming=self.tries >= LASTING)

    def _noted(self, tried: Tried, standing: Standing) -> Tried:
        note = Note(
            event=self.delivery.event.id,
            at=self.now,
            result=tried.result,
            why=tried.why,
            tries=self.tries,
            standing=standing,
        )
        save_note(self.ways.store, self.channel, note)
        return tried

    def _publish(self, message: Message) -> None:
        self.ways.topic.publish(message)

    def _others(self) -> Sequence[str]:
        """Return the ids of the project's other channels that are on."""
        others = channels_of(self.ways.store, self.channel.project).values
        return [other.id for other in others if other.id != self.channel.id and not other.disabled]


def _standing(channel: Channel, store: Store) -> tuple[Standing, str]:
    """Return how a channel stands, and why; a note that cannot be read delays nothing."""
    note = last_delivery(store, channel)
    return (note.standing, note.why) if note else (Standing(), "")


def _save(store: Store, channel: Channel) -> None:
    with suppress(ConflictError):  # it was deleted meanwhile
        CHANNELS.replace(store, channel)


def _channel(delivery: Delivery, store: Store) -> Channel | None:
    return CHANNELS.one(store, delivery.channel_id, project=delivery.project)
