"""The suites that can be pointed at a deployment of one's own, run against the emulator as their users run them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lastseen.core.keys import Scope
from lastseen.storage.documents import KEYS, PROJECTS
from lastseen.storage.fresh import new_key
from lastseen.storage.projects import project_names
from lastseen.storage.records import Project
from tests.e2e.conftest import Deployed

pytestmark = [pytest.mark.emulator, pytest.mark.slow]
ROOT = Path(__file__).parents[2]


def run(variables: dict[str, str], *tests: str) -> subprocess.CompletedProcess[str]:
    kept = ("PATH", "HOME", "LANG", "XDG_STATE_HOME")
    environ = {name: os.environ[name] for name in kept if name in os.environ}  # noqa: TID251 - tests are an entry point
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", *(tests or ("-m", "aws", "tests/aws"))]
    return subprocess.run(
        command, cwd=ROOT, env=environ | variables, capture_output=True, text=True, check=False, timeout=240
    )


def test_without_the_name_of_a_stack_they_say_how_to_give_it() -> None:
    done = run({})
    assert done.returncode == 1
    assert "LASTSEEN_AWS_STACK=Lastseen uv run pytest -m aws tests/aws" in done.stdout


def test_they_pass_on_the_emulator_and_leave_nothing_behind(deployed: Deployed) -> None:
    named = {"LASTSEEN_AWS_STACK": deployed.live.stack.name, "AWS_CONFIG_FILE": os.devnull}
    done = run(deployed.emulator.variables() | named)
    assert "2 passed" in done.stdout, done.stdout
    assert not [name for name in project_names(deployed.live.store) if name.startswith("aws-test-")]
    assert not [url for url in deployed.cloud.client("sqs").list_queues()["QueueUrls"] if "aws-test-" in url]


def test_the_attack_can_be_pointed_at_a_deployment(deployed: Deployed) -> None:
    store, now = deployed.live.store, datetime.now(UTC)  # noqa: TID251 - tests are an entry point
    word, key = new_key(Scope.WRITE, "attacked", "of the attacker", now)
    PROJECTS.write(store, Project(name="attacked", created=now))
    KEYS.write(store, key)
    named = {"LASTSEEN_HOSTILE_URL": f"{deployed.live.url}/api", "LASTSEEN_HOSTILE_KEY": word}
    done = run(named, "tests/hostile", "-k", "method")
    assert (done.returncode, " passed" in done.stdout) == (0, True), done.stdout + done.stderr
    assert store.project("attacked") == {}
