"""Foreign text never obeys or deceives: every command that prints it, with a corpus of hostile names and bodies."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastseen.core.channel import Channel, Via
from lastseen.core.check import Kind
from lastseen.core.keys import Scope
from lastseen.storage.documents import CHANNELS, KEYS
from lastseen.storage.fresh import new_key
from lastseen_cli import backup, output
from lastseen_cli.deployment import Deployment
from lastseen_cli.output import hint
from tests.cli.conftest import Done, Terminal
from tests.lastseen.api.test_channels import SLACK
from tests.lastseen.api.world import World
from tests.times import T0, minutes

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of Apprise, where Python is older than ours

FORGED = "lastseen: all is well"
HOSTILE = [
    r"\[/x]",
    "[/x]",
    "[bold red]DOWN[/]",
    r"\[link=https://evil.example]Click me\[/link]",
    ":bomb:",
    "\x1b[31mred",
    "\x1b]52;c;cm0gLXJmIH4=\x1b\\",
    "\x1b]0;title\x07",
    "\x1b]8;;https://evil.example\x1b\\text\x1b]8;;\x1b\\",
    "\x9b31mred",
    "\x9d0;title\x9c",
    "\x90q\x9c",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "zero\u200bwidth\ufeff",
    f"name\n{FORGED}",
    f"name\r{FORGED}",
    f"name\u2028{FORGED}",
    f"name\x0b{FORGED}\x85",
    "bell\x07back\x08del\x7f",
    "tab\tstop",
    "'; echo pwned; '",
    "$(echo pwned)",
    "`echo pwned`",
    "-rf",
    "\ufffe\uffff",
    "\U000e0041tag",
]
IDS = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(len(HOSTILE))]


def is_harmless(text: str) -> bool:
    return all(char in "\n\t" or unicodedata.category(char)[0] != "C" for char in text)


def fill(world: World) -> None:
    """Give every place that holds foreign text each of the hostile ones."""
    for n, text in enumerate(HOSTILE):
        check = IDS[n]
        world.check(id=check, name=text, tags=text, about=text, slug=f"s{n}")
        world.ping(check, kind=Kind.FAIL, body=text.encode(errors="replace"), agent=text, note=text, address=text)
        channel = Channel(
            id=f"c{n}",
            project="default",
            name=text,
            via=Via.EMAIL,
            target=f"{text}@example.org",
            tags=(text,),
            disabled=text,
        )
        CHANNELS.write(world.store, channel)
        _, key = new_key(Scope.READ, "default", text, T0)
        KEYS.write(world.store, replace(key, hint=text))
    world.now = T0 + minutes(5)


@pytest.fixture(params=["pipe", "terminal"])
def hostile(lastseen: Terminal, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal, or a pipe, and a project of hostile text."""
    fill(lastseen.world)
    if request.param == "terminal":
        monkeypatch.setattr(output, "at_terminal", lambda: True)
    return lastseen


def harmless(done: Done, *, may_have_lines: bool = False) -> Done:
    """Return how a command ended; it must have printed harmless text, and no name may have forged a line."""
    assert is_harmless(done.out), repr(done.out)
    assert is_harmless(done.err), repr(done.err)
    assert may_have_lines or not any(
        line.startswith(FORGED) for line in [*done.out.splitlines(), *done.err.splitlines()]
    )
    return done


