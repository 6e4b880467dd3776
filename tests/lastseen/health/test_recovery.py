"""When Lastseen itself could not hear, did not run, or forgot: who is told what, minute by minute, over memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from lastseen.alerting import alert, sweep
from lastseen.core.check import Check, Ping, Status
from lastseen.core.machine import pinged
from lastseen.core.schedule import Period
from lastseen.health.canary import CanaryMessages, check_canary
from lastseen.pinging import answer as ping
from lastseen.pinging.keys import PingKeys
from lastseen.text.own import deaf, hearing
from tests.memory import MemoryStore, MemoryTopic, MemoryWakes
from tests.times import T0, minutes, seconds

SITE = "https://lastseen.example.com"


@dataclass
class House:
    """One deployment. Each minute it sweeps, its canary pings if it can be heard, and what is due is looked at."""

    store: MemoryStore = field(default_factory=MemoryStore)
    topic: MemoryTopic = field(default_factory=MemoryTopic)
    wakes: MemoryWakes = field(default_factory=MemoryWakes)

    def watch(self, n: int, *, period: int, grace: int) -> str:
        """Add a job that pinged at T0; times are in minutes."""
        made = Check(id=str(UUID(int=n << 64)), name=f"job {n}", schedule=Period(minutes(period)), grace=minutes(grace))
        up = pinged(made, Ping(at=T0)).check
        self.store.create(replace(up, announced=up.flips))
        return made.id

    def minute(self, now: datetime, *, heard: bool = True) -> None:
        sweep.run(store=self.store, wakes=self.wakes, clock=lambda: now)
        canary = check_canary(
            self.store,
            now,
            CanaryMessages(
                silent=lambda since: self.topic.publish(deaf(since=since, now=now)),
                back=lambda window: self.topic.publish(hearing(window=window, now=now)),
            ),
        )
        if heard:
            self.ping(canary, now + seconds(1))
        self.look(now)

    def look(self, now: datetime) -> None:
        """Carry each wake in its time."""
        for wake in sorted(self.wakes.taken(), key=lambda wake: wake.delay_seconds):
            self.alert(wake.check_id, now + seconds(wake.delay_seconds))

    def alert(self, check_id: str, at: datetime) -> None:
        alert.run([check_id], store=self.store, topic=self.topic, clock=lambda: at, site_url=SITE, pause=lambda _: None)

    def ping(self, path: str, at: datetime) -> None:
        request = ping.PingRequest(path=path, at=at)
        keys = PingKeys(self.store)
        told = ping.answer(request, store=self.store, wakes=self.wakes, keys=keys, body_limit=100)
        assert told.status == 200

    def pass_time(self, first: int, last: int, *, heard: bool = True, alive: tuple[str, ...] = ()) -> None:
        """Let minutes pass, in which jobs that live ping each minute."""
        for minute in range(first, last + 1):
            now = T0 + minutes(minute)
            for job in alive:
                self.ping(job, now)
            self.minute(now, heard=heard)


def test_jobs_are_not_blamed_while_we_are_deaf_and_two_messages_say_so() -> None:
    house = House()
    job = house.watch(1, period=5, grace=5)
    house.pass_time(0, 4)
    house.pass_time(5, 14, heard=False)  # its ping at 5 is lost like all others
    assert [subject[:35] for subject in house.topic.subjects()] == ["Lastseen cannot hear pings since 12"]
    house.ping(job, T0 + minutes(15))
    house.pass_time(15, 18, alive=(job,))
    assert [subject[:27] for subject in house.topic.subjects()] == [
        "Lastseen cannot hear pings ",
        "Lastseen hears pings again,",
    ]
    kept = house.store.checks[job]
    assert kept.status is Status.UP


def test_a_failure_is_told_at_once_while_we_are_nearly_deaf() -> None:
    house = House()
    job = house.watch(1, period=60, grace=5)
    house.pass_time(0, 3)
    house.pass_time(4, 10, heard=False)
    house.ping(f"{job}/fail", T0 + minutes(10) + seconds(5))
    house.look(T0 + minutes(10) + seconds(5))
    assert house.topic.subjects()[-1] == "DOWN: job 1 failed"


def test_after_fifteen_minutes_of_deafness_people_are_told_all_the_same_and_why_it_is_doubtful() -> None:
    house = House()
    house.watch(1, period=5, grace=5)
    house.pass_time(0, 4)
    house.pass_time(5, 24, heard=False)
    assert len(house.topic.published) == 1
    house.pass_time(25, 30, heard=False)
    [_, late] = house.topic.published
    assert late.subject == "DOWN: job 1 did not start in time"
    assert "15 min" in late.email
    assert late.document["reason"] == "missed"


def test_a_scheduler_that_was_off_for_an_hour_blames_nobody_who_pinged_and_tells_each_real_miss_once() -> None:
    house = House()
    alive = [house.watch(n, period=5, grace=5) for n in range(1, 40)]
    house.watch(99, period=5, grace=5)
    house.pass_time(0, 4, alive=tuple(alive))
    for minute in range(5, 65):
        for job in alive:
            house.ping(job, T0 + minutes(minute))
    house.pass_time(65, 90, alive=tuple(alive))
    told = [subject for subject in house.topic.subjects() if not subject.startswith("Lastseen ")]
    assert told == ["DOWN: job 99 did not start in time"]
    own = [subject[:15] for subject in house.topic.subjects() if subject.startswith("Lastseen ")]
    assert own == ["Lastseen cannot", "Lastseen hears "]


def test_a_redeployment_that_costs_a_sweep_goes_unnoticed() -> None:
    house = House()
    job = house.watch(1, period=5, grace=5)
    house.pass_time(0, 4, alive=(job,))
    house.pass_time(6, 20, alive=(job,))
    assert house.topic.published == []


def test_a_restored_table_whose_jobs_are_pinged_for_tells_only_those_that_stay_silent() -> None:
    """As docs/operations.md tells to do it: pings since the copy are forgotten, so each watched check is given one."""
    house = House()
    alive = [house.watch(n, period=5, grace=5) for n in range(1, 40)]
    dead = house.watch(99, period=5, grace=5)
    house.pass_time(0, 1, alive=tuple(alive))
    copy = dict(house.store.checks)
    house.pass_time(2, 120, alive=(*alive, dead))
    house.topic.published.clear()

    house.store.checks = copy  # restored two hours later, with the schedule switched off
    for job in (*alive, dead):
        house.ping(job, T0 + minutes(122))
    house.wakes.taken()
    house.pass_time(122, 160, alive=tuple(alive))
    told = [subject for subject in house.topic.subjects() if not subject.startswith("Lastseen ")]
    assert told.count("DOWN: job 99 did not start in time") == 1
    assert [subject for subject in told if "99" not in subject] == []
