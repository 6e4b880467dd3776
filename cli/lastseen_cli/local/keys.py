"""The three keys of a local deployment: to write, to read, and to ping by slug.

Lastseen keeps hashes only, so with kept state the keys themselves stay in a file beside it that nobody else may read.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lastseen.store import Store

PROJECT = "default"
KEY_BYTES = 24
SCOPES: Mapping[str, str] = {"write": "write", "read": "read", "ping": "ping"}


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets, as their holders use them."""

    write: str
    read: str
    ping: str


def issue(store: Store, state: Path | None) -> Keys:
    """Return the deployment's keys, made and made known to it where it has none."""
    kept = state / "keys.json" if state else None
    if kept and kept.exists():
        keys = Keys(**json.loads(kept.read_text()))
    else:
        keys = Keys(*(secrets.token_urlsafe(KEY_BYTES) for _ in SCOPES))
    for scope, key in asdict(keys).items():
        name = hashlib.sha256(key.encode()).hexdigest()
        store.put_setting("key", name, {"scope": SCOPES[scope], "project": PROJECT})
    if kept and not kept.exists():
        write_private(kept, json.dumps(asdict(keys)))
    return keys


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
