"""The simulation, in a size for every day; `python -m tests.simulation --flips 1000000` is the nightly one.

Seeds are fixed, so that a run that passed passes again; what they cover grows when the program or the world changes.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation.broken import DEAF, OVERTAKEN, TENDED, VARIANTS, Variant
from tests.simulation.clockwork import SECOND
from tests.simulation.run import Plan, Report, percentile, simulate, together
from tests.simulation.world import CALM, Feed, Weather

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of Apprise, where Python is older than ours

IN_TIME_SECONDS = 5.0
"""Promise: from the deadline to the publication, at p99, while each minute has its sweep."""

SEEDS = 12
"""How many seeds may look for what is broken: what the first of them happens to meet changes with the program."""


def found_nothing(report: Report) -> None:
    print(report.summary())  # noqa: T201 - the worst lateness, and the replay line of a failure
    assert not report.wrong, report.summary()


@pytest.mark.parametrize("seed", [20, 21])
def test_in_a_storm_no_alert_is_lost_and_none_is_false(seed: int) -> None:
    report = simulate(Plan(seed, checks=120, hours=1.5))
    found_nothing(report)
    assert report.count["flips"] > 1_300
    assert report.count["heard"] > 3_500
    troubles = ("killed", "refused", "unanswered", "repeated", "doubles", "dead letters", "pings 500")
    assert {trouble for trouble in troubles if not report.count[trouble]} <= {"dead letters"}
    behind_the_topic = ("digests", "heard twice", "deliveries again", "deliveries cut off", "deliveries refused")
    missing = {trouble for trouble in (*behind_the_topic, "refused for its form") if not report.count[trouble]}
    assert missing <= {"deliveries refused"}
    assert sum(report.count[mood] for mood in ("away", "busy", "gone", "hanging")) > 3
    assert report.count["checks in two batches at once"] > 50
    assert report.count["batches on several threads"] > 20


@pytest.mark.parametrize(("seed", "weather"), [(5, TENDED), (10, OVERTAKEN)], ids=["tended", "overtaken"])
def test_while_people_change_checks_no_alert_is_lost_and_none_is_false(seed: int, weather: Weather) -> None:
    """In the weathers of the variants that break a change: what they find must be theirs."""
    found_nothing(simulate(Plan(seed, checks=60, hours=0.7), weather))


def test_over_days_with_slow_jobs_no_alert_is_lost_and_none_is_false() -> None:
    report = simulate(Plan(30, checks=40, hours=24, fast=0))
    found_nothing(report)
    assert report.count["flips"] > 200


def test_while_we_are_often_deaf_no_job_is_blamed() -> None:
    found_nothing(simulate(Plan(40, checks=80, hours=1.5), DEAF))


@pytest.mark.parametrize("weather", ["calm", "jitter", "strict"])
def test_people_are_told_within_five_seconds_of_the_deadline(weather: str) -> None:
    report = simulate(Plan(50, weather, checks=100, hours=1))
    found_nothing(report)
    assert len(report.lateness) > 400
    assert percentile(report.lateness, 0.99) <= IN_TIME_SECONDS


def test_a_receiver_that_is_away_or_hangs_delays_itself_alone() -> None:
    report = simulate(Plan(51, "calm", checks=100, hours=1), replace(CALM, moods=0.05))
    found_nothing(report)
    assert report.count["away"] * report.count["hanging"] > 0
    assert len(report.waits) > 500
    assert percentile(report.waits, 0.99) <= IN_TIME_SECONDS


def test_a_batching_window_would_break_that_promise() -> None:
    report = simulate(Plan(50, "calm", checks=100, hours=1), feed=Feed(window=SECOND))
    assert percentile(report.lateness, 0.5) > IN_TIME_SECONDS
    assert percentile(report.lateness, 0.99) > 15


def test_a_thousand_checks_that_fall_due_together_are_told_at_once() -> None:
    report = together(1_000)
    found_nothing(report)
    assert len(report.lateness) == 1_000
    assert report.lateness[-1] <= 15 * SECOND
    assert report.count["messages"] <= 20 * 5  # a digest of its own for each of five receivers


def test_a_seed_replays_to_the_letter() -> None:
    plan = Plan(60, checks=60, hours=0.5)
    assert simulate(plan).trace == simulate(plan).trace


def test_a_fault_names_the_line_that_replays_it() -> None:
    variant = VARIANTS[0]
    with variant.on():
        report = simulate(Plan(61, checks=60, hours=0.5))
    assert "\nReplay: python -m tests.simulation --seed 61 --weather storm --checks 60 --hours 0.5" in report.summary()


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_the_simulation_catches_what_is_broken(variant: Variant) -> None:
    kinds: set[str] = set()
    with variant.on():
        for seed in range(variant.seed, variant.seed + SEEDS):
            report = simulate(Plan(seed, checks=100, hours=1), variant.weather)
            caught = [wrong for wrong in report.wrong if wrong.kind in variant.faults]
            if caught:
                print(f"{variant.name}: seed {seed} finds it {caught[0].kind}: {caught[0].text}")  # noqa: T201 - for whoever asks
                return
            kinds |= {wrong.kind for wrong in report.wrong}
    pytest.fail(f"{SEEDS} seeds found {kinds or 0}, not {set(variant.faults)}; the last one: {report.summary()}")
