"""clients/aws/events.yaml: read by cfn-lint, its patterns matched, its function run on events as AWS sends them."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto.events.models import EventPattern

from tests.clients.asking import checks
from tests.clients.needs import ENVIRON
from tests.clients.pages import page, write
from tests.clients.receiver import KEY, Receiver, receiving
from tests.conftest import Local

ROOT = Path(__file__).parents[2]
FILE = ROOT / "clients/aws/events.yaml"
PAGE = page("clients/aws.md")
Event = dict[str, Any]
Handler = Callable[[Event], None]
ACCOUNT = "eu-central-1:123456789012"


class Template(yaml.SafeLoader):
    """Takes CloudFormation's short forms (!Ref, !GetAtt, !Sub) as plain values."""


Template.add_multi_constructor("!", lambda _loader, _tag, node: node.value)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return dict(yaml.load(FILE.read_text(), Template)["Resources"])  # noqa: S506 - a SafeLoader


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        for name, value in receiver.environment.items():
            monkeypatch.setenv(name, value)
        yield receiver


@pytest.fixture
def handler(template: dict[str, Any]) -> Handler:
    module: dict[str, Any] = {}
    exec(template["Tell"]["Properties"]["Code"]["ZipFile"], module)  # noqa: S102 - as Lambda does
    return module["handler"]  # type: ignore[no-any-return]


def states(status: str, **more: object) -> Event:
    machine = f"arn:aws:states:{ACCOUNT}:stateMachine:NightlyReport"
    execution = f"arn:aws:states:{ACCOUNT}:execution:NightlyReport:run-1"
    detail = {"executionArn": execution, "stateMachineArn": machine, "name": "run-1", "status": status, **more}
    return {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}


def ecs(status: str, *exit_codes: int | None, desired: str = "STOPPED", **more: object) -> Event:
    containers = [{"name": f"c{n}"} | ({} if code is None else {"exitCode": code}) for n, code in enumerate(exit_codes)]
    detail = {
        "taskArn": f"arn:aws:ecs:{ACCOUNT}:task/jobs/0123456789abcdef",
        "taskDefinitionArn": f"arn:aws:ecs:{ACCOUNT}:task-definition/Nightly_Export:7",
        "lastStatus": status,
        "desiredStatus": desired,
        "group": "family:Nightly_Export",
        "containers": containers,
        **({"stopCode": "EssentialContainerExited"} if status == "STOPPED" else {}),
        **more,
    }
    return {"source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": detail}


def batch(status: str, **more: object) -> Event:
    detail = {"jobName": "nightly.import", "jobId": str(uuid.uuid4()), "status": status, **more}
    return {"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": detail}


SIDECAR = [{"name": "Nightly_Export", "exitCode": 0}, {"name": "log-router", "exitCode": 137}]
OUT_OF_MEMORY = {"error": "States.TaskFailed", "cause": "out of memory"}


PINGS = [
    (states("RUNNING"), "nightlyreport", "start"),
    (states("SUCCEEDED"), "nightlyreport", "success"),
    (states("FAILED", **OUT_OF_MEMORY), "nightlyreport", "fail"),
    (states("TIMED_OUT"), "nightlyreport", "fail"),
    (states("ABORTED"), "nightlyreport", "log"),
    (ecs("RUNNING", desired="RUNNING"), "nightly_export", "start"),
    (ecs("STOPPED", 0), "nightly_export", "success"),
    (ecs("STOPPED", 0, 0), "nightly_export", "success"),
    (ecs("STOPPED", 3), "nightly_export", "fail"),
    (ecs("STOPPED", 0, 1), "nightly_export", "fail"),
    (ecs("STOPPED", containers=SIDECAR), "nightly_export", "success"),
    (ecs("STOPPED", None, stopCode="TaskFailedToStart"), "nightly_export", "fail"),
    (ecs("STOPPED", None), "nightly_export", "fail"),
    (ecs("STOPPED"), "nightly_export", "fail"),
    (ecs("STOPPED", 0, stopCode="SpotInterruption"), "nightly_export", "fail"),
    (ecs("STOPPED", 143, stopCode="UserInitiated"), "nightly_export", "log"),
    (batch("RUNNING"), "nightly-import", "start"),
    (batch("SUCCEEDED"), "nightly-import", "success"),
    (batch("FAILED", statusReason="Host terminated"), "nightly-import", "fail"),
]


@pytest.mark.parametrize(("event", "check", "signal"), PINGS)
def test_an_event_is_a_ping_of_the_check_that_bears_the_jobs_name(
    handler: Handler, receiver: Receiver, event: Event, check: str, signal: str
) -> None:
    handler(event)
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [(check, signal)]
    assert receiver.pings[0].query.get("over") == ("1" if signal == "log" else None)  # stopped by hand: nothing follows


def test_each_of_these_events_comes_by_one_rule(template: dict[str, Any]) -> None:
    rules = {name: part["Properties"] for name, part in template.items() if part["Type"] == "AWS::Events::Rule"}
    patterns: dict[str, Any] = {
        name: EventPattern.load(json.dumps(rule["EventPattern"])) for name, rule in rules.items()
    }
    came = [[name for name, pattern in patterns.items() if pattern.matches_event(event)] for event, _, _ in PINGS]
    assert came == [["StepFunctions"]] * 5 + [["EcsTasks"]] * 11 + [["BatchJobs"]] * 3
    pending = (ecs("PENDING", desired="RUNNING"), batch("RUNNABLE"))
    assert not any(pattern.matches_event(event) for pattern in patterns.values() for event in pending)


