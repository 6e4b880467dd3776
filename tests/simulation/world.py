"""The world: the real functions over tables, queue and topic in memory, and whatever may befall them.

Here the operations are run, killed, slowed, doubled and dropped. What the jobs do is in jobs.py, what is right in
rules.py, what came of it in books.py.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Self, TypeVar, cast

from lastseen.alerting import alert, sweep
from lastseen.aws.deliveries import Delivery, NotSentError
from lastseen.aws.wakes import Wake, packed
from lastseen.core.check import Check, Outcome
from lastseen.core.machine import NotPausedError, configured, paused, resumed
from lastseen.core.moments import is_late
from lastseen.core.times import MILLISECOND, moment
from lastseen.health.canary import CanaryMessages, blind_windows, check_canary
from lastseen.pinging import answer as ping
from lastseen.pinging.keys import PingKeys
from lastseen.storage.checks import Place
from lastseen.storage.errors import ConflictError, CorruptError
from lastseen.text.own import deaf, hearing
from tests import strict_aws
from tests.memory import Hook, MemoryStore, MemoryWakes
from tests.simulation import receivers
from tests.simulation.books import Books
from tests.simulation.clockwork import MINUTE, SECOND, Clock, Op
from tests.simulation.post import Post, Speaker
from tests.simulation.rules import Asked, Said, Wish
from tests.simulation.services import Services

T = TypeVar("T")

VISIBILITY = 360 * SECOND
RECEIVES = 5
GAP = SECOND // 4
CHECKS_AT_ONCE = 8
TIMEOUTS = {"ping": 10 * SECOND, "sweep": 50 * SECOND, "api": 29 * SECOND}
END_RESERVE = 15 * SECOND
"""As the template and the entries set them; what is not listed has a minute."""

LAG = SECOND
"""For how long an eventual read may return what was there before."""


@dataclass(frozen=True, slots=True)
class Feed:
    """How Lambda takes messages from the wake queue. tests/infra holds these figures against the template."""

    batch: int = 10  # messages at most
    window: int = 0  # milliseconds in which a batch may be gathered
    at_once: int = 2  # batches

    def wait(self, rng: random.Random) -> int:
        """Return how long a message waits for others.

        With a window, Lambda may wait much longer on a quiet queue, however short the window is, and that is what is
        taken here.
        """
        return rng.randint(self.window, strict_aws.BATCHING_WINDOW_SECONDS.value * SECOND) if self.window else 0


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message of the wake queue: the checks to look at, and how often it was received before."""

    check_ids: tuple[str, ...]
    received: int = 0


@dataclass(frozen=True, slots=True)
class Weather:
    """How often things go wrong: shares of calls, of operations, of messages; spans in milliseconds."""

    killed: float = 0  # of calls: the function dies before or after
    refused: float = 0  # of calls: throttled, nothing is done
    unanswered: float = 0  # of calls: done, but the answer is lost
    repeated: float = 0  # of writes: the SDK sends it again, for its answer was lost
    held_up: float = 0.05  # of operations: others run between its calls
    holds: tuple[int, ...] = (1, 5, 20, 100)
    stale: float = 0.2  # of eventual reads soon after a write
    wake_lost: float = 0
    wake_twice: float = 0.005
    wake_late: float = 0
    sweep_skipped: float = 0
    sweep_twice: float = 0
    sweep_crooked: int = 2 * SECOND  # how far off the minute
    ping_late: float = 0.01  # of pings: seconds between gateway and write
    ping_lost: float = 0.002
    skew: int = 300  # the most that a function's clock is off
    deafness: float = 0  # per minute: the gateway is down for some minutes
    dark: float = 0.004  # per minute: a host, and all jobs on it, goes silent for some minutes
    no_sweeps: float = 0  # per minute: the scheduler stops for some minutes
    changes: float = 0.002  # per job and step: pause, resume, change, delete
    moods: float = 0  # per minute and channel: its service is away, hangs or refuses for some minutes
    poison: float = 0.005  # of checks
    patience: int = 70 * SECOND  # the most from deadline to publication, unless held
    prompt: int = 60 * MINUTE  # the most where a wake is on its way when it happens: no sweep need see it


