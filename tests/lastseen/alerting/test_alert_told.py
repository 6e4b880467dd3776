"""What an alert says beside its flip, and how many become one message: the real alert path over memory."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest

from lastseen.alerting.alert import run
from lastseen.alerting.publishing import CHUNK_LIMIT
from lastseen.core.channel import DEPLOYMENT, Channel, Via
from lastseen.core.check import Check, Kind, Outcome, Ping, Status
from lastseen.core.history import Recorded
from lastseen.core.machine import pinged
from lastseen.core.moments import woken
from lastseen.core.schedule import Period
from lastseen.storage.documents import CHANNELS
from tests.memory import MemoryStore, MemoryTopic
from tests.times import T0, hours, minutes, seconds

SITE = "https://lastseen.example.com"
LATE = T0 + minutes(70) + seconds(3)


def ident(n: int) -> str:
    """Return an id whose first half is its own: the public key of a check is made of that."""
    return str(UUID(int=n << 64))


def check(n: int, **changes: object) -> Check:
    made = Check(id=ident(n), name=f"job-{n:03d}", schedule=Period(hours(1)), grace=minutes(10), created=T0)
    return pinged(replace(made, **changes), Ping(at=T0)).check  # type: ignore[arg-type]


def given(*checks: Check) -> tuple[MemoryStore, MemoryTopic]:
    store = MemoryStore()
    for each in checks:
        store.create(replace(each, announced=each.flips), about=f"How to mend {each.name}")
    return store, MemoryTopic()


def tell(store: MemoryStore, topic: MemoryTopic, *checks: Check, now: datetime = LATE) -> int:
    return run(
        [each.id for each in checks], store=store, topic=topic, clock=lambda: now, site_url=SITE, pause=lambda _: None
    ).messages


def test_an_alert_says_what_to_do_and_what_else_is_down() -> None:
    late, fine = check(1), check(2, schedule=Period(hours(9)))
    failed = pinged(check(3), Ping(at=T0 + minutes(5), kind=Kind.FAIL)).check
    elsewhere = replace(failed, id=ident(4), name="elsewhere", project="billing")
    store, topic = given(late, fine, failed, elsewhere)
    tell(store, topic, late)
    [message] = topic.published
    assert "What to do:\n  How to mend job-001" in message.email
    assert message.document["also_down"] == ["job-003"]


def test_checks_that_go_down_together_are_named_in_each_others_alert() -> None:
    both = (check(1), check(2))
    store, topic = given(*both)
    assert tell(store, topic, *both) == 2
    assert [message.document["also_down"] for message in topic.published] == [["job-002"], ["job-001"]]


def test_in_a_large_project_nobody_looks_what_else_is_down() -> None:
    reads: list[str] = []
    many = [check(n, schedule=Period(hours(9))) for n in range(2, 103)]
    late = check(1)
    store, topic = given(late, *many)
    store.hook = lambda call, when: reads.append(call) if when == "before" else None
    tell(store, topic, late)
    assert topic.published[0].document["also_down"] == []
    assert reads.count("get_many") == 1  # of the check itself


def test_an_alert_goes_out_although_nothing_around_it_can_be_read() -> None:
    late = check(1)
    store, topic = given(late)

    def broken(call: str, _when: str) -> None:
        if call in {"project_page", "about"}:
            raise OSError(call)

    store.hook = broken
    tell(store, topic, late)
    assert topic.subjects() == ["DOWN: job-001 did not start in time"]


def test_a_reminder_says_what_had_happened_and_goes_on_until_it_is_up() -> None:
    late = check(1, reminder=hours(2))
    store, topic = given(late)
    tell(store, topic, late)
    for n in (1, 2):
        tell(store, topic, late, now=LATE + n * hours(2))
    store.save_ping(store.checks[late.id], pinged(store.checks[late.id], Ping(at=LATE + hours(5))))
    for n in (3, 4):
        tell(store, topic, late, now=LATE + n * hours(2))
    assert topic.subjects() == [
        "DOWN: job-001 did not start in time",
        "STILL DOWN for 2 h: job-001 did not start in time",
        "STILL DOWN for 4 h: job-001 did not start in time",
        "UP: job-001 is back after 5 h",
        "DOWN: job-001 did not start in time",
    ]
    assert "it did not start in time" in topic.published[3].email


def test_a_reminder_reaches_each_channel_that_the_alert_reached() -> None:
    late = check(1, reminder=hours(2), tags="db", channels="c1,c2")
    store, topic = given(late)
    tell(store, topic, late)
    tell(store, topic, late, now=LATE + hours(2))
    first, again = topic.published
    assert first.attributes == again.attributes
    assert first.attributes["channels"] == ["c1", "c2"]


def test_five_are_told_one_by_one_and_six_become_one_digest() -> None:
    five, six = [check(n) for n in range(1, 6)], [check(n) for n in range(11, 17)]
    store, topic = given(*five, *six)
    assert tell(store, topic, *five) == 5
    assert tell(store, topic, *six) == 1
    assert topic.subjects()[5] == "DOWN: 6 checks of default: 6 did not start in time"


def test_the_deployment_gets_one_digest_of_all_and_a_channel_one_of_its_own() -> None:
    mine = [check(n) for n in range(1, 5)]
    named = [check(n, channels="c9") for n in range(5, 12)]
    others = [check(n, project="billing") for n in range(12, 14)]
    store, topic = given(*mine, *named, *others)
    for project, channel_id, default in (("default", "c9", False), ("billing", "b1", True)):
        channel = Channel(
            id=channel_id, project=project, name=channel_id, via=Via.CHAT, target="slack://", default=default
        )
        CHANNELS.write(store, channel)
    tell(store, topic, *mine, *named, *others)
    heard = [(message.attributes["channel_ids"], message.document.get("count", 1)) for message in topic.published]
    assert heard == [(["deployment"], 13), (["c9"], 7), (["b1"], 1), (["b1"], 1)]
    assert topic.published[0].subject == "DOWN: 13 checks of 2 projects: 13 did not start in time"


def test_a_batch_is_read_at_once_and_a_digest_costs_two_writes_a_check() -> None:
    calls: list[str] = []
    many = [check(n) for n in range(1, CHUNK_LIMIT + 1)]
    store, topic = given(*many)
    store.hook = lambda call, when: calls.append(call) if when == "before" else None
    assert tell(store, topic, *many) == 1
    assert {name: calls.count(name) for name in set(calls)} == {
        "setting": 2,  # of our hearing, and of the project
        "settings": 1,  # the project's channels
        "get_many": 1,
        "save": CHUNK_LIMIT,
        "announce": CHUNK_LIMIT,
        "pings": 5,  # hosts differ: the others are not looked at
    }


def test_a_storm_becomes_digests_that_name_every_check_once() -> None:
    many = [check(n) for n in range(1, 1_001)]
    store, topic = given(*many)
    assert tell(store, topic, *many) == 8
    named = [flip["check"] for message in topic.published for flip in message.document["flips"]]
    assert named == [each.name for each in many]
    assert len({message.document["id"] for message in topic.published}) == 8


def test_a_digest_told_again_with_other_checks_in_it_is_another_one() -> None:
    many = [check(n) for n in range(1, 8)]
    store, topic = given(*many)
    tell(store, topic, *many[:6])
    store, topic_again = given(*many)
    tell(store, topic_again, *many)
    assert topic.published[0].document["id"] != topic_again.published[0].document["id"]


def test_a_check_that_cannot_be_read_stops_no_other() -> None:
    checks = [check(n) for n in range(1, 8)]
    store, topic = given(*checks)
    store.corrupt.add(checks[3].id)
    told = run([each.id for each in checks], store=store, topic=topic, clock=lambda: LATE, site_url=SITE)
    assert len(told.broken) == 1
    assert topic.published[0].document["count"] == 6


def test_flips_that_an_earlier_try_left_untold_are_told_before_the_new_one() -> None:
    late = check(1)
    store, topic = given(late)
    failed: Outcome = pinged(store.checks[late.id], Ping(at=T0 + minutes(1), kind=Kind.FAIL))
    store.save_ping(store.checks[late.id], failed)
    back = pinged(store.checks[late.id], Ping(at=T0 + minutes(2)))
    store.save_ping(store.checks[late.id], back)
    tell(store, topic, late, now=LATE + minutes(5))
    assert [message.document["reason"] for message in topic.published] == ["failed", "pinged", "missed"]
    assert store.checks[late.id].status is Status.DOWN
    assert woken(store.checks[late.id], LATE + minutes(5)).flips == ()


def test_a_wake_that_comes_two_seconds_early_is_waited_out() -> None:
    late = check(1)
    store, topic = given(late)
    waited: list[float] = []
    due = T0 + minutes(70) + seconds(2)
    run([late.id], store=store, topic=topic, clock=lambda: due - seconds(2), site_url=SITE, pause=waited.append)
    assert waited == [2.0]
    assert len(topic.published) == 1


HOSTS: dict[str, tuple[list[str], str]] = {
    "one host": (["10.0.3.7"] * 12, "10.0.3.7"),
    "the last one is another": (["10.0.3.7"] * 11 + ["10.0.3.8"], ""),
    "the first one is another": (["10.0.3.8"] + ["10.0.3.7"] * 11, ""),
    "not known of one": (["10.0.3.7"] * 11 + [""], ""),
    "not known of any": ([""] * 12, ""),
}


@pytest.mark.parametrize("case", HOSTS)
def test_a_digest_names_the_host_that_all_its_checks_have_in_common(case: str) -> None:
    addresses, common = HOSTS[case]
    many = [check(n, tags="db1 nightly" if n % 2 else "db1") for n in range(1, 13)]
    store, topic = given(*many)
    for each, address in zip(many, addresses, strict=True):
        store.record(each.id, Recorded(n=1, kind=Kind.SUCCESS, ping=Ping(at=T0, address=address)))
    tell(store, topic, *many)
    [message] = topic.published
    assert message.document["common_address"] == (common or None)
    heard = f" and last pinged from {common}" if common else ""
    assert f"All of them have the tag db1{heard}." in message.document["lead"]
    assert message.event.url == f"{SITE}/?tag=db1&status=down"


def test_a_digest_goes_out_although_no_history_can_be_read() -> None:
    many = [check(n) for n in range(1, 8)]
    store, topic = given(*many)

    def broken(call: str, _when: str) -> None:
        if call == "pings":
            raise OSError(call)

    store.hook = broken
    tell(store, topic, *many)
    assert topic.published[0].document["count"] == 7


class KilledError(BaseException):
    """The process ends here; nobody can catch it."""


def each_its_own(count: int) -> tuple[list[Check], MemoryStore, MemoryTopic]:
    """Return checks that each have a channel of their own: a message for each, and one digest of all."""
    many = [check(n, channels=f"c{n}") for n in range(1, count + 1)]
    store, topic = given(*many)
    for each in many:
        channel = Channel(id=each.channels, project="default", name=each.channels, via=Via.CHAT, target="slack://")
        CHANNELS.write(store, channel)
    return many, store, topic


def heard_by_channels(topic: MemoryTopic) -> Counter[str]:
    receivers = (each for message in topic.published for each in message.attributes["channel_ids"])
    return Counter(each for each in receivers if each != DEPLOYMENT)


def test_a_batch_that_is_killed_again_and_again_goes_on_where_it_was_and_floods_nobody() -> None:
    many, store, topic = each_its_own(245)
    left = 60

    def killed(_call: str, when: str) -> None:
        nonlocal left
        left -= when == "after"
        if not left:
            raise KilledError

    topic.hook = killed
    for _ in range(5):
        left = 60  # messages, then its time is over
        with suppress(KilledError):
            tell(store, topic, *many)
    heard = heard_by_channels(topic)
    assert set(heard) == {each.channels for each in many}
    assert sum(heard.values()) <= len(many) + 5  # the last message before each end comes twice
    assert all(each.announced == each.flips for each in store.checks.values())


def test_a_batch_stops_in_good_time_and_hands_the_rest_back() -> None:
    many, store, topic = each_its_own(300)
    now = LATE

    def takes_time(_call: str, when: str) -> None:
        nonlocal now
        now += seconds(0.1) if when == "after" else seconds(0)

    topic.hook = takes_time
    ids = [each.id for each in many]
    done = run(ids, store=store, topic=topic, clock=lambda: now, site_url=SITE, until=now + seconds(10))
    assert (len(done.unfinished), done.failed) == (300 - CHUNK_LIMIT, ())
    rest = run(done.unfinished, store=store, topic=topic, clock=lambda: now, site_url=SITE, until=now + seconds(60))
    assert rest.unfinished == ()
    assert heard_by_channels(topic) == {each.channels: 1 for each in many}
