"""Once a day: does every address of mail that was confirmed still get alerts?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from lastseen.aws.topic import PENDING, Subscription
from lastseen.health.rounds import check_addresses
from lastseen.health.subscriptions import SubscriptionReport, check_subscriptions, compared
from lastseen.text.wire import to_document
from tests.lastseen.api.world import World
from tests.memory import MemoryStore, MemoryTopic
from tests.times import T0, hours

DAY = timedelta(days=1)


def mail(address: str, *, confirmed: bool = True) -> Subscription:
    return Subscription(protocol="email", endpoint=address, arn="arn:1" if confirmed else PENDING)


@pytest.mark.parametrize(
    ("before", "present", "lost", "pending"),
    [
        ({}, [mail("a")], (), ()),
        ({"a": "confirmed"}, [mail("a")], (), ()),
        ({"a": "confirmed", "b": "confirmed"}, [mail("b")], ("a",), ()),
        ({"a": "confirmed"}, [mail("a", confirmed=False)], ("a",), ()),  # SNS cut it off: too many mails at once
        ({}, [mail("a", confirmed=False)], (), ()),  # it was mailed today
        ({"a": "pending"}, [mail("a", confirmed=False)], (), ("a",)),
        ({"a": "pending"}, [mail("a")], (), ()),
        ({"a": "pending"}, [], (), ()),
        ({}, [Subscription(protocol="lambda", endpoint="arn:f", arn=PENDING)], (), ()),
    ],
)
def test_what_changed_since_yesterday(
    before: dict[str, str], present: list[Subscription], lost: tuple[str, ...], pending: tuple[str, ...]
) -> None:
    cared = compared(before, present)
    assert (cared.lost, cared.pending) == (lost, pending)


def test_it_is_looked_once_a_day_and_told_once() -> None:
    store, told, present = MemoryStore(), list[SubscriptionReport](), [mail("a"), mail("b")]
    looks = 0

    def look() -> list[Subscription]:
        nonlocal looks
        looks += 1
        return present

    for minute in range(0, 60 * 24 * 3, 30):
        if minute == 60 * 12:
            present = [mail("b")]
        check_subscriptions(store, T0 + timedelta(minutes=minute), subscriptions=look, notify=told.append)
    assert looks == 3
    assert [cared.lost for cared in told] == [("a",)]


def test_what_could_not_be_told_is_told_the_next_minute() -> None:
    store, told = MemoryStore(), list[SubscriptionReport]()
    check_subscriptions(store, T0, subscriptions=lambda: [mail("a")], notify=told.append)

    def broken(_cared: SubscriptionReport) -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - it has no words
        check_subscriptions(store, T0 + DAY, subscriptions=list, notify=broken)
    check_subscriptions(store, T0 + DAY + timedelta(minutes=1), subscriptions=list, notify=told.append)
    assert [cared.lost for cared in told] == [("a",)]


def test_a_channel_that_is_deleted_on_purpose_is_not_missed() -> None:
    world, told = World(), list[SubscriptionReport]()
    world.post("/api/v3/channels/", {"name": "ops", "target": "ops@example.com"})
    world.post("/api/v3/channels/ops/confirm", {"token": "ops@example.com"})
    check_subscriptions(world.store, T0, subscriptions=world.topic.subscriptions, notify=told.append)
    world.send("DELETE", "/api/v3/channels/ops")
    check_subscriptions(world.store, T0 + DAY + hours(1), subscriptions=world.topic.subscriptions, notify=told.append)
    assert told == []


def test_an_address_that_a_mail_scanner_unsubscribed_is_lost_although_sns_lists_it_still() -> None:
    world, told = World(), list[SubscriptionReport]()
    world.post("/api/v3/channels/", {"name": "ops", "target": "ops@example.com"})
    world.post("/api/v3/channels/ops/confirm", {"token": "ops@example.com"})
    check_subscriptions(world.store, T0, subscriptions=world.topic.subscriptions, notify=told.append)
    world.topic.sns.opened_every_link("ops@example.com")
    check_subscriptions(world.store, T0 + DAY, subscriptions=world.topic.subscriptions, notify=told.append)
    assert [cared.lost for cared in told] == [("ops@example.com",)]


# The end of what was lost

LOST_AT = f"subscription:{to_document(T0 + DAY)}"
A_WEEK: dict[str, tuple[list[list[Subscription]], list[tuple[str, str]]]] = {
    "one is lost, and comes back": (
        [[mail("a"), mail("b")], [mail("b")], [mail("b")], [mail("a"), mail("b")], [mail("a"), mail("b")]],
        [("LOST: 1 address gets no alerts", LOST_AT), ("BACK: 1 address gets alerts again", LOST_AT)],
    ),
    "two are lost together, and are back when both are": (
        [[mail("a"), mail("b")], [], [mail("a")], [mail("a"), mail("b")]],
        [("LOST: 2 addresses get no alerts", LOST_AT), ("BACK: 2 addresses get alerts again", LOST_AT)],
    ),
    "nobody confirms, again and again, then somebody does": (
        [[mail("a", confirmed=False)], [mail("a", confirmed=False)], [mail("a", confirmed=False)], [mail("a")]],
        [
            ("LOST: 1 address gets no alerts", LOST_AT),
            ("LOST: 1 address gets no alerts", LOST_AT),
            ("BACK: 1 address gets alerts again", LOST_AT),
        ],
    ),
    "one is lost for good, and another for a day": (
        [[mail("a"), mail("b")], [mail("b")], [], [mail("b")]],
        [
            ("LOST: 1 address gets no alerts", LOST_AT),
            ("LOST: 1 address gets no alerts", f"subscription:{to_document(T0 + 2 * DAY)}"),
            ("BACK: 1 address gets alerts again", f"subscription:{to_document(T0 + 2 * DAY)}"),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", A_WEEK)
def test_what_is_back_ends_the_incident_of_what_was_lost(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    days, expected = A_WEEK[case]
    store, topic = MemoryStore(), MemoryTopic()
    for n, present in enumerate(days):
        monkeypatch.setattr(topic, "subscriptions", lambda present=present: present)
        check_addresses(store, topic, T0 + n * DAY)
    assert [(message.subject, message.event.incident) for message in topic.published] == expected
    assert [message.event.ends for message in topic.published] == [
        subject.startswith("BACK") for subject, _ in expected
    ]


def test_a_lost_address_whose_channel_is_deleted_on_purpose_ends_its_incident_too() -> None:
    world = World()
    world.post("/api/v3/channels/", {"name": "ops", "target": "ops@example.com"})
    world.post("/api/v3/channels/ops/confirm", {"token": "ops@example.com"})
    check_addresses(world.store, world.topic, T0)
    world.topic.sns.opened_every_link("ops@example.com")
    check_addresses(world.store, world.topic, T0 + DAY)
    world.send("DELETE", "/api/v3/channels/ops")
    check_addresses(world.store, world.topic, T0 + 2 * DAY)
    lost, back = world.topic.published
    assert (lost.event.incident, lost.event.ends) == (back.event.incident, False)
    assert (back.subject, back.event.ends) == ("BACK: the addresses without alerts are deleted", True)
