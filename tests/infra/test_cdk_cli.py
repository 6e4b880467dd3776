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


STACK: Final = "Lastseen"


def documented(command: str) -> list[str]:
    """Return the first line of the page that runs a command of the CDK's CLI."""
    found = re.search(rf"^\$ (uv run npx --yes aws-cdk@\S+ {command}.*)$", PAGE, re.MULTILINE)
    assert found, f"docs/deploy.md has no line that runs {command}"
    return found[1].split()


def run(line: list[str], *more: str) -> None:
    done = subprocess.run([*line, *more], cwd=ROOT, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def deploy(line: list[str], folder: Path) -> dict[str, str]:
    """Deploy without a question, and return the outputs of the stack."""
    outputs = folder / "outputs.json"
    run(line, "--require-approval", "never", "--outputs-file", str(outputs), "--output", str(folder / "cdk.out"))
    made: dict[str, str] = json.loads(outputs.read_text())[STACK]
    return made


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.emulator
def test_the_documented_lines_bootstrap_deploy_destroy_and_take_the_tables_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emulator.running(environ={}) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", emulator.ROOT_KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.secret)
        monkeypatch.setenv("AWS_REGION", emulator.REGION)
        stacks, dynamodb = aws.client("cloudformation"), aws.client("dynamodb")

        run(documented("bootstrap"))
        outputs = deploy(documented("deploy"), tmp_path)
        [stack] = stacks.describe_stacks(StackName=STACK)["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        assert outputs["PingUrl"].endswith("/ping")
        subscribed = aws.client("sns").list_subscriptions_by_topic(TopicArn=outputs["TopicArn"])["Subscriptions"]
        by_mail = {one["Endpoint"] for one in subscribed if one["Protocol"] == "email"}
        assert by_mail == {"you@example.com", "team@example.com"}

        made = str(tmp_path / "cdk.out")  # so that nothing is synthesized anew only to be destroyed
        destroy = [*documented("destroy"), "--force", "--app", made]
        refused = subprocess.run(destroy, cwd=ROOT, check=False, capture_output=True, text=True, timeout=240)
        assert "TerminationProtection" in refused.stdout + refused.stderr
        stacks.update_termination_protection(StackName=STACK, EnableTerminationProtection=False)
        kept = [outputs[f"{table}Table"] for table in ("Checks", "Names", "History", "Settings")]
        dynamodb.put_item(TableName=kept[0], Item={"id": {"S": "of the old stack"}})
        run(destroy)
        tables = dynamodb.list_tables()["TableNames"]
        assert sorted(name for name in tables if name.startswith(STACK)) == sorted(kept)  # the data stays

        back = documented("deploy -c tables=")
        back[-1] = f"tables={','.join(kept)}"
        again = deploy(back, tmp_path)
        assert [again[f"{table}Table"] for table in ("Checks", "Names", "History", "Settings")] == kept
        assert dynamodb.get_item(TableName=kept[0], Key={"id": {"S": "of the old stack"}})["Item"]
        assert sorted(dynamodb.list_tables()["TableNames"]) == sorted(tables)  # none was made anew
