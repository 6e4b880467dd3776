"""The contexts of `lastseen login`: deployments and projects by name, each with its key, in one file of the user's.

Lives here: the file, its form and who may read it. Never here: which context a command uses (ways.py).

The file and not the desktop's keyring: that needs a session bus which servers and containers lack, draws in five
packages on Linux, and gives its secrets to every program of the same user, as a file does. Read by every command, so
this imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.local.private import FOLDER_MODE, write_private
from lastseen_cli.output import one_line

VERSION = 1
"""Of the file's form. A file of another version is left alone."""

FILE_LIMIT_BYTES = 1_000_000
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,59}", re.ASCII)
"""What a context can be called: what a shell may be offered, and an option takes."""

OTHERS = 0o077  # what the file's mode must not have: a right of somebody else


@dataclass(frozen=True, slots=True)
class Context:
    """A key of one project of one deployment."""

    url: str
    key: str = field(repr=False)
    project: str
    scope: str
    key_id: str


@dataclass(frozen=True, slots=True)
class Contexts:
    """All contexts by name, and the name of the current one, or ""."""

    current: str = ""
    by_name: Mapping[str, Context] = field(default_factory=dict)

    def named(self, name: str) -> Context:
        """Return the context of a name. Raises UsageError."""
        if name in self.by_name:
            return self.by_name[name]
        close = difflib.get_close_matches(name, self.by_name, n=1)
        meant = f" Did you mean {one_line(close[0])}?" if close else ""
        instead = "List them with: lastseen context ls" if self.by_name else "Make one with: lastseen login"
        raise UsageError(f'No context is called "{one_line(name)}".{meant} {instead}')

    def including(self, name: str, context: Context) -> Contexts:
        """Return them with one more, or one replaced, which is the current one."""
        return Contexts(name, {**self.by_name, name: context})

    def using(self, name: str) -> Contexts:
        """Return them with another current one. Raises UsageError."""
        self.named(name)
        return replace(self, current=name)

    def without(self, name: str) -> Contexts:
        """Return them without one. Raises UsageError."""
        self.named(name)
        rest = {other: context for other, context in self.by_name.items() if other != name}
        return Contexts("" if name == self.current else self.current, rest)


def file_of(environ: Mapping[str, str]) -> Path:
    """Return where a user's contexts are: $XDG_CONFIG_HOME, %APPDATA% on Windows, else ~/.config."""
    asked = environ.get("XDG_CONFIG_HOME", "") or (environ.get("APPDATA", "") if os.name == "nt" else "")
    base = Path(asked) if Path(asked).is_absolute() else Path.home() / ".config"
    return base / "lastseen" / "contexts.json"


def read(environ: Mapping[str, str]) -> Contexts:
    """Return the user's contexts; none where there is no file. Raises CliError for one that is not to be trusted."""
    path = file_of(environ)
    try:
        with path.open("rb") as file:
            _refuse_others(path, os.fstat(file.fileno()))
            content = file.read(FILE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        return Contexts()
    except OSError as error:
        raise CliError(f"The contexts in {path} cannot be read: {error.strerror}.") from error
    return _parsed(path, content)


def change(environ: Mapping[str, str], decide: Callable[[Contexts], Contexts]) -> Contexts:
    """Read the contexts, decide, and write what was decided, while nobody else does. Raises CliError."""
    path = file_of(environ)
    try:
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with _locked(path.parent):
            contexts = decide(read(environ))
            if contexts.by_name:
                write_private(path, json.dumps(_document(contexts), indent=2) + "\n")
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise CliError(f"The contexts in {path} cannot be written: {error.strerror}.") from error
    return contexts


def _document(contexts: Contexts) -> dict[str, Any]:
    by_name = {name: asdict(context) for name, context in contexts.by_name.items()}
    return {"version": VERSION, "current": contexts.current, "contexts": by_name}


def _parsed(path: Path, content: bytes) -> Contexts:
    damaged = CliError(
        f"The contexts in {path} are damaged: this file is not as `lastseen login` writes it. Restore it, or delete it "
        "and log in again."
    )
    try:
        document = json.loads(content) if len(content) <= FILE_LIMIT_BYTES else None
    except (ValueError, RecursionError) as error:
        raise damaged from error
    if not isinstance(document, dict) or "version" not in document:
        raise damaged
    if document["version"] != VERSION:
        raise CliError(
            f"The contexts in {path} have the form {one_line(str(document['version']))[:20]}, and this version of the "
            f"command knows the form {VERSION}. Update the command, or delete the file and log in again."
        )
    try:
        by_name = {name: Context(**each) for name, each in document["contexts"].items()}
        texts = [document["current"], *(text for context in by_name.values() for text in asdict(context).values())]
    except (KeyError, TypeError, AttributeError) as error:
        raise damaged from error
    is_whole = all(isinstance(text, str) for text in texts) and document["current"] in {"", *by_name}
    if not is_whole:
        raise damaged
    return Contexts(document["current"], by_name)


def _refuse_others(path: Path, about: os.stat_result) -> None:
    """Raise CliError for a file that is not ours, or that others can read: it holds keys, and says where to send them.

    Windows has no such modes; there the user's folder is the user's alone.
    """
    if os.name == "nt":
        return
    if about.st_uid != os.geteuid():
        raise CliError(f"The contexts in {path} are a file of another user, so no key of it is used.")
    if about.st_mode & OTHERS:
        raise CliError(
            f"The contexts in {path} can be read or changed by other users, and hold keys. Run: chmod 600 {path}. If "
            "others work on this machine, revoke these keys and log in again."
        )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one command at a time change the file. Where there are no such locks, the last one wins."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
