"""Which processes there are."""

from __future__ import annotations

from pathlib import Path


def processes_of(scratch: Path, *, ids: bool = False) -> list[str]:
    """Return the command lines, or the ids, of the processes whose temporary folder is `scratch`, or in it."""
    mark = f"TMPDIR={scratch}/"
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
            if any(f"{variable.decode(errors='replace')}/".startswith(mark) for variable in variables):
                found.append(process.name if ids else (process / "cmdline").read_text())
        except OSError:
            continue  # it ended while we looked
    return found
