"""What the pings before hint at as the cause of a missed one: never where they hint at nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lastseen.core.check import Check, Flip, Kind, Ping, Reason, Status
from lastseen.core.history import Recorded
from lastseen.core.schedule import Cron, OnCalendar, Period, Schedule
from lastseen.text.likely import likely_cause
from tests.times import hours, minutes, seconds

BERLIN = "Europe/Berlin"
NIGHTLY = Cron("0 3 * * *", BERLIN)
DUE = datetime(2026, 3, 10, 2, tzinfo=UTC)  # 03:00 in Berlin
HOUR, DAY = hours(1), hours(24)
ZONE = f"is {BERLIN} the zone of its scheduler?"
CLOCK = "too early to count for it: is the clock of its host ahead?"


def hint(
    offsets: list[timedelta],
    *,
    schedule: Schedule = NIGHTLY,
    grace: timedelta = HOUR,
    took: timedelta | None = None,
    every: timedelta = DAY,
    kind: Kind = Kind.SUCCESS,
) -> str:
    """Return what is said of a job whose runs began so long after their times, the newest first."""
    pings = [DUE - every * (n + 1) + offset + (took or timedelta(0)) for n, offset in enumerate(offsets)]
    recent = [Recorded(n=99 - n, kind=kind, ping=Ping(at=at, kind=kind), duration=took) for n, at in enumerate(pings)]
    check = Check(id="7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80", schedule=schedule, grace=grace)
    flip = Flip(
        n=2, at=DUE + grace, was=Status.UP, status=Status.DOWN, reason=Reason.MISSED, notify=True,
        expected=DUE, last_ping=pings[0] if pings else None, duration=took,
    )  # fmt: skip
    return likely_cause(check, flip, recent, zone_name=BERLIN)


SAID: dict[str, tuple[str, str]] = {
    "two hours late, as in UTC": (hint([hours(2)] * 5), f"its last 5 runs began 2 h after their time: {ZONE}"),
    "some minutes more or less": (
        hint([hours(2) + minutes(n) for n in (3, -4, 8)]),
        f"its last 3 runs began 2 h after their time: {ZONE}",
    ),
    "seven hours early": (hint([hours(-7)] * 4), f"its last 4 runs began 7 h before their time: {ZONE}"),
    "the run's length is not in it": (
        hint([hours(2)] * 5, took=minutes(50)),
        f"its last 5 runs began 2 h after their time: {ZONE}",
    ),
    "the last five count": (
        hint([hours(2)] * 5 + [timedelta(0)] * 9),
        f"its last 5 runs began 2 h after their time: {ZONE}",
    ),
    "OnCalendar": (
        hint([hours(2)] * 3, schedule=OnCalendar("*-*-* 03:00:00", BERLIN)),
        f"its last 3 runs began 2 h after their time: {ZONE}",
    ),
    "a clock that is ahead": (hint([minutes(-8)] * 5), f"its last 5 runs began about 8 min before their time, {CLOCK}"),
    "a clock that runs ahead slowly": (
        hint([minutes(-8) + seconds(20 * n) for n in range(4)]),
        f"its last 4 runs began about 8 min before their time, {CLOCK}",
    ),
    "the last one alone": (
        hint([minutes(-40), timedelta(0), timedelta(0)], every=timedelta(0)),
        ("its last ping came 40 min before it was expected, too early to count for that time: "
        "is the clock of its host ahead?"),
    ),
}  # fmt: skip

SILENT: dict[str, str] = {
    "on time": hint([seconds(20)] * 5),
    "late within grace: that is no cause": hint([hours(2)] * 5, grace=hours(3)),
    "two runs are no habit": hint([hours(2)] * 2),
    "not the same": hint([hours(2), hours(1), hours(2)]),
    "half hours": hint([hours(2) + minutes(30)] * 5),
    "one of them was on time": hint([hours(2), hours(2), seconds(0), hours(2), hours(2)]),
    "early enough to count": hint([minutes(-4)] * 5),
    "early, now so and now so": hint([minutes(-8), minutes(-20), minutes(-12)]),
    "a log line is no run": hint([hours(2)] * 5, kind=Kind.LOG),
    "a period has no times": hint([hours(2)] * 5, schedule=Period(hours(24))),
    "each ten minutes there is a time": hint([hours(2)] * 5, schedule=Cron("*/10 * * * *", BERLIN)),
    "a broken schedule": hint([hours(2)] * 5, schedule=Cron("61 3 * * *", BERLIN)),
    "never heard of": hint([]),
}


@pytest.mark.parametrize("case", SAID)
def test_a_habit_that_explains_the_alert_is_named(case: str) -> None:
    said, expected = SAID[case]
    assert said == expected


@pytest.mark.parametrize("case", SILENT)
def test_where_the_pings_hint_at_nothing_nothing_is_said(case: str) -> None:
    assert SILENT[case] == ""


@pytest.mark.parametrize("reason", [Reason.FAILED, Reason.STUCK, Reason.REMINDED])
def test_only_of_a_missed_ping_a_cause_is_guessed(reason: Reason) -> None:
    check = Check(id="7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80", schedule=NIGHTLY)
    flip = Flip(n=2, at=DUE, was=Status.UP, status=Status.DOWN, reason=reason, notify=True, expected=DUE)
    late = [Recorded(n=n, kind=Kind.SUCCESS, ping=Ping(at=DUE - timedelta(days=n) + hours(2))) for n in range(1, 6)]
    assert likely_cause(check, flip, late, zone_name=BERLIN) == ""
    assert likely_cause(check, replace(flip, reason=Reason.MISSED), late, zone_name=BERLIN)
