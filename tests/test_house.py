"""The house rules that import contracts and linters do not hold: room for one thing a file, one name for one thing."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FUNCTIONS = ROOT / "functions"
PROGRAM = sorted(FUNCTIONS.rglob("*.py"))
FLOORS = {"api", "pinging", "alerting", "delivery", "health", "aws", "storage", "page", "text", "core"}

FILE_LINES, CORE_LINES = 450, 200

CLAIM = re.compile(r"\bonly (?:file|module|place) (?:that|which|where|to)\b", re.IGNORECASE)
"""A claim that no test holds goes stale. What imports what is told by the contracts in pyproject.toml."""


def test_no_file_of_the_program_is_more_than_one_thing() -> None:
    lines = {path.relative_to(FUNCTIONS): len(path.read_text().splitlines()) for path in PROGRAM}
    assert {path: count for path, count in lines.items() if count > FILE_LINES} == {}
    assert {path: count for path, count in lines.items() if "core" in path.parts and count > CORE_LINES} == {}


def test_no_two_public_classes_of_the_program_share_a_name() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for path in PROGRAM:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(str(path.relative_to(FUNCTIONS)))
    assert {name: sorted(found) for name, found in places.items() if len(found) > 1} == {}


def test_no_docstring_claims_to_be_the_only_place_of_something() -> None:
    claims = [(str(path.relative_to(ROOT)), claim) for path in PROGRAM for claim in _claims(path)]
    assert claims == []


def _claims(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            words = " ".join((ast.get_docstring(node) or "").split())
            yield from (words[max(found.start() - 40, 0) : found.end() + 40] for found in CLAIM.finditer(words))


def test_what_a_user_wrote_goes_into_no_parser_of_urls_that_may_raise_but_where_that_is_mapped() -> None:
    """A URL that Python's parser refuses was stored, and every list of its project failed for good."""
    parsers = {"urlsplit", "urlparse", "parse_url"}
    users = {
        str(path.relative_to(FUNCTIONS))
        for path in PROGRAM
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Name) and node.id in parsers)
        or (isinstance(node, ast.Attribute) and node.attr in parsers)
    }
    assert users == {
        "lastseen/aws/client.py",  # AWS's endpoints, from the environment
        "lastseen/api/targets.py",  # to see whether it raises, before a target is stored
    }


def test_the_program_stands_on_the_floors_of_the_contracts_and_on_no_other() -> None:
    folders = {path.name for path in (FUNCTIONS / "lastseen").iterdir() if (path / "__init__.py").exists()}
    assert folders == FLOORS
    assert [path.name for path in (FUNCTIONS / "lastseen").glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("floor", sorted(FLOORS))
def test_tests_mirror_the_floors(floor: str) -> None:
    assert list((ROOT / "tests" / "lastseen" / floor).glob("test_*.py"))


def test_an_entry_wires_and_defines_nothing_public_but_its_handler() -> None:
    for path in FUNCTIONS.glob("*.py"):
        names = [
            node.name
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        ]
        assert names == ["handler"], path.name
