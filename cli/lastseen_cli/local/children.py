"""Child processes that never outlive us: each runs under guard.py, which takes its whole process group down.

Also when we are killed in a way that lets us do nothing: the guard sees its standard input end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GUARD = Path(__file__).with_name("guard.py")
GUARD_SECONDS = 5.0  # beyond the child's own time to stop, until the guard has killed what is left
DELETE_SECONDS = 120.0  # what the guard may take to delete the scratch folder: a busy run leaves 80,000 files in it
SCRATCH_PREFIX = "lastseen-"
LOCK = "lock"  # in a scratch folder; its guard has it locked for as long as it is there


@dataclass(frozen=True, slots=True)
class Child:
    """A running child. `scratch` is its temporary folder, gone when it is; `log` all that it and its children print."""

    guard: subprocess.Popen[bytes]
    scratch: Path
    log: IO[bytes]

    def status(self) -> int | None:
        """Return its exit status, or None while it runs."""
        return self.guard.poll()

    def last_words(self, lines: int) -> str:
        """Return the end of its log, indented, or nothing. Works after its end, when the log's file is deleted."""
        self.log.seek(0)
        said = self.log.read().decode(errors="replace").splitlines()[-lines:]
        return "\nIts last words:\n  " + "\n  ".join(said) if said else ""


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    environment: Callable[[Path], Mapping[str, str]],
    patience_seconds: float,
    folder: Path | None = None,
    umask: int = -1,
) -> Iterator[Child]:
    """Run a command for the length of the block, at its end ask it to stop, and kill it after `patience_seconds`.

    `environment` gets the scratch folder and returns all the variables that the child gets; TMPDIR is added. `umask`:
    the rights that new files of the child lack, or -1 for ours.
    """
    _delete_abandoned()
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX))
    guarded = [sys.executable, "-S", str(GUARD), str(scratch), str(patience_seconds), *command]
    with _locked(scratch) as lock, (scratch / "log").open("w+b") as log:
        guard = subprocess.Popen(
            guarded,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**environment(scratch), "TMPDIR": str(scratch)},
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop the child in order
            pass_fds=(lock.fileno(),),  # the lock lives as long as the guard does
            umask=umask,
        )
        try:
            yield Child(guard=guard, scratch=scratch, log=log)
        finally:
            _stop(guard, patience_seconds + GUARD_SECONDS)


def _locked(scratch: Path) -> IO[bytes]:
    """Mark a scratch folder as in use. The lock's file gets its name when it is locked: without one, nobody looks."""
    nameless = scratch / f"{LOCK}.new"
    lock = nameless.open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    nameless.rename(scratch / LOCK)
    return lock


def _stop(guard: subprocess.Popen[bytes], seconds: float) -> None:
    """Let the guard take everything down. It always ends by itself, and killing it would leave its work half done."""
    if guard.stdin:
        guard.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        guard.wait(seconds + DELETE_SECONDS)


def _delete_abandoned() -> None:
    """Delete the scratch folders whose guard was killed, or whose machine went down, before it could do so itself."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH_PREFIX}*/"):
        with contextlib.suppress(OSError):  # another user's, or gone meanwhile
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
