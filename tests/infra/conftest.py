"""The synthesized template, made once a session, without bundling: its text does not depend on the bundle."""

import infra  # noqa: F401 - before aws_cdk: puts the packaged Node on PATH

# isort: split

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import lastseen

Synthesize = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def synthesize() -> Synthesize:
    """Synthesize the app with some context into a template; fails on any finding of cdk-nag."""

    def template(**context: object) -> dict[str, Any]:
        assembly = lastseen({"aws:cdk:bundling-stacks": [], **context}).synth()
        found: dict[str, Any] = json.loads(Path(assembly.directory, "Lastseen.template.json").read_text())
        return found

    return template


@pytest.fixture(scope="session")
def template(synthesize: Synthesize) -> dict[str, Any]:
    """What `cdk deploy` deploys when nothing is chosen."""
    return synthesize()


@pytest.fixture(scope="session")
def throwaway(synthesize: Synthesize) -> dict[str, Any]:
    return synthesize(throwaway="true", arch="x86_64", alert_emails="a@example.com, b@example.com")
