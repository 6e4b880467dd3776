"""Open runs, each with its own clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lastseen.core.check import Check, End, Ping, Run, Status
from lastseen.core.dues import deadline
from lastseen.core.machine import paused, pinged
from lastseen.core.moments import woken
from lastseen.core.runs import RETRY, RUNS_LIMIT, awaits_retry, under_way
from tests.lastseen.core.stories import DOWN, NEW, UP, A, B, C, after, at, fail, over, said, start, success, told
from tests.times import minutes


def test_a_run_that_never_ends_is_noticed_though_the_next_ones_are_good() -> None:
    pings = (start(20, A), start(25, B), success(26, B), start(28, C), success(29, C))
    check = after(*pings, check=UP)
    assert (check.runs, check.running_since, deadline(check)) == ((Run(at(20), A),), at(20), at(30))
    (flip,) = woken(check, at(31)).flips
    assert (said(flip), flip.started, flip.runs) == ("down stuck 30", at(20), 1)


def test_an_end_ends_its_own_run_and_knows_how_long_that_took() -> None:
    check = after(start(20, A), start(22, B), check=UP)
    outcome = pinged(check, success(25, A))
    assert (outcome.duration, outcome.check.runs) == (minutes(5), (Run(at(22), B),))
    (flip,) = pinged(check, fail(26, B)).flips
    assert (flip.started, flip.duration, flip.runs) == (at(22), minutes(4), 2)


def test_a_job_that_dies_each_time_on_a_check_that_is_not_up_is_noticed() -> None:
    for check in (NEW, paused(UP, at(5)).check):
        looping = after(*(start(minute) for minute in range(20, 30, 2)), check=check)
        assert looping.runs == (Run(at(20)), Run(at(28)))
        assert [said(flip) for flip in woken(looping, at(31)).flips] == ["down stuck 30"]
        outcome = pinged(looping, success(29))
        assert (outcome.duration, outcome.check.runs) == (minutes(1), ())


def test_of_more_runs_than_are_watched_those_that_began_first_are() -> None:
    many = [start(20 + n / 10, f"{n:08x}-0000-4000-8000-000000000000") for n in range(RUNS_LIMIT + 2)]
    for pings in (many, many[::-1]):
        check = after(*pings, check=UP)
        assert [run.started for run in check.runs] == [ping.at for ping in many[:RUNS_LIMIT]]
    assert after(success(22, many[-1].rid), check=check).runs == check.runs


def test_while_a_check_is_down_the_runs_that_began_last_are_watched_for_they_may_bring_it_up() -> None:
    many = [start(20 + n / 10, f"{n:08x}-0000-4000-8000-000000000000") for n in range(RUNS_LIMIT + 2)]
    outcome = pinged(after(*many, check=DOWN), success(22, many[-1].rid))
    assert (outcome.check.status, outcome.duration) == (Status.UP, at(22) - many[-1].at)


def test_a_check_that_comes_up_waits_for_the_last_start_without_id_alone() -> None:
    check = after(start(20), start(25), success(26, A))
    assert (check.status, check.runs, deadline(check)) == (Status.UP, (Run(at(25)),), at(35))


def test_a_start_that_is_sent_twice_takes_no_retrys_place() -> None:
    waiting = after(start(20, A), start(21, B), over(22, A, "again"), check=UP)
    for again in (21, 23):
        assert after(start(again, B), check=waiting).runs == (Run(at(20), RETRY), Run(at(21), B))


def test_ends_are_remembered_as_long_as_their_start_may_be_sent_again() -> None:
    assert after(success(20, A), success(29, B)).ended == (End(at(20), A), End(at(29), B))
    assert after(success(20, A), success(29, B), success(31, C)).ended == (End(at(29), B), End(at(31), C))
    assert after(success(20, A), success(21, A)).ended == (End(at(21), A),)


@pytest.mark.parametrize(
    ("check", "pings", "status", "runs"),
    [
        (UP, [start(20), success(20)], Status.UP, ()),
        (UP, [start(20, B), success(20)], Status.UP, ()),
        (UP, [success(20), start(20)], Status.UP, ()),
        (UP, [fail(20), success(20)], Status.UP, ()),
        (UP, [success(20), fail(20)], Status.DOWN, ()),
        (paused(UP, at(20)).check, [success(20)], Status.UP, ()),
    ],
)
def test_of_pings_at_the_same_instant_the_one_that_is_written_later_is_the_later(
    check: Check, pings: list[Ping], status: Status, runs: tuple[Run, ...]
) -> None:
    outcome = pinged(after(*pings[:-1], check=check), pings[-1])
    assert (outcome.check.status, outcome.check.runs) == (status, runs)
    assert outcome.duration == (minutes(0) if pings[0] == start(20) else None)


def test_a_failure_at_the_instant_of_a_recovery_is_one_that_nobody_was_notified_of() -> None:
    recovered = after(success(10), success(15), check=DOWN)
    assert told(fail(9), check=recovered) == []
    assert told(fail(10), check=recovered) == ["down failed 10", "up pinged 15"]


def test_pausing_a_paused_check_keeps_what_time_did_before() -> None:
    stored = replace(UP, status=Status.PAUSED, since=at(0), flapping=True)
    assert [said(flip) for flip in paused(stored, at(24 * 60)).flips] == ["paused steady 60"]


def test_a_run_that_waits_for_its_retry_is_not_under_way() -> None:
    check = after(start(20, A), start(21, B), over(22, A, "again"), check=UP)
    assert under_way(check) == (Run(at(21), B),)
    assert [minute for minute in (19, 20, 21) if awaits_retry(check, at(minute))] == [20]
