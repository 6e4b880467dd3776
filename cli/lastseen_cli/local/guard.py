"""Run one program, and take it down with all its children as soon as the process that asked for it is gone.

    python guard.py SCRATCH SECONDS PROGRAM [ARGUMENT...]

Standard input is the lifeline: it is a pipe that the asker holds and never writes to. It ends when the asker closes it,
and also when the asker is killed in a way that lets it clean nothing up. Then the program is asked to stop, its
process group is killed after SECONDS at most, and SCRATCH, the folder of its temporary files, is deleted.
Standard library only, and no import of the package: this must start at once and outlive everything.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
DELETE_TRIES = 20
DELETE_WAIT_SECONDS = 0.1


def main(scratch: str, seconds: str, *command: str) -> int:
    """Run the command until it ends or the lifeline does; return its exit status."""
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    ended = _child_ends()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    try:
        while child.poll() is None and not _lifeline_ended(ended):
            pass
    finally:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _take_down(child, float(seconds))
        _delete(scratch)
    return child.returncode


def _stop(_number: int, _frame: object) -> None:
    raise SystemExit(0)


def _child_ends() -> int:
    """Return a file descriptor that becomes readable when a child of ours ends."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return readable


def _lifeline_ended(child_ended: int) -> bool:
    """Wait until the lifeline or the child ends; return whether it was the lifeline."""
    readable, _, _ = select.select([sys.stdin, child_ended], [], [])
    return sys.stdin in readable and os.read(sys.stdin.fileno(), 1) == b""


def _take_down(child: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask the child to stop, then kill what is left of its group: its workers may ignore that it went."""
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _delete(folder: str) -> None:
    """Delete a folder, again as long as what is dying still writes to it."""
    for _ in range(DELETE_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        time.sleep(DELETE_WAIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
