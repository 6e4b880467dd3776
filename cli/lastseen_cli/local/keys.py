"""The three keys of a local deployment: to write, to read, and to ping by slug.

Lastseen keeps hashes only, so with kept state the keys themselves stay in a file beside it that nobody else may read.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from lastseen.core.keys import Scope
from lastseen.storage.documents import KEYS
from lastseen.storage.fresh import new_key
from lastseen.storage.store import Store
from lastseen_cli.local.private import write_private

PROJECT = "default"


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets, as their holders use them."""

    write: str
    read: str
    ping: str


def issue(store: Store, state: Path | None, now: datetime) -> Keys:
    """Return the deployment's keys, made and made known to it where it has none."""
    kept = state / "keys.json" if state else None
    if kept and kept.exists():
        return Keys(**json.loads(kept.read_text()))
    words = []
    for scope in (Scope.WRITE, Scope.READ, Scope.PING):
        word, key = new_key(scope, PROJECT, "lastseen local", now)
        KEYS.write(store, key)
        words.append(word)
    keys = Keys(*words)
    if kept:
        write_private(kept, json.dumps(asdict(keys)))
    return keys
