"""What a deployment offers its hosts for download: the wrapper as one shell script, and as one file of Python.

Lives here: how they are made; the same input gives the same bytes, whatever the machine.
Never here: what they do (clients/sh/lastseen.sh, lastseen_cli/exec.py), how they are served (api/routes/hosts.py).
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SCRIPT: Final = ROOT / "clients" / "sh" / "lastseen.sh"
COMMAND: Final = ROOT / "cli" / "lastseen_cli"
MODULES: Final = ("__init__.py", "exec.py", "exec_monitor.py")
"""Of the command: those that need nothing but Python."""

MAIN: Final = """import sys

if sys.argv[1:2] != ["exec"]:
    sys.exit("lastseen: this file has only one command: lastseen.pyz exec SLUG -- command ...")
from lastseen_cli.exec import main

sys.exit(main(sys.argv[2:]))
"""
LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can name


def host_files() -> Mapping[str, bytes]:
    """Return the files by name; `SHA256SUMS` is what `sha256sum --check` reads."""
    files = {"lastseen.sh": SCRIPT.read_bytes(), "lastseen.pyz": _zipapp()}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    return {**files, "SHA256SUMS": sums.encode()}


def _zipapp() -> bytes:
    """Return `lastseen exec` as a file that Python runs; zipapp of the standard library would keep the files' times."""
    buffer = io.BytesIO(b"#!/usr/bin/env python3\n")
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py", LONG_AGO), MAIN)
        for name in MODULES:
            archive.writestr(zipfile.ZipInfo(f"lastseen_cli/{name}", LONG_AGO), (COMMAND / name).read_bytes())
    return buffer.getvalue()
