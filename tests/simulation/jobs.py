"""The jobs that are watched, and the people who change their checks: all that the world asks of Lastseen.

Jobs are unpunctual on purpose: many pings come within seconds of a deadline, from either side, and many not at all.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from uuid import UUID

from lastseen.core.schedule import Cron, Period, Schedule, ScheduleError, next_due
from lastseen.core.times import millis, moment
from tests.simulation.clockwork import HOUR, MINUTE, SECOND
from tests.simulation.rules import Asked, Said, Wish
from tests.simulation.world import World

FAST = (60, 60, 60, 90, 120, 300)
SLOW = (1_800, 3_600, 6 * 3_600, 86_400, 2 * 86_400)
GRACES = (60, 60, 60, 90, 120, 300)
CRONS = (
    ("*/5 * * * *", "UTC"),
    ("*/10 * * * *", "Asia/Kolkata"),
    ("7,22,37,52 * * * *", "America/New_York"),
    ("0 * * * *", "Europe/Berlin"),
    ("30 2 * * *", "Europe/Berlin"),
    ("0 9 * * 1-5", "Australia/Lord_Howe"),
)
BROKEN = Cron("61 25 * * *", "Nowhere/Atall")
EDGE = (-2_500, -1_500, -900, -300, -1, 0, 1, 400, 1_000, 1_900, 2_000, 2_001, 2_600, 4_000, 9_000)
"""Milliseconds around a deadline at which a ping is most telling."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Which checks there are."""

    checks: int
    fast: float = 0.8  # share of those that are due every few minutes
    cron: float = 0.2
    flapping: float = 0.1  # share of those with the default limit of flips
    reminded: float = 0.1


def wish(rng: random.Random, crowd: Crowd) -> Wish:
    """Ask for something."""
    schedule: Schedule
    if rng.random() < crowd.cron:
        schedule = Cron(*rng.choice(CRONS))
    else:
        schedule = Period(timedelta(seconds=rng.choice(FAST if rng.random() < crowd.fast else SLOW)))
    return Wish(
        schedule=schedule,
        grace=rng.choice(GRACES) * SECOND,
        sticky=rng.random() < 0.2,
        limit=6 if rng.random() < crowd.flapping else 0,
        reminder=rng.choice((5, 20, 60)) * MINUTE if rng.random() < crowd.reminded else None,
    )


class Job:
    """One job, its pings, and the person who tends to its check."""

    def __init__(self, world: World, crowd: Crowd, check_id: str, asked: Wish, *, path: str, query: str = "") -> None:
        self.world, self.crowd, self.rng = world, crowd, world.rng
        self.check_id, self.wish, self.path, self.query = check_id, asked, path, query
        self.rids = self.rng.random() < 0.6
        self.runs = self.rng.random() < 0.4
        self.hosted = self.rng.random() < 0.6  # on the host that goes dark now and then
        self.dies = self.rng.randint(5, 40) if self.rng.random() < 0.15 else 0  # so many runs before it is repaired
        self.deleted = False

    def step(self) -> None:
        """Run once, and choose when to run again."""
        if self.deleted or self.world.calm:
            return
        if self.check_id and self.world.chance(self.world.weather.changes):
            self._tend()
        if self.runs:
            self._run()
        else:
            self._end()
        self.world.clock.at(self.world.clock.now + self._until_next(), self.step)

    def _end(self) -> None:
        """Say how it went; a job that failed may try again at once, so that its success overtakes the failure."""
        failed = self.rng.random() < 0.06
        self._send("fail" if failed else "success", None)
        if failed and self.rng.random() < 0.5:
            self.world.clock.at(self.world.clock.now + self.rng.randint(50, 900), lambda: self._send("success", None))

    def _run(self) -> None:
        """Start, and end: in time, on the edge, late, twice, or never."""
        rng, grace = self.rng, self.wish.grace
        rid = str(UUID(int=rng.getrandbits(128), version=4)) if self.rids else None
        self._send("start", rid)
        length = rng.choice((50, 2_000, grace // 3, grace + rng.choice(EDGE), grace + rng.choice(EDGE), 2 * grace))
        self.dies -= 1
        if self.dies > 0 or rng.random() < 0.1:
            return
        kind = rng.choices(("success", "fail", "over", "again"), (76, 14, 4, 6))[0]
        self.world.clock.at(self.world.clock.now + length, lambda: self._send(kind, rid))
        if rng.random() < 0.05:
            self._send("log", rid)

    def _until_next(self) -> int:
        rng = self.rng
        try:
            due = next_due(self.wish.schedule, moment(self.world.clock.now))
        except ScheduleError:
            return rng.randint(1, 10) * MINUTE
        late = (millis(due) - self.world.clock.now if due else HOUR) + self.wish.grace
        when = rng.random()
        if when < 0.3:
            return max(int(late * rng.uniform(0.3, 0.9)), SECOND)
        if when < 0.6:
            return max(late + rng.choice(EDGE), SECOND)
        if when < 0.65:
            return rng.randint(0, 3) * SECOND
        return late + rng.randint(3 * SECOND, min(late, 10 * MINUTE))

    def _send(self, kind: str, rid: str | None, tries: int = 3) -> None:
        """Send a ping: it may be lost, come late, or come twice; one that is not taken is sent again."""
        world, rng = self.world, self.rng
        now = world.clock.now
        if self.hosted and now < world.dark_until:
            return
        if now < world.deaf_until or world.chance(world.weather.ping_lost):
            if tries > 1 and rng.random() < 0.5:
                world.clock.at(now + rng.randint(1, 20) * SECOND, lambda: self._send(kind, rid, tries - 1))
            return
        words = {"success": "", "over": "/log", "again": "/log", "fail": "/1" if rng.random() < 0.5 else "/fail"}
        path = self.path + words.get(kind, f"/{kind}")
        over = {"over": "over=1", "again": "over=again"}.get(kind, "")
        query = "&".join(part for part in (f"rid={rid}" if rid else "", over, self.query) if part)
        said = Said(world.skewed(now), kind, rid)

        def then(taken: bool) -> None:  # noqa: FBT001 - a callback's one word
            if not taken and tries > 1:
                world.clock.at(world.clock.now + rng.randint(1, 10) * SECOND, lambda: self._send(kind, rid, tries - 1))

        delay = rng.randint(5, 60)
        if world.chance(world.weather.ping_late):
            delay = rng.choice((500, 1_000, 1_900, 3_000, 10_000, 45_000))
        world.clock.at(now + delay, partial(world.pinged, path, said, query=query, then=then))
        if rng.random() < 0.03:
            world.clock.at(now + rng.randint(0, 3_000), partial(world.pinged, path, said, query=query))

    def _tend(self) -> None:
        """Change the check, pause and later resume it, or delete it."""
        world, rng = self.world, self.rng
        now = world.skewed(world.clock.now)
        what = rng.random()
        if what < 0.5:
            asked = wish(rng, self.crowd) if self.wish.schedule is not BROKEN else self.wish
            self.wish = replace(asked, sticky=self.wish.sticky)
            world.api(self.check_id, Asked("change", now, self.wish))
        elif what < 0.93:
            world.api(self.check_id, Asked("pause", now))
            world.clock.at(world.clock.now + rng.randint(10, 1_800) * SECOND, self._resume)
        elif what < 0.97:
            world.api(self.check_id, Asked("resume", now))
        else:
            self.deleted = True
            world.delete(self.check_id)

    def _resume(self) -> None:
        if not self.deleted:
            self.world.api(self.check_id, Asked("resume", self.world.skewed(self.world.clock.now)))
