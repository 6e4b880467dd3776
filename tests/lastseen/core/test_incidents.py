"""Whoever saw an incident begin sees it end: which incident each entry of the log speaks of. No AWS, no store."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lastseen.core.check import Check, Flip, Kind, Ping, Status
from lastseen.core.machine import paused, pinged, resumed
from lastseen.core.moments import woken
from lastseen.core.schedule import Period
from tests.times import T0, hours, minutes

NEW = Check(
    id="7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80",
    schedule=Period(hours(12)),
    grace=hours(1),
    reminder=hours(2),
    flap_limit=4,
    created=T0,
)


def lived(steps: list[str], check: Check = NEW) -> tuple[Check, list[Flip]]:
    """Let things happen to a check, ten minutes apart; return all flips."""
    flips: list[Flip] = []
    for number, step in enumerate(steps, start=1):
        now = T0 + minutes(10) * number
        if step in {"ok", "fail"}:
            kind = Kind.SUCCESS if step == "ok" else Kind.FAIL
            outcome = pinged(check, Ping(at=now, kind=kind))
        elif step == "pause":
            outcome = paused(check, now)
        elif step == "resume" and check.status is Status.PAUSED:
            outcome = resumed(check, now)
        else:
            outcome = woken(check, now)
        check, flips = outcome.check, [*flips, *outcome.flips]
    return check, flips


def incidents(flips: list[Flip]) -> list[tuple[str, int | None]]:
    return [(str(flip.status), flip.incident) for flip in flips if flip.notify]


def test_a_recovery_ends_the_incident_of_its_failure() -> None:
    _, flips = lived(["ok", "fail", "ok"])
    assert incidents(flips) == [("down", 2), ("up", 2)]


def test_a_pause_ends_the_incident_that_people_know_of() -> None:
    check, flips = lived(["ok", "fail", "pause", "resume", "ok"])
    assert incidents(flips) == [("down", 2), ("paused", 2)]
    assert check.incident is None


def test_a_pause_of_what_is_well_tells_nobody() -> None:
    assert incidents(lived(["ok", "pause"])[1]) == []


def test_the_end_of_flapping_ends_what_the_last_alert_opened() -> None:
    flapping = ["ok", "fail", "ok", "fail", "ok", "fail", "ok", *["wait"] * 8]
    told = incidents(lived(flapping)[1])
    assert told[-1][0] == "up"
    opened = [n for status, n in told if status == "down"]
    assert told[-1][1] in {None, opened[-1]}


def test_a_pause_ends_what_flaps_even_while_it_is_up() -> None:
    flapping = ["ok", "fail", "ok", "fail", "ok", "fail", "ok"]
    check, flips = lived([*flapping, "pause"])
    assert (flips[-1].status, flips[-1].notify) == (Status.PAUSED, True)
    assert flips[-1].incident == next(flip for flip in flips if flip.flapping).incident
    assert check.incident is None


@given(st.lists(st.sampled_from(["ok", "fail", "pause", "resume", "wait", "wait"]), max_size=60))
def test_at_most_one_incident_is_open_for_people_and_none_when_all_is_well(steps: list[str]) -> None:
    check, flips = lived(steps)
    open_incidents: set[int] = set()
    for flip in flips:
        if not flip.notify:
            continue
        if flip.status is Status.DOWN:
            assert flip.incident is not None
            open_incidents.add(flip.incident)
            assert len(open_incidents) == 1
        elif flip.incident is not None:
            open_incidents.discard(flip.incident)
            assert not open_incidents
    if check.status is not Status.DOWN and not check.flapping:
        assert not open_incidents
    if open_incidents:
        assert open_incidents == {check.incident}
