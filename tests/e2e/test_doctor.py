"""`lastseen doctor` as a user runs it, against the deployed template: its findings, its alerts and what it measures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lastseen.storage.documents import KEYS, PROJECTS
from lastseen_cli.deep.visit import PROJECT, QUEUE
from tests.conftest import COMMAND, Figure
from tests.e2e.conftest import Deployed

pytestmark = pytest.mark.slow
NAME = "TEST ALERT of lastseen doctor: nothing is wrong"
SECRETS = ("lsw_", "lsr_", "127.0.0.1", "000000000000", "arn:aws")


def environ(deployed: Deployed) -> dict[str, str]:
    path = os.environ["PATH"]  # noqa: TID251 - tests are an entry point
    return {"PATH": path, **deployed.emulator.variables(), "AWS_CONFIG_FILE": os.devnull}


def doctor(deployed: Deployed, *options: str) -> list[str]:
    return [*COMMAND, "doctor", "--json", *options, "--stack", deployed.live.stack.name]


def levels_of(findings: list[dict[str, str]]) -> dict[str, list[str]]:
    levels: dict[str, list[str]] = {}
    for finding in findings:
        levels.setdefault(finding["about"], []).append(finding["level"])
    return levels


def left_behind(deployed: Deployed) -> list[Any]:
    """Return what a deep look has made and not removed."""
    store, topic = deployed.live.store, deployed.live.stack.output("TopicArn")
    listed = deployed.cloud.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return [
        *store.project(PROJECT),
        *(key for key in KEYS.all(store).values if key.project == PROJECT),
        *(project for project in PROJECTS.all(store).values if project.name == PROJECT),
        *(url for url in deployed.cloud.client("sqs").list_queues()["QueueUrls"] if url.endswith(QUEUE)),
        *(each for each in listed if each["Endpoint"].endswith(QUEUE)),
    ]


def test_the_doctor_looks_at_a_deployment_and_its_test_alert_reaches_a_subscriber(deployed: Deployed) -> None:
    command = doctor(deployed, "--send-test-alert")
    done = subprocess.run(command, env=environ(deployed), capture_output=True, text=True, check=False, timeout=240)
    findings = json.loads(done.stdout)["findings"]
    levels = levels_of(findings)
    assert done.returncode == 1  # a throwaway deployment's tables have no net
    assert levels["tables"] == ["trouble", "trouble"]
    assert levels["clock"] == levels["runtime"] == levels["test alert"] == ["ok"], findings
    assert levels["alarms"] == ["ok"]
    assert levels["concurrency"] != ["trouble"]
    [alert] = deployed.post.about(NAME, count=1)
    assert alert.event["reason"] == "failed"
    assert NAME not in [check["name"] for check in deployed.api("GET", "/checks/").json()["checks"]]


@pytest.mark.timeout(900)
def test_the_deep_doctor_measures_a_deployment_writes_facts_without_secrets_and_leaves_nothing(
    deployed: Deployed, tmp_path: Path, figure: Figure
) -> None:
    file = tmp_path / "facts.json"
    command = doctor(deployed, "--deep", "--yes", "--deadlines", "2", "--facts", str(file))
    done = subprocess.run(command, env=environ(deployed), capture_output=True, text=True, check=False, timeout=800)
    document = json.loads(done.stdout)
    levels, facts = levels_of(document["findings"]), json.loads(file.read_text())["facts"]
    for about in ("versions", "quotas", "permissions", "gateway", "flood", "sweep gaps", "SMS settings", "failures"):
        assert levels[about] == ["ok"], (about, document["findings"])
    assert "10 of 10: sweeps" in done.stderr
    assert facts["deadlines"]["sent"] == facts["deadlines"]["arrived"] == 2
    assert facts["failures"]["sent"] == facts["failures"]["arrived"] == 10
    assert 0 < facts["deadlines"]["min"] <= facts["deadlines"]["p50"] <= facts["deadlines"]["max"] < 60
    figure(f"lateness of deadlines {facts['deadlines']}, of failures {facts['failures']}")
    assert facts["permissions"]["wrong"] == []
    assert facts["permissions"]["granted"] > 70
    assert facts["permissions"]["denied"] > 50
    assert facts["versions"]["inside"]["botocore"]
    assert facts["gateway"]["paths"]["%2F"]["recorded"]["kind"] == "fail"
    assert facts["gateway"]["bodies"]["binary"]["recorded"]["body_is_the_same"] is True
    assert facts["gateway"]["methods"]["preflight"]["recorded"] is None
    assert any("Not here: there are no SMS settings" in finding["says"] for finding in document["findings"])
    assert [secret for secret in SECRETS if secret in file.read_text()] == []
    assert left_behind(deployed) == []


def test_a_deep_look_that_is_interrupted_tidies_up_and_after_a_killed_one_the_next_does(deployed: Deployed) -> None:
    for number in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen(
            doctor(deployed, "--deep", "--yes"),
            env=environ(deployed),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr
            assert any("test deadlines are missed" in line for line in process.stderr)
            assert len(deployed.live.store.project(PROJECT)) == 10  # none of one before
            process.send_signal(number)
            rest = process.stderr.read()
            assert process.wait(60) != 0
        if number == signal.SIGKILL:
            assert left_behind(deployed)
        else:
            assert "Tidying up." in rest
            assert "Traceback" not in rest
            assert left_behind(deployed) == []
