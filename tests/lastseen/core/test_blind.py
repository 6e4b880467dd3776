"""How a deadline moves for time in which we could not hear."""

from __future__ import annotations

from datetime import datetime

import pytest

from lastseen.core.blind import Window, extended
from tests.times import T0, minutes


def at(minute: float) -> datetime:
    return T0 + minutes(minute)


def moved(*windows: tuple[float, float], deadline: float = 70, since: float = 60) -> float:
    """Return the minute to which a deadline moves, of a check that is late from minute 60."""
    blind = [Window(at(start), at(end)) for start, end in windows]
    return (extended(at(deadline), since=at(since), windows=blind) - T0) / minutes(1)


@pytest.mark.parametrize(
    ("windows", "then"),
    [
        pytest.param([], 70, id="we heard all the time"),
        pytest.param([(62, 66)], 74, id="blind within grace: by as long"),
        pytest.param([(50, 66)], 76, id="blind from before it was late: only grace stands still"),
        pytest.param([(40, 60)], 70, id="blind before it was late: not at all"),
        pytest.param([(40, 60.5)], 70.5, id="blind until just after it was late"),
        pytest.param([(68, 72)], 74, id="blind across the deadline: the whole window"),
        pytest.param([(70, 75)], 70, id="blind from the deadline on: until then we heard well"),
        pytest.param([(80, 90)], 70, id="blind later: not at all"),
        pytest.param([(62, 64), (66, 69)], 75, id="twice: both"),
        pytest.param([(66, 69), (62, 64)], 75, id="twice, in any order"),
        pytest.param([(68, 71), (72, 74)], 75, id="again before the moved deadline: both"),
        pytest.param([(68, 71), (73, 74)], 73, id="again after the moved deadline: the first"),
        pytest.param([(61, 600)], 85, id="blind for hours: a quarter of an hour"),
        pytest.param([(61, 81), (82, 102)], 100, id="twice for long: a quarter of an hour each"),
        pytest.param([(65, 65)], 70, id="an empty window"),
        pytest.param([(66, 62)], 70, id="a window that ends before it begins"),
    ],
)
def test_a_deadline_moves_by_the_blind_time_within_its_grace(windows: list[tuple[float, float]], then: float) -> None:
    assert moved(*windows) == then


def test_grace_of_a_long_wait_is_cut_by_what_lies_within_it() -> None:
    assert moved((100, 105), deadline=1500) == 1505
