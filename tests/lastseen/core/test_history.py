from __future__ import annotations

from datetime import timedelta

import pytest

from lastseen.core.check import Kind, Ping
from lastseen.core.history import Recorded, timed
from tests.times import T0, hours, seconds

A, B = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
START, SUCCESS, FAIL, LOG, IGNORED = Kind.START, Kind.SUCCESS, Kind.FAIL, Kind.LOG, Kind.IGNORED
Story = list[tuple[float, Kind, str | None]]


def durations(story: Story, known: dict[int, timedelta] | None = None) -> list[timedelta | None]:
    """Tell a story of second, kind and run id to the history; return the durations that it shows, oldest first."""
    kept = [
        Recorded(n=n, kind=kind, ping=Ping(at=T0 + seconds(second), rid=rid), duration=(known or {}).get(n))
        for n, (second, kind, rid) in enumerate(story, start=1)
    ]
    told = timed(kept[::-1])
    assert [each.n for each in told] == [each.n for each in kept[::-1]]
    return [each.duration for each in reversed(told)]


@pytest.mark.parametrize(
    ("story", "shown"),
    [
        ([(0, START, A), (5, START, B), (9, SUCCESS, A), (20, FAIL, B)], [None, None, seconds(9), seconds(15)]),
        ([(0, START, A), (3, START, A), (9, SUCCESS, A)], [None, None, seconds(9)]),
        ([(0, START, A), (5, SUCCESS, A), (9, SUCCESS, A)], [None, seconds(5), None]),
        ([(0, START, A), (5, LOG, A), (6, IGNORED, A), (9, SUCCESS, A)], [None, None, None, seconds(9)]),
        ([(0, START, A), (5, SUCCESS, A), (9, START, A), (10, SUCCESS, A)], [None, seconds(5), None, seconds(1)]),
        ([(0, START, None), (5, SUCCESS, None)], [None, None]),
        ([(0, START, A), (5, SUCCESS, B)], [None, None]),
        ([(5, SUCCESS, A), (5.1, START, A)], [None, None]),
        ([(5, START, A), (4, SUCCESS, A)], [None, seconds(0)]),
        ([(0, START, A), (72 * 3600, SUCCESS, A)], [None, hours(72)]),
        ([(0, START, A), (72 * 3600 + 1, SUCCESS, A)], [None, None]),
        ([], []),
    ],
)
def test_an_end_shows_how_long_its_run_took_though_others_ran(story: Story, shown: list[timedelta | None]) -> None:
    assert durations(story) == shown


def test_what_the_ping_itself_knew_stays() -> None:
    assert durations([(0, START, A), (9, SUCCESS, A)], {2: seconds(7)}) == [None, seconds(7)]
