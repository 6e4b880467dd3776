"""The simulation by hand: days of checks, with crashes, and receivers that are away, hang or refuse; or one seed again.

Whoever wants to trust a change runs `python -m tests.simulation --flips 200000`: some two hours of one CPU. It ends at
the first fault with the line that replays it, or says that of so many flips none was lost (true, and not heard by
everyone whom it concerns), false, misdirected, out of order or left open at an incident tool. Doubles are allowed, and
counted: each has the id of the first. Several at once share the work: `--seed 1001`, `--seed 2001`, each with its part.

More checks than this need calmer weather: in a storm, one delivery in a hundred is killed, and its channel waits six
minutes for it. Where a channel has more to hear than that leaves room for, it hears the rest when the books are closed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import replace

from tests.simulation.run import WEATHERS, Plan, percentile, simulate


def main() -> int:
    """Run seeds until there were enough flips, or one was wrong; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after the other")
    parser.add_argument("--flips", type=int, default=0, help="go on with further seeds up to this many flips in total")
    parser.add_argument("--weather", choices=[*WEATHERS], default="storm")
    parser.add_argument("--checks", type=int, default=150, help="how many jobs, three quarters in one project")
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--fast", type=float, default=0.4, help="share of the checks that are due every few minutes")
    asked = parser.parse_args()
    plan = Plan(asked.seed, asked.weather, asked.checks, asked.hours, asked.fast)
    count: Counter[str] = Counter()
    done = 0
    lateness: list[int] = []
    began = time.monotonic()
    while done < asked.seeds or count["flips"] < asked.flips:
        report = simulate(replace(plan, seed=asked.seed + done))
        print(report.summary(), flush=True)  # noqa: T201 - a tool
        if report.wrong:
            return 1
        count += report.count
        lateness += report.lateness
        done += 1
    lateness.sort()
    spread = ", ".join(
        f"{name} {percentile(lateness, share):.2f} s" for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1))
    )
    took = time.monotonic() - began
    print(  # noqa: T201 - a tool
        f"{done} seeds, {count['flips']} flips in {took:.0f} s, {count['heard']} alerts heard by receivers: "
        f"0 lost, 0 false, 0 misdirected, 0 out of order, 0 left open; {count['heard twice']} doubles, "
        f"{count['deliveries again']} later tries, {count['deliveries cut off']} cut off; deadline to publish {spread}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
