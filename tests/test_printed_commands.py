"""Every command line that we print, in a page, a template or an error: the commands, options and arguments exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import click
import pytest
import typer.main
from typer.core import TyperGroup

from lastseen_cli.commands import app
from lastseen_cli.exec import command_line as exec_parser

ROOT = Path(__file__).parents[1]
COMMAND: click.Command = typer.main.get_command(app)  # type: ignore[assignment]  # typer brings a click of its own name
BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
IN_BLOCK = re.compile(r"""(?:^|[\s;&|("'])(?:uv run )?(lastseen [a-z-].*)$""")
INLINE = re.compile(r"`(?:uv run )?(lastseen [a-z][^`\n]*)`")
IN_HTML = re.compile(r"<code>(?:uv run )?(lastseen [^<\n]*)")
OPERATORS = {"|", "||", "&&", ";", "<", ">", ">>", "2>", "&", ")"}


class Printed(NamedTuple):
    """A command line, and whether it is to be typed as it stands; else it may be a mere name."""

    place: str
    line: str
    whole: bool


def _of_page(page: Path) -> list[Printed]:
    text, place = page.read_text("utf-8"), str(page.relative_to(ROOT))
    found = []
    for block in BLOCK.findall(text):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            typed = IN_BLOCK.search(line.strip())
            if (
                typed
                and re.match(r"\s*(\$ |\d|@|lastseen |uv run )", line)
                and not re.search(r"kubectl|\[OPTIONS\]", line)
            ):
                found.append(Printed(place, typed[1], whole=True))
    return found + [Printed(place, line, whole=False) for line in INLINE.findall(BLOCK.sub("", text))]


def _of_source(file: Path) -> list[Printed]:
    text, place = file.read_text("utf-8"), str(file.relative_to(ROOT))
    if file.suffix == ".html":
        return [Printed(place, line, whole=True) for line in IN_HTML.findall(text)]
    return [Printed(place, re.sub(r"{.*?}", "X", line), whole=False) for line in INLINE.findall(text)]


PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = [
    file
    for room in ("functions", "cli")
    for file in sorted((ROOT / room).rglob("*"))
    if file.suffix in {".py", ".html"}
]
PRINTED = sorted(
    {
        *(each for page in PAGES for each in _of_page(page)),
        *(each for file in SOURCES for each in _of_source(file)),
    }
)


def test_there_are_lines_of_each_kind() -> None:
    assert len(PRINTED) > 80
    assert {Path(each.place).suffix for each in PRINTED} == {".md", ".html", ".py"}


@pytest.mark.parametrize("printed", PRINTED, ids=lambda printed: f"{printed.place} {printed.line}")
def test_a_command_that_we_print_is_one(printed: Printed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command, words = COMMAND, _words(printed.line)[1:]
    for file in (word for word in words if word.endswith((".json", ".yaml"))):
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).touch()
    context = click.Context(COMMAND, info_name="lastseen")
    if words[0] == "exec" and words[1:]:  # has a parser of its own
        assert "..." in words or exec_parser().parse_args(words[1:])
        return
    while isinstance(command, TyperGroup) and words and words[0] != "..." and not words[0].startswith("-"):
        known = command.get_command(context, words[0])
        assert known, f"there is no {words[0]}"
        command, words = known, words[1:]
    if isinstance(command, TyperGroup) or words == ["..."] or not (words or printed.whole):
        assert words in ([], ["..."], ["--help"], ["--version"])
        return
    command.make_context(command.name, [word for word in words if word != "--help"]).close()


def _words(line: str) -> list[str]:
    """Return the words of a command up to the first operator of the shell."""
    lexer = shlex.shlex(line.rstrip(')"') if line.count('"') % 2 else line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if word in OPERATORS:
            break
        words.append(word)
    return words