CALM = Weather()
JITTER = Weather(sweep_crooked=strict_aws.SCHEDULER_OFFSET_SECONDS.value * SECOND)
"""Calm, with a scheduler that starts each minute's sweep anywhere within it, which is all that AWS promises."""
STRICT = replace(
    JITTER,
    wake_twice=strict_aws.MESSAGES_TWICE_SHARE.value,
    sweep_twice=strict_aws.MESSAGES_TWICE_SHARE.value,  # the scheduler, too, delivers at least once
    stale=strict_aws.EVENTUAL_READS_STALE_SHARE.value,
)
"""All that AWS documents as its worst case while none of its parts is out of order."""
STORM = Weather(
    killed=0.002,
    refused=0.002,
    unanswered=0.001,
    repeated=0.003,
    held_up=0.15,
    holds=(1, 5, 20, 100, 400, 1_500),
    wake_lost=0.02,
    wake_twice=0.05,
    wake_late=0.03,
    sweep_skipped=0.05,
    sweep_twice=0.05,
    sweep_crooked=8 * SECOND,
    ping_late=0.05,
    ping_lost=0.01,
    skew=1 * SECOND,
    deafness=0.003,
    dark=0.02,
    no_sweeps=0.001,
    changes=0.006,
    moods=0.005,
    poison=0.02,
    patience=60 * MINUTE,
)


class KilledError(BaseException):
    """The function's process is gone."""


class RefusedError(Exception):
    """AWS throttled a call, or its answer was lost."""


class Tables(MemoryStore):
    """The tables; they tell the books of each write in the moment in which it is done."""

    world: World

    def __init__(self, hook: Hook, *, history_days: int) -> None:
        super().__init__(hook, history_days=history_days)
        self.projects: dict[str, dict[str, None]] = {}

    def get(self, check_id: str, *, strong: bool = False) -> Check | None:
        found = super().get(check_id, strong=strong)
        return found if strong else self.world.lagging(("check", check_id), found)

    def get_many(
        self, check_ids: Sequence[str], *, corrupt: list[str] | None = None, strong: bool = True
    ) -> dict[str, Check]:
        found = super().get_many(check_ids, corrupt=corrupt, strong=strong)
        if strong:
            return found
        read = {check_id: self.world.lagging(("check", check_id), found.get(check_id)) for check_id in check_ids}
        return {check_id: check for check_id, check in read.items() if check}

    def ids_of_slug(self, project: str, slug: str, *, strong: bool = False) -> tuple[str, ...]:
        found = super().ids_of_slug(project, slug, strong=strong)
        return found if strong else self.world.lagging(("slug", project, slug), found) or ()

    def create(self, check: Check, *, about: str = "", sole: bool = False) -> None:
        self.world.open(check)
        self.world.changes(("check", check.id), None)
        self.world.changes(("slug", check.project, check.slug), self._ids(check.project, check.slug))
        self.world.twice(lambda: MemoryStore.create(self, check, about=about, sole=sole))
        self.projects.setdefault(check.project, {})[check.id] = None

    def save(self, seen: Check, outcome: Outcome, *, about: str | None = None) -> None:
        self.world.clock.current.outcome = outcome
        self.world.twice(lambda: MemoryStore.save(self, seen, outcome, about=about))

    def save_ping(self, seen: Check, outcome: Outcome) -> int:
        self.world.clock.current.outcome = outcome
        return self.world.twice(lambda: MemoryStore.save_ping(self, seen, outcome))

    def delete(self, seen: Check) -> None:
        try:
            super().delete(seen)
        finally:
            if seen.id not in self.checks:
                self.projects[seen.project].pop(seen.id, None)
                self.world.books.closed(seen.id)

    def announce(self, check_id: str, *, seen: int, upto: int) -> None:
        try:
            self.world.twice(lambda: MemoryStore.announce(self, check_id, seen=seen, upto=upto))
        finally:  # whatever the caller hears of it
            check = self.checks.get(check_id)
            if check:
                self.world.books.announced(check_id, check.announced)
        kept = self.flips_of.get(check_id, {})
        for n in [n for n in kept if n < upto - 20 and not kept[n].channels]:
            del kept[n]

    def _log(self, check_id: str, flips: Sequence[Any]) -> None:
        if flips:
            self.world.changes(("log", check_id), self.flips_of.get(check_id, {}).copy())
        super()._log(check_id, flips)

    def flips(self, check_id: str, *, after: int = 0, upto: int | None = None) -> list[Any]:
        found = super().flips(check_id, after=after, upto=upto)
        return [] if check_id in self.world.books.stand_ins else found  # what cannot be read is left out

    def project_page(self, project: str, *, after: Place, limit: int) -> tuple[dict[str, str], Place | None]:
        with self._call("project_page"):  # as the other, but quick
            mine = self.projects.get(project, {})
            return (dict.fromkeys(mine, ""), None) if len(mine) <= limit else ({}, after)

    def put_setting(
        self, kind: str, name: str, document: dict[str, Any], *, new: bool = False, known: bool = False
    ) -> None:
        self.world.changes(("setting", kind, name), self.documents.get((kind, name)))
        super().put_setting(kind, name, document, new=new, known=known)
        if kind == "watch":
            self.world.books.canary = str(document["canary"])
            self.world.books.hearing.noted(self.world.clock.now)

    def _put(self, seen: Check, new: Check) -> None:
        self.world.changes(("check", seen.id), self.checks[seen.id])
        super()._put(seen, new)
        self.world.wrote(seen.id)

    def _ids(self, project: str, slug: str) -> tuple[str, ...]:
        return tuple(sorted(self.names.get((project, slug), {})))


