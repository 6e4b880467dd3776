"""The memory of a running `lastseen local`: how other commands of the same user find it and get in, nothing being set.

One file for each run, in a folder that only its owner can read; it holds keys. The run keeps it locked and deletes it
at its end: a file that is not locked is of a run that was killed. Imported by every command, so this imports nothing
heavy.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from lastseen_cli.local.private import FILE_MODE, FOLDER_MODE

SWITCH = "LASTSEEN_LOCAL"
"""This variable set to 0 lets commands overlook a running `lastseen local`."""

PATTERN = "local-*.json"
OTHERS = 0o077  # what a mode must not have: a right of somebody else
NOT_WITH_OUR_KEYS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE")


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A running `lastseen local`: its URL, its LASTSEEN_... variables, and the AWS_... ones of its emulator."""

    url: str
    lastseen: Mapping[str, str] = field(repr=False)
    aws: Mapping[str, str] = field(repr=False)

    @property
    def exports(self) -> str:
        """Lines that a shell can evaluate."""
        return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in self.lastseen.items())

    def enter(self, environ: MutableMapping[str, str]) -> None:
        """Let the AWS SDK of this process call the emulator, and nothing else."""
        for name in NOT_WITH_OUR_KEYS:
            environ.pop(name, None)
        environ.update(self.aws)


@contextlib.contextmanager
def remembered(run: LocalRun, environ: Mapping[str, str]) -> Iterator[None]:
    """Let other commands find a run for the length of the block. Where no file can be written, they do not."""
    folder = _folder(environ)
    path = folder / f"local-{os.getpid()}.json"
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        file = _locked(path, json.dumps(asdict(run)))
    except OSError:
        yield
        return
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def running(environ: Mapping[str, str]) -> LocalRun | None:
    """Return the run that started last of those that are there."""
    if environ.get(SWITCH) == "0":
        return None
    try:
        paths = sorted(_folder(environ).glob(PATTERN), key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return None
    return next((run for run in map(_read, paths) if run), None)


def _folder(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_STATE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local/state") / "lastseen"


def _locked(path: Path, text: str) -> IO[str]:
    """Write a file and lock it. It gets its name when it is whole and locked: before, nobody looks."""
    import fcntl  # noqa: PLC0415 - systems without it have no `lastseen local`

    nameless = path.with_suffix(".new")
    nameless.unlink(missing_ok=True)
    file = os.fdopen(os.open(nameless, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "w")
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write(text)
    file.flush()
    nameless.rename(path)
    return file


def _read(path: Path) -> LocalRun | None:
    """Return the run of a file, or None if it is over; its file is deleted then."""
    try:
        import fcntl  # noqa: PLC0415 - systems without it have no `lastseen local`

        with path.open() as file:
            about = os.fstat(file.fileno())
            if about.st_uid != os.getuid() or about.st_mode & OTHERS:
                return None  # not written by us: who knows where it leads
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return LocalRun(**json.load(file))
            path.unlink(missing_ok=True)
    except (OSError, ImportError, ValueError, TypeError):
        return None
    return None
