"""What a check does, told in sentences: the subtle points of the peer, our kinder rules, and what we add to them.

Each signal in each state stands in test_check_table.py; what holds for every sequence in test_check_properties.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from lastseen.core.blind import Window
from lastseen.core.check import Check, End, Filters, Flip, Kind, Outcome, Ping, Run, Status, event_id, unique_key
from lastseen.core.dues import appearance, deadline, expectation
from lastseen.core.log import FLIP_BODY_LIMIT
from lastseen.core.machine import configured, paused, pinged, resumed
from lastseen.core.moments import SLACK, is_late, woken
from lastseen.core.runs import RESENT, RUNS_LIMIT
from lastseen.core.schedule import Cron, OnCalendar, Period
from tests.times import T0, hours, minutes, seconds

ID = "6f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
A = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
B = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
C = "cccccccc-cccc-4ccc-8ccc-cccccccccccc"

NEW = Check(id=ID, schedule=Period(minutes(60)), grace=minutes(10))
"""Expected each hour; missed ten minutes later."""


def at(minute: float) -> datetime:
    return T0 + minutes(minute)


def success(minute: float, rid: str | None = None) -> Ping:
    return Ping(at=at(minute), rid=rid)


def start(minute: float, rid: str | None = None) -> Ping:
    return Ping(at=at(minute), kind=Kind.START, rid=rid)


def fail(minute: float, rid: str | None = None) -> Ping:
    return Ping(at=at(minute), kind=Kind.FAIL, rid=rid, exit_status=1)


def after(*pings: Ping, check: Check = NEW) -> Check:
    for ping in pings:
        check = pinged(check, ping).check
    return check


def told(*pings: Ping, check: Check = NEW) -> list[str]:
    """Return what people hear while the pings arrive in this order."""
    heard = []
    for ping in pings:
        outcome = pinged(check, ping)
        heard += [said(flip) for flip in outcome.flips if flip.told]
        check = outcome.check
    return heard


def said(flip: Flip) -> str:
    return f"{flip.status} {flip.reason} {(flip.at - T0) / minutes(1):g}"


UP = after(success(0))
DOWN = after(success(0), fail(5))


# The subtle points of the peer, by their number in its manual of facts


def test_1_a_start_on_a_new_or_paused_check_that_never_ends_is_alerted() -> None:
    for check in (NEW, paused(UP, at(5)).check):
        begun = after(start(20), check=check)
        assert begun.status is check.status
        (flip,) = woken(begun, at(31)).flips
        assert (said(flip), flip.told, flip.started) == ("down stuck 30", True, at(20))


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


# Runs with ids, each with its own clock


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


# What a ping says


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"all done", Kind.SUCCESS),
        (b"ERROR", Kind.FAIL),
        (b"done with ERROR", Kind.FAIL),
        (b"going, done", Kind.SUCCESS),
        (b"going", Kind.START),
        (b"error", Kind.IGNORED),
        (b"", Kind.IGNORED),
        (b"\xff\xfe done \xc3", Kind.SUCCESS),
    ],
)
def test_keywords_say_failure_before_success_before_start(body: bytes, kind: Kind) -> None:
    filters = Filters(http_body=True, start="going", success="finished , done", failure="FATAL, ERROR")
    outcome = pinged(replace(UP, filters=filters), Ping(at=at(5), kind=Kind.FAIL, body=body))
    assert outcome.kind is kind


def test_a_body_without_keyword_can_be_asked_to_be_a_failure() -> None:
    filters = Filters(http_body=True, success="done", default_fail=True)
    assert pinged(replace(UP, filters=filters), Ping(at=at(5), body=b"?")).kind is Kind.FAIL


def test_blanks_between_commas_are_no_keyword() -> None:
    filters = Filters(http_body=True, success=" , ,", failure=",")
    assert pinged(replace(UP, filters=filters), Ping(at=at(5), body=b"a , b")).kind is Kind.IGNORED


def test_keywords_for_mail_do_not_look_at_a_request() -> None:
    filters = Filters(subject=True, body=True, failure="ERROR", default_fail=True)
    assert pinged(replace(UP, filters=filters), Ping(at=at(5), body=b"ERROR")).kind is Kind.SUCCESS


def test_a_method_that_is_not_asked_for_is_counted_and_ignored() -> None:
    posts = replace(UP, methods="POST")
    outcome = pinged(posts, Ping(at=at(5), method="GET", kind=Kind.FAIL))
    assert (outcome.kind, outcome.check.n_pings, outcome.check.status) == (Kind.IGNORED, 2, Status.UP)
    assert pinged(posts, Ping(at=at(5), method="POST", kind=Kind.FAIL)).kind is Kind.FAIL


def test_a_failure_carries_its_evidence() -> None:
    ping = Ping(at=at(25), kind=Kind.FAIL, exit_status=3, note="3", body=b"x" * 5000 + b"the end")
    (flip,) = pinged(after(start(20), check=UP), ping).flips
    assert (flip.exit_status, flip.note, flip.started, flip.last_ping) == (3, "3", at(20), at(0))
    assert flip.duration == minutes(5)
    assert len(flip.body) <= FLIP_BODY_LIMIT
    assert flip.body.endswith(b"the end")


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
    told_of = replace(pinged(down, success(6)).check, announced=3)
    assert paused(told_of, at(7)).check.announced == 4


def test_events_are_named_without_the_ping_url() -> None:
    assert unique_key(ID) == "b39022940654028e4da4d5c9eed1e2204f97e45d"
    assert event_id(ID, 7) == "b39022940654028e4da4d5c9eed1e2204f97e45d:7"


# Reminders and snooze


def test_people_are_told_again_while_a_check_stays_down() -> None:
    down = after(fail(5), check=replace(UP, reminder=minutes(60)))
    assert down.wake_at == at(65)
    assert woken(down, at(64.9)).flips == ()
    first = woken(down, at(65))
    assert [(said(flip), flip.told) for flip in first.flips] == [("down reminded 65", True)]
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
    assert [flip.told for flip in flips] == [True] * 7 + [False] * 2
    assert [flip.flapping for flip in flips] == [False] * 6 + [True] + [False] * 2
    assert check.flapping


def test_flips_that_are_not_within_an_hour_are_told_one_by_one() -> None:
    check, flips = flap(20, every=10)
    assert all(flip.told and not flip.flapping for flip in flips)
    assert not check.flapping


def test_a_check_that_flapped_and_is_quiet_for_an_hour_is_told_as_steady_with_its_status() -> None:
    check, _ = flap(9)  # the last of them down, at 9
    assert check.wake_at == at(69)
    assert woken(check, at(68.9)).flips == ()
    outcome = woken(check, at(69))
    (flip,) = outcome.flips
    assert (said(flip), flip.told) == ("down steady 69", True)
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
    assert [(said(flip), flip.told) for flip in outcome.flips] == [("down missed 19", False), ("down steady 79", True)]


def test_a_limit_of_0_tells_every_flip() -> None:
    check, flips = flap(30, check=replace(UP, flap_limit=0))
    assert all(flip.told for flip in flips)
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


LONGER: list[dict[str, object]] = [{"grace": hours(5)}, {"schedule": Period(hours(50))}, {"name": "x"}]


@pytest.mark.parametrize("longer", LONGER)
def test_a_change_does_not_forget_a_deadline_that_nobody_had_noticed(longer: dict[str, object]) -> None:
    assert [said(flip) for flip in configured(UP, at(80), **longer).flips] == ["down missed 70"]
    hung = after(start(20), check=NEW)
    assert [said(flip) for flip in configured(hung, at(80), **longer).flips] == ["down stuck 30"]


def test_a_pause_does_not_forget_a_deadline_that_nobody_had_noticed() -> None:
    outcome = paused(UP, at(80))
    assert [(said(flip), flip.told) for flip in outcome.flips] == [
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
        assert [flip for flip in outcome.flips if flip.told] == []


def test_what_a_check_is_cannot_be_configured() -> None:
    for name in ("id", "project", "status", "last_ping", "n_pings", "wake_at", "rev", "flips", "announced", "color"):
        with pytest.raises(TypeError, match=name):
            configured(UP, at(5), **{name: None})


def test_setting_what_is_already_so_is_no_change() -> None:
    assert configured(UP, at(5), grace=minutes(10), name="") == Outcome(check=UP)


def test_a_resumed_check_is_not_missed_until_it_is_pinged() -> None:
    fresh = resumed(paused(UP, at(5)).check, at(10)).check
    assert woken(fresh, at(900)).flips == ()
    assert told(success(900), check=fresh) == []
