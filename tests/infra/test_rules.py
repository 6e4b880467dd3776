"""The rules of others: cdk-nag's AwsSolutions (the fixtures too fail on a finding of it) and cfn-lint."""

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import aws_sqs as sqs

from app import lastseen

# The CDK says twice that a function needs its role. That is harmless, and not ours.
NOT_OURS = "W3005"


@pytest.mark.parametrize("made", ["template", "throwaway"])
def test_cfn_lint_finds_nothing(made: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    template: dict[str, Any] = request.getfixturevalue(made)
    (tmp_path / "template.json").write_text(json.dumps(template))
    cfn_lint = Path(sysconfig.get_path("scripts"), "cfn-lint")
    command: list[str | Path] = [cfn_lint, "--ignore-checks", NOT_OURS, "--template", tmp_path / "template.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_finding_of_cdk_nag_fails_the_synth() -> None:
    app = lastseen({"aws:cdk:bundling-stacks": []})
    sqs.Queue(app.node.find_child("Lastseen"), "PlainTextAllowed")  # type: ignore[arg-type]  # a child is a construct
    with pytest.raises(RuntimeError, match="AwsSolutions-SQS4"):
        app.synth()
