"""One run: a seed, a crowd of checks, some weather and some hours; then calm, and the books are closed."""

from __future__ import annotations

import hashlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from unittest.mock import patch
from uuid import UUID

from lastseen.alerting import alert
from lastseen.core.schedule import Period
from lastseen.core.times import millis
from lastseen.delivery import sender
from lastseen.health.canary import CANARY_PROJECT
from lastseen.storage.documents import PROJECTS
from lastseen.storage.records import Project
from tests.simulation import receivers, services
from tests.simulation.books import Wrong
from tests.simulation.clockwork import HOUR, MINUTE, SECOND
from tests.simulation.jobs import BROKEN, Crowd, Job, wish
from tests.simulation.rules import Said, Wish
from tests.simulation.world import CALM, JITTER, STORM, STRICT, Feed, Threads, Weather, World, check_of
from tests.times import T0

WEATHERS = {"calm": CALM, "jitter": JITTER, "strict": STRICT, "storm": STORM}
CALM_AT_THE_END = 45 * MINUTE
KEY = "pingkey"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run follows from: the same plan runs the same, to the letter."""

    seed: int
    weather: str = "storm"
    checks: int = 300
    hours: float = 3
    fast: float = 0.8

    @property
    def replay(self) -> str:
        return (
            f"python -m tests.simulation --seed {self.seed} --weather {self.weather} "
            f"--checks {self.checks} --hours {self.hours:g} --fast {self.fast:g}"
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run."""

    plan: Plan
    wrong: Sequence[Wrong]
    count: Counter[str]
    lateness: Sequence[int]  # milliseconds from deadline to publication, sorted
    held: Sequence[int]  # the same, where the deadline was moved or was past when it was set
    waits: Sequence[int]  # the same, from the queue to channels whose service was never in a mood
    trace: str  # differs if anything went otherwise

    def summary(self) -> str:
        count = self.count
        parts = [
            f"seed {self.plan.seed} {self.plan.weather}: {count['flips']} flips, {count['alerts']} alerts,",
            f"{count['doubles']} doubles, {count['sweeps']} sweeps, {count['killed']} killed;",
            f"{count['heard']} heard by receivers, {count['heard twice']} of them again;",
            f"deadline to publish {_spread(self.lateness)}; held {_spread(self.held)}",
        ]
        faults = [f"\n{wrong.text}" for wrong in self.wrong[:3]]
        return " ".join(parts) + "".join(faults) + (f"\nReplay: {self.plan.replay}" if faults else "")


def percentile(lateness: Sequence[int], share: float) -> float:
    """Return that percentile of sorted milliseconds, in seconds."""
    return lateness[min(int(len(lateness) * share), len(lateness) - 1)] / SECOND if lateness else 0.0


def _spread(lateness: Sequence[int]) -> str:
    p50, p99, most = (percentile(lateness, share) for share in (0.5, 0.99, 1))
    return f"p50 {p50:.2f} s, p99 {p99:.2f} s, max {most:.2f} s (n={len(lateness)})"


def simulate(plan: Plan, weather: Weather | None = None, *, feed: Feed | None = None) -> Report:
    """Run a plan; stop at the first fault. `feed`: another way to hand wakes out than the template's."""
    return _run(plan, weather or WEATHERS[plan.weather], _populate, feed or Feed())


def together(checks: int) -> Report:
    """Let so many checks fall due in the same moment, in calm weather."""
    return _run(Plan(1, "calm", checks, hours=0.1), replace(CALM, ping_lost=0), _assemble, Feed())


def _run(plan: Plan, weather: Weather, populate: Callable[[World, Plan], None], feed: Feed) -> Report:
    random.seed(plan.seed)  # the functions' own jitter
    world = World(plan.seed, weather, millis(T0), feed=feed)
    try:
        with (
            patch.object(alert, "ThreadPoolExecutor", partial(Threads, world)),
            world.services.reached(),
            _crashes_noted(world),
        ):
            populate(world, plan)
            _unfold(world, plan)
    finally:
        world.clock.close()
    books = world.books
    books.count += books.receivers.count + world.services.count
    trace = hashlib.sha256(repr((sorted(books.count.items()), books.lateness, world.rng.random())).encode()).hexdigest()
    return Report(
        plan=plan,
        wrong=books.wrong,
        count=books.count,
        lateness=sorted(books.lateness),
        held=sorted(books.held),
        waits=sorted(world.services.waits),
        trace=trace[:16],
    )


@contextmanager
def _crashes_noted(world: World) -> Iterator[None]:
    """Note each error that the program logs and goes on after, if no trouble of the world explains it.

    So nothing that is broken by mistake looks like something that is broken on purpose. All else that is logged is not:
    there are thousands of tracebacks of troubles that are meant.
    """
    log = logging.getLogger("lastseen")
    crashes = _Crashes(world)
    before = log.propagate, log.level
    log.propagate = False
    log.setLevel(logging.WARNING)
    log.addHandler(crashes)
    try:
        yield
    finally:
        log.removeHandler(crashes)
        log.propagate = before[0]
        log.setLevel(before[1])


class _Crashes(logging.Handler):
    def __init__(self, world: World) -> None:
        super().__init__(logging.WARNING)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        unsent = record.name == sender.__name__  # it caught what no service answers
        if unsent or (error and not isinstance(error, self._world.troubles)):
            self._world.books.fault("crash", self._world.clock.now, f"{record.getMessage()} {error!r}")


