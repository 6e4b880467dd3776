"""The lines of docs/deploy.md, as they stand there, against the emulator in place of AWS."""

import json
import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from infra.bundle import ROOT
from lastseen_cli.local import emulator

PAGE: Final = (ROOT / "docs" / "deploy.md").read_text()


def documented(command: str) -> list[str]:
    """Return the first line of the page that runs a command of the CDK's CLI."""
    found = re.search(rf"^\$ (uv run npx --yes aws-cdk@\S+ {command}\b.*)$", PAGE, re.MULTILINE)
    assert found, f"docs/deploy.md has no line that runs {command}"
    return found[1].split()


def run(line: list[str], *more: str) -> None:
    done = subprocess.run([*line, *more], cwd=ROOT, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.emulator
def test_the_documented_lines_bootstrap_deploy_and_destroy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with emulator.running(environ={}) as aws:
        for name, value in aws.variables().items():
            monkeypatch.setenv(name, value)
        stacks = aws.client("cloudformation")

        run(documented("bootstrap"))
        outputs = tmp_path / "outputs.json"
        run(
            documented("deploy"),
            "--require-approval",
            "never",
            "--outputs-file",
            str(outputs),
            "--output",
            str(tmp_path),
        )

        [stack] = stacks.describe_stacks(StackName="Lastseen")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        assert json.loads(outputs.read_text())["Lastseen"]["PingUrl"].endswith("/ping")
        topic = json.loads(outputs.read_text())["Lastseen"]["TopicArn"]
        subscribed = aws.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        by_mail = {one["Endpoint"] for one in subscribed if one["Protocol"] == "email"}
        assert by_mail == {"you@example.com", "team@example.com"}

        run(documented("destroy"), "--force", "--output", str(tmp_path))
        tables = aws.client("dynamodb").list_tables()["TableNames"]
        assert len([name for name in tables if name.startswith("Lastseen")]) == 4  # the data stays
