"""What the ping function does before its first ping: it rehearses one, and whatever comes of that, it starts."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.bench.typical import typical_item
from tests.functions.pinged import ENTRY, ENVIRONMENT, event, load
from tests.lastseen.aws.test_client import HANG_UP, Reply, Wire, listening, refusal

NOBODY = "00000000-0000-0000-0000-000000000000"
UUID = "7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80"
SHOWN_SECONDS = 5


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with listening() as wire:
        monkeypatch.setenv("AWS_ENDPOINT_URL", wire.url)
        yield wire


def test_a_start_reads_what_is_not_there_twice_and_writes_and_logs_nothing(
    wire: Wire, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        ping = load()
    assert [headers["x-amz-target"] for headers, _ in wire.asked] == ["DynamoDB_20120810.GetItem"] * 2
    assert [(body["TableName"], body["Key"]["id"]["S"]) for body in wire.bodies] == [("checks", NOBODY)] * 2
    assert (caplog.records, *capfd.readouterr()) == ([], "", "")
    assert ping.handler(event(f"/ping/{UUID}"), None)["statusCode"] == 404
    assert len(wire.connections) == 1  # the first client finds it made


def test_a_start_changes_nothing_even_if_there_were_such_a_check(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    wire.will((200, {}, json.dumps({"Item": typical_item()}, default=lambda held: b64encode(held).decode()).encode()))
    with caplog.at_level(logging.DEBUG):
        load()
    assert [headers["x-amz-target"] for headers, _ in wire.asked] == ["DynamoDB_20120810.GetItem"]
    assert caplog.records == []


def test_what_a_schedule_needs_is_loaded_before_the_first_ping() -> None:
    code = f"import sys, runpy; runpy.run_path({str(ENTRY)!r}); print({{'cronsim', 'zoneinfo'}} <= set(sys.modules))"
    alone = {**ENVIRONMENT, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}  # nobody is there
    run = subprocess.run([sys.executable, "-c", code], env=alone, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("True\n", "")


@pytest.mark.parametrize(
    "reply",
    [HANG_UP, refusal("ThrottlingException"), refusal("AccessDeniedException"), refusal("InternalServerError", 500)],
    ids=["no answer", "throttled", "refused", "failed"],
)
def test_a_start_where_aws_fails_asks_once_and_is_a_start_all_the_same(
    reply: Reply, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    wire.will(reply)
    with caplog.at_level(logging.DEBUG):
        ping = load()
    assert (len(wire.asked), caplog.records) == (1, [])
    wire.will((200, {}, b"{}"))
    assert ping.handler(event(f"/ping/{UUID}"), None)["statusCode"] == 404  # the first ping has all its tries


def test_a_start_where_nobody_answers_takes_no_longer_than_one_try(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    began = time.monotonic()
    load()
    assert time.monotonic() - began < SHOWN_SECONDS
    assert wire.asked == []