class Queue(MemoryWakes):
    """The queue; what is sent is on its way at once."""

    world: World

    def send(self, wakes: Sequence[Wake]) -> int:
        with self._call("send"):
            for delay_seconds, check_ids in packed(wakes):
                self.world.wake(Envelope(tuple(check_ids)), delay_seconds)
        return 0


class Threads:
    """Stands in for the alert function's pool: threads that take turns between their calls, as the clock says."""

    def __init__(self, world: World, at_once: int) -> None:
        self._world = world
        self._at_once = at_once

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        op = self._world.clock.current
        if not op.held_up or len(items) < 2:  # nobody else runs between its calls
            return [work(item) for item in items]
        done: dict[int, Any] = {}
        failed: dict[int, Exception] = {}
        left = deque(enumerate(items))

        def run(_thread: Op) -> None:
            while left and not op.killed:
                at, item = left.popleft()
                try:
                    done[at] = work(item)
                except Exception as error:  # noqa: BLE001 - raised below, as a pool does when all is done
                    failed[at] = error
                except KilledError:
                    op.killed = True

        self._world.books.count["batches on several threads"] += 1
        self._world.clock.side_by_side(op, [run] * min(self._at_once, len(items)))
        if op.killed:
            raise KilledError("a thread was killed")
        for at in sorted(failed):
            raise failed[at]
        return [done[at] for at in range(len(items))]


