"""Runs the Ruby suite with real Ruby, Active Job, Sidekiq and Redis: one test a file.

What they need comes by tests/clients/install-debian.sh. In CI a missing Ruby is a failure, on a plain machine a skip.
"""

import re
import subprocess
from pathlib import Path

import pytest

from tests.clients.needs import require_programs

SUITE = Path(__file__).parent / "ruby"
NEEDS = {"test_sidekiq.rb": ("sidekiq", "redis-server")}


@pytest.mark.parametrize("file", sorted(SUITE.glob("test_*.rb")), ids=lambda file: file.stem)
def test_the_ruby_suite_passes(file: Path) -> None:
    require_programs("ruby", *NEEDS.get(file.name, ()))
    # -W0: Debian's Sidekiq floods the output with warnings of its Redis client.
    run = subprocess.run(
        ["ruby", "-W0", file], capture_output=True, text=True, errors="replace", timeout=120, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    counts = re.search(r"(\d+) runs, \d+ assertions, 0 failures, 0 errors, 0 skips", run.stdout)
    assert counts, run.stdout
    assert int(counts[1]) > 0


def test_the_client_has_no_warnings_of_its_own() -> None:
    require_programs("ruby")
    client = Path(__file__).parents[2] / "clients/ruby/lastseen.rb"
    run = subprocess.run(["ruby", "-wc", client], capture_output=True, text=True, timeout=30, check=False)
    assert (run.stdout, run.stderr) == ("Syntax OK\n", "")
