"""What time does to a check: deadlines with slack, reminders, time in which we were blind, broken schedules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from lastseen.core.blind import Window
from lastseen.core.check import Kind, Outcome, Ping, Reason, Status
from lastseen.core.dues import appearance
from lastseen.core.log import noted
from lastseen.core.machine import configured, paused, pinged
from lastseen.core.moments import SLACK, Moment, is_late, passed, woken
from lastseen.core.schedule import Cron, OnCalendar
from tests.lastseen.core.stories import DOWN, NEW, UP, after, at, fail, said, start, success, told
from tests.times import hours, minutes, seconds

# Slack: a ping that the gateway had in time counts


def test_a_ping_in_grace_keeps_the_check_up() -> None:
    outcome = pinged(UP, success(69.9))
    assert (outcome.flips, outcome.check.status, outcome.check.wake_at) == ((), Status.UP, at(139.9))


def test_nobody_is_told_before_a_ping_of_the_last_moment_could_be_written() -> None:
    assert woken(UP, at(70) + SLACK - seconds(0.001)).flips == ()
    assert [said(flip) for flip in woken(UP, at(70) + SLACK).flips] == ["down missed 70"]


def test_a_ping_in_time_that_is_written_late_keeps_the_check_up() -> None:
    looked = woken(UP, at(70) + seconds(1.9)).check
    assert told(success(69.99), check=looked) == []


# Reminders and snooze


def test_people_are_told_again_while_a_check_stays_down() -> None:
    down = after(fail(5), check=replace(UP, reminder=minutes(60)))
    assert down.wake_at == at(65)
    assert woken(down, at(64.9)).flips == ()
    first = woken(down, at(65))
    assert [(said(flip), flip.notify) for flip in first.flips] == [("down reminded 65", True)]
    assert first.check.wake_at == at(125)


def test_reminders_that_were_missed_are_told_once() -> None:
    down = after(fail(5), check=replace(UP, reminder=minutes(60)))
    late = woken(down, at(600))
    assert [said(flip) for flip in late.flips] == ["down reminded 600"]
    assert late.check.wake_at == at(660)


def test_nobody_is_reminded_of_a_check_that_is_not_down_or_does_not_ask() -> None:
    assert woken(after(success(5), check=replace(UP, reminder=minutes(60))), at(6)).flips == ()
    assert after(fail(5), check=UP).wake_at is None


def test_a_snooze_holds_reminders_back_and_nothing_else() -> None:
    check = replace(UP, reminder=minutes(60), snoozed_until=at(300))
    assert told(fail(5), success(6), fail(7), check=check) == ["down failed 5", "up pinged 6", "down failed 7"]
    down = after(fail(7), check=check)
    assert woken(down, at(299)).flips == ()
    assert [said(flip) for flip in woken(down, at(300)).flips] == ["down reminded 300"]


def test_a_snooze_that_is_over_delays_nothing() -> None:
    down = after(fail(5), check=replace(UP, reminder=minutes(60), snoozed_until=at(30)))
    assert down.wake_at == at(65)


# Time in which we were blind


def test_a_deadline_moves_by_the_time_that_we_were_blind_in_grace() -> None:
    blind = [Window(at(62), at(66))]
    assert woken(UP, at(74) + seconds(1), blind).flips == ()
    (flip,) = woken(UP, at(75), blind).flips
    assert (said(flip), flip.held) == ("down missed 74", minutes(4))


def test_while_we_are_blind_nobody_is_blamed() -> None:
    for minute in (70, 74, 79):
        assert woken(UP, at(minute), [Window(at(65), at(minute))]).flips == ()


def test_after_a_quarter_of_an_hour_of_blindness_people_are_told_anyway() -> None:
    (flip,) = woken(UP, at(86), [Window(at(65), at(86))]).flips
    assert (said(flip), flip.held) == ("down missed 85", minutes(15))


def test_a_run_that_hangs_is_held_too() -> None:
    begun = after(start(20), check=UP)
    assert woken(begun, at(32), [Window(at(25), at(28))]).flips == ()
    assert [said(flip) for flip in woken(begun, at(34), [Window(at(25), at(28))]).flips] == ["down stuck 33"]


def test_a_late_ping_after_blindness_is_no_miss() -> None:
    outcome = pinged(UP, success(73), [Window(at(62), at(66))])
    assert (outcome.flips, outcome.check.status) == ((), Status.UP)


def test_a_failure_is_told_whether_or_not_we_were_blind() -> None:
    assert [said(flip) for flip in pinged(UP, fail(66), [Window(at(62), at(66))]).flips] == ["down failed 66"]


def test_only_a_ping_that_may_be_late_asks_for_blindness() -> None:
    assert not is_late(UP, at(70) + SLACK - seconds(0.001))
    assert is_late(UP, at(70) + SLACK)
    assert not is_late(DOWN, at(900))
    assert not is_late(NEW, at(900))


# A schedule that cannot be computed


BROKEN = replace(UP, schedule=Cron("0 0 * * *", "Nowhere/Land"))


def test_a_broken_schedule_says_so_and_leaves_the_check_as_it_is() -> None:
    outcome = woken(BROKEN, at(600))
    assert (outcome.check, outcome.flips) == (BROKEN, ())
    assert "Nowhere/Land" in outcome.fault
    assert appearance(BROKEN, at(600)) == "up"


def test_a_broken_schedule_loses_no_ping_and_no_failure() -> None:
    outcome = pinged(BROKEN, fail(5))
    assert [said(flip) for flip in outcome.flips] == ["down failed 5"]
    assert (outcome.check.last_ping, outcome.check.n_pings) == (at(5), 2)
    back = pinged(outcome.check, success(6))
    assert back.check.status is Status.UP
    assert "Nowhere/Land" in back.fault


NEVER_WOKEN = replace(BROKEN, wake_at=None)
UNHEARD = replace(NEVER_WOKEN, status=Status.NEW, last_ping=None)
STAYING_DOWN = replace(NEVER_WOKEN, status=Status.DOWN, since=at(0), reminder=hours(24))


@pytest.mark.parametrize(
    ("outcome", "looked_at_by"),
    [
        (woken(NEVER_WOKEN, at(5)), at(5)),
        (pinged(BROKEN, success(5)), at(5)),
        (pinged(NEVER_WOKEN, success(5)), at(5)),
        (pinged(NEVER_WOKEN, start(5)), at(5)),
        (pinged(NEVER_WOKEN, Ping(at=at(5), kind=Kind.LOG)), at(5)),
        (pinged(UNHEARD, success(5)), at(5)),
        (pinged(paused(UNHEARD, at(1)).check, success(5)), at(5)),
        (pinged(STAYING_DOWN, success(5)), at(5)),
        (configured(NEVER_WOKEN, at(5), name="x"), at(5)),
        (configured(UP, at(5), schedule=BROKEN.schedule), at(70)),
    ],
)
def test_a_broken_schedule_keeps_a_wake_so_that_each_sweep_names_it(outcome: Outcome, looked_at_by: datetime) -> None:
    check = outcome.check
    assert (check.status, bool(outcome.fault)) == (Status.UP, True)
    assert check.wake_at is not None
    assert check.wake_at <= looked_at_by
    for minute in (80, 600):  # and it stays so, look after look
        outcome = woken(outcome.check, at(minute))
        assert outcome.fault
        assert outcome.check.wake_at == check.wake_at


def test_a_calendar_that_is_over_is_never_missed() -> None:
    check = after(success(0), check=replace(NEW, schedule=OnCalendar("2025-01-01 00:00:00")))
    assert (check.status, check.wake_at, appearance(check, at(10**6))) == (Status.UP, None, "up")


def test_a_rule_that_never_ends_is_a_fault_that_shows_its_last_three_moments() -> None:
    again = Moment(at(1), at(1), lambda check, now: noted(check, Reason.REMINDED, now))
    with pytest.raises(AssertionError, match="time does not end") as endless:
        passed(UP, at(5), (), [lambda _check, _blind: again])
    assert str(endless.value).count("Flip(") == 3
