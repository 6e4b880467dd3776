"""clients/github-actions, read by GitHub's own schema, and its steps run as a runner would."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clients.needs import ENVIRON
from tests.clients.pages import page, write
from tests.clients.receiver import Mode, Receiver, receiving
from tests.conftest import Local

FILE = Path(__file__).parents[2] / "clients/github-actions/scheduled.yml"
CHECKS = FILE.with_name("checks.yml")
PAGE = page("clients/github-actions.md")


@pytest.fixture
def workflow() -> dict[str, Any]:
    return dict(yaml.load(FILE.read_text(), yaml.BaseLoader))  # noqa: S506 - BaseLoader makes texts only; `on` stays a word


def steps_of(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return list(workflow["jobs"]["report"]["steps"])


@pytest.mark.slow
def test_github_knows_every_field(tmp_path: Path) -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*checker, FILE, CHECKS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    wrong = write(tmp_path, "wrong.yml", FILE.read_text().replace("runs-on", "run-on"))
    assert subprocess.run([*checker, wrong], capture_output=True, check=False).returncode == 1  # it can fail


def test_no_ping_can_fail_or_hold_the_workflow(workflow: dict[str, Any]) -> None:
    for step in steps_of(workflow):
        if "Lastseen" in step.get("name", ""):
            assert (step["continue-on-error"], step["timeout-minutes"]) == ("true", "1")
    assert steps_of(workflow)[-1]["if"] == "always()"
    assert int(workflow["jobs"]["report"]["timeout-minutes"]) < 60  # the default grace
    assert not workflow["on"]["schedule"][0]["cron"].startswith("0 ")


def test_the_page_shows_the_last_step_of_the_file(workflow: dict[str, Any]) -> None:
    assert PAGE.titles == ["the last step"]
    [shown] = yaml.load(PAGE["the last step"], yaml.BaseLoader)  # noqa: S506 - makes texts only
    assert shown == steps_of(workflow)[-1]


def run(workflow: dict[str, Any], receiver: Receiver | None, status: str, folder: Path) -> list[int]:
    """Run the steps with `run` one by one; return their exit statuses."""
    write(folder, "bin/make", f"#!/bin/sh\nexit {0 if status == 'success' else 1}\n").chmod(0o755)
    pasted = receiver.environment if receiver else {}
    secrets = {name: f" {value}\r\n" for name, value in pasted.items()}  # as people paste them
    env = {
        "PATH": f"{folder}/bin:{ENVIRON['PATH']}",
        "GITHUB_ENV": str(write(folder, "env", "")),
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_RUN_ID": "17",
        **filled(workflow["env"], status, secrets),
        **filled(workflow["jobs"]["report"]["env"], status, secrets),
    }
    ended = []
    for step in steps_of(workflow):
        if "run" not in step:
            continue
        own = {**env, **filled(step.get("env", {}), status, secrets)}
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        ended.append(subprocess.run(shell, env=own, capture_output=True, timeout=90, check=False).returncode)
        env |= dict(line.split("=", 1) for line in Path(env["GITHUB_ENV"]).read_text().splitlines())
    return ended


def filled(values: dict[str, str], status: str, secrets: dict[str, str]) -> dict[str, str]:
    def value(expression: re.Match[str]) -> str:
        return status if expression[1] == "job.status" else secrets.get(expression[1].removeprefix("secrets."), "")

    return {name: re.sub(r"\$\{\{ (\S+) \}\}", value, text) for name, text in values.items()}


@pytest.mark.parametrize(
    ("status", "signal"), [("success", "success"), ("failure", "fail"), ("cancelled", "log"), ("unheard-of", "log")]
)
def test_a_run_tells_its_start_and_how_it_ended(
    workflow: dict[str, Any], tmp_path: Path, status: str, signal: str
) -> None:
    with receiving() as receiver:
        run(workflow, receiver, status, tmp_path)
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [
        ("nightly-report", "start"),
        ("nightly-report", signal),
    ]
    assert len({ping.rid for ping in receiver.pings} - {""}) == 1
    cancelled = {"over": "1"} if signal == "log" else {}  # nobody waits for its end
    assert {name: value for name, value in receiver.pings[-1].query.items() if name == "over"} == cancelled
    link = "https://github.example/acme/shop/actions/runs/17"
    assert [ping.body.decode() for ping in receiver.pings] == [link, f"{status}: {link}"]


def test_in_a_fork_without_secrets_nothing_is_sent_and_nothing_fails(workflow: dict[str, Any], tmp_path: Path) -> None:
    assert run(workflow, None, "success", tmp_path) == [0, 0, 0]


@pytest.mark.parametrize("mode", ["away", 404])
def test_a_lost_ping_ends_its_step_with_an_error_that_the_workflow_may_ignore(
    workflow: dict[str, Any], tmp_path: Path, mode: Mode
) -> None:
    with receiving(mode) as receiver:
        first, job, last = run(workflow, receiver, "success", tmp_path)
    assert (first > 0, job, last > 0) == (True, 0, True)


def test_the_expression_for_several_jobs_is_one_line_of_yaml() -> None:
    found = re.search(r"`(STATUS: \$\{\{ .+? \}\})`", PAGE.text, re.DOTALL)
    assert found
    assert json.dumps(yaml.safe_load(found[1]))


@pytest.mark.slow
def test_a_pull_request_shows_its_plan_and_the_main_branch_applies_it(local: Local, tmp_path: Path) -> None:
    steps = yaml.load(CHECKS.read_text(), yaml.BaseLoader)["jobs"]["checks"]["steps"]  # noqa: S506 - makes texts only
    plan, apply = (step["run"] for step in steps[-2:])
    env = {
        "PATH": f"{Path(sys.executable).parent}:{ENVIRON['PATH']}",
        "HOME": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "LASTSEEN_API_URL": local.api_url,
        "LASTSEEN_API_KEY": local.api_key,
    }

    def run_step(script: str, **more: str) -> subprocess.CompletedProcess[str]:
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(
            shell, env=env | more, cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False
        )

    write(tmp_path, "checks.yaml", "checks:\n  - name: as-code ``` job\n    every: 1h\n")
    assert run_step(plan, LASTSEEN_API_KEY="").returncode == 0  # a fork
    planned = run_step(plan)
    assert planned.returncode == 0, planned.stderr
    summary = (tmp_path / "summary").read_text()
    assert "as-code" in summary
    assert all(line.startswith("    ") for line in summary.splitlines())
    made = run_step(apply)
    assert made.returncode == 0, made.stderr
    assert "as-code" not in run_step(plan).stdout  # nothing is left to do
    write(tmp_path, "checks.yaml", "checks:\n  - nam: typo\n")
    assert run_step(plan).returncode != 0
