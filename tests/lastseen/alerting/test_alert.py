"""The alert path over memory: whatever breaks, and after whichever step, nobody misses an alert.

What an alert says and how many become one message: test_alert_told.py, test_alert_storm.py.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from lastseen.alerting.alert import SETTLE_TRIES, BatchResult, run
from lastseen.core.channel import Channel, Via
from lastseen.core.check import Check, Kind, Ping, Status, event_id, unique_key
from lastseen.core.machine import configured, paused, pinged
from lastseen.core.moments import SLACK
from lastseen.core.schedule import Cron, Period
from lastseen.core.times import millis
from lastseen.storage.documents import CHANNELS
from lastseen.text.message import Message
from tests.memory import MemoryStore, MemoryTopic
from tests.times import T0, hours, minutes, seconds

SITE = "https://lastseen.example.com"
DEADLINE = T0 + minutes(70)
LATE = DEADLINE + seconds(3)


class KilledError(BaseException):
    """The process ends here; nobody can catch it."""


def check(n: int = 1) -> Check:
    return Check(id=str(UUID(int=n)), name=f"job-{n}", schedule=Period(hours(1)), grace=minutes(10), created=T0)


@dataclass
class World:
    store: MemoryStore
    topic: MemoryTopic

    def create(self, *checks: Check) -> None:
        """Create checks that were pinged at T0."""
        for one in checks:
            self.store.create(one)
            self.ping(one, Ping(at=T0))

    def ping(self, one: Check, ping: Ping) -> None:
        seen = self.store.checks[one.id]
        self.store.save_ping(seen, pinged(seen, ping))

    def tell(self, *checks: Check, now: datetime = LATE) -> BatchResult:
        ids = [one.id for one in checks]
        return run(ids, store=self.store, topic=self.topic, clock=lambda: now, site_url=SITE, pause=lambda _: None)

    def held(self, one: Check) -> Check:
        return self.store.checks[one.id]

    def events(self) -> set[str]:
        """Return the ids of all flips of which people were told."""
        found = set()
        for message in self.topic.published:
            event = message.document
            found |= {flip["id"] for flip in event["flips"]} if event["type"] == "digest" else {event["id"]}
        return found


@pytest.fixture
def world() -> World:
    return World(MemoryStore(), MemoryTopic())


# Steps


def test_a_missed_deadline_is_written_told_and_noted(world: World) -> None:
    world.create(check())
    told = world.tell(check())
    assert told == BatchResult(flips=1, alerts=1, messages=1, lateness=(seconds(3),))
    assert world.topic.subjects() == ["DOWN: job-1 did not start in time"]
    held = world.held(check())
    assert (held.status, held.since, held.flips, held.announced) == (Status.DOWN, DEADLINE, 2, 2)
    assert world.tell(check(), now=LATE + minutes(1)) == BatchResult()


def test_a_flip_is_written_before_it_is_told_and_told_before_it_is_noted(world: World) -> None:
    world.create(check())
    steps: list[str] = []
    world.store.hook = world.topic.hook = lambda call, when: steps.append(call) if when == "after" else None
    world.tell(check())
    order = [step for step in steps if step in {"save", "publish", "announce"}]
    assert order == ["save", "publish", "announce"]


def test_a_wake_for_nothing_writes_nothing(world: World) -> None:
    world.create(check())
    before = world.held(check())
    assert world.tell(check(), now=T0 + minutes(30)) == BatchResult()
    assert world.held(check()) == before


def test_a_check_that_was_deleted_needs_no_look(world: World) -> None:
    world.create(check())
    world.store.delete(world.held(check()))
    assert world.tell(check()) == BatchResult()


def test_a_check_that_was_woken_twice_is_told_once(world: World) -> None:
    world.create(check())
    assert world.tell(check(), check()).messages == 1


def test_silent_flips_are_noted_and_nobody_is_notified(world: World) -> None:
    world.create(check())
    for minute, kind in ((1, Kind.FAIL), (2, Kind.SUCCESS)):
        world.ping(check(), Ping(at=T0 + minutes(minute), kind=kind))
    world.store.save(world.held(check()), paused(world.held(check()), T0 + minutes(2)))
    assert world.tell(check(), now=T0 + minutes(3)).messages == 2
    assert (world.held(check()).flips, world.held(check()).announced) == (4, 4)


def test_a_pause_that_ends_an_incident_is_told_to_those_who_were_notified_of_it(world: World) -> None:
    world.create(check())
    world.ping(check(), Ping(at=T0 + minutes(1), kind=Kind.FAIL))
    world.store.save(world.held(check()), paused(world.held(check()), T0 + minutes(2)))
    world.tell(check(), now=T0 + minutes(3))
    assert world.topic.subjects() == ["DOWN: job-1 failed", "PAUSED: job-1 was paused"]
    down, over = (message.event for message in world.topic.published)
    assert (over.incident, over.ends) == (down.id, True)
    assert (world.held(check()).flips, world.held(check()).announced) == (3, 3)


def test_a_pause_ends_the_incident_for_the_channels_that_saw_it_begin_and_for_no_other(world: World) -> None:
    down_only = Channel(id="down", project="default", name="down", via=Via.CHAT, target="ntfy://x", statuses=("down",))
    CHANNELS.write(world.store, down_only)
    world.create(check())
    world.ping(check(), Ping(at=T0 + minutes(1), kind=Kind.FAIL))
    world.tell(check(), now=T0 + minutes(2))
    CHANNELS.write(world.store, replace(down_only, id="later", name="later", statuses=()))
    world.store.save(world.held(check()), paused(world.held(check()), T0 + minutes(3)))
    world.tell(check(), now=T0 + minutes(4))
    down, ended = world.topic.published
    assert (down.document["status"], ended.document["status"]) == ("down", "paused")
    assert (down.attributes["channel_ids"], ended.attributes["channel_ids"]) == (["deployment", "down"],) * 2
    assert down.document["incident"] == ended.document["incident"]


# Crashes: every step of every story, by a killed process and by a call that fails


def stories() -> dict[str, tuple[int, bool]]:
    """How many checks, and whether they failed before they were missed."""
    return {"one": (1, False), "one that failed before": (1, True), "a few": (3, False), "a digest": (7, False)}


def told_story(count: int, *, failed: bool) -> tuple[World, list[Check]]:
    world = World(MemoryStore(), MemoryTopic())
    checks = [check(n) for n in range(1, count + 1)]
    world.create(*checks)
    if failed:
        for one in checks:
            world.ping(one, Ping(at=T0 + minutes(1), kind=Kind.FAIL))
            world.ping(one, Ping(at=T0 + minutes(2)))
    return world, checks


def steps_of(count: int, *, failed: bool) -> int:
    world, checks = told_story(count, failed=failed)
    steps: list[str] = []
    world.store.hook = world.topic.hook = lambda call, when: steps.append(call + when)
    world.tell(*checks, now=LATE + minutes(2))
    return len(steps)


@pytest.mark.parametrize("fault", [KilledError, OSError])
@pytest.mark.parametrize("story", stories())
def test_broken_off_after_any_step_everybody_is_told_by_the_next_wake(story: str, fault: type[BaseException]) -> None:
    count, failed = stories()[story]
    total = steps_of(count, failed=failed)
    assert total >= 8
    for step in range(total):
        world, checks = told_story(count, failed=failed)
        left = [step]

        def breaks(_call: str, _when: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise fault

        world.store.hook = world.topic.hook = breaks
        with suppress(KilledError, OSError):
            world.tell(*checks, now=LATE + minutes(2))
        world.store.hook = world.topic.hook = lambda _call, _when: None
        world.tell(*checks, now=LATE + minutes(3))
        flips = range(2, 5) if failed else range(2, 3)
        assert world.events() == {event_id(one.id, n) for one in checks for n in flips}
        assert all(world.held(one).announced == world.held(one).flips == flips[-1] for one in checks)


def test_of_two_that_tell_at_once_each_names_the_same_event(world: World) -> None:
    world.create(check())
    inner: list[BatchResult] = []

    def meanwhile(call: str, when: str) -> None:
        if (call, when) == ("publish", "after") and not inner:
            inner.append(BatchResult())
            inner[0] = world.tell(check())

    world.topic.hook = meanwhile
    world.tell(check())
    assert [message.document["id"] for message in world.topic.published] == [event_id(check().id, 2)] * 2
    assert world.held(check()).announced == 2


# One that goes wrong


def test_a_check_that_cannot_be_read_stops_no_other_and_is_not_tried_again(world: World) -> None:
    world.create(check(1), check(2), check(3))
    world.store.corrupt.add(check(2).id)
    told = world.tell(check(1), check(2), check(3))
    assert (told.messages, told.broken, told.failed) == (2, (unique_key(check(2).id),), ())


class Choosy(MemoryTopic):
    """Refuses whatever speaks of job-2."""

    def publish(self, message: Message) -> None:
        if "job-2" in message.email:
            raise ValueError("no")
        super().publish(message)


@pytest.mark.parametrize("count", [3, 8])
def test_a_check_that_cannot_be_told_stops_no_other_and_is_tried_again(world: World, count: int) -> None:
    world.topic = Choosy()
    # In projects of their own, so that no alert names another check.
    checks = [replace(check(n), project=f"p{n}") for n in range(1, count + 1)]
    world.create(*checks)
    told = world.tell(*checks)
    assert told.failed == (check(2).id,)
    assert world.events() >= {event_id(one.id, 2) for one in checks if one.name != "job-2"}
    assert (world.held(check(1)).announced, world.held(check(2)).announced) == (2, 1)
    world.topic = MemoryTopic()
    assert world.tell(check(2)).messages == 1


def test_a_check_with_a_broken_schedule_is_named_and_its_failure_is_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    broken = replace(check(), schedule=Cron("0 0 * * *", "Nowhere/Land"))
    world.create(broken)
    world.ping(broken, Ping(at=T0 + minutes(1), kind=Kind.FAIL))
    world.ping(broken, Ping(at=T0 + minutes(2)))
    told = world.tell(broken)
    assert (told.broken, told.failed) == ((unique_key(broken.id),), ())
    assert world.topic.subjects() == ["DOWN: job-1 failed", "UP: job-1 is back after 1 min"]
    assert "Nowhere/Land" in caplog.text
    assert broken.id not in caplog.text


@pytest.mark.parametrize("status", [Status.DOWN, Status.UP])
def test_a_flip_that_is_missing_from_the_log_is_told_as_the_status(world: World, status: Status) -> None:
    world.create(check())
    world.ping(check(), Ping(at=T0 + minutes(1), kind=Kind.FAIL))
    if status is Status.UP:
        world.ping(check(), Ping(at=T0 + minutes(2)))
    world.store.flips_of.clear()
    told = world.tell(check(), now=T0 + minutes(3))
    assert [message.document["status"] for message in world.topic.published] == [str(status)]
    assert world.held(check()).announced == world.held(check()).flips
    assert (told.broken, told.failed) == ((unique_key(check().id),), ())


def test_a_flip_that_is_missing_before_the_last_is_named_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.create(check())
    world.ping(check(), Ping(at=T0 + minutes(1), kind=Kind.FAIL))
    world.ping(check(), Ping(at=T0 + minutes(2)))
    first = world.held(check()).announced + 1
    del world.store.flips_of[check().id][first]
    told = [world.tell(check(), now=T0 + minutes(3)).broken for _ in range(2)]
    assert told == [(unique_key(check().id),), ()]
    assert [message.document["status"] for message in world.topic.published] == ["up"]
    assert f"{unique_key(check().id)} lacks flips, the last is {first}" in caplog.text


# Races


def test_a_ping_that_comes_while_we_decide_saves_the_check(world: World) -> None:
    world.create(check())

    def meanwhile(call: str, when: str) -> None:
        if (call, when) == ("save", "before"):
            world.store.hook = lambda _call, _when: None
            world.ping(check(), Ping(at=DEADLINE - seconds(1)))

    world.store.hook = meanwhile
    assert world.tell(check()) == BatchResult()
    assert (world.held(check()).status, world.topic.published) == (Status.UP, [])


def test_a_check_that_is_deleted_while_we_decide_stays_deleted(world: World) -> None:
    world.create(check())

    def meanwhile(call: str, when: str) -> None:
        if (call, when) == ("save", "before"):
            world.store.checks.clear()

    world.store.hook = meanwhile
    assert world.tell(check()) == BatchResult()
    assert world.store.checks == {}


def test_losing_race_after_race_is_given_up_and_tried_again_by_the_queue(world: World) -> None:
    world.create(check(1), check(2))
    saves: list[str] = []

    def meanwhile(call: str, when: str) -> None:
        held = world.held(check(1))
        if (call, when) == ("save", "before") and held.status is Status.UP and world.held(check(2)).flips == 1:
            saves.append(call)
            world.store.checks[held.id] = configured(held, T0, name=f"renamed {len(saves)}").check

    world.store.hook = meanwhile
    told = world.tell(check(1), check(2))
    assert told.failed == (check(1).id,)
    assert (world.held(check(1)).status, world.held(check(2)).status) == (Status.UP, Status.DOWN)
    assert len(saves) == SETTLE_TRIES + 1  # and one more before the other's own


# Time


@pytest.mark.parametrize(("early", "waits"), [(0.001, [0.001]), (1.5, [1.5]), (2.0, [2.0]), (2.001, []), (0, [])])
def test_a_deadline_that_is_a_moment_away_is_waited_out(world: World, early: float, waits: list[float]) -> None:
    world.create(check())
    waited: list[float] = []
    now = DEADLINE + SLACK - seconds(early)
    run([check().id], store=world.store, topic=world.topic, clock=lambda: now, site_url=SITE, pause=waited.append)
    assert waited == waits
    assert len(world.topic.published) == (0 if early > 2 else 1)


def test_lateness_is_told_of_missed_deadlines_alone(world: World) -> None:
    world.create(check(1), check(2))
    world.ping(check(2), Ping(at=T0 + minutes(1), kind=Kind.FAIL))
    assert world.tell(check(1), check(2), now=DEADLINE + minutes(4)).lateness == (minutes(4),)


def hearing(world: World, heard: datetime, *, noticed: datetime | None = None) -> None:
    """Let the canary have been heard last at `heard`, and a sweep have noticed that at `noticed`."""
    canary = Check(id=str(UUID(int=99)), project="_lastseen", schedule=Period(timedelta(days=365)), created=T0)
    world.store.create(canary)
    world.ping(canary, Ping(at=heard))
    document: dict[str, Any] = {"canary": canary.id, "deaf_since": None, "windows": [], "said_deaf": False}
    if noticed:
        document |= {"deaf_since": millis(heard), "noticed": millis(noticed)}
    world.store.put_setting("watch", "hearing", document)


def test_while_we_cannot_hear_no_job_is_blamed(world: World) -> None:
    world.create(check())
    hearing(world, DEADLINE - minutes(5), noticed=DEADLINE - minutes(2))
    assert world.tell(check()) == BatchResult()
    assert world.tell(check(), now=DEADLINE + minutes(16)).messages == 1


@pytest.mark.parametrize("broken", ["canary", "record"])
def test_what_we_know_of_our_hearing_holds_back_no_alert_if_it_cannot_be_read(world: World, broken: str) -> None:
    world.create(check())
    hearing(world, DEADLINE)
    if broken == "canary":
        world.store.corrupt.add(str(UUID(int=99)))
    else:
        world.store.put_setting("watch", "hearing", {"canary": 7})
    assert world.tell(check()).messages == 1


def test_a_channel_that_cannot_be_read_is_named_as_broken_and_the_others_are_notified(world: World) -> None:
    good = Channel(id="good", project="default", name="chat", via=Via.CHAT, target="ntfy://x")
    CHANNELS.create(world.store, good)
    world.store.put_setting("channel#default", "damaged", {"name": 7})
    world.create(check())
    result = world.tell(check())
    assert result.broken == ("channel damaged",)
    assert (result.alerts, result.failed) == (1, ())
    assert "good" in world.topic.published[0].attributes["channel_ids"]