@pytest.mark.parametrize(
    "event",
    [
        ecs("RUNNING"),  # it is being stopped
        ecs("RUNNING", desired="RUNNING", group="service:web"),
        ecs("STOPPED", 1, group="service:web"),
        ecs("PENDING", desired="RUNNING"),
        batch("RUNNABLE"),
        {"source": "aws.ec2", "detail": {}},
    ],
)
def test_what_says_nothing_of_a_job_is_no_ping(handler: Handler, receiver: Receiver, event: Event) -> None:
    handler(event)
    assert receiver.pings == []


def test_start_and_end_of_an_execution_are_one_run_also_when_told_twice(handler: Handler, receiver: Receiver) -> None:
    for event in (states("RUNNING"), states("RUNNING"), states("FAILED", **OUT_OF_MEMORY)):
        handler(event)
    assert len({ping.rid for ping in receiver.pings}) == 1
    assert uuid.UUID(receiver.pings[0].rid)
    assert receiver.pings[2].body.decode().splitlines()[1] == "States.TaskFailed out of memory"


def test_a_job_without_a_check_is_ignored_and_no_secret_is_logged(
    template: dict[str, Any], monkeypatch: pytest.MonkeyPatch, handler: Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving(404) as receiver:
        for name, value in receiver.environment.items():
            monkeypatch.setenv(name, f" {value}\r\n")
        receiver.answer = f"not found: no check at /ping/{KEY}/nightlyreport\nmore".encode()
        handler(states("RUNNING"))
        said = "ping of nightlyreport: HTTP 404: not found: no check at /ping/.../nightlyreport\n"
        assert capsys.readouterr().out == said
    assert len(template["Tell"]["Properties"]["Code"]["ZipFile"]) <= 4096  # CloudFormation's limit for code in place


@pytest.mark.parametrize(
    ("mode", "told"), [(503, "HTTP 503"), (429, "HTTP 429"), ("away", "URLError"), ("cut", "Remote")]
)
def test_a_monitor_in_trouble_is_raised_so_that_lambda_calls_again_without_the_secrets(
    monkeypatch: pytest.MonkeyPatch, handler: Handler, mode: int | str, told: str
) -> None:
    with receiving(mode) as receiver:
        for name, value in receiver.environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(RuntimeError, match=told) as caught:
            handler(states("SUCCEEDED"))
        assert receiver.secrets_in(str(caught.value)) == []
    assert caught.value.__suppress_context__


def test_a_url_that_is_none_is_in_no_log(monkeypatch: pytest.MonkeyPatch, handler: Handler) -> None:
    monkeypatch.setenv("LASTSEEN_PING_URL", "https://host.test/SECRET SECRET")
    monkeypatch.setenv("LASTSEEN_PING_KEY", KEY)
    with pytest.raises(RuntimeError, match="InvalidURL") as caught:
        handler(states("SUCCEEDED"))
    assert "SECRET" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.slow
def test_cloudformation_finds_the_template_well_formed() -> None:
    cfn_lint = Path(sysconfig.get_path("scripts"), "cfn-lint")
    done = subprocess.run(
        [cfn_lint, "--regions", "eu-central-1", "--", FILE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_each_rule_may_call_the_function(template: dict[str, Any]) -> None:
    rules = {name for name, part in template.items() if part["Type"] == "AWS::Events::Rule"}
    allowed = {
        part["Properties"]["SourceArn"].removesuffix(".Arn")
        for part in template.values()
        if part["Type"] == "AWS::Lambda::Permission"
    }
    assert rules == allowed


# --- the page ---------------------------------------------------------------------------------------------------------
def test_every_block_of_the_page_is_run_here() -> None:
    assert PAGE.titles == ["handler.py", "deploy", "make the check"]
    words = PAGE["deploy"].replace("\\\n", " ").split("\n", 1)[1].split()
    assert words[:5] == ["aws", "cloudformation", "deploy", "--template-file", "clients/aws/events.yaml"]
    given = {word.split("=")[0] for word in words if "=" in word}
    assert given == set(yaml.load(FILE.read_text(), Template)["Parameters"])  # noqa: S506 - a SafeLoader


def test_the_handler_tells_of_its_runs(receiver: Receiver, tmp_path: Path) -> None:
    write(tmp_path, "handler.py", PAGE["handler.py"])
    code = """
import types, handler
context = types.SimpleNamespace(aws_request_id="r-1", log_stream_name="stream")
print(handler.handler({"items": [1, 2]}, context))
try:
    handler.handler({}, context)
except KeyError as error:
    print(repr(error))
"""
    env = {**ENVIRON, **receiver.environment, "PYTHONPATH": f"{ROOT}/clients/python:{tmp_path}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "{'done': 2}\nKeyError('items')\n"
    assert receiver.signals == ["start", "log", "success", "start", "fail"]
    assert receiver.pings[0].body == b"request_id=r-1 log_stream=stream"


def test_the_check_is_made_as_the_page_says(local: Local) -> None:
    command = f"{sys.executable} -c 'from lastseen_cli.main import main; main()' checks"
    text = PAGE["make the check"].replace("nightly-report", "aws-page").replace("lastseen checks", command)
    subprocess.run(["sh", "-euc", text], env={**ENVIRON, **local.environment}, check=True, capture_output=True)
    [check] = checks(local, "aws-page")
    assert (check["schedule"], check["grace"]) == ("30 4 * * *", 3600)


def test_the_real_monitor_takes_the_functions_pings(
    local: Local, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in local.environment.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-c", "from lastseen_cli.main import main; main()", "checks", "create", "Export"]
    subprocess.run([*command, "--slug", "nightly_export"], check=True, capture_output=True)
    handler(ecs("RUNNING", desired="RUNNING"))
    assert checks(local, "nightly_export")[0]["started"]
    handler(ecs("STOPPED", 0))
    [check] = checks(local, "nightly_export")
    assert (check["status"], check["started"], "last_duration" in check) == ("up", False, True)