def _populate(world: World, plan: Plan) -> None:
    world.calm = True
    crowd = Crowd(plan.checks, fast=plan.fast)
    rng, start = world.rng, world.clock.now
    hashed = hashlib.sha256(KEY.encode()).hexdigest()
    world.store.put_setting("key", hashed, {"scope": "ping", "project": "made"})
    _open_channels(world, "made")
    for number in range(plan.checks):
        asked = wish(rng, crowd)
        first = start + rng.randint(0, 10 * MINUTE)
        if number % 40 == 7:  # made by its first ping, or pings: nobody tends to it by id
            asked = replace(asked, limit=6, reminder=None, sticky=False, grace=60 * SECOND)
            job = Job(world, crowd, "", asked, path=f"{KEY}/job-{number}", query="create=1&timeout=60&grace=60")
            world.clock.at(first, job.step)
            world.clock.at(first, job.step)
            continue
        check_id = str(UUID(int=rng.getrandbits(128), version=4))
        if rng.random() < world.weather.poison / 2:
            asked = replace(asked, schedule=BROKEN)
        wanted = _routed(world, check_id, f"team-{number // 20}" if number % 4 == 0 else "default")
        name = services.PICKY_NAME if number % 7 == 3 else services.REFUSED_NAME if number % 50 == 3 else ""
        world.store.create(check_of(check_id, wanted, asked, start, name))
        world.clock.at(first, Job(world, crowd, check_id, asked, path=check_id).step)
        if rng.random() < world.weather.poison:
            _poison(world, check_id)
    world.calm = False


def _assemble(world: World, plan: Plan) -> None:
    """Make checks that are all pinged once, in the same moment."""
    start = world.clock.now
    for _ in range(plan.checks):
        check_id = str(UUID(int=world.rng.getrandbits(128), version=4))
        world.store.create(
            check_of(check_id, _routed(world, check_id, "default"), Wish(Period(timedelta(minutes=1)), MINUTE), start)
        )
        world.clock.at(start, partial(world.pinged, check_id, Said(start, "success")))


def _routed(world: World, check_id: str, project: str) -> receivers.Asked:
    """Choose whom a check's alerts concern, and make its project's channels."""
    wanted = receivers.asked(random.Random(check_id), project)  # noqa: S311 - no secret; it has to replay
    world.books.receivers.asked[check_id] = wanted
    _open_channels(world, project)
    return wanted


def _open_channels(world: World, project: str) -> None:
    PROJECTS.write(world.store, Project(name=project))
    for name, document in receivers.KINDS.items():
        channel_id = f"{project}:{name}"
        world.store.documents[f"channel#{project}", channel_id] = document.copy()
        if name not in receivers.BY_SNS:
            world.channel_ids[channel_id] = None


def _poison(world: World, check_id: str) -> None:
    """Spoil a check's item, for some time or for good, or its log."""
    rng, corrupt = world.rng, world.store.corrupt
    spoiled = world.clock.now + rng.randint(0, 2 * HOUR)
    how = rng.random()
    if how < 0.3:
        world.books.stand_ins.add(check_id)
        return

    def mend() -> None:
        corrupt.discard(check_id)
        world.books.mended(check_id, world.clock.now)

    world.clock.at(spoiled, lambda: corrupt.add(check_id))
    if how < 0.8:
        world.clock.at(spoiled + rng.randint(1, 20) * MINUTE, mend)


def _unfold(world: World, plan: Plan) -> None:
    """Let the hours pass, then the last minutes without trouble, and close the books."""
    start = world.clock.now
    end = start + int(plan.hours * HOUR)
    minutes = (end - start + CALM_AT_THE_END) // MINUTE
    for minute in range(minutes):
        world.clock.at(start + minute * MINUTE, partial(_minute, world))

    def stop() -> bool:
        return bool(world.books.wrong)

    world.clock.run_until(end, stop)
    world.calm = True
    world.deaf_until = world.no_sweeps_until = 0
    world.clock.run_until(end + CALM_AT_THE_END, stop)
    if not stop():
        readable, now = set(world.store.checks) - world.store.corrupt, world.clock.now
        world.books.settle(readable, world.services.refused, now)
        for tool, incidents in world.services.open.items():
            world.books.left_open(readable, tool, list(incidents), now)
        _close(world)


def _minute(world: World) -> None:
    """Let the scheduler strike: as a rule once, about on the minute."""
    rng, weather, now = world.rng, world.weather, world.clock.now
    if world.chance(weather.deafness) and now > world.deaf_until:
        world.deaf_until = now + rng.randint(1, 30) * MINUTE
        world.books.count["deafnesses"] += 1
    if world.chance(weather.dark) and now > world.dark_until:
        world.dark_until = now + rng.randint(5, 15) * MINUTE
    if world.chance(weather.no_sweeps):
        world.no_sweeps_until = now + rng.randint(2, 40) * MINUTE
    world.services.minute()
    if now < world.no_sweeps_until or world.chance(weather.sweep_skipped):
        return
    for _ in range(2 if world.chance(weather.sweep_twice) else 1):
        world.clock.at(now + (rng.randint(0, weather.sweep_crooked) if not world.calm else 0), world.sweep)


def _close(world: World) -> None:
    """Look whether people know that we hear, and whether each check has a status that they were told of."""
    own = [kind for _, kind in world.books.own]
    world.books.count["words on our hearing"] += len(own)
    if own and own[-1] != "hearing":
        world.books.fault("lost", world.clock.now, "people still believe that Lastseen cannot hear")
    for check in world.store.checks.values():
        rules = world.books.rules[check.id]
        if str(check.status) != rules.status and check.project != CANARY_PROJECT:
            world.books.fault("words", world.clock.now, f"{check.id} is {check.status}, should be {rules.status}")
