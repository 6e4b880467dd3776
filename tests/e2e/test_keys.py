"""The first key, as somebody makes it who has AWS credentials and nothing else: found in the stack, signed."""

from __future__ import annotations

import os
import subprocess
import sys

import httpx
import pytest

from tests.e2e.conftest import Deployed

LASTSEEN = [sys.executable, "-c", "from lastseen_cli.main import main; main()"]
ENVIRON = os.environ  # noqa: TID251 - tests are an entry point


def by_aws(deployed: Deployed, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that knows AWS credentials and nothing else."""
    environ = {name: value for name, value in ENVIRON.items() if not name.startswith(("LASTSEEN_", "AWS_"))}
    environ |= deployed.emulator.variables()
    return subprocess.run([*LASTSEEN, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.emulator
def test_the_first_key_is_made_from_aws_credentials_alone(deployed: Deployed) -> None:
    made = by_aws(deployed, "keys", "create", "e2e-first")
    assert made.returncode == 0, made.stderr
    word = made.stdout.strip()
    assert deployed.api("GET", "/checks/?limit=1", key=word).status_code == 200
    listed = by_aws(deployed, "keys", "list")
    (line,) = (line for line in listed.stdout.splitlines() if "e2e-first" in line)
    revoked = by_aws(deployed, "keys", "revoke", line.split()[0], "--yes")
    assert revoked.returncode == 0, revoked.stderr
    assert deployed.api("GET", "/checks/?limit=1", key=word).status_code == 401


@pytest.mark.emulator
def test_a_project_is_made_used_and_deleted_from_aws_credentials_alone(deployed: Deployed) -> None:
    assert by_aws(deployed, "projects", "create", "e2e-shop").returncode == 0
    made = by_aws(deployed, "checks", "create", "e2e-till", "--project", "e2e-shop")
    assert deployed.ping(made.stdout.strip()) == 200
    assert "has checks" in by_aws(deployed, "projects", "delete", "e2e-shop", "--yes").stderr
    by_aws(deployed, "checks", "delete", "e2e-till", "--yes", "--project", "e2e-shop")
    gone = by_aws(deployed, "projects", "delete", "e2e-shop", "--yes")
    assert gone.returncode == 0, gone.stderr


@pytest.mark.emulator
def test_the_signed_paths_are_shut_to_whoever_signs_nothing(deployed: Deployed) -> None:
    for path in ("/iam/keys", "/iam/projects/", "/iam/checks/"):
        answer = httpx.get(f"{deployed.live.url}{path}", headers={"X-Api-Key": deployed.live.keys.write})
        assert answer.status_code == 403
