"""What the pages for jobs have in common: an index that leads to each, the delay in seconds, what it will not see."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.clients.needs import require_programs
from tests.clients.pages import DOCS, page

ROOT = DOCS.parent
PAGES = sorted(file.name for file in (DOCS / "clients").glob("*.md") if file.name != "README.md")
ALL = [*(f"clients/{name}" for name in PAGES), "clients/README.md", "rails.md"]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def test_the_pages_are_those_that_jobs_need() -> None:
    assert PAGES == [
        "aws.md", "crontab.md", "docker.md", "github-actions.md", "kubernetes.md", "node.md", "powershell.md",
        "python.md", "shell.md", "systemd.md", "wget.md",
    ]  # fmt: skip


def test_the_index_leads_to_each_page() -> None:
    linked = LINK.findall((DOCS / "clients/README.md").read_text())
    beside = {"../rails.md", "../discover.md", "../schedules.md"}
    assert sorted(set(linked)) == sorted({*PAGES, *beside})


@pytest.mark.parametrize("name", [*(f"clients/{name}" for name in PAGES), "rails.md"])
def test_each_page_says_its_delay_in_seconds_and_what_it_will_not_see(name: str) -> None:
    delay = page(name).section("Worst-case delay")
    assert re.search(r"\d+ (s\b|seconds)", delay)
    assert page(name).section("What it will not see").startswith("- ")


@pytest.mark.parametrize("name", ALL)
def test_links_lead_to_files(name: str) -> None:
    folder = (DOCS / name).parent
    assert [link for link in LINK.findall((DOCS / name).read_text()) if not (folder / link).exists()] == []


def test_each_file_for_jobs_is_named_on_a_page() -> None:
    pages = "".join((DOCS / name).read_text() for name in ALL)
    files = [file for file in (ROOT / "clients").rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert [name for name in (str(file.relative_to(ROOT)) for file in files) if name not in pages] == []


def test_shellcheck_finds_no_fault_in_what_is_shell() -> None:
    require_programs("shellcheck")
    scripts = [*(ROOT / "clients").rglob("*.sh"), ROOT / "clients/systemd/lastseen-ping"]
    done = subprocess.run(["shellcheck", *map(Path, scripts)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
