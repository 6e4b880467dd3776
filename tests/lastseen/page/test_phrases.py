from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lastseen.core.check import Flip, Reason, Status
from lastseen.core.schedule import Cron, OnCalendar, Period
from lastseen.page.phrases import distance, expected, expression, lasting, when
from lastseen.text.happened import happened
from tests.times import T0, hours, minutes, seconds


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("5 * * * *", "each hour at :05, Europe/Berlin"),
        ("0 */6 * * *", "every 6 hours at :00"),
        ("0 3 * * *", "each day at 03:00, Europe/Berlin"),
        ("30 8 * * 1-5", "Monday to Friday at 08:30, Europe/Berlin"),
        ("30 8 * * mon", "each Monday at 08:30, Europe/Berlin"),
        ("0 4 * * 7", "each Sunday at 04:00, Europe/Berlin"),
        ("15 0 1 * *", "on day 1 of each month at 00:15, Europe/Berlin"),
    ],
)
def test_common_crons_are_said_in_words(cron: str, words: str) -> None:
    schedule = Cron(cron, "Europe/Berlin")
    assert expected(schedule) == words
    assert expression(schedule) == cron


@pytest.mark.parametrize(
    "cron",
    ["*/7 * * * *", "0 */5 * * *", "0 3 1 1 *", "0 3 1 * 1", "0 3 * * 5L", "0 3 L * *", "0,30 3 * * *", "*/1 * * * *"],
)
def test_a_cron_that_words_would_only_blur_is_shown_as_it_is(cron: str) -> None:
    schedule = Cron(cron, "UTC")
    assert expected(schedule) == f"cron {cron}, UTC"
    assert expression(schedule) == ""


def test_periods_and_calendars_are_said_too() -> None:
    assert expected(Period(hours(24))) == "every day"
    assert expected(Period(minutes(90))) == "every 1 h 30 min"
    assert expected(OnCalendar("Mon..Fri 09:00\nSat 10:00", "UTC")) == "OnCalendar Mon..Fri 09:00; Sat 10:00, UTC"


@pytest.mark.parametrize(
    ("away", "words"),
    [(minutes(3), "in 3 min"), (-hours(2), "2 h ago"), (seconds(0.4), "now"), (-hours(49), "2 d 1 h ago")],
)
def test_a_distance_is_said_as_people_do(away: timedelta, words: str) -> None:
    assert distance(away) == words


@pytest.mark.parametrize(
    ("away", "absolute"),
    [
        (minutes(-5), "11:55:00 UTC"),
        (hours(14), "Tue 3 Mar 02:00 UTC"),
        (hours(-24 * 80), "2025-12-12 12:00 UTC"),
    ],
)
def test_a_clock_says_no_more_of_the_date_than_is_needed(away: timedelta, absolute: str) -> None:
    moment = when(T0 + away, T0)
    assert moment.absolute == absolute
    assert moment.iso == (T0 + away).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_what_lasts_is_said_as_a_span() -> None:
    assert lasting(T0 - minutes(45), T0).relative == "45 min"


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_words(reason: Reason) -> None:
    flip = Flip(n=1, at=T0, was=Status.UP, status=Status.DOWN, reason=reason, notify=True)
    assert happened(flip)


def test_the_troubles_are_told_apart() -> None:
    def flip(reason: Reason, **fields: Any) -> Flip:
        given: dict[str, Any] = {"n": 1, "at": T0, "was": Status.UP, "status": Status.DOWN, "notify": True}
        return Flip(reason=reason, **(given | fields))

    assert happened(flip(Reason.MISSED)) == "did not start in time"
    assert happened(flip(Reason.MISSED, started=T0)) == "started but did not finish in time"
    assert happened(flip(Reason.STUCK)) == "got stuck"
    assert happened(flip(Reason.FAILED, exit_status=3)) == "failed, exit status 3"
    assert happened(flip(Reason.FAILED, note="TERM")) == "failed, TERM"
    back: dict[str, Any] = {"was": Status.DOWN, "status": Status.UP, "since": T0 - hours(2)}
    assert happened(flip(Reason.PINGED, **back)) == "is back after 2 h"
    assert happened(flip(Reason.PINGED, was=Status.NEW, status=Status.UP)) == "succeeded for the first time"
