"""Child processes that never outlive us: each runs under guard.py, which takes its whole process group down.

Also when we are killed in a way that lets us do nothing: the guard sees its standard input end.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GUARD = Path(__file__).with_name("guard.py")
GUARD_SECONDS = 5.0  # beyond the child's own time to stop, until we kill the guard itself


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
) -> Iterator[Child]:
    """Run a command for the length of the block, at its end ask it to stop, and kill it after `patience_seconds`.

    `environment` is told the scratch folder and returns all the variables that the child gets; TMPDIR is added.
    """
    scratch = Path(tempfile.mkdtemp(prefix="lastseen-"))
    guarded = [sys.executable, "-S", str(GUARD), str(scratch), str(patience_seconds), *command]
    with (scratch / "log").open("w+b") as log:
        guard = subprocess.Popen(
            guarded,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**environment(scratch), "TMPDIR": str(scratch)},
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop the child in order
        )
        try:
            yield Child(guard=guard, scratch=scratch, log=log)
        finally:
            _stop(guard, patience_seconds + GUARD_SECONDS)


def _stop(guard: subprocess.Popen[bytes], seconds: float) -> None:
    if guard.stdin:
        guard.stdin.close()
    try:
        guard.wait(seconds)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait()
