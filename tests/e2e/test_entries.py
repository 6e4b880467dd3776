"""The bundle that ships, under AWS's own runtime client, in a Python that has only what Lambda's has.

The emulator runs functions in this project's environment, where nothing is missing. Here a package that the bundle
lacks is missed, and logs are written as Lambda writes them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.bundle import SOURCE
from lastseen.core.check import Check
from lastseen_cli.local import synth
from tests import gallery, runtime_api
from tests.e2e.conftest import Deployed
from tests.e2e.errands import delivery, late, wake, webhook
from tests.functions.pinged import event as ping_event
from tests.lastseen.api.world import event_of as api_event
from tests.lastseen.delivery.receiver import listening

pytestmark = pytest.mark.emulator
FUNCTIONS = sorted(path.stem for path in SOURCE.glob("*.py"))
BY_LAMBDA = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
HEAVY = ("pydantic", "aws_lambda_powertools", "boto3", "botocore", "urllib3", "jinja2", "apprise")


@dataclass(frozen=True, slots=True)
class Lambda:
    """The bundle that `deployed` runs, and a Python for it; functions call the emulator, under the root's rights."""

    bundle: Path
    python: Path
    deployed: Deployed
    logs: Path

    @contextmanager
    def running(self, name: str) -> Iterator[runtime_api.Function]:
        """Start a function with the variables that the template gives it."""
        found = self.deployed.cloud.client("lambda").get_function_configuration(
            FunctionName=self.deployed.function(name)
        )
        environment = {**found["Environment"]["Variables"], **self.deployed.emulator.variables()}
        with runtime_api.running(
            self.python, self.bundle, f"{name}.handler", environment=environment, log=self.log(name)
        ) as function:
            yield function

    def log(self, name: str) -> Path:
        return self.logs / name


@pytest.fixture(scope="module")
def lambda_(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Lambda:
    environ = os.environ  # noqa: TID251 - tests are an entry point
    assembly, _ = synth.assembly(synth.checkout(), environ=environ)
    [bundle] = [folder for folder in assembly.glob("asset.*") if folder.is_dir()]
    python = runtime_api.runtime_environment(tmp_path_factory.mktemp("runtime") / "venv")
    return Lambda(bundle, python, deployed, tmp_path_factory.mktemp("logs"))


def pinged(lambda_: Lambda) -> str:
    """Let the ping function record pings, good and bad; return what its log must not hold."""
    store, keys = lambda_.deployed.live.store, lambda_.deployed.live.keys
    check = Check(id=str(uuid4()), project="default", name="entry", slug=f"entry-{uuid4().hex[:8]}", created=now())
    store.create(check)
    with lambda_.running("ping") as function:
        for path, expected in {
            f"/ping/{check.id}": 200,
            f"/ping/{keys.ping}/{check.slug}/fail": 200,
            f"/ping/{keys.ping}/nobody": 404,
            f"/ping/{check.id}/nonsense": 404,
            f"/ping/{check.id}?rid=wrong": 400,
        }.items():
            path_only, _, query = path.partition("?")
            answer = function.invoke(ping_event(path_only, query, at=now(), method="POST", body="the-output"))
            assert answer.result["statusCode"] == expected, path
    recorded = store.get(check.id, strong=True)
    assert recorded
    assert recorded.n_pings == 2
    return check.id


def swept(lambda_: Lambda) -> str:
    with lambda_.running("sweep") as function:
        assert function.invoke({}).result is None
    known = lambda_.deployed.live.store.setting("watch", "hearing")
    assert known
    return str(known["canary"])


def alerted(lambda_: Lambda) -> str:
    check = late(lambda_.deployed)
    with lambda_.running("alert") as function:
        assert function.invoke(wake(check)).result == {"batchItemFailures": []}
    [told] = lambda_.deployed.post.about(check.name, count=1)
    assert told.event["reason"] == "missed"
    return check.id


def asked(lambda_: Lambda) -> str:
    key = lambda_.deployed.live.keys.write
    with lambda_.running("api") as function:
        for target, expected in {"/api/v3/checks/": 200, "/api/v3/checks/nobody": 404, "/nowhere": 404}.items():
            answer = function.invoke(api_event("GET", target, b"", {"x-api-key": key}))
            assert answer.result["statusCode"] == expected, target
        wrong = function.invoke(api_event("GET", "/api/v3/checks/", b"", {"x-api-key": f"{key}x"}))
        assert wrong.result["statusCode"] == 401
    return key


def chatted(lambda_: Lambda) -> str:
    with listening() as receiver, lambda_.running("deliver") as function:
        channel, _ = webhook(lambda_.deployed, receiver)
        event = replace(gallery.flip_event("The job failed"), id="entry")
        assert function.invoke(delivery(channel, event, tries=1)).result == {"batchItemFailures": []}
        assert receiver.last.json["id"] == "entry"
    return channel.target


ERRANDS = {"ping": pinged, "sweep": swept, "alert": alerted, "api": asked, "deliver": chatted}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_does_its_work_from_the_bundle_alone_and_logs_no_secret(name: str, lambda_: Lambda) -> None:
    assert name in ERRANDS, f"Write an errand for functions/{name}.py here: what it does, and its secret."
    secret = ERRANDS[name](lambda_)
    log = lambda_.log(name).read_text()
    keys = lambda_.deployed.live.keys
    for word in (secret, keys.write, keys.read, keys.ping, "the-output"):
        assert word not in log


def test_the_bundled_ping_function_starts_without_what_is_heavy(lambda_: Lambda) -> None:
    code = f"import sys, ping; print(sorted({{name.split('.')[0] for name in sys.modules}} & set({HEAVY})))"
    found = lambda_.deployed.cloud.client("lambda").get_function_configuration(
        FunctionName=lambda_.deployed.function("ping")
    )
    done = subprocess.run(
        [lambda_.python, "-c", code],
        cwd=lambda_.bundle,
        env={**found["Environment"]["Variables"], **BY_LAMBDA},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


def now() -> Any:
    return datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the deployment runs by this clock too
