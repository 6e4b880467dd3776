"""What a ping, a pause, a resume and a change do, told in sentences: the peer's subtle points, and our kinder rules.

Each signal in each state stands in test_check_table.py; what holds for every sequence in test_check_properties.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lastseen.core.blind import Window
from lastseen.core.check import Check, End, Kind, Outcome, Ping, Run, Status
from lastseen.core.dues import appearance, deadline, expectation
from lastseen.core.machine import configured, paused, pinged, resumed
from lastseen.core.moments import woken
from lastseen.core.runs import RESENT
from lastseen.core.schedule import Cron, Period
from tests.lastseen.core.stories import (
    DOWN,
    FOLLOWS,
    NEW,
    UP,
    A,
    B,
    C,
    after,
    at,
    fail,
    over,
    said,
    start,
    success,
    told,
)
from tests.times import hours, minutes, seconds

# The subtle points of the peer, by their number in its manual of facts


def test_1_a_start_on_a_new_or_paused_check_that_never_ends_is_alerted() -> None:
    for check in (NEW, paused(UP, at(5)).check):
        begun = after(start(20), check=check)
        assert begun.status is check.status
        (flip,) = woken(begun, at(31)).flips
        assert (said(flip), flip.notify, flip.started) == ("down stuck 30", True, at(20))


def test_2_a_start_does_not_rescue_a_late_check() -> None:
    assert deadline(after(start(65), check=UP)) == at(70)


def test_3_without_ids_a_start_restarts_the_clock_of_a_check_that_is_up() -> None:
    check = after(start(20), start(25), check=UP)
    assert (check.runs, deadline(check)) == ((Run(at(25)),), at(35))


def test_4_a_success_of_another_run_leaves_the_open_run_open() -> None:
    check = after(start(20, A), success(25, B), check=UP)
    assert (check.status, check.last_ping, check.runs) == (Status.UP, at(25), (Run(at(20), A),))


def test_4_a_success_without_id_closes_any_run_and_its_length_is_unknown() -> None:
    outcome = pinged(after(start(20, A), check=UP), success(25))
    assert (outcome.check.runs, outcome.check.last_duration, outcome.duration) == ((), None, None)


def test_4_a_failure_closes_any_run_without_an_id_and_one_without_an_id_closes_every_run() -> None:
    assert after(start(20), fail(25, B), check=UP).runs == ()
    assert after(start(20, A), start(21), fail(25), check=UP).runs == ()


def test_4_a_success_with_an_id_does_not_close_a_run_without_one() -> None:
    assert after(start(20), success(25, A), check=UP).runs == (Run(at(20)),)


def test_5_a_run_that_hung_stays_open_until_an_end_arrives() -> None:
    hung = woken(after(start(20, A), check=UP), at(31)).check
    assert (hung.status, hung.runs) == (Status.DOWN, (Run(at(20), A),))
    ended = after(success(90, A), check=hung)
    assert (ended.status, ended.runs, ended.last_duration) == (Status.UP, (), minutes(70))


def test_6_a_duration_is_kept_only_if_end_and_start_bear_the_same_id() -> None:
    assert after(start(20), success(25), check=UP).last_duration == minutes(5)
    assert after(start(20, A), success(25, A), check=UP).last_duration == minutes(5)
    assert after(start(20, A), success(25, A), success(27), check=UP).last_duration is None
    assert after(start(20, A), success(25), check=UP).last_duration is None


def test_7_a_failure_of_a_check_that_is_down_is_no_second_alert() -> None:
    outcome = pinged(DOWN, fail(6))
    assert (outcome.flips, outcome.check.last_ping, outcome.check.since) == ((), at(6), at(5))


def test_8_a_missed_deadline_bears_the_deadline_however_late_it_was_noticed() -> None:
    (flip,) = woken(UP, at(4000)).flips
    assert said(flip) == "down missed 70"
    assert (flip.expected, flip.last_ping, flip.was, flip.since) == (at(60), at(0), Status.UP, at(0))


def test_9_a_ping_shortly_before_its_cron_time_does_not_count_for_it_where_early_is_nothing() -> None:
    daily = replace(NEW, schedule=Cron("0 12 * * *"), early=minutes(0))
    check = after(success(-1), check=daily)
    assert (expectation(check), deadline(check)) == (at(0), at(10))


def test_10_a_longer_period_leaves_a_down_check_down_until_it_is_pinged() -> None:
    check = configured(DOWN, at(6), schedule=Period(hours(50))).check
    assert (check.status, woken(check, at(60)).flips) == (Status.DOWN, ())
    assert after(success(61), check=check).status is Status.UP


def test_10_a_shorter_period_that_is_over_already_alerts_when_grace_has_passed_since_the_change() -> None:
    check = configured(UP, at(20), schedule=Period(minutes(1))).check
    assert (expectation(check), check.wake_at) == (at(20), at(30))
    assert [said(flip) for flip in woken(check, at(40)).flips] == ["down missed 30"]


def test_11_the_status_is_right_whether_or_not_anybody_has_noticed() -> None:
    assert [appearance(UP, at(minute)) for minute in (59, 60, 69, 70, 9000)] == ["up", "grace", "grace", "down", "down"]


def test_12_after_down_and_pause_a_success_is_silent() -> None:
    assert told(success(20), check=paused(DOWN, at(10)).check) == []


# Kinder than the peer


def test_a_start_that_is_sent_twice_is_one_run_that_began_with_the_earlier() -> None:
    for first, second in ((20, 21), (21, 20)):
        check = after(start(first, A), start(second, A), check=UP)
        assert (check.runs, deadline(check)) == ((Run(at(20), A),), at(30))


def test_a_start_that_is_sent_again_after_its_run_ended_opens_nothing() -> None:
    ended = after(start(20, A), success(25, A), check=UP)
    assert after(Ping(at=at(25) + RESENT - seconds(1), kind=Kind.START, rid=A), check=ended).runs == ()


def test_an_id_that_is_used_again_later_is_a_new_run() -> None:
    ended = after(start(20, A), success(25, A), check=UP)
    later = at(25) + RESENT
    assert after(Ping(at=later, kind=Kind.START, rid=A), check=ended).runs == (Run(later, A),)


def test_an_end_that_is_sent_twice_keeps_the_length_of_its_run() -> None:
    check = after(start(20, A), success(25, A), success(25.1, A), check=UP)
    assert (check.last_ping, check.last_duration) == (at(25.1), minutes(5))


@pytest.mark.parametrize("rid", [None, A])
@pytest.mark.parametrize("end", [success, fail])
def test_an_end_that_overtakes_its_start_ends_the_run(end: Callable[..., Ping], rid: str | None) -> None:
    check = after(end(25, rid), start(24.9, rid), check=UP)
    assert check.runs == ()


@pytest.mark.parametrize(
    ("end", "begin"),
    [
        pytest.param(success(25), start(24, A), id="an end without id"),
        pytest.param(success(25, B), start(24), id="any end, for a start without id"),
    ],
)
def test_an_end_of_all_runs_that_overtakes_a_start_ends_that_run_too(end: Ping, begin: Ping) -> None:
    assert after(end, begin, check=UP).runs == ()


@pytest.mark.parametrize("end", [success, fail])
def test_the_end_of_one_run_does_not_swallow_the_start_of_another(end: Callable[..., Ping]) -> None:
    assert after(end(25, B), start(24, A), check=UP).runs == (Run(at(24), A),)


def test_a_start_that_a_later_start_overtook_does_not_set_the_clock_back() -> None:
    assert after(start(25), start(20), check=UP).runs == (Run(at(25)),)


def test_an_end_from_before_a_start_leaves_its_run_open() -> None:
    check = after(start(25), success(24), check=UP)
    assert (check.runs, check.last_ping) == ((Run(at(25)),), at(24))


def test_a_success_that_a_later_failure_overtook_does_not_hide_it() -> None:
    check = after(fail(20), success(19), check=UP)
    assert (check.status, check.last_ping) == (Status.DOWN, at(20))


def test_a_failure_that_a_later_success_overtook_is_told_as_down_and_up() -> None:
    assert told(success(20), fail(19), check=UP) == ["down failed 19", "up pinged 20"]


def test_an_end_that_was_overtaken_hides_no_end_that_came_later() -> None:
    """End A of minute 10 is written first, then end B of minute 5, then their starts."""
    check = after(success(10, A), success(5, B), start(8, A), start(4, B), check=UP)
    assert (check.runs, check.ended, check.last_ping) == ((), (End(at(5), B), End(at(10), A)), at(10))
    assert woken(check, at(25)).flips == ()


@pytest.mark.parametrize("check", [NEW, paused(UP, at(5)).check, paused(DOWN, at(6)).check])
def test_a_failure_that_its_retry_overtook_is_told_on_a_new_or_paused_check_too(check: Check) -> None:
    in_order = told(fail(20), success(20.1), check=check)
    overtaken = told(success(20.1), fail(20), check=check)
    assert [word.split()[:2] for word in in_order] == [["down", "failed"], ["up", "pinged"]]
    assert [word.split()[:2] for word in overtaken] == [["down", "failed"], ["up", "pinged"]]


def test_a_failure_that_was_overtaken_while_the_check_was_down_anyway_is_not_told() -> None:
    assert told(success(20), fail(19), check=DOWN) == ["up pinged 20"]


def test_an_overtaken_success_moves_nothing_but_the_count() -> None:
    later = after(success(20), check=UP)
    outcome = pinged(later, success(19))
    assert outcome.check == replace(later, n_pings=3)


@pytest.mark.parametrize("ping", [success(80), start(80), Ping(at=at(80), kind=Kind.LOG)])
def test_a_deadline_that_nobody_had_noticed_is_told_when_the_next_ping_comes(ping: Ping) -> None:
    assert told(ping, check=UP)[0] == "down missed 70"


def test_a_late_success_that_nobody_had_missed_is_told_as_down_and_up() -> None:
    assert told(success(80), check=UP) == ["down missed 70", "up pinged 80"]


def test_a_late_failure_that_nobody_had_missed_is_one_incident() -> None:
    outcome = pinged(UP, fail(80))
    assert [said(flip) for flip in outcome.flips] == ["down missed 70"]
    assert (outcome.check.last_ping, outcome.check.incident) == (at(80), 2)


@pytest.mark.parametrize("pings", [(start(40, B), success(40.1, B)), (success(40.1, B), start(40, B))])
def test_the_run_after_one_that_hung_brings_the_check_up_even_if_its_end_overtakes_its_start(
    pings: tuple[Ping, Ping],
) -> None:
    hung = woken(after(start(20, A), check=UP), at(31)).check
    check = after(*pings, check=hung)
    assert told(*pings, check=hung) == ["up pinged 40.1"]
    assert (check.status, check.runs, appearance(check, at(41))) == (Status.UP, (), "up")
    assert told(success(41, A), check=check) == []


def test_a_run_that_is_still_in_time_goes_on_when_another_brings_the_check_up_and_can_get_stuck_later() -> None:
    check = after(start(20, A), success(29, B), check=DOWN)
    assert (check.status, check.runs) == (Status.UP, (Run(at(20), A),))
    assert [said(flip) for flip in woken(check, at(40)).flips] == ["down stuck 30"]


# A pause outranks what was on its way when it came


def test_a_start_from_before_a_pause_does_not_open_a_run() -> None:
    check = after(start(19), check=paused(UP, at(20)).check)
    assert (check.status, check.runs, check.wake_at) == (Status.PAUSED, (), None)


def test_a_success_from_before_a_pause_does_not_end_it() -> None:
    check = after(success(19), check=paused(UP, at(20)).check)
    assert (check.status, check.last_ping) == (Status.PAUSED, at(19))


def test_a_failure_from_before_a_pause_is_told_all_the_same() -> None:
    assert told(fail(19), check=paused(UP, at(20)).check) == ["down failed 20"]


def test_a_run_that_is_open_is_forgotten_when_a_paused_check_becomes_sticky() -> None:
    begun = after(start(25), check=paused(UP, at(20)).check)
    sticky = configured(begun, at(26), manual_resume=True).check
    assert (sticky.runs, sticky.wake_at) == ((), None)
    assert woken(sticky, at(600)).flips == ()


# Settings


def moved(check: Check, minute: float, **asked: object) -> Check:
    """Change settings at that minute, when there is nothing to be told yet."""
    outcome = configured(check, at(minute), **asked)
    assert outcome.flips == ()
    return outcome.check


def test_a_job_that_moves_to_another_time_is_expected_at_its_first_new_time() -> None:
    """T0 is 12:00. A job of 22:00 moves, at 14:00, to 6:00: nobody expected it this morning."""
    nightly = after(success(-13 * 60), check=replace(NEW, schedule=Cron("0 22 * * *"), grace=hours(2)))
    check = moved(nightly, 120, schedule=Cron("0 6 * * *"))
    assert (expectation(check), deadline(check)) == (at(18 * 60), at(20 * 60))
    assert appearance(check, at(121)) == "up"
    assert told(success(18 * 60), check=check) == []


def test_another_zone_is_not_held_against_the_past() -> None:
    check = after(success(-10 * 60), check=replace(NEW, schedule=Cron("0 3 * * *", "America/New_York")))
    assert expectation(moved(check, -300, schedule=Cron("0 3 * * *", "UTC"))) == at(15 * 60)


def test_a_change_is_forgotten_by_the_next_ping() -> None:
    check = after(success(30), check=moved(UP, 20, schedule=Period(minutes(5)), grace=minutes(1)))
    assert (expectation(check), deadline(check)) == (at(35), at(36))


def test_a_change_of_something_else_moves_no_deadline() -> None:
    check = moved(UP, 65, name="late", schedule=UP.schedule, grace=UP.grace)
    assert (check.schedule_changed, check.grace_changed, deadline(check)) == (None, None, at(70))


def test_a_shorter_grace_counts_from_its_change() -> None:
    late = moved(UP, 65, grace=minutes(2))
    assert (expectation(late), deadline(late), appearance(late, at(66))) == (at(60), at(67), "grace")
    in_time = moved(UP, 30, grace=minutes(2))
    assert deadline(in_time) == at(62)
    running = moved(after(start(20), check=UP), 28, grace=minutes(2))
    assert [said(flip) for flip in woken(running, at(40)).flips] == ["down stuck 30"]


def test_a_start_that_was_on_its_way_when_grace_was_changed_has_the_new_grace_from_the_change_on() -> None:
    new = replace(UP, status=Status.NEW, last_ping=None)
    changed = configured(new, at(20), grace=minutes(5)).check
    assert deadline(after(start(19.9), check=changed)) == at(25)


LONGER: list[dict[str, object]] = [{"grace": hours(5)}, {"schedule": Period(hours(50))}, {"name": "x"}]


@pytest.mark.parametrize("longer", LONGER)
def test_a_change_does_not_forget_a_deadline_that_nobody_had_noticed(longer: dict[str, object]) -> None:
    assert [said(flip) for flip in configured(UP, at(80), **longer).flips] == ["down missed 70"]
    hung = after(start(20), check=NEW)
    assert [said(flip) for flip in configured(hung, at(80), **longer).flips] == ["down stuck 30"]


def test_a_pause_does_not_forget_a_deadline_that_nobody_had_noticed() -> None:
    outcome = paused(UP, at(80))
    assert [(said(flip), flip.notify) for flip in outcome.flips] == [
        ("down missed 70", True),
        ("paused paused 80", True),
    ]
    assert outcome.check.announced < outcome.check.flips  # so people are told of it


def test_a_run_that_got_stuck_on_a_paused_check_is_told_before_it_is_paused_again_or_resumed() -> None:
    begun = after(start(20), check=paused(UP, at(5)).check)
    assert [said(flip) for flip in paused(begun, at(80)).flips] == ["down stuck 30", "paused paused 80"]
    outcome = resumed(begun, at(80))
    assert [said(flip) for flip in outcome.flips] == ["down stuck 30", "new resumed 80"]
    assert outcome.check.status is Status.NEW


def test_what_passed_before_a_change_is_not_held_against_a_job_that_we_could_not_hear() -> None:
    deaf = (Window(at(60), at(80)),)
    for outcome in (configured(UP, at(80), deaf, grace=hours(2)), paused(UP, at(80), deaf)):
        assert [flip for flip in outcome.flips if flip.notify] == []


def test_what_a_check_is_cannot_be_configured() -> None:
    for name in ("id", "project", "status", "last_ping", "n_pings", "wake_at", "rev", "flips", "announced", "color"):
        with pytest.raises(TypeError, match=name):
            configured(UP, at(5), **{name: None})
    with pytest.raises(TypeError, match=r"a check: color, flips\."):
        configured(UP, at(5), flips=0, color="")


def test_setting_what_is_already_so_is_no_change() -> None:
    assert configured(UP, at(5), grace=minutes(10), name="") == Outcome(check=UP)


def test_a_resumed_check_is_not_missed_until_it_is_pinged() -> None:
    fresh = resumed(paused(UP, at(5)).check, at(10)).check
    assert woken(fresh, at(900)).flips == ()
    assert told(success(900), check=fresh) == []


def test_an_attempt_that_a_log_ends_is_not_taken_for_stuck_when_a_later_one_succeeds() -> None:
    """Our clients say so of a job that will be tried again: start, log, start, success, each attempt with its id."""
    for follows in FOLLOWS:
        check = after(start(20, A), over(21, A, follows), start(22, B), success(23, B), check=UP)
        assert check.runs == ()
        assert woken(check, at(40)).flips == ()


def test_a_retry_that_never_comes_is_noticed_and_what_nobody_waits_for_is_not() -> None:
    for follows, told_of in zip(FOLLOWS, ([], ["down stuck 30"]), strict=True):
        check = after(start(20, A), over(21, A, follows), check=UP)
        assert [said(flip) for flip in woken(check, at(40)).flips] == told_of


def test_a_retry_that_hangs_has_its_own_clock() -> None:
    check = after(start(20, A), over(21, A, "again"), start(25, B), check=UP)
    assert [said(flip) for flip in woken(check, at(40)).flips] == ["down stuck 35"]


def test_a_retry_whose_start_was_lost_ends_the_waiting() -> None:
    check = after(start(20, A), over(21, A, "again"), success(25, B), check=UP)
    assert check.runs == ()


def test_the_end_of_a_run_that_was_open_all_the_time_is_not_taken_for_a_retry() -> None:
    check = after(start(19, B), start(20, A), over(21, A, "again"), success(25, B), check=UP)
    assert [said(flip) for flip in woken(check, at(40)).flips] == ["down stuck 30"]


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("ahead", [0.01, 0.3, -0.01])
def test_a_retry_that_began_before_the_word_that_its_run_is_over_came_is_that_retry(
    ahead: float, *, ended: bool
) -> None:
    """A free worker takes it at once, while the word is still on its way or being sent again."""
    retry = [start(21 - ahead, B), *([success(21 - ahead + 0.01, B)] if ended else [])]
    check = after(start(20, A), *retry, over(21, A, "again"), success(25, B), check=UP)
    assert check.runs == ()


def test_a_run_that_began_long_before_the_word_is_not_taken_for_a_retry() -> None:
    for other in ([start(20.5, B)], [start(20.5, B), success(20.6, B)]):
        check = after(start(20, A), *other, over(21, A, "again"), success(25, B), check=UP)
        assert [said(flip) for flip in woken(check, at(40)).flips] == ["down stuck 30"]


def test_an_attempt_that_is_over_before_its_start_is_written_opens_no_run() -> None:
    for check in (UP, replace(UP, last_ping=None, status=Status.NEW)):
        assert after(over(21, A), start(20, A), check=check).runs == ()


def test_an_attempt_that_is_over_hides_no_start_of_another_run() -> None:
    """The start of B was overtaken by an end with an id: B is still open."""
    check = after(success(23, A), over(24, C), start(22, B), check=UP)
    assert [run.rid for run in check.runs] == [B]


def test_a_log_of_another_run_or_of_none_or_that_says_nothing_of_its_run_stops_no_clock() -> None:
    for log in (over(21, B), over(21, None), Ping(at=at(21), kind=Kind.LOG, rid=A)):
        check = after(start(20, A), log, check=UP)
        assert [said(flip) for flip in woken(check, at(40)).flips] == ["down stuck 30"]
