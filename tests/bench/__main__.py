"""What a ping costs, how late an alert is, how it grows: `uv run python -m tests.bench`.

Counts are exact and the same on every machine. CPU is this machine's, so it stands beside a plain function's that is
measured in the same run. Nothing is quoted in the README that this command does not print.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console

import infra  # noqa: F401 - before aws_cdk: puts the packaged Node on PATH
from tests.bench import cold, emulated, lateness, money, pings, storms, sweeps, table
from tests.bench.deployed import Deployed
from tests.bench.laboratory import Laboratory, opened

PARTS: dict[str, Callable[[Laboratory], list[table.Section]]] = {
    "ping": pings.measure,
    "cold": cold.measure,
    "sweep": sweeps.measure,
    "storm": storms.measure,
    "lateness": lateness.measure,
    "emulator": emulated.measure,
}
MONEY, MONEY_NEEDS = "money", {"ping", "cold", "sweep"}
"""Reckoned from what the others measured."""


def main() -> int:
    """Measure what was asked for and print it; return the exit status."""
    known = ", ".join((*PARTS, MONEY))
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"some of: {', '.join((*PARTS, MONEY))}; all by default"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--markdown", action="store_true", help="print the README's table")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - {*PARTS, MONEY}:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {known}")
    wanted = set(asked.parts) or {*PARTS, MONEY}
    if MONEY in wanted:
        wanted |= MONEY_NEEDS
    talk, began = Console(stderr=True), time.monotonic()
    sections = []
    with opened() as laboratory:
        for name in [name for name in PARTS if name in wanted]:
            with talk.status(f"Measuring {name} ..."):
                sections += PARTS[name](laboratory)
        if MONEY in wanted:
            measured = money.taken_from(money.figures_of(sections))
            sections.append(money.section(measured, Deployed.as_shipped()))
        where = _machine(laboratory)
    if asked.json:
        print(json.dumps({"machine": where, **table.as_json(sections)}, indent=2))  # noqa: T201 - what was asked for
    elif asked.markdown:
        print(f"{where}\n\n{table.markdown(sections)}")  # noqa: T201 - what was asked for
    else:
        table.show(sections, Console())
        talk.print(f"{where}; took {time.monotonic() - began:.0f} s")
    return 0


def _machine(laboratory: Laboratory) -> str:
    day = datetime.now(UTC)  # noqa: TID251 - a bench is an entry point
    cores = os.cpu_count()
    return f"{day:%Y-%m-%d}, {cores} cores, {platform.machine()}, functions on CPython {laboratory.version}"


if __name__ == "__main__":
    sys.exit(main())