LISTS = [
    ("checks", "list"),
    ("checks", "list", "--columns", "name,tags,uuid"),
    ("checks", "export"),
    ("channels", "list"),
    ("keys", "list"),
    ("status",),
    ("events", "--last", "300d"),
    ("apply", "-", "--dry-run", "--prune"),
]


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_lists_are_harmless(hostile: Terminal, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastseen_cli.apply.contents", lambda _files: [("stdin", b"checks: [{name: other}]")])
    done = harmless(hostile(*command))
    assert done.status in {0, 3}, done.err
    documents = hostile(*command, "--json")
    assert is_harmless(documents.out)
    assert json.loads(documents.out)


@pytest.mark.parametrize("hostile", ["terminal"], indirect=True)
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_commands_on_one_check_are_harmless_and_json_keeps_its_name(hostile: Terminal, text: str) -> None:
    check = IDS[HOSTILE.index(text)]
    for before, after in (
        (["checks", "show"], []),
        (["checks", "pings"], []),
        (["checks", "update"], ["--grace", "2m"]),
        (["checks", "pause"], []),
        (["checks", "delete"], []),  # asks, with the name
    ):
        harmless(hostile(*before, check, *after))
    harmless(hostile("logs", check), may_have_lines=True)  # what a job wrote has lines
    assert json.loads(hostile.ok("checks", "show", check, "--json").out)["name"] == text
    assert json.loads(hostile.ok("logs", check, "--json").out)["pings"][0]["ua"] == text
    harmless(hostile.ok("checks", "delete", check, "--yes"))


@pytest.mark.parametrize("hostile", ["terminal"], indirect=True)
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_commands_on_channels_and_keys_are_harmless(
    hostile: Terminal, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lastseen_cli.channels.WAIT_SECONDS", 0.0)
    channel = f"c{HOSTILE.index(text)}"
    harmless(hostile("channels", "confirm", channel, "TOKEN"))
    harmless(hostile("channels", "test", channel))
    harmless(hostile("channels", "delete", channel))  # asks, with the name
    harmless(hostile("channels", "delete", channel, "--yes"))
    listed = json.loads(hostile("keys", "list", "--json").out)["keys"]
    [key] = [each["id"] for each in listed if each["name"] == text]
    harmless(hostile("keys", "revoke", key))
    harmless(hostile("keys", "revoke", key, "--yes"))


@pytest.mark.parametrize("hostile", ["terminal"], indirect=True)
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_somebody_types_wrong_is_answered_harmlessly(hostile: Terminal, text: str) -> None:
    for command in (["checks", "show"], ["channels", "test"], ["keys", "revoke", "--yes"]):
        harmless(hostile(*command, "--", f"{text}x"))


def test_the_words_of_a_refusal_are_harmless(hostile: Terminal) -> None:
    for text in HOSTILE:
        harmless(hostile("checks", "create", "x", "--channels", f"x{text}"))


def test_what_is_followed_is_harmless(hostile: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    polls = iter([True])

    def sleep(_seconds: float) -> None:
        if not next(polls, False):
            raise KeyboardInterrupt
        for n, check in enumerate(IDS):
            hostile.world.ping(check, agent=HOSTILE[n])

    monkeypatch.setattr("lastseen_cli.daily.time.sleep", sleep)
    assert len(harmless(hostile.ok("tail")).out.splitlines()) >= len(HOSTILE)


def test_a_restore_names_what_it_writes_harmlessly(
    hostile: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By a name that only a file can have: the API refuses these, and so does a restore."""

    class Stack(Deployment):
        @property
        def store(self) -> Any:
            return hostile.world.store

    stack = Stack(name="Lastseen", outputs={}, resources=(), clock_header="")
    monkeypatch.setattr("lastseen_cli.deployment.find", lambda _stack: stack)
    hostile.world.store.checks.clear()
    hostile.world.store.documents.clear()
    for n, text in enumerate(HOSTILE):
        hostile.world.check(id=IDS[n], name=text)
    (tmp_path / "all.json").write_text(json.dumps(backup.backup(hostile.world.store, "default", T0)))
    harmless(hostile("restore", str(tmp_path / "all.json")))
    for check in list(hostile.world.store.checks.values()):
        if any((ord(char) < 32 and char not in "\n\t\r") or char == "\x7f" for char in check.name):
            del hostile.world.store.checks[check.id]
    (tmp_path / "some.json").write_text(json.dumps(backup.backup(hostile.world.store, "default", T0)))
    hostile.world.store.checks.clear()
    assert harmless(hostile.ok("restore", str(tmp_path / "some.json"))).err.count("make the check") > 10


# --- What is to be copied ---


@given(st.text(min_size=1))
def test_a_hint_is_one_command_in_which_each_word_stays_one(text: str) -> None:
    words = shlex.split(hint("lastseen", "channels", "test", text))
    assert words[:3] == ["lastseen", "channels", "test"]
    assert len(words) == 4
    if text.isprintable() and text.split() == [text]:
        assert words[3] == text


@pytest.mark.parametrize("text", ["'; echo pwned; '", "$(echo pwned)", "`echo pwned`", "-rf", ":bomb:", "$'x'"])
def test_a_hint_names_a_channel_so_that_a_shell_gives_it_back(lastseen: Terminal, text: str) -> None:
    done = lastseen.ok("channels", "create", "--chat", SLACK, "--", text)
    [line] = [line for line in done.err.splitlines() if "lastseen channels test" in line]
    command = shlex.split(line[line.index("lastseen channels test") :])
    [channel_id] = lastseen.world.store.settings(CHANNELS.place("default"))
    assert command[3:] == [channel_id if text.startswith("-") else text]


# --- The streams themselves ---

SCRIPT = "from lastseen_cli.commands import run; import sys; sys.exit(run(sys.argv[1:]))"


def test_json_is_ascii_where_the_terminal_is_not_utf_8(lastseen: Terminal) -> None:
    lastseen.world.check(name="nächtlich ☃ 🎉")
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}  # noqa: TID251 - tests are an entry point
    for command in (["checks", "list", "--json"], ["checks", "list"], ["checks", "show", "backup"], ["--help"]):
        done = subprocess.run([sys.executable, "-c", SCRIPT, *command], env=environ, capture_output=True, check=False)
        assert b"Traceback" not in done.stderr
        assert done.stdout.isascii()
        if "--json" in command:
            assert json.loads(done.stdout)["checks"][0]["name"] == "nächtlich ☃ 🎉"


def test_a_real_terminal_shows_one_fitted_line_a_check_without_colour_if_asked(lastseen: Terminal) -> None:
    lastseen.world.check(name="a very long name of a check " * 3, tags="x")
    lastseen.world.ping(kind=Kind.FAIL)
    environ = {**os.environ, "COLUMNS": "60", "NO_COLOR": "1", "TERM": "xterm", "TZ": "UTC"}  # noqa: TID251 - as above
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "checks", "list"], env=environ, stdout=theirs, stderr=theirs, check=False
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 0
    head, line = shown.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
    assert head.split()[:2] == ["STATUS", "NAME"]
    assert "LAST (UTC)" in head
    assert line.startswith("down")
    assert "…" in line
    assert len(line.rstrip()) <= 60
