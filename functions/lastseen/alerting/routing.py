"""Who is notified of which alerts, and in how many messages. Pure.

Lives here: the exact set of receivers of each alert, and the partition of a batch into parcels: what goes out as one
message, to exactly the same receivers. Nothing is decided by a limit for display: a reader's digest names each check
that concerns this reader, and no other.
Never here: the rule of one channel (core/channel.py), what a message says (text/), publishing (publishing.py).

A receiver is a channel, by its id, or the deployment itself: the addresses of `alert_emails` and whatever users have
subscribed to the topic, which get everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lastseen.core.channel import (
    ALL_CHANNELS,
    DEPLOYMENT,
    ENDED_BY_HAND,
    Channel,
    hears,
    is_named_by,
    is_reached_by,
    listed,
)
from lastseen.core.check import Check, Reason, Status
from lastseen.text.happened import shown_status
from lastseen.text.message import Alert

DIGEST_ABOVE = 5
"""A receiver of more alerts than this in one batch gets a digest: people read one message, and not a thousand."""


@dataclass(frozen=True, slots=True)
class ProjectChannels:
    """The channels of one project, and those that its new checks get, in the form of a check's."""

    known: tuple[Channel, ...] = ()
    defaults: str = "*"


@dataclass(frozen=True, slots=True)
class Routed:
    """An alert and its receivers."""

    alert: Alert
    receivers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Parcel:
    """Alerts that go out as one message, oldest first: one alone, or a digest of all."""

    alerts: tuple[Alert, ...]
    receivers: frozenset[str]


_Sort = tuple[Status, bool]  # of an alert: its status, and whether the check flaps


def routed(alert: Alert, channels: ProjectChannels, *, saw_beginning: Iterable[str] = ()) -> Routed:
    """Return the alert with the exact set of its receivers.

    1. The deployment gets everything.
    2. So does each channel whose rule lets this flip through. An end made by hand is that of an incident, and no more.
    3. A channel that was notified of an incident's beginning is notified of its end, whatever its rule says by now.
    4. A check that `reaches_nobody` goes down for the project's default channels, marked as astray: its own channels
       were deleted or switched off, or filter it out. An empty list is a choice, and stays one.

    A note that the check has other channels or tags goes to those alone whom it leaves: see `left_behind`.
    """
    check, flip = alert.check, alert.flip
    working = [channel for channel in channels.known if not channel.disabled]
    if flip.reason is Reason.UNASSIGNED:
        return Routed(alert, frozenset({channel.id for channel in working} & set(saw_beginning)))
    by_hand = flip.reason in ENDED_BY_HAND
    receivers = {channel.id for channel in working if hears(channel, check, flip) and not by_hand}
    astray = reaches_nobody(check, channels.known)
    if astray and not by_hand:
        receivers |= {channel.id for channel in working if listed(channel, channels.defaults)}
    if flip.status is not Status.DOWN:
        receivers |= {channel.id for channel in working} & set(saw_beginning)
    return Routed(replace(alert, astray=astray), frozenset(receivers | {DEPLOYMENT}))


def left_behind(check: Check, channels: ProjectChannels, saw_beginning: Iterable[str]) -> frozenset[str]:
    """Return those who saw an incident of a check begin, and whom its channels and tags do not name any more.

    A channel that only its own filter of statuses keeps from an end is not left behind.
    """
    working = [channel for channel in channels.known if not channel.disabled]
    if reaches_nobody(check, channels.known):  # it is astray
        return frozenset(saw_beginning) - {channel.id for channel in working if listed(channel, channels.defaults)}
    return frozenset(saw_beginning) - {channel.id for channel in channels.known if is_named_by(channel, check)}


def reaches_nobody(check: Check, channels: Sequence[Channel]) -> bool:
    """Return whether no working channel would be notified if this check went down, though it asks for some.

    Its channels were deleted, are off, or filter it out. A project without channels alerts the deployment's addresses.
    """
    asks = check.channels not in {"", ALL_CHANNELS} or (check.channels == ALL_CHANNELS and bool(channels))
    return asks and not any(is_reached_by(channel, check) for channel in channels if not channel.disabled)


def parcels(batch: Sequence[Routed]) -> list[Parcel]:
    """Divide a batch so that each receiver gets all of its alerts, few of them one by one, many of them as digests.

    Alerts with equal receivers share a message, and so do receivers with equal digests. The parcels of one check stand
    in the order of its flips: a check that went down and up is in two of them, and a reader of both knows at last
    that it is up.
    """
    turns = _turns(batch)
    singles: dict[int, set[str]] = defaultdict(set)
    digests: dict[tuple[int, ...], set[str]] = defaultdict(set)
    for receiver, places in _by_receiver(batch).items():
        groups = _groups(places, batch, turns) if len(places) > DIGEST_ABOVE else [(place,) for place in places]
        for group in groups:
            if len(group) == 1:
                singles[group[0]].add(receiver)
            else:
                digests[group].add(receiver)
    groups_of_all = [*digests.items(), *(((place,), receivers) for place, receivers in singles.items())]
    ordered = sorted(groups_of_all, key=lambda each: (turns[each[0][0]], each[0][0]))
    return [Parcel(tuple(batch[place].alert for place in group), frozenset(receivers)) for group, receivers in ordered]


def _by_receiver(batch: Sequence[Routed]) -> Mapping[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(batch):
        for receiver in each.receivers:
            places[receiver].append(place)
    return places


def _turns(batch: Sequence[Routed]) -> list[int]:
    """Return for each alert how often another kind of alert of its check came before, within the batch."""
    latest: dict[str, tuple[int, _Sort]] = {}
    turns = []
    for each in batch:
        check_id, sort = each.alert.check.id, _sort(each)
        turn, before = latest.get(check_id, (0, sort))
        turn += sort != before
        latest[check_id] = (turn, sort)
        turns.append(turn)
    return turns


def _groups(places: Sequence[int], batch: Sequence[Routed], turns: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the digests of one receiver: a digest is of one status, and what flaps has one of its own."""
    groups: dict[tuple[int, _Sort], list[int]] = defaultdict(list)
    for place in places:
        groups[turns[place], _sort(batch[place])].append(place)
    return [tuple(group) for group in groups.values()]


def _sort(each: Routed) -> _Sort:
    return shown_status(each.alert.flip), each.alert.flip.flapping
