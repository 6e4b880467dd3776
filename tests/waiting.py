"""Waiting for what takes a moment, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(true: Callable[[], bool], *, seconds: float = 60) -> bool:
    """Wait until something is true; return whether it became so."""
    give_up = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < give_up:
        time.sleep(0.1)
    return found
