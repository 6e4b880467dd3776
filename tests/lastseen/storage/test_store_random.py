"""The store in memory against DynamoDB as moto plays it: the same random calls, the same answers, the same state.

What simulations over memory find, and fail to find, is worth as much as this comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from lastseen.core.check import Check, Kind, Outcome, Ping, Status
from lastseen.core.history import Recorded
from lastseen.core.machine import configured, paused, pinged, resumed
from lastseen.core.moments import woken
from lastseen.core.schedule import Cron, Period
from lastseen.storage.errors import ConflictError
from lastseen.storage.store import Store, TableStore
from tests.memory import MemoryStore
from tests.tables import made
from tests.times import T0, minutes

IDS = [f"{n}f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b" for n in (1, 2)]
RIDS = (None, None, None, "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb")
KINDS = (Kind.SUCCESS, Kind.SUCCESS, Kind.SUCCESS, Kind.SUCCESS, Kind.FAIL, Kind.START, Kind.START, Kind.LOG)
SLUGS = ("", "a", "b")
PROJECTS = ("default", "shop")


# What somebody who saw a check may do to it


@dataclass(frozen=True)
class Send:
    """A ping, so much after the last one."""

    after: timedelta
    kind: Kind = Kind.SUCCESS
    rid: str | None = None

    def write(self, store: Store, seen: Check) -> int:
        ping = Ping(at=(seen.last_ping or T0) + self.after, kind=self.kind, rid=self.rid, body=b"\xff")
        outcome = pinged(seen, ping)
        n = store.save_ping(seen, outcome)
        kept = Recorded(n=n, kind=outcome.kind or self.kind, ping=replace(ping, kind=Kind.SUCCESS))
        store.record(seen.id, kept)
        return n


@dataclass(frozen=True)
class Wake:
    """A look, so much after something was to happen."""

    after: timedelta

    def write(self, store: Store, seen: Check) -> None:
        store.save(seen, woken(seen, (seen.wake_at or T0) + self.after))


@dataclass(frozen=True)
class Turn:
    """Paused, or resumed if it was."""

    def write(self, store: Store, seen: Check) -> None:
        now = (seen.since or T0) + minutes(1)
        store.save(seen, (resumed if seen.status is Status.PAUSED else paused)(seen, now))


@dataclass(frozen=True)
class Configure:
    asked: dict[str, Any]
    about: str | None

    def write(self, store: Store, seen: Check) -> None:
        outcome: Outcome = configured(seen, T0, **self.asked)
        store.save(seen, outcome, about=self.about)


@dataclass(frozen=True)
class Tell:
    def write(self, store: Store, seen: Check) -> None:
        store.announce(seen.id, seen=seen.announced, upto=seen.flips)


@dataclass(frozen=True)
class Delete:
    def write(self, store: Store, seen: Check) -> None:
        store.delete(seen)


@dataclass(frozen=True)
class Create:
    """Another check, or the same once more."""

    check: Check
    sole: bool

    def write(self, store: Store, _seen: Check) -> None:
        store.create(self.check, about=self.check.name, sole=self.sole)


@dataclass(frozen=True)
class Put:
    name: str
    n: int
    new: bool = False
    known: bool = False

    def write(self, store: Store, _seen: Check) -> None:
        store.put_setting("key", self.name, {"n": self.n}, new=self.new, known=self.known)


@dataclass(frozen=True)
class Drop:
    name: str

    def write(self, store: Store, _seen: Check) -> None:
        store.drop_setting("key", self.name)


spans = st.sampled_from([minutes(minute) for minute in (-1, 0, 1, 2, 30, 80)])
sends = st.builds(Send, spans, st.sampled_from(KINDS), st.sampled_from(RIDS))
steady = st.builds(Send, st.sampled_from([minutes(1), minutes(2)]))
asked = st.fixed_dictionaries(
    {},
    optional={
        "slug": st.sampled_from(SLUGS),
        "name": st.sampled_from(("", "é")),
        "schedule": st.sampled_from((Period(minutes(1)), Period(minutes(60)), Cron("0 3 * * *", "Europe/Berlin"))),
        "reminder": st.sampled_from((None, minutes(5))),
        "flap_limit": st.sampled_from((0, 1, 6)),
    },
)
fresh = st.builds(
    Check,
    id=st.sampled_from(IDS),
    slug=st.sampled_from(SLUGS),
    project=st.sampled_from(PROJECTS),
    name=st.sampled_from(("", "why")),
    schedule=st.just(Period(minutes(60))),
    grace=st.just(minutes(6)),
)
names = st.sampled_from("ab")
rare = st.one_of(
    st.builds(Create, fresh, st.booleans()),
    st.just(Delete()),
    st.builds(Put, names, st.integers(1, 2)),
    st.builds(Put, names, st.just(3), new=st.just(True)),
    st.builds(Put, names, st.just(4), known=st.just(True)),
    st.builds(Drop, names),
)
changes = st.one_of(
    st.builds(Wake, spans), st.builds(Configure, asked, st.sampled_from((None, "", "why"))), st.just(Turn())
)
deeds = st.one_of(sends, sends, sends, changes, changes, st.just(Tell()), rare)
races = st.builds(list.__add__, st.lists(steady, max_size=2), st.lists(deeds, min_size=1, max_size=3))
"""Steady pings first: they leave the check as others saw it, and yet hinder some of them."""


def written(deed: Any, seen: Check, store: Store) -> object:
    return deed.write(store, seen)


class Both(RuleBasedStateMachine):
    """Does the same to both stores; each call must be answered the same.

    One rule alone: of several, Hypothesis would leave some out of most stories.
    """

    def __init__(self, real: Store, memory: MemoryStore) -> None:
        super().__init__()
        self.real, self.memory = real, memory
        self.once: list[Check] = []  # checks as they were seen some time ago

    def same(self, call: Callable[[Store], object]) -> Any:
        answers = []
        for store in (self.real, self.memory):
            try:
                answers.append(call(store))
            except ConflictError:
                answers.append(ConflictError)
        assert answers[0] == answers[1]
        return answers[0]

    @initialize()
    def begin(self) -> None:
        check = Check(id=IDS[0], slug="a", schedule=Period(minutes(60)), grace=minutes(6))
        self.once.append(replace(pinged(check, Ping(at=T0)).check, n_pings=0))
        self.same(lambda store: store.create(self.once[0], about="why", sole=True))

    @rule(check_id=st.sampled_from(IDS[:1] * 3 + IDS), late=st.booleans(), race=races)
    def race(self, check_id: str, race: Sequence[Any], *, late: bool) -> None:
        """Several people see the same check, decide, and write one after the other; the last perhaps much later."""
        check = self.same(lambda store: store.get(check_id, strong=True)) or self.once[-1]
        for deed in race:
            seen = self.once[-1] if late and deed is race[-1] else check
            self.same(partial(written, deed, seen))
        self.once.append(check)

    def teardown(self) -> None:
        self.same(lambda store: store.get_many(IDS))
        self.same(lambda store: [store.project(project) for project in PROJECTS])
        self.same(lambda store: [store.ids_of_slug(project, slug) for project in PROJECTS for slug in SLUGS[1:]])
        self.same(lambda store: [store.flips(check_id) for check_id in IDS])
        self.same(lambda store: [store.pings(check_id, limit=100) for check_id in IDS])
        self.same(lambda store: {due for page in store.due(T0 + minutes(60)) for due in page.dues})
        self.same(lambda store: store.settings("key"))


def test_both_stores_answer_the_same_to_the_same_calls(moto: Any, template: dict[str, Any]) -> None:
    """One judge only, for a server's thousands of calls take minutes; the contract runs at all of them."""

    class Compared(Both):
        def __init__(self) -> None:
            super().__init__(TableStore(moto, made(moto, template)), MemoryStore())

    run_state_machine_as_test(
        Compared,
        settings=settings(
            max_examples=25, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
