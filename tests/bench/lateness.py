"""How late alerts are, in the simulation: the real functions on a clock of their own, in calm and in stormy weather.

Calm is a scheduler that keeps its minute, off by up to two seconds, and calls of some milliseconds; with jitter it
keeps the minute only as exactly as AWS documents, off by up to 59 seconds; stormy are crashes, throttling, lost and
doubled messages, skipped sweeps and deafness besides (tests/simulation).
"""

from __future__ import annotations

from tests.bench.laboratory import Laboratory
from tests.bench.table import Figure, Section
from tests.simulation.run import WEATHERS, Plan, percentile, simulate

SHARES = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))


def measure(_laboratory: Laboratory) -> list[Section]:
    """Simulate each weather once. Raises RuntimeError if an alert was lost or false."""
    figures = []
    for weather in WEATHERS:
        report = simulate(Plan(seed=1, weather=weather, checks=400, hours=2))
        if report.wrong:
            raise RuntimeError(report.summary())
        note = f"{len(report.lateness):,} missed deadlines"
        figures += [
            Figure(f"{weather}: deadline to publish, {name}", percentile(report.lateness, share), "s", note)
            for name, share in SHARES
        ]
    return [Section("Lateness, simulated", tuple(figures))]
