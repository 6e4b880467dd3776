"""The subscription check: once a day, whether each e-mail address that was confirmed still gets alerts.

A mail scanner that opens every link can unsubscribe people without their knowledge; SNS notifies nobody. So each day's
list of subscribers is kept, and compared with the next day's.
Never here: the words of a message (text/), how people are notified (aws/topic.py), how an address is confirmed
(api/channels.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lastseen.aws.topic import Subscription
from lastseen.core.times import EPOCH
from lastseen.storage.documents import SUBSCRIPTIONS
from lastseen.storage.errors import CorruptError
from lastseen.storage.records import SubscriptionsRecord
from lastseen.storage.store import Store
from lastseen.text.own import subscription_incident

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(days=1)

IS_CONFIRMED, IS_PENDING = "confirmed", "pending"


@dataclass(frozen=True, slots=True)
class SubscriptionReport:
    """What a look at the subscriptions found."""

    states: Mapping[str, str]  # address -> whether it is confirmed
    lost: tuple[str, ...] = ()  # was confirmed, and is no more
    pending: tuple[str, ...] = ()  # nobody confirmed it since the last look
    incident: str = ""  # that these addresses begin, or go on with
    over: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # incident -> its addresses, all confirmed again

    @property
    def is_worth_a_message(self) -> bool:
        """Whether somebody should do something, or need not any more."""
        return bool(self.lost or self.pending or self.over)


def compared(before: Mapping[str, str], present: Sequence[Subscription]) -> SubscriptionReport:
    """Return what changed for e-mail addresses since the last look. A new one has a day to be confirmed."""
    mails = [subscription for subscription in present if subscription.protocol == "email"]
    states = {mail.endpoint: IS_CONFIRMED if mail.confirmed else IS_PENDING for mail in mails}
    lost = (
        address for address, state in before.items() if state == IS_CONFIRMED and states.get(address) != IS_CONFIRMED
    )
    pending = (
        address for address, state in states.items() if state == IS_PENDING and before.get(address) == IS_PENDING
    )
    return SubscriptionReport(states=states, lost=tuple(sorted(lost)), pending=tuple(sorted(pending)))


def with_incidents(
    report: SubscriptionReport, known: Mapping[str, tuple[str, ...]], now: datetime
) -> SubscriptionReport:
    """Return the report with the incident that it begins or goes on with, and those of the `known` that are over."""
    missing = {*report.lost, *report.pending}
    same = next((incident for incident, addresses in known.items() if missing <= set(addresses)), "")
    over = {
        incident: addresses
        for incident, addresses in known.items()
        if all(report.states.get(address) == IS_CONFIRMED for address in addresses)
    }
    return replace(report, incident=(same or subscription_incident(now)) if missing else "", over=over)


def check_subscriptions(
    store: Store,
    now: datetime,
    *,
    subscriptions: Callable[[], Sequence[Subscription]],
    notify: Callable[[SubscriptionReport], None],
) -> SubscriptionReport | None:
    """Look, unless somebody did today; notify people of changes, then note the look: better twice than not at all."""
    record = _load(store) or SubscriptionsRecord(EPOCH)
    if now - record.looked_at < LOOK_EVERY:
        return None
    report = with_incidents(compared(record.states, subscriptions()), record.open, now)
    if report.is_worth_a_message:
        notify(report)
    incidents = {incident: addresses for incident, addresses in record.open.items() if incident not in report.over}
    if report.incident:
        incidents.setdefault(report.incident, (*report.lost, *report.pending))
    SUBSCRIPTIONS.write(store, SubscriptionsRecord(now, report.states, incidents))
    return report


def forget_address(store: Store, address: str) -> None:
    """Forget an address that was deleted on purpose, so that nobody is notified that it is lost."""
    record = _load(store)
    if record and (address in record.states or any(address in missing for missing in record.open.values())):
        rest = {other: state for other, state in record.states.items() if other != address}
        incidents = {
            incident: tuple(other for other in addresses if other != address)
            for incident, addresses in record.open.items()
        }
        SUBSCRIPTIONS.write(store, replace(record, states=rest, open=incidents))


def _load(store: Store) -> SubscriptionsRecord | None:
    """Return what the last look found, or None. A record that cannot be read is made new, and stops nothing."""
    try:
        return SUBSCRIPTIONS.read(store)
    except CorruptError:
        log.exception("The record of subscriptions cannot be read; a new one is written.")
        return None
