"""Unpack each function's code once, and let all its workers use that: the emulator would unpack it for each of them.

A worker's copy is 80 MB in 3,000 files, and a busy run has dozens of workers. Lambda's /var/task is read-only, so that
workers can share what is in theirs.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

_lock = threading.Lock()


class SharedZipFile(zipfile.ZipFile):
    """A ZipFile whose `extractall` makes links to one unpacked copy below the temporary folder."""

    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        """Fill an empty folder."""
        if members is not None:
            raise NotImplementedError("The emulator unpacks whole archives.")
        shared = Path(tempfile.gettempdir()) / f"code-{self._fingerprint()}"
        with _lock:
            if not shared.exists():
                fresh = shared.with_suffix(".new")
                super().extractall(fresh, pwd=pwd)
                fresh.rename(shared)
        for entry in shared.iterdir():
            (Path(path or os.curdir) / entry.name).symlink_to(entry)
        if isinstance(self.filename, str):
            Path(self.filename).unlink()  # the emulator's own copy of the archive: nobody reads it again

    def _fingerprint(self) -> str:
        """Tell archives apart by the names, sizes and checksums of what is in them."""
        held = sorted((entry.filename, entry.file_size, entry.CRC) for entry in self.infolist())
        return hashlib.sha256(repr(held).encode()).hexdigest()[:32]
