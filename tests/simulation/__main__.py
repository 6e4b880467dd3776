"""The simulation by hand: `python -m tests.simulation --flips 1000000`, or a replay of one seed."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace

from tests.simulation.run import WEATHERS, Plan, percentile, simulate


def main() -> int:
    """Run seeds until there were enough flips, or one was wrong; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after the other")
    parser.add_argument("--flips", type=int, default=0, help="go on with further seeds up to this many flips in total")
    parser.add_argument("--weather", choices=[*WEATHERS], default="storm")
    parser.add_argument("--checks", type=int, default=1_500)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--fast", type=float, default=0.4, help="share of the checks that are due every few minutes")
    asked = parser.parse_args()
    plan = Plan(asked.seed, asked.weather, asked.checks, asked.hours, asked.fast)
    flips, done = 0, 0
    lateness: list[int] = []
    began = time.monotonic()
    while done < asked.seeds or flips < asked.flips:
        report = simulate(replace(plan, seed=asked.seed + done))
        print(report.summary(), flush=True)  # noqa: T201 - a tool
        if report.wrong:
            return 1
        flips += report.count["flips"]
        lateness += report.lateness
        done += 1
    lateness.sort()
    spread = ", ".join(
        f"{name} {percentile(lateness, share):.2f} s" for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1))
    )
    took = time.monotonic() - began
    print(f"{done} seeds, {flips} flips in {took:.0f} s: 0 lost, 0 false; deadline to publish {spread}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
