"""A sweep over tables of many sizes: pages, read units, CPU and memory, with the network cut out (generated.py)."""

from __future__ import annotations

import json
import subprocess
import sys

from lastseen.alerting.sweep import segments_for
from tests.bench.generated import Cost
from tests.bench.laboratory import Laboratory
from tests.bench.table import Figure, Section

SIZES = (1_000, 10_000, 100_000, 1_000_000)
FEW, MANY = 0.001, 1.0
"""Shares of the checks that are due within the look-ahead: jobs by the hour, and jobs by the minute."""


def measure(_laboratory: Laboratory) -> list[Section]:
    """Sweep tables of each size with few checks due, and of all but the largest with all of them due."""
    figures = []
    for share, sizes in ((FEW, SIZES), (MANY, SIZES[:-1])):
        for size in sizes:
            cost = _in_its_own_process(size, share)
            what = f"{size:,} checks, {share:.1%} due"
            calls = f"{cost.pages} pages, {cost.wakes:,} wakes, {cost.calls:,} calls, {segments_for(size)} segments"
            figures += [
                Figure(f"{what}: read units", cost.read_units, "RRU", calls),
                Figure(f"{what}: CPU", cost.cpu_ms, "ms", f"peak {cost.peak_mb:.0f} MB"),
            ]
    return [Section("A sweep", tuple(figures))]


def _in_its_own_process(size: int, share: float) -> Cost:
    command = [sys.executable, "-m", "tests.bench.generated", str(size), str(share)]
    return Cost(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
