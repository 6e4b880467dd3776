"""What holds for a check whatever happens to it and in whatever order, over stories that Hypothesis makes up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lastseen.core.check import STEADY, Check, Flip, Kind, Outcome, Ping, Reason, Status
from lastseen.core.dues import deadline, expectation
from lastseen.core.machine import configured, paused, pinged, resumed
from lastseen.core.moments import SLACK, woken
from lastseen.core.runs import ENDS_LIMIT, RUNS_LIMIT
from lastseen.core.schedule import Cron, Period
from tests.times import T0, minutes, seconds

ID = "6f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
RIDS = (None, "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb")
STATUSES = {Reason.MISSED, Reason.STUCK, Reason.FAILED, Reason.PINGED, Reason.PAUSED, Reason.RESUMED}
"""Reasons of flips that change the status; the others are words on one that lasts."""
MOMENT = timedelta(milliseconds=1)
FOREVER = timedelta(days=4000)

# What can happen


@dataclass(frozen=True)
class Sent:
    """A ping that was received `lag` before it is written."""

    kind: Kind
    rid: str | None
    lag: timedelta

    def happen(self, check: Check, now: datetime) -> tuple[Outcome, datetime]:
        ping = Ping(at=now - self.lag, kind=self.kind, rid=self.rid)
        return pinged(check, ping), ping.at


@dataclass(frozen=True)
class Looked:
    def happen(self, check: Check, now: datetime) -> tuple[Outcome, datetime]:
        return woken(check, now), now


@dataclass(frozen=True)
class Told:
    """People were told of all there was to tell."""

    def happen(self, check: Check, now: datetime) -> tuple[Outcome, datetime]:
        return Outcome(check=replace(check, announced=check.flips)), now


@dataclass(frozen=True)
class Turned:
    """Paused, or resumed if it was."""

    def happen(self, check: Check, now: datetime) -> tuple[Outcome, datetime]:
        return (resumed if check.status is Status.PAUSED else paused)(check, now), now


@dataclass(frozen=True)
class Set:
    name: str
    value: object

    def happen(self, check: Check, now: datetime) -> tuple[Outcome, datetime]:
        return configured(check, now, **{self.name: self.value}), now


Event = Sent | Looked | Told | Turned | Set

lags = st.sampled_from([seconds(0)] * 4 + [seconds(1), seconds(3), seconds(100)])
pings = st.builds(Sent, st.sampled_from(Kind), st.sampled_from(RIDS), lags)
schedules = st.sampled_from([Period(minutes(1)), Period(minutes(60)), Cron("*/7 * * * *"), Cron("0 12 * * *")])
graces = st.sampled_from([minutes(1), minutes(10)])
changes = st.one_of(
    st.builds(Set, st.just("schedule"), schedules),
    st.builds(Set, st.just("grace"), graces),
    st.builds(Set, st.just("manual_resume"), st.booleans()),
    st.builds(Set, st.just("reminder"), st.sampled_from([None, minutes(5)])),
    st.builds(Set, st.just("flap_limit"), st.sampled_from([0, 1, 6])),
    st.builds(Set, st.just("snoozed_until"), st.sampled_from([None, T0 + minutes(90)])),
)
steps = st.sampled_from(
    [seconds(0), MOMENT, seconds(1), seconds(30), seconds(60), seconds(62), minutes(11), minutes(71)]
)
events = st.one_of(pings, pings, pings, st.just(Looked()), st.just(Told()), st.just(Turned()), changes)
stories = st.lists(st.tuples(steps, events), max_size=25)
checks = st.builds(
    Check, id=st.just(ID), schedule=schedules, grace=graces, flap_limit=st.sampled_from([0, 2, 6]), created=st.just(T0)
)


# What always holds


def assert_the_log_is_right(before: Check, outcome: Outcome) -> None:
    """Flips are numbered without a hole; each begins where the last one ended; status changes never go back in time."""
    after, flips = outcome.check, outcome.flips
    assert [flip.n for flip in flips] == list(range(before.flips + 1, after.flips + 1))
    status, since = before.status, before.since
    for flip in flips:
        assert flip.was is status
        assert (flip.status is not status) == (flip.reason in STATUSES)
        if flip.reason in STATUSES:
            assert since is None or flip.at >= since
            status, since = flip.status, flip.at
    assert (after.status, after.since) == (status, since)


def assert_people_are_told_of_what_matters(before: Check, outcome: Outcome) -> None:
    """Up and down are told, unless the check flaps; a pause only where it ends that; a first success is not."""
    for flip in outcome.flips:
        quiet = (flip.status in {Status.PAUSED, Status.NEW} and flip.was is not Status.DOWN) or (
            flip.status is Status.UP and flip.was in {Status.NEW, Status.PAUSED}
        )
        if flip.reason in STATUSES and not before.flapping and not any(other.flapping for other in outcome.flips):
            assert flip.notify is not quiet
        if flip.notify:
            assert flip.n > outcome.check.announced
    if before.announced == before.flips and not any(flip.notify for flip in outcome.flips):
        assert outcome.check.announced == outcome.check.flips


def assert_a_missed_deadline_is_the_deadline(before: Check, outcome: Outcome, now: datetime) -> None:
    """The flip bears the deadline, or the time of the flip before if a late ping set a deadline before that."""
    due = deadline(before)
    for flip in outcome.flips:
        if flip.reason in {Reason.MISSED, Reason.STUCK}:
            assert flip.expected == expectation(before)
            assert due is not None
            assert flip.at == (max(due, before.since) if before.since else due)
            assert now >= due + SLACK


def assert_an_incident_lasts_while_it_is_down_or_flaps(outcome: Outcome) -> None:
    check = outcome.check
    assert (check.incident is not None) == (check.status is Status.DOWN or check.flapping)
    for flip in outcome.flips:
        if flip.reason in STATUSES and flip.status is Status.DOWN:
            assert flip.incident == flip.n if flip.notify else flip.incident is not None
        elif flip.was is Status.DOWN:
            assert flip.incident is not None


def assert_time_changes_nothing_before_wake_at_and_something_then(check: Check) -> None:
    """`wake_at` is all that the sweep looks at: later than a deadline would lose an alert."""
    due = deadline(check)
    if check.wake_at is None:
        assert due is None
        assert woken(check, T0 + FOREVER) == Outcome(check=check)
        return
    assert due is None or check.wake_at <= due
    assert woken(check, check.wake_at - MOMENT) == Outcome(check=check)
    assert woken(check, check.wake_at + SLACK).flips != ()


def assert_rev_moves_with_what_others_depend_on(before: Check, after: Check) -> None:
    changed = {each.name for each in fields(Check) if getattr(before, each.name) != getattr(after, each.name)}
    assert after.rev == before.rev + (1 if changed - STEADY - {"rev"} else 0)


def assert_a_run_is_open_or_not(check: Check) -> None:
    assert [run.started for run in check.runs] == sorted(run.started for run in check.runs)
    assert [end.at for end in check.ended] == sorted(end.at for end in check.ended)
    ids = [run.rid for run in check.runs if run.rid]
    assert len(ids) == len(set(ids))
    assert len(check.runs) - len(ids) <= 2
    assert len(check.runs) <= RUNS_LIMIT
    assert len(check.ended) <= ENDS_LIMIT
    if check.status is Status.PAUSED and check.manual_resume:
        assert check.runs == ()


@settings(max_examples=400, deadline=None)
@given(checks, stories)
def test_whatever_happens_the_log_the_deadline_and_what_is_told_are_right(
    check: Check, story: Sequence[tuple[timedelta, Event]]
) -> None:
    now = T0
    for step, event in story:
        now += step
        outcome, looked_at = event.happen(check, now)
        assert outcome.fault == ""
        assert_the_log_is_right(check, outcome)
        assert_people_are_told_of_what_matters(check, outcome)
        assert_a_missed_deadline_is_the_deadline(check, outcome, looked_at)
        assert_an_incident_lasts_while_it_is_down_or_flaps(outcome)
        assert_time_changes_nothing_before_wake_at_and_something_then(outcome.check)
        assert_rev_moves_with_what_others_depend_on(check, outcome.check)
        assert_a_run_is_open_or_not(outcome.check)
        assert outcome.check.n_pings == check.n_pings + isinstance(event, Sent)
        check = outcome.check


# Who looks, and when


def told_over(check: Check, story: Sequence[tuple[timedelta, Event]], end: datetime) -> list[Flip]:
    now = T0
    log: list[Flip] = []
    for step, event in story:
        now += step
        outcome, _ = event.happen(check, now)
        log += outcome.flips
        check = outcome.check
    return [*log, *woken(check, end).flips]


punctual = st.builds(Sent, st.sampled_from(Kind), st.sampled_from(RIDS), st.just(seconds(0)))


@settings(max_examples=300, deadline=None)
@given(checks, st.lists(st.tuples(steps, punctual, st.booleans()), max_size=20))
def test_what_people_are_told_does_not_depend_on_when_somebody_looked(
    check: Check, story: Sequence[tuple[timedelta, Sent, bool]]
) -> None:
    unseen = [(step, ping) for step, ping, _ in story]
    seen: list[tuple[timedelta, Event]] = []
    for step, ping, looks in story:
        if looks:
            seen += [(step / 2, Looked()), (step - step / 2, Looked()), (seconds(0), ping), (seconds(0), Looked())]
        else:
            seen.append((step, ping))
    end = T0 + FOREVER
    assert told_over(check, seen, end) == told_over(check, unseen, end)


# In which order simultaneous pings are written

UP = pinged(Check(id=ID, schedule=Period(minutes(60)), grace=minutes(30)), Ping(at=T0)).check
moments = st.lists(st.integers(1, 600), unique=True, min_size=1, max_size=6)
anonymous = st.sampled_from([Kind.SUCCESS, Kind.FAIL, Kind.START, Kind.LOG])


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[list[Ping], list[Ping]]:
    """Pings of one check as they were received, and in the order in which they happen to be written."""
    received = [Ping(at=T0 + seconds(moment), kind=draw(anonymous)) for moment in sorted(draw(moments))]
    return received, draw(st.permutations(received))


def written(pings: Sequence[Ping]) -> tuple[Check, list[Flip]]:
    check = UP
    log: list[Flip] = []
    for ping in pings:
        outcome = pinged(check, ping)
        log += outcome.flips
        check = outcome.check
    return check, log


@settings(max_examples=400, deadline=None)
@given(shuffled())
def test_in_whatever_order_pings_are_written_the_check_ends_as_it_should(orders: tuple[list[Ping], list[Ping]]) -> None:
    received, order = orders
    (right, _), (check, log) = written(received), written(order)
    assert (check.status, check.last_ping, check.runs, check.n_pings) == (
        right.status,
        right.last_ping,
        right.runs,
        right.n_pings,
    )
    failed = any(ping.kind is Kind.FAIL for ping in received)
    assert any(flip.notify and flip.status is Status.DOWN for flip in log) == failed


runs = st.permutations([(Kind.START, 10), (Kind.START, 11), (Kind.SUCCESS, 40), (Kind.SUCCESS, 41)])


@given(runs, st.sampled_from(RIDS))
@example([(Kind.SUCCESS, 41), (Kind.SUCCESS, 40), (Kind.START, 11), (Kind.START, 10)], RIDS[1])
def test_a_run_whose_pings_are_doubled_and_shuffled_is_over(order: Sequence[tuple[Kind, int]], rid: str | None) -> None:
    check, log = written([Ping(at=T0 + seconds(at), kind=kind, rid=rid) for kind, at in order])
    assert (check.status, check.runs, check.last_ping) == (Status.UP, (), T0 + seconds(41))
    assert log == []


# Runs that overlap, each with an id

NEW = Check(id=ID, schedule=Period(minutes(600)), grace=minutes(30))
lives = st.lists(
    st.tuples(st.integers(1, 290), st.integers(1, 290), st.sampled_from([Kind.SUCCESS, None])),
    min_size=1,
    max_size=RUNS_LIMIT,
    unique_by=(lambda life: life[0], lambda life: life[0] + life[1]),
)
"""Runs, each with the second of its start, its length in seconds, and its end: a success, or none. All are within the
ten minutes in which an end that overtook its start is known."""


def pings_of(lives: Sequence[tuple[int, int, Kind | None]]) -> list[Ping]:
    """Return the pings of runs that overlap, by the time at which they were received."""
    pings = []
    for n, (begin, length, kind) in enumerate(lives):
        rid = f"{n:08x}-0000-4000-8000-000000000000"
        pings.append(Ping(at=T0 + seconds(begin), kind=Kind.START, rid=rid))
        if kind:
            pings.append(Ping(at=T0 + seconds(begin + length), kind=kind, rid=rid))
    return sorted(pings, key=lambda ping: ping.at)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([NEW, pinged(NEW, Ping(at=T0)).check]), lives, st.data())
def test_a_run_that_never_ends_is_noticed_whatever_starts_after_it_and_in_whatever_order_it_is_written(
    check: Check, lives: Sequence[tuple[int, int, Kind | None]], data: st.DataObject
) -> None:
    pings = data.draw(st.permutations(pings_of(lives)))
    for ping in pings:  # all within the half hour that a run may take: nothing is late yet
        outcome = pinged(check, ping)
        assert outcome.flips == () or (outcome.check.status, outcome.flips[-1].notify) == (Status.UP, False)
        check = outcome.check
    hung = sorted(T0 + seconds(begin) for begin, _, kind in lives if kind is None)
    assert [run.started for run in check.runs] == hung
    flips = woken(check, T0 + minutes(100)).flips
    assert [(flip.reason, flip.started, flip.runs) for flip in flips] == (
        [(Reason.STUCK, hung[0], len(hung))] if hung else []
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(1, 29 * 60), min_size=1, max_size=12, unique=True), st.data())
def test_a_job_without_ids_that_always_dies_is_noticed_by_its_first_start(
    starts: list[int], data: st.DataObject
) -> None:
    check = NEW
    for second in data.draw(st.permutations(starts)):
        check = pinged(check, Ping(at=T0 + seconds(second), kind=Kind.START)).check
    (flip,) = woken(check, T0 + minutes(100)).flips
    assert (flip.reason, flip.at) == (Reason.STUCK, T0 + seconds(min(starts)) + minutes(30))
    well = pinged(check, Ping(at=T0 + minutes(29.5)))
    assert (well.check.runs, well.duration) == ((), minutes(29.5) - seconds(max(starts)))
