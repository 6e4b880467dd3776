"""The template that ships, synthesized without bundling: its text does not depend on the bundle.

Importing this takes seconds; tests ask for it through fixtures.
"""

import infra  # noqa: F401 - before aws_cdk: puts the packaged Node on PATH

# isort: split

import json
from functools import cache
from pathlib import Path
from typing import Any

from app import lastseen


def synthesized(**context: object) -> dict[str, Any]:
    """Synthesize the app with some context into a template; fails on any finding of cdk-nag."""
    assembly = lastseen({"aws:cdk:bundling-stacks": [], **context}).synth()
    found: dict[str, Any] = json.loads(Path(assembly.directory, "Lastseen.template.json").read_text())
    return found


@cache
def as_shipped() -> dict[str, Any]:
    """Synthesize what `cdk deploy` deploys when nothing is chosen, once for all tests of a process."""
    return synthesized()
