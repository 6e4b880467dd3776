"""The command line as a whole: what it imports, what its help says, how it fails."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from lastseen_cli.commands import app
from lastseen_cli.local.front import listen

LASTSEEN = [sys.executable, "-c", "from lastseen_cli.main import main; main()"]
ENVIRON = os.environ  # noqa: TID251 - tests are an entry point


def lastseen(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an environment without settings of its own."""
    environ = {name: value for name, value in ENVIRON.items() if not name.startswith(("LASTSEEN_", "AWS_"))}
    environ |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "COLUMNS": "120", "NO_COLOR": "1"}
    environ |= {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, **variables}
    return subprocess.run([*LASTSEEN, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)


NOT_OURS = ("pydantic", "aws_lambda_powertools", "apprise", "jinja2", "requests", "aws_cdk", "ministack")


def test_the_commands_import_only_what_is_installed_with_them() -> None:
    """What only the functions, the stack or the emulator need is not there after `uv tool install`."""
    script = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {NOT_OURS!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
from lastseen_cli import aws, backup, checkfile, commands, doctor, find, apply, trial
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_lists_the_commands_with_a_line_each() -> None:
    done = lastseen("--help")
    assert done.returncode == 0
    for line in (
        "Lastseen alerts a team when a background job goes silent.",
        "exec Run a job and ping when it starts, ends and fails.",
        "local Run all of Lastseen on this machine until Ctrl-C",
        "checks Make, list, show, change, pause and delete checks; see their pings and changes of status.",
        "status Show what is down or late, why, and since when.",
        "keys Make, list and revoke keys: with a key of the project, or with AWS credentials.",
        "projects Make, list and delete projects: with AWS credentials.",
    ):
        assert line in " ".join(done.stdout.replace("│", "").split())


def test_help_of_local_names_every_option() -> None:
    said = lastseen("local", "--help").stdout
    for option in ("--port", "--env-file", "--data", "--demo"):
        assert option in said


def test_help_of_checks_names_every_verb() -> None:
    said = lastseen("checks", "--help").stdout
    for verb in (
        "create",
        "list",
        "show",
        "update",
        "rename",
        "clone",
        "pause",
        "resume",
        "pings",
        "flips",
        "delete",
        "export",
    ):
        assert verb in said


def test_the_version_is_the_packages() -> None:
    assert lastseen("--version").stdout == f"lastseen {version('lastseen')}\n"


@pytest.mark.parametrize("module", ["typer", "rich", "httpx", "boto3", "pydantic"])
def test_the_entry_point_imports_no_library(module: str) -> None:
    look = f"import sys, lastseen_cli.main; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


@pytest.mark.parametrize("arguments", [["chekcs"], ["checks", "lst"], ["local", "--port", "99999"], ["checks", "show"]])
def test_misuse_exits_2_with_help_on_stderr(arguments: list[str]) -> None:
    done = lastseen(*arguments)
    assert done.returncode == 2
    assert "--help" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_typo_is_answered_with_what_was_meant() -> None:
    assert "Did you mean 'checks'?" in lastseen("chekcs").stderr
    assert "Did you mean 'list'?" in lastseen("checks", "lst").stderr


ROOT = typer.main.get_command(app)
ENDS = {"|", "||", "&&", ">", "<"}
"""Where a shell goes on after a command."""


def commands(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that is shown, with the words that name it."""
    if not isinstance(command, TyperGroup):
        yield words, command
        return
    for name, each in command.commands.items():
        if not each.hidden:
            yield from commands(each, *words, name)


def examples(command: Any) -> list[str]:
    return [line.removeprefix("$ ") for line in (command.epilog or "").split("\n\n") if line.startswith("$ ")]


COMMANDS = {words: command for words, command in commands(ROOT) if words != ("exec",)}  # that has its own parser


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_shows_examples_that_it_understands(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = COMMANDS[words]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default.json").touch()
    assert examples(command)
    for example in examples(command):
        typed = shlex.split(example)
        typed = typed[typed.index("lastseen") + 1 :]
        typed = typed[: next((n for n, word in enumerate(typed) if word in ENDS), None)]
        assert tuple(typed[: len(words)]) == words
        command.make_context(" ".join(words), typed[len(words) :]).close()


def test_every_command_prints_json_if_asked() -> None:
    without = {("local",), ("backup",)}  # a server; JSON always
    lacking = {
        words for words, command in COMMANDS.items() if not any("--json" in option.opts for option in command.params)
    }
    assert lacking == without


@pytest.mark.parametrize(("old", "new"), [("export", "backup"), ("import", "restore")])
def test_a_former_name_is_answered_with_the_present_one(old: str, new: str) -> None:
    done = lastseen(old, "--project", "shop", "shop.json")
    assert (done.returncode, done.stderr) == (2, f"lastseen: `lastseen {old}` is now `lastseen {new}`.\n")


def test_h_is_help_everywhere() -> None:
    assert lastseen("checks", "list", "-h").stdout == lastseen("checks", "list", "--help").stdout


def test_without_an_api_url_checks_says_how_to_set_it() -> None:
    done = lastseen("checks", "list")
    assert done.returncode == 2
    assert "Set LASTSEEN_API_URL or give --api-url" in done.stderr


def test_an_api_that_does_not_answer_is_told_with_the_mend() -> None:
    with listen(0) as nobody:
        port = nobody.getsockname()[1]
    done = lastseen("checks", "list", LASTSEEN_API_URL=f"http://127.0.0.1:{port}/api", LASTSEEN_API_KEY="hidden")
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "lastseen local" in done.stderr
    assert "hidden" not in done.stderr
    assert "Traceback" not in done.stderr


def test_local_refuses_a_taken_port_at_once_and_names_another() -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        done = lastseen("local", "--port", str(port))
    assert done.returncode == 2
    assert f"Port {port} cannot be used" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_local_refuses_a_data_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = lastseen("local", "--port", "0", "--data", str(tmp_path / "file" / "below"))
    assert done.returncode == 2
    assert "--data" in done.stderr
    assert "Traceback" not in done.stderr


def test_local_refuses_an_env_file_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = lastseen("local", "--port", "0", "--env-file", str(tmp_path / "missing" / "env"))
    assert done.returncode == 2
    assert "--env-file" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_needs_a_clone_says_so_where_only_the_command_is_installed() -> None:
    code = "import sys; sys.modules['hypercorn'] = None; from lastseen_cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "local"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "in a clone of Lastseen only, by `uv run lastseen`" in done.stderr
    assert "Traceback" not in done.stderr
