"""How a batch of alerts goes out: message by message, each noted as soon as it is out.

Lives here: the order of steps behind a decision. A check is noted as announced right after the last message that names
it, so a function that is killed, or out of time, has done for good what it has done, and the next one goes on from
there. A message that cannot be published holds back its own checks alone.
Never here: who receives what (routing.py), what a message says (text/), SNS itself (aws/topic.py).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lastseen.alerting.around import Around
from lastseen.alerting.routing import Parcel, Routed, parcels
from lastseen.aws.topic import Topic
from lastseen.core.channel import DEPLOYMENT
from lastseen.core.check import Check, Reason
from lastseen.text.digest import digest
from lastseen.text.message import Alert, Message, flipped

log = logging.getLogger(__name__)

CHUNK_LIMIT = 140
"""Alerts that are divided into messages together: so many that a digest names each of them, in the mail and in the
event alike, whatever they are called, and so few that their messages are out within seconds."""


@dataclass(slots=True)
class Published:
    """What went out of a batch."""

    messages: int = 0
    alerts: int = 0
    lateness: list[timedelta] = field(default_factory=list)  # from each missed deadline to its first message
    unfinished: list[str] = field(default_factory=list)  # ids of checks for which no time was left


@dataclass(frozen=True, slots=True)
class DueCheck:
    """A check, and the alerts that are due of it, oldest first; none if nobody needs to be notified."""

    check: Check
    alerts: tuple[Routed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """The ways out of a batch."""

    topic: Topic
    around: Around
    clock: Callable[[], datetime]
    site_url: str
    announce: Callable[[Sequence[Check]], None]  # all flips of these checks are out
    fail: Callable[[Check, Exception], None]  # this check has a flip that could not be published
    until: datetime | None = None  # when to stop, in good time before the end; None: never

    def publish(self, batch: Sequence[DueCheck]) -> Published:
        """Publish all alerts of a batch; those of one check stay together, in their order."""
        published = Published()
        for chunk in _chunks(batch):
            if self.until and self.clock() >= self.until:
                published.unfinished += [due.check.id for due in chunk]
            else:
                self._publish(chunk, published)
        return published

    def _publish(self, chunk: Sequence[DueCheck], published: Published) -> None:
        self.announce([due.check for due in chunk if not due.alerts])
        checks = {due.check.id: due.check for due in chunk}
        ready = parcels([routed for due in chunk for routed in due.alerts])
        left = Counter(check_id for parcel in ready for check_id in _check_ids(parcel))
        failed: set[str] = set()
        counted: set[tuple[str, int]] = set()
        for parcel in ready:
            for alert, error in self._sent(_without(parcel, failed), published, counted):
                failed.add(alert.check.id)
                self.fail(alert.check, error)
            left.subtract(_check_ids(parcel))
            self.announce([checks[each] for each in _check_ids(parcel) if not left[each] and each not in failed])

    def _sent(
        self, parcel: Parcel, published: Published, counted: set[tuple[str, int]]
    ) -> list[tuple[Alert, Exception]]:
        """Publish one parcel; return the alerts that could not be published, with the reason.

        Many of which one cannot go with the others go one by one.
        """
        if not parcel.alerts:
            return []
        try:
            self.topic.publish(addressed(self._message(parcel), parcel.receivers))
        except Exception as error:
            if len(parcel.alerts) == 1:
                return [(parcel.alerts[0], error)]
            log.exception("%d alerts cannot go together; they go one by one.", len(parcel.alerts))
            alone = (Parcel((alert,), parcel.receivers) for alert in parcel.alerts)
            return [failure for each in alone for failure in self._sent(each, published, counted)]
        published.messages += 1
        self._count(parcel, published, counted)
        return []

    def _message(self, parcel: Parcel) -> Message:
        now, channels = self.clock(), sorted(parcel.receivers - {DEPLOYMENT})
        if len(parcel.alerts) == 1:
            alert = self.around.of(parcel.alerts[0])
            return flipped(alert, now=now, site_url=self.site_url, channels=channels)
        address = self.around.common_address(parcel.alerts)
        return digest(parcel.alerts, now=now, site_url=self.site_url, channels=channels, address=address)

    def _count(self, parcel: Parcel, published: Published, counted: set[tuple[str, int]]) -> None:
        """Count each alert once, however many messages it is in, at the moment after its first."""
        now = self.clock()
        for alert in parcel.alerts:
            name = (alert.check.id, alert.flip.n)
            if name in counted:
                continue
            counted.add(name)
            published.alerts += 1
            if alert.flip.reason in {Reason.MISSED, Reason.STUCK}:
                published.lateness.append(now - alert.flip.at)


def addressed(message: Message, receivers: frozenset[str]) -> Message:
    """Return a message with the list of its receivers."""
    return replace(message, attributes=message.attributes | {"channel_ids": sorted(receivers)})


def _without(parcel: Parcel, failed: set[str]) -> Parcel:
    """Leave out checks of which an earlier flip could not be published: nobody gets a later one first."""
    return replace(parcel, alerts=tuple(alert for alert in parcel.alerts if alert.check.id not in failed))


def _check_ids(parcel: Parcel) -> list[str]:
    return list(dict.fromkeys(alert.check.id for alert in parcel.alerts))


def _chunks(batch: Sequence[DueCheck]) -> Iterator[list[DueCheck]]:
    chunk: list[DueCheck] = []
    alerts = 0
    for due in batch:
        if chunk and alerts + len(due.alerts) > CHUNK_LIMIT:
            yield chunk
            chunk, alerts = [], 0
        chunk.append(due)
        alerts += len(due.alerts)
    if chunk:
        yield chunk
