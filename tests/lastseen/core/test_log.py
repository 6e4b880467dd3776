"""What people are notified of: incidents, and flapping."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lastseen.core.check import Check, Flip, Reason, Status, event_id, unique_key
from lastseen.core.machine import configured, paused, pinged
from lastseen.core.moments import woken
from lastseen.core.schedule import Period
from tests.lastseen.core.stories import ID, NEW, UP, after, at, fail, said, success, told
from tests.times import minutes

# Incidents


def test_all_flips_of_an_incident_bear_its_number() -> None:
    check = replace(UP, reminder=minutes(30))
    down = pinged(check, fail(5))
    again = woken(down.check, at(40))
    back = pinged(again.check, success(41))
    flips = [*down.flips, *again.flips, *back.flips]
    assert [(flip.n, flip.incident, str(flip.reason)) for flip in flips] == [
        (2, 2, "failed"),
        (3, 2, "reminded"),
        (4, 2, "pinged"),
    ]
    assert (down.check.incident, again.check.incident, back.check.incident) == (2, 2, None)


def test_a_silent_flip_needs_no_telling_unless_others_before_it_do() -> None:
    up = pinged(NEW, success(0)).check
    assert (up.flips, up.announced) == (1, 1)
    down = pinged(up, fail(5)).check
    assert (down.flips, down.announced) == (2, 1)
    still = paused(down, at(6)).check
    assert (still.flips, still.announced) == (3, 1)
    told_of = replace(down, announced=2)
    assert paused(told_of, at(6)).check.announced == 2  # whoever knows of it is notified that it is over
    assert paused(up, at(6)).check.announced == 2


def test_flapping_is_one_incident_from_its_alert_to_the_check_being_steady() -> None:
    check = UP
    flips: list[Flip] = []
    for minute in range(1, 12):
        outcome = pinged(check, fail(minute) if minute % 2 else success(minute))
        check, flips = outcome.check, [*flips, *outcome.flips]
    [flap] = [flip for flip in flips if flip.flapping]
    later = [flip for flip in flips if flip.n > flap.n]
    assert later
    assert not any(flip.notify for flip in later)
    assert {flip.incident for flip in later} == {flap.incident}
    assert [flip.incident for flip in flips if flip.notify and flip.status is Status.DOWN] == [2, 4, 6, 8]
    (steady,) = woken(check, at(11 + 60)).flips
    assert (steady.reason, steady.status, steady.incident) == (Reason.STEADY, Status.DOWN, flap.incident)
    (back,) = pinged(woken(check, at(11 + 60)).check, success(75)).flips
    assert (back.notify, back.incident) == (True, flap.incident)


def test_a_check_that_is_steady_and_up_ends_what_the_flapping_began() -> None:
    check = UP
    flips: list[Flip] = []
    for minute in range(1, 11):
        outcome = pinged(check, fail(minute) if minute % 2 else success(minute))
        check, flips = outcome.check, [*flips, *outcome.flips]
    [flap] = [flip for flip in flips if flip.flapping]
    outcome = woken(check, at(10 + 60))
    (steady,) = outcome.flips
    assert (steady.status, steady.incident) == (Status.UP, flap.incident)
    assert outcome.check.incident is None


@pytest.mark.parametrize("was_down", [True, False])
def test_a_pause_is_told_where_it_ends_an_incident(was_down: bool) -> None:  # noqa: FBT001 - a column of the table
    check = pinged(UP, fail(5)).check if was_down else UP
    (flip,) = paused(check, at(6)).flips
    assert (flip.notify, flip.flapping, flip.incident) == (was_down, False, 2 if was_down else None)


def test_events_are_named_without_the_ping_url() -> None:
    assert unique_key(ID) == "b39022940654028e4da4d5c9eed1e2204f97e45d"
    assert event_id(ID, 7) == "b39022940654028e4da4d5c9eed1e2204f97e45d:7"


# Flapping


def flap(times: int, *, check: Check = UP, every: float = 1.0) -> tuple[Check, list[Flip]]:
    """Let a check fail and come back, `times` flips in all, from minute 1."""
    flips: list[Flip] = []
    for number in range(times):
        send = fail if number % 2 == 0 else success
        outcome = pinged(check, send(1 + number * every))
        flips += outcome.flips
        check = outcome.check
    return check, flips


def test_one_flip_too_many_in_an_hour_is_told_as_flapping_and_the_next_are_silent() -> None:
    check, flips = flap(9)
    assert [flip.notify for flip in flips] == [True] * 7 + [False] * 2
    assert [flip.flapping for flip in flips] == [False] * 6 + [True] + [False] * 2
    assert check.flapping


def test_flips_that_are_not_within_an_hour_are_told_one_by_one() -> None:
    check, flips = flap(20, every=10)
    assert all(flip.notify and not flip.flapping for flip in flips)
    assert not check.flapping


def test_a_check_that_flapped_and_is_quiet_for_an_hour_is_told_as_steady_with_its_status() -> None:
    check, _ = flap(9)  # the last of them down, at 9
    assert check.wake_at == at(69)
    assert woken(check, at(68.9)).flips == ()
    outcome = woken(check, at(69))
    (flip,) = outcome.flips
    assert (said(flip), flip.notify) == ("down steady 69", True)
    assert (outcome.check.flapping, outcome.check.recent) == (False, ())


def test_each_silent_flip_puts_off_the_word_that_it_is_steady() -> None:
    check, _ = flap(9)
    assert after(success(60), check=check).wake_at == at(120)


def test_after_it_is_steady_flips_are_told_again() -> None:
    check, _ = flap(9)
    steady = woken(check, at(69)).check
    assert told(success(70), check=steady) == ["up pinged 70"]


def test_the_word_that_a_check_is_steady_comes_before_the_flip_that_follows_it() -> None:
    check, _ = flap(8)  # the last of them up, at 8
    assert told(fail(69), check=check) == ["up steady 68", "down failed 69"]


def test_a_missed_deadline_of_a_flapping_check_is_not_lost() -> None:
    hourly, _ = flap(8, check=replace(UP, grace=minutes(1), schedule=Period(minutes(10))))
    outcome = woken(hourly, at(200))  # last ping at 8, so it was down at 19, and steady an hour later
    assert [(said(flip), flip.notify) for flip in outcome.flips] == [
        ("down missed 19", False),
        ("down steady 79", True),
    ]


def test_a_limit_of_0_tells_every_flip() -> None:
    check, flips = flap(30, check=replace(UP, flap_limit=0))
    assert all(flip.notify for flip in flips)
    assert check.recent == ()


def test_a_check_whose_limit_is_lifted_while_it_flaps_tells_every_flip_from_then_on() -> None:
    check, _ = flap(9)
    lifted = configured(check, at(0), flap_limit=0).check
    assert told(success(20), check=lifted) == ["up pinged 20"]
    assert [said(flip) for flip in woken(lifted, at(69)).flips] == ["down steady 69"]


def test_pauses_and_silent_flips_are_no_flapping() -> None:
    check = UP
    for minute in range(1, 20):
        check = after(success(minute + 0.5), check=paused(check, at(minute)).check)
    assert (check.flapping, check.recent) == (False, ())


def test_nobody_is_reminded_while_a_check_flaps_nor_twice_when_it_is_steady() -> None:
    check, _ = flap(9, check=replace(UP, reminder=minutes(30)))
    steady = woken(check, at(69))
    assert [said(flip) for flip in steady.flips] == ["down steady 69"]
    assert steady.check.wake_at == at(99)
