"""docs/security.md: every test that it names exists, and every promise has one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from infra.settings import Settings

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
PROMISES = [line for line in PAGE.split("## Who can do what")[1].splitlines() if "`tests/" in line]


@cache
def functions_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_the_page_names_is_there(file: str, name: str) -> None:
    assert (ROOT / file).exists(), file
    assert name in functions_in(file)


def test_each_promise_names_its_tests() -> None:
    tables = re.findall(r"\| promise \| tests \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(tables) == 3
    assert rows == PROMISES
    assert len(rows) > 20


def test_the_page_can_be_found_and_names_what_the_attack_reads() -> None:
    assert "docs/security.md" in (ROOT / "README.md").read_text()
    site = (ROOT / "tests" / "hostile" / "site.py").read_text()
    for variable in re.findall(r"LASTSEEN_HOSTILE_\w+", PAGE):
        assert variable in site
    assert {"checks_per_project", "pinged_checks_per_day"} <= set(Settings.__slots__)
