"""Files that hold keys, ping URLs or alerts: only their owner may read them, from their first byte on."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700
NAME_BYTES = 8


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all. What lies at the path is replaced, a link too."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(NAME_BYTES)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), FILE_MODE)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def make_private(folder: Path, patterns: Iterable[str]) -> None:
    """Take our files in a folder away from everybody else: an earlier version wrote them for all to read."""
    for path in (path for pattern in patterns for path in folder.glob(pattern)):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and not path.is_symlink():
                path.chmod(FILE_MODE)
