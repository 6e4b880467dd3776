"""docs/pings.md: its lines run as they stand, and it tells of everything that a ping URL may hold."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from lastseen.pinging.url import read_path
from tests.clients.needs import require_programs
from tests.conftest import Local

PAGE = (Path(__file__).parents[2] / "docs/pings.md").read_text()
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
PATH = "/usr/local/bin:/usr/bin:/bin"


@pytest.mark.emulator
def test_the_lines_of_the_page_run_and_print_what_it_says(local: Local) -> None:
    require_programs("curl")
    assert BLOCKS
    for block in BLOCKS:
        for line, told in re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", block, re.MULTILINE):
            environment = {"PATH": PATH, **local.environment}
            run = subprocess.run(
                ["sh", "-c", line], env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            assert (run.returncode, run.stdout.strip(), run.stderr) == (0, told.strip(), ""), line


def test_each_suffix_that_the_page_names_is_one() -> None:
    (table,) = re.findall(r"\| add \|.*?\n\n", PAGE, re.DOTALL)
    named = re.findall(r"`(/[^`]+)`", table)
    assert len(named) >= 10
    for suffix in named:
        read_path("7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80" + suffix)


def test_every_parameter_that_is_read_is_on_the_page() -> None:
    pinging = Path(__file__).parents[2] / "functions/lastseen/pinging"
    source = "".join(path.read_text() for path in pinging.glob("*.py"))
    read = set(re.findall(r'query(?:\.get\(|\[|, )"([a-z_]+)"', source))
    assert read >= {"rid", "create", "timeout", "grace", "schedule", "tz", "name", "tags"}
    assert {name for name in read if f"`{name}`" not in PAGE and f"`{name}=" not in PAGE} == set()