class World:
    """One deployment and its fate."""

    def __init__(self, seed: int, weather: Weather, start: int, *, feed: Feed) -> None:
        self.seed = seed
        self.feed = feed
        self.weather = weather
        self.calm = False  # at the end all troubles cease
        self.rng = random.Random(seed)  # noqa: S311 - no secret; it has to replay
        self.clock = Clock(start)
        self.books = Books(weather.patience, weather.prompt)
        self.store = Tables(self.hook, history_days=0)
        self.queue = Queue(self.hook)
        self.services = Services(self)
        self.post = Post(self)
        self.topic = Speaker(self, GAP, self.post.deliveries)
        self.store.world = self.queue.world = self
        self.channel_ids: dict[str, None] = {}  # those that services stand behind
        self.in_hand: Delivery | None = None  # what is being sent to a service, and how long that takes
        self.in_hand_since = 0
        self.took = 0
        self.keys = PingKeys(self.store)
        self.deaf_until = 0
        self.dark_until = 0
        self.no_sweeps_until = 0
        self._gathering: list[Envelope] = []  # waiting for a batching window to end
        self._visible: deque[Envelope] = deque()
        self._alerting = 0
        self._in_hand: Counter[str] = Counter()  # checks that batches are working on
        self._before: dict[tuple[str, ...], tuple[object, int]] = {}
        self._next_trouble = self._distance()

    # Troubles

    troubles = (KilledError, RefusedError, CorruptError, ConflictError, NotSentError)

    def chance(self, share: float) -> bool:
        return not self.calm and self.rng.random() < share

    def hook(self, call: str, when: str) -> None:
        """Befall a call: hold it up, kill it, refuse it, lose its answer."""
        op = self.clock.current
        if op.held_up and self.rng.random() < 0.4:
            self.clock.sleep(op, self.rng.choice(self.weather.holds))
        process = op.process or op
        if process.killed:
            raise KilledError("another thread of its process was killed")
        if process.ends and self.clock.now > process.ends:
            self.books.count["out of time"] += 1
            process.killed = True
            raise KilledError("its time was over")
        self._next_trouble -= 1
        if self._next_trouble > 0 or self.calm:
            return
        self._next_trouble = self._distance()
        weather = self.weather
        trouble = self.rng.random() * (weather.killed + weather.refused + weather.unanswered)
        if trouble < weather.killed:
            self.books.count["killed"] += 1
            raise KilledError(f"{when} {call}")
        if trouble < weather.killed + weather.refused:
            if when == "before":
                self.books.count["refused"] += 1
                raise RefusedError(f"{call} throttled")
        elif when == "after":
            self.books.count["unanswered"] += 1
            raise RefusedError(f"{call} timed out")

    def twice(self, write: Callable[[], T]) -> T:
        """Send a write, and sometimes once more."""
        done = write()
        if self.chance(self.weather.repeated):
            self.books.count["repeated"] += 1
            return write()
        return done

    def changes(self, place: tuple[str, ...], before: object) -> None:
        """Note what an eventual read may still return for a moment: what was there before, or nothing."""
        self._before[place] = before, self.clock.now

    def lagging(self, place: tuple[str, ...], found: T) -> T:
        """Return what an eventual read returns."""
        before, at = self._before.get(place, (found, 0))
        if self.clock.now - at < LAG and self.chance(self.weather.stale):
            self.books.count["stale reads"] += 1
            return cast("T", before)
        return found

    def skewed(self, now: int) -> int:
        return now if self.calm else now + self.rng.randint(-self.weather.skew, self.weather.skew)

    def _distance(self) -> int:
        weather = self.weather
        share = weather.killed + weather.refused + weather.unanswered
        return int(self.rng.expovariate(share)) + 1 if share else 1 << 60

    # The books

    def open(self, check: Check) -> None:
        if check.id not in self.books.rules:
            self.books.opened(check.id, wish_of(check))

    def wrote(self, check_id: str) -> None:
        op = self.clock.current
        op.written += 1
        self.books.wrote(op, check_id, op.outcome.flips, self.clock.now)

    # Operations

    def run(self, op: Op, work: Callable[[Op], None], *, waits: bool = False) -> None:
        op.ends = self.clock.now + TIMEOUTS.get(op.name, MINUTE)
        op.held_up = self.chance(self.weather.held_up)
        self.clock.start(op, work, strand=op.held_up or waits)

    def pinged(self, path: str, said: Said, *, query: str = "", then: Callable[[bool], None] | None = None) -> None:
        """Let the ping function answer; `then` hears whether the client was told 200."""

        def work(op: Op) -> None:
            request = ping.PingRequest(path=path, query=query, at=moment(said.at))
            try:
                told = ping.answer(
                    request, store=self.store, wakes=self.queue, keys=self.keys, body_limit=100, pause=self._pause(op)
                )
            except (KilledError, RefusedError, CorruptError):
                status = 500
            else:
                status = told.status
            self.books.count[f"pings {status}"] += 1
            if status in {200, 201} and not op.written:
                self.books.fault("dropped", self.clock.now, f"{path} {said} was answered {status}, but not written")
            if then:
                then(status in {200, 201, 404})

        self.run(Op("ping", now=said.at, said=said), work)

    def sweep(self) -> None:
        """Sweep as functions/sweep.py does: let the canary ping, then look for deadlines."""

        def work(op: Op) -> None:
            skew = op.now - self.clock.now
            self.books.count["sweeps"] += 1
            try:
                self._let_canary_ping(op)
                sweep.run(store=self.store, wakes=self.queue, clock=lambda: moment(self.clock.now + skew))
            except self.troubles:
                return

        self.run(Op("sweep", now=self.skewed(self.clock.now)), work)

    def _let_canary_ping(self, op: Op) -> None:
        now = moment(op.now)
        voice = CanaryMessages(
            silent=lambda since: self.topic.publish(deaf(since=since, now=now)),
            back=lambda window: self.topic.publish(hearing(window=window, now=now)),
        )
        try:
            canary = check_canary(self.store, now, voice)
        except (RefusedError, NotSentError):
            return  # the sweep goes on
        if self.clock.now >= self.deaf_until and not self.chance(self.weather.ping_lost):
            at = self.skewed(self.clock.now)
            self.clock.at(self.clock.now + 20, partial(self.pinged, canary, Said(at, "success")))

    def alert(self, batch: Sequence[Envelope]) -> None:
        """Let the alert function work on a batch; what fails comes back when its time of invisibility is over."""

        def work(op: Op) -> None:
            ids = list(dict.fromkeys(check_id for envelope in batch for check_id in envelope.check_ids))
            self.books.count["checks in two batches at once"] += sum(bool(self._in_hand[one]) for one in ids)
            self._in_hand.update(ids)
            skew = op.now - self.clock.now
            try:
                told = alert.run(
                    ids,
                    store=self.store,
                    topic=self.topic,
                    clock=lambda: moment(self.clock.now + skew),
                    site_url="https://x.test",
                    until=moment(op.ends + skew - END_RESERVE),
                    pause=self._pause(op),
                    at_once=CHECKS_AT_ONCE,
                )
            except (KilledError, RefusedError, CorruptError, alert.FaultError, ConflictError):
                failed = set(ids)
            else:
                failed = {*told.failed, *told.unfinished}
            for envelope in batch:
                if failed.intersection(envelope.check_ids):
                    self._again(envelope)
            self._in_hand.subtract(ids)
            self._alerting -= 1
            if self._visible:
                self.clock.at(self.clock.now, self._hand_over)

        self.run(Op("alert", now=self.skewed(self.clock.now)), work, waits=True)

    def api(self, check_id: str, asked: Asked) -> None:
        """Pause, resume or change a check, as the management API does."""

        def decide(check: Check) -> Outcome:
            now = moment(asked.at)
            blind = blind_windows(self.store, now) if is_late(check, now) else ()
            if asked.what == "pause":
                return paused(check, now, blind)
            if asked.what == "resume":
                return resumed(check, now, blind)
            assert asked.wish is not None
            return configured(check, now, blind, **settings_of(asked.wish))

        def work(_op: Op) -> None:
            try:
                self._change(check_id, decide)
            except (KilledError, RefusedError, CorruptError, NotPausedError):
                self.books.count["changes failed"] += 1

        self.run(Op("api", now=asked.at, said=asked), work)

    def delete(self, check_id: str) -> None:
        def work(_op: Op) -> None:
            for _ in range(20):
                try:
                    check = self.store.get(check_id, strong=True)
                    if check:
                        self.store.delete(check)
                except ConflictError:
                    continue
                except (KilledError, RefusedError, CorruptError):
                    pass
                return

        self.run(Op("delete", said="delete"), work)

    def _change(self, check_id: str, decide: Callable[[Check], Outcome]) -> None:
        for _ in range(20):
            check = self.store.get(check_id, strong=True)
            if check is None:
                return
            outcome = decide(check)
            try:
                self.store.save(check, outcome)
            except ConflictError:
                continue
            if outcome.check.announced < outcome.check.flips:
                self.queue.send([Wake(check_id)])
            return

    def _pause(self, op: Op) -> Callable[[float], None]:
        def pause(seconds: float) -> None:
            length, sleeper = round(seconds * SECOND), self.clock.current
            assert op in (sleeper, sleeper.process), "the function waits, or one of its threads"
            waits_for_deadlines = (
                op.name == "alert" and sleeper.outcome is None
            )  # else it lost a race and keeps its time
            sleeper.now += length if waits_for_deadlines else 0
            self.clock.sleep(sleeper, length)

        return pause

    # The queue

    def wake(self, envelope: Envelope, delay_seconds: int) -> None:
        """Carry a message: as a rule once and in time."""
        delay = delay_seconds * SECOND + self.rng.randint(5, 200)
        if self.chance(self.weather.wake_lost):
            return
        if self.chance(self.weather.wake_late):
            delay += self.rng.randint(1, 300) * SECOND
        self.clock.at(self.clock.now + delay, partial(self._arrive, envelope))
        if self.chance(self.weather.wake_twice):
            self.clock.at(self.clock.now + delay + self.rng.randint(0, 5_000), partial(self._arrive, envelope))

    def _again(self, envelope: Envelope) -> None:
        if envelope.received + 1 < RECEIVES:
            again = replace(envelope, received=envelope.received + 1)
            self.clock.at(self.clock.now + VISIBILITY, partial(self._arrive, again))
        else:
            self.books.count["dead letters"] += 1

    def _arrive(self, envelope: Envelope) -> None:
        """Let a message be seen; with a batching window it waits for others first."""
        self._gathering.append(envelope)
        if len(self._gathering) == 1:
            self.clock.at(self.clock.now + self.feed.wait(self.rng), self._gathered)

    def _gathered(self) -> None:
        self._visible += self._gathering
        self._gathering.clear()
        self._hand_over()

    def _hand_over(self) -> None:
        """Give batches to the function for as long as a place is free; a receive may return less than there is."""
        while self._visible and self._alerting < self.feed.at_once:
            most = min(len(self._visible), self.feed.batch)
            self._alerting += 1
            received = self.rng.randint(strict_aws.RECEIVED_AT_LEAST.value, most)
            self.alert([self._visible.popleft() for _ in range(received)])


def wish_of(check: Check) -> Wish:
    reminder = check.reminder // MILLISECOND if check.reminder is not None else None
    return Wish(check.schedule, check.grace // MILLISECOND, check.manual_resume, check.flap_limit, reminder)


def settings_of(wish: Wish) -> dict[str, Any]:
    return {
        "schedule": wish.schedule,
        "grace": timedelta(milliseconds=wish.grace),
        "manual_resume": wish.sticky,
        "flap_limit": wish.limit,
        "reminder": timedelta(milliseconds=wish.reminder) if wish.reminder is not None else None,
    }


def check_of(check_id: str, asked: receivers.Asked, wish: Wish, created: int, name: str = "") -> Check:
    made = Check(id=check_id, name=name, project=asked.project, created=moment(created))
    return replace(made, channels=asked.channels, tags=asked.tags, **settings_of(wish))
