"""docs/cli.md, made from the commands themselves: `uv run python -m tests.cli.page`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import typer.main
from typer.cli import get_docs_for_click

from lastseen_cli.commands import app
from tests.conftest import COMMAND

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
NOTE = "<!-- made by `uv run python -m tests.cli.page` -->\n\n"
SCRIPTS = """
**In scripts**

- Data goes to stdout, messages go to stderr. Exit status: 0 done, 1 failed, 2 not understood, 3 something is down
  (`status`) or differs from the file (`apply --exit-code`). `exec` ends with the job's own.
- In a pipe, lists are tab-separated, whole, one line each and without a header; times have their zone. At a terminal
  they are fitted to its width, in your own time zone. `--json` prints the API's documents. `NO_COLOR` is respected.
- What jobs and other people wrote (names, output, agents) is printed without escape sequences and control characters,
  also in `--json`, which escapes them. Only `checks pings CHECK --body N` prints bytes unchanged, and only into a pipe.
- `lastseen --install-completion` lets bash, zsh, fish or PowerShell complete commands, options and the names of your
  checks, channels and contexts.
- Which deployment a command uses, and in which order that is decided: [contexts.md](contexts.md).

"""


def page() -> str:
    """Return the page: each command with its arguments and options, as `--help` says."""
    command = typer.main.get_group(app)
    context = typer.Context(command, info_name="lastseen")
    text = get_docs_for_click(obj=command, ctx=context, name="lastseen")
    start, end = text.index("## `lastseen exec`"), text.index("## `lastseen local`")
    text = f"{text[:start]}## `lastseen exec`\n\n```text\n{_exec_help()}\n```\n\n{text[end:]}"  # it has no Typer
    for hidden in (name for name, each in command.commands.items() if each.hidden):
        text = text.replace(f"* `{hidden}`\n", "")
        text = re.sub(rf"^## `lastseen {hidden}`\n.*?(?=^## |\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    text = text.replace("## `lastseen exec`", f"{SCRIPTS.lstrip()}## `lastseen exec`", 1)
    text = re.sub(r"^Examples:\n\n((?:\$ .*\n\n?)+)", _fenced, text, flags=re.MULTILINE)
    return NOTE + "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


def _fenced(examples: re.Match[str]) -> str:
    lines = [line for line in examples[1].splitlines() if line]
    return "\n".join(["**Examples**:", "", "```console", *lines, "```", "", ""])


def _exec_help() -> str:
    return subprocess.run([*COMMAND, "exec", "--help"], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(0 if PAGE.write_text(page()) else 1)
