import ast
import re
import sys
import tomllib

import pytest

from infra.bundle import REQUIREMENTS, ROOT, SOURCE
from infra.requirements import LOCKED, locked

NOT_SHIPPED = {"lastseen", "boto3", "botocore", "mypy_boto3_dynamodb", "mypy_boto3_sns", "mypy_boto3_sqs"}
"""Our own package, what the runtime has, and types that only mypy reads."""


@pytest.mark.parametrize("group", LOCKED)
def test_what_is_locked_is_what_pyproject_asks_for(group: str) -> None:
    changed = f"pyproject's group `{group}` was changed. Fix: uv run python -m infra.requirements"
    assert locked(group) == LOCKED[group].read_text(), changed


@pytest.mark.parametrize("group", LOCKED)
def test_every_version_is_exact_and_hashed_and_no_host_is_named(group: str) -> None:
    text = LOCKED[group].read_text()
    pinned = re.findall(r"^([a-z0-9-]+)==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    lines = [line for line in text.splitlines() if not line.startswith("    --hash=sha256:")]
    assert len(pinned) == len(lines) > 0
    assert "://" not in text


def test_the_runtimes_own_boto3_is_not_shipped() -> None:
    assert "boto" not in REQUIREMENTS.read_text()


def test_every_package_that_the_functions_import_is_named_not_left_to_what_others_need() -> None:
    imported = set()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    foreign = imported - sys.stdlib_module_names - NOT_SHIPPED
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    named = {requirement.split("==")[0].replace("-", "_") for requirement in groups["lambda"]}
    assert foreign <= named
