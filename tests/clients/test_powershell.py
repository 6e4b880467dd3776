"""clients/powershell and its page. There is no PowerShell for the tests: a grammar reads them, nothing runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Parser

from tests.clients.pages import page

SCRIPT = (Path(__file__).parents[2] / "clients/powershell/Lastseen.ps1").read_text()
PAGE = page("clients/powershell.md")


def faults(text: str) -> list[str]:
    tree = Parser(Language(tree_sitter_powershell.language())).parse(text.encode())
    found = []
    waiting = [tree.root_node]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            found.append(f"line {node.start_point[0] + 1}: {text.splitlines()[node.start_point[0]]}")
        waiting += node.children
    return found


@pytest.mark.parametrize("text", [SCRIPT, *(block.text for block in PAGE.blocks)])
def test_the_grammar_reads_it_without_a_fault(text: str) -> None:
    assert faults(text) == []


def test_the_grammar_finds_faults() -> None:
    assert faults(SCRIPT.replace("try {", "try", 1)) != []


def test_the_page_shows_functions_and_settings_that_the_script_has() -> None:
    assert PAGE.titles == ["backup.ps1", "once, as administrator", "the first ping makes the check"]
    parameters = (
        "[string]$Slug, [scriptblock]$Job, [string]$Schedule, [string]$Tz, [int]$EverySeconds, [int]$GraceSeconds"
    )
    assert f"function Invoke-Watched({parameters})" in SCRIPT
    used = set(re.findall(r" -([A-Z]\w+) ", PAGE["the first ping makes the check"]))
    assert used == {"Schedule", "Tz", "GraceSeconds"}
    for setting in ("LASTSEEN_PING_URL", "LASTSEEN_PING_KEY"):
        assert f"$env:{setting}" in SCRIPT
        assert f"'{setting}'" in PAGE["once, as administrator"]
    assert f"-TimeoutSec {5}" in SCRIPT
    assert "5 seconds at the start, 18 at the end" in PAGE.section("Worst-case delay")
