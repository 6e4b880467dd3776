"""Cold starts: CPU from the start of a function's process to its first answer, AWS answering at once."""

from __future__ import annotations

import re
import subprocess
from typing import Any

from tests.bench import aws
from tests.bench.laboratory import Case, Laboratory, without
from tests.bench.table import Figure, Section

BARE = "an empty function"
PLAIN = "a plain boto3 function with the same three calls"
BYTE_CODE = "ping, without byte code of ours"
EVENTS: dict[str, Any] = {
    "ping.handler": aws.request(),
    "sweep.handler": {},
    "alert.handler": {"Records": []},
    "api.handler": aws.request(path="/api/v3/status/"),
}
IMPORTS_SHOWN = 6


def measure(laboratory: Laboratory) -> list[Section]:
    """Measure each function, and what makes the ping function's start shorter."""
    ping = EVENTS["ping.handler"]
    bundle, plain = laboratory.bundle, laboratory.plain
    spent = laboratory.cold_cpu_ms(
        {
            BARE: Case("bare.handler", ping, plain),
            PLAIN: Case("plain.handler", ping, plain),
            **{name: Case(name, event) for name, event in EVENTS.items()},
            BYTE_CODE: Case("ping.handler", ping, without(bundle, "__pycache__")),
        }
    )
    figures = [Figure(name.removesuffix(".handler"), cpu, "CPU ms") for name, cpu in spent.items()]
    figures.append(Figure("ping, against the plain boto3 function", spent["ping.handler"] / spent[PLAIN], "x"))
    return [Section("Cold start", tuple(figures)), _imports(laboratory)]


def _imports(laboratory: Laboratory) -> Section:
    """List the dearest imports of the ping function, each with all that it draws in."""
    told = subprocess.run(
        [laboratory.python, "-X", "importtime", "-c", "import ping"],
        cwd=laboratory.bundle,
        env=aws.environment("http://127.0.0.1:9"),
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    rows = re.findall(r"import time:\s+(\d+) \|\s+(\d+) \| (\s*)(\S+)", told)
    whole = next(int(total) for _, total, _, name in rows if name == "ping")
    by_cost = sorted(((int(total), name) for _, total, _, name in rows if name != "ping"), reverse=True)
    shown = [Figure(name, 100 * total / whole, "% of the imports") for total, name in by_cost[:IMPORTS_SHOWN]]
    ours = sum(int(own) for own, _, _, name in rows if name.partition(".")[0] == "lastseen")
    return Section(
        "What the ping function imports, with all that each draws in",
        (*shown, Figure("our own modules together", 100 * ours / whole, "%"), Figure("modules", len(rows), "")),
    )
