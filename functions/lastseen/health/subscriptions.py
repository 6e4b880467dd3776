"""Subscription care: once a day, whether each address of mail that was confirmed still gets alerts.

A mail scanner that opens every link can unsubscribe people without their knowing; SNS tells nobody. So each day's list
of subscribers is kept, and the next day's is held against it.
Never here: how people are told (topic.py), how an address is confirmed (channels.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lastseen.aws.topic import Subscription
from lastseen.core.times import millis, moment
from lastseen.storage.store import Store

EVERY = timedelta(days=1)
"""How often it is looked."""

KIND, NAME = "watch", "subscriptions"

CONFIRMED, WAITING = "confirmed", "pending"


@dataclass(frozen=True, slots=True)
class Cared:
    """What a look came to."""

    known: dict[str, str]  # address -> whether it was confirmed
    lost: tuple[str, ...] = ()  # it was confirmed, and is no more
    pending: tuple[str, ...] = ()  # nobody confirmed it since the last look


def compared(before: dict[str, str], present: Sequence[Subscription]) -> Cared:
    """Return what has changed for addresses of mail. Each is told once; one that is new has a day to be confirmed."""
    known = {one.endpoint: CONFIRMED if one.confirmed else WAITING for one in present if one.protocol == "email"}
    lost = tuple(sorted(a for a, was in before.items() if was == CONFIRMED and known.get(a) != CONFIRMED))
    waiting = (a for a, state in known.items() if state == WAITING and before.get(a) == WAITING)
    return Cared(known=known, lost=lost, pending=tuple(sorted(waiting)))


def care(
    store: Store,
    now: datetime,
    *,
    subscriptions: Callable[[], Sequence[Subscription]],
    tell: Callable[[Cared], None],
) -> Cared | None:
    """Look, unless that was done today; tell what changed, then note it: told once more rather than not at all."""
    document = store.setting(KIND, NAME) or {}
    if "at" in document and now - moment(document["at"]) < EVERY:
        return None
    cared = compared(document.get("known", {}), subscriptions())
    if cared.lost or cared.pending:
        tell(cared)
    store.put_setting(KIND, NAME, {"at": millis(now), "known": cared.known})
    return cared


def forget(store: Store, address: str) -> None:
    """Let an address go that was deleted on purpose, so that nobody is told that it is lost."""
    document = store.setting(KIND, NAME)
    if document and address in document.get("known", {}):
        known = {held: state for held, state in document["known"].items() if held != address}
        store.put_setting(KIND, NAME, document | {"known": known})
