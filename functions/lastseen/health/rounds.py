"""What each sweep looks at beside deadlines: whether Lastseen hears pings, and whether people get its alerts.

Lives here: both looks, with the messages about what they find. Whatever fails here holds back no alert.
Never here: how hearing is judged (canary.py), how subscriptions are compared (subscriptions.py), the clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from lastseen.aws.topic import Topic
from lastseen.health.canary import CanaryMessages, check_canary
from lastseen.health.subscriptions import SubscriptionReport, check_subscriptions
from lastseen.storage.store import Store
from lastseen.text.own import deaf, hearing, subscriptions_back, subscriptions_lost

log = logging.getLogger(__name__)


def ping_canary(
    store: Store, topic: Topic, now: datetime, *, ping_urls: Mapping[str, str], is_answered: Callable[..., bool]
) -> bool:
    """Note whether the canary was heard, then let it ping through each public URL; tell whether all answered.

    `ping_urls`: by what they are called in the log. As long as one of them is heard, jobs may be, and only the alarm
    says that another is not.
    """
    messages = CanaryMessages(
        silent=lambda since: topic.publish(deaf(since=since, now=now)),
        back=lambda window: topic.publish(hearing(window=window, now=now)),
    )
    try:
        canary = check_canary(store, now, messages)
    except Exception:
        log.exception("Whether Lastseen hears pings could not be checked.")
        return False
    answered = [is_answered(f"{url}/{canary}", whose=whose) for whose, url in ping_urls.items()]
    return all(answered)


def check_addresses(store: Store, topic: Topic, now: datetime) -> None:
    """Check once a day whether every address still gets alerts, and notify people of those that do not, or do again."""

    def notify(report: SubscriptionReport) -> None:
        for incident, addresses in report.over.items():
            topic.publish(subscriptions_back(addresses, now=now, incident=incident))
        if report.incident:
            topic.publish(subscriptions_lost(report.lost, report.pending, now=now, incident=report.incident))

    try:
        check_subscriptions(store, now, subscriptions=topic.subscriptions, notify=notify)
    except Exception:
        log.exception("Whether every address still gets alerts could not be checked.")
