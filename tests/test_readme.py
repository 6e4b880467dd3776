"""The README and the pages in docs/ say what is so: links lead somewhere, commands exist, and none is left out."""

import re
import subprocess
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from lastseen_cli.commands import app
from tests.conftest import Local

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = PAGES[0].read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    gone = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert gone == []


def test_every_command_is_in_the_readme_or_its_pages() -> None:
    told = "\n".join(page.read_text() for page in PAGES)
    left_out = [name for name in _commands(typer.main.get_command(app), "lastseen") if name not in told]
    assert left_out == []


def test_every_command_that_is_told_of_exists() -> None:
    known = _commands(typer.main.get_command(app), "lastseen")
    commands = re.compile(r"^\$ (?:uv run )?(lastseen(?: [a-z]+)+)", re.MULTILINE)
    told = {command for page in PAGES for command in commands.findall(page.read_text())}
    assert [
        line for line in told if not any(f"{line} ".startswith(f"{name} ") or name.startswith(line) for name in known)
    ] == []


def test_the_two_commands_and_the_curl_stand_on_the_first_screen() -> None:
    first = README.splitlines()[:32]
    assert "$ pip install uv" in first
    assert "$ uv run lastseen local --demo" in first
    assert any(line.startswith("$ curl") for line in first)


def test_the_readmes_curl_works_as_it_stands(local: Local) -> None:
    [line] = re.findall(r"^\$ (curl .*)$", README, re.MULTILINE)
    line = line.replace("nightly-report", "readme-report")  # a name of its own, for others share this deployment
    for _ in range(2):
        done = subprocess.run(["sh", "-c", line], env={"PATH": "/usr/bin:/bin", **local.environment}, check=False)
        assert done.returncode == 0


def _commands(command: object, name: str) -> list[str]:
    """Return every command that does something, as it is typed."""
    if not isinstance(command, TyperGroup):
        return [name]
    return [full for part, each in command.commands.items() for full in _commands(each, f"{name} {part}")]
