"""`lastseen doctor` as a user runs it, against the deployed template: its findings and its test alert."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.conftest import COMMAND
from tests.e2e.conftest import Deployed

NAME = "TEST ALERT of lastseen doctor: nothing is wrong"


@pytest.mark.slow
def test_the_doctor_looks_at_a_deployment_and_its_test_alert_reaches_a_subscriber(deployed: Deployed) -> None:
    environ = {
        "PATH": os.environ["PATH"],  # noqa: TID251 - tests are an entry point
        **deployed.cloud.variables(),
        "AWS_CONFIG_FILE": os.devnull,
    }
    command = [*COMMAND, "doctor", "--json", "--send-test-alert", "--stack", deployed.live.stack.name]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=240)
    findings = json.loads(done.stdout)["findings"]
    levels: dict[str, list[str]] = {}
    for finding in findings:
        levels.setdefault(finding["about"], []).append(finding["level"])
    assert done.returncode == 1  # a throwaway deployment's tables have no net
    assert levels["tables"] == ["trouble", "trouble"]
    assert levels["clock"] == levels["runtime"] == levels["test alert"] == ["ok"], findings
    assert levels["alarms"] == ["ok"]
    assert levels["concurrency"] != ["trouble"]
    [alert] = deployed.post.about(NAME, count=1)
    assert alert.event["reason"] == "failed"
    assert NAME not in [check["name"] for check in deployed.api("GET", "/checks/").json()["checks"]]
