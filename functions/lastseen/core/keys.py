"""API keys and ping keys: what is kept of them, and what each may do. Pure; they are made in storage/fresh.py.

Only the SHA-256 of a key is kept: enough for a random key of 192 bits, and of no use to anybody who reads the table.
A key is looked up by its hash, so nothing is compared character by character.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a key is for."""

    WRITE = "rw"
    READ = "ro"
    PING = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is kept of a key, without the key."""

    hash: str
    project: str
    scope: Scope
    name: str = ""
    hint: str = ""  # how it begins, so that people find it again
    created: datetime | None = None
    last_used: datetime | None = None


def hashed(key: str) -> str:
    """Return the name under which a key is kept."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
