"""`lastseen doctor` as a user runs it, against the deployed template: its findings, its alerts and what it measures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

import pytest

from lastseen.storage.documents import KEYS, PROJECTS
from lastseen_cli.deep.visit import PROJECT, queue_name
from tests.conftest import COMMAND
from tests.e2e.conftest import Deployed

pytestmark = pytest.mark.slow
NAME = "TEST ALERT of lastseen doctor: nothing is wrong"


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
    queue = queue_name(deployed.live.stack.name)
    store, topic = deployed.live.store, deployed.live.stack.output("TopicArn")
    listed = deployed.cloud.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return [
        *store.project(PROJECT),
        *(key for key in KEYS.all(store).values if key.project == PROJECT),
        *(project for project in PROJECTS.all(store).values if project.name == PROJECT),
        *(url for url in deployed.cloud.client("sqs").list_queues()["QueueUrls"] if url.endswith(queue)),
        *(each for each in listed if each["Endpoint"].endswith(queue) and each["SubscriptionArn"].startswith("arn:")),
    ]


def test_the_doctor_looks_at_a_deployment_and_its_test_alert_reaches_a_subscriber(deployed: Deployed) -> None:
    command = doctor(deployed, "--send-test-alert")
    done = subprocess.run(command, env=environ(deployed), capture_output=True, text=True, check=False, timeout=240)
    findings = json.loads(done.stdout)["findings"]
    levels = levels_of(findings)
    assert done.returncode == 1  # a throwaway deployment's tables have no net
    assert levels["tables"] == ["trouble", "trouble"]
    assert levels["clock"] == levels["runtime"] == levels["test alert"] == ["ok"], findings
    assert levels["alarms"] == levels["throttle"] == ["ok"]
    assert levels["concurrency"] != ["trouble"]
    [alert] = deployed.post.about(NAME, count=1)
    assert alert.event["reason"] == "failed"
    assert NAME not in [check["name"] for check in deployed.api("GET", "/checks/").json()["checks"]]


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
