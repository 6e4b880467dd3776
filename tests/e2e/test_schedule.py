"""The template's own schedule, as it runs: nobody but the minute hand starts a sweep here."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta

import pytest

from tests.conftest import Figure
from tests.e2e.conftest import Deployed

pytestmark = [pytest.mark.emulator, pytest.mark.slow]
DEADLINES = (62, 66, 71, 77)
"""Seconds ahead: a minute at least, as the API takes no shorter times, so that a sweep comes before each."""


def test_a_job_that_stops_is_told_of_within_five_seconds_of_its_deadline(deployed: Deployed, figure: Figure) -> None:
    deadlines = {}
    for seconds in DEADLINES:
        name = f"stops-{seconds}"
        url = deployed.create(name)
        assert deployed.ping(url) == 200
        deployed.hurry(url, grace=timedelta(seconds=seconds))
        check = deployed.live.store.get(url.rsplit("/", 1)[1], strong=True)
        assert check
        assert check.wake_at
        deadlines[name] = check.wake_at

    late = {}
    for name, deadline in deadlines.items():
        [told] = deployed.post.about(name, count=1, seconds=120)
        assert told.event["reason"] == "missed"
        assert datetime.fromisoformat(told.event["at"]) == deadline
        late[name] = (told.arrived - deadline).total_seconds()
    figure(f"from deadline to subscriber: {', '.join(f'{value:.2f} s' for value in late.values())}")
    assert all(value > 0 for value in late.values()), late
    assert statistics.median(late.values()) < 5, late  # a machine that does much else may hold one of them up
