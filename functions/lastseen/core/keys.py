"""API keys and ping keys: what is kept of them, and what each may do. Pure; they are made in storage/fresh.py.

Only the SHA-256 of a key is kept: enough for a random key of 192 bits, and of no use to anybody who reads the table.
A key is looked up by its hash, so nothing is compared character by character.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lastseen.core.ids import as_uuid

PING_KEY_CHARS = range(20, 101)
"""How long a ping key may be that was made elsewhere: too long to be guessed, and short enough for a URL."""

_PING_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


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


def ping_key_fault(key: str) -> str:
    """Return why a text made elsewhere cannot be a ping key here, or "" if it can."""
    if not _PING_KEY.fullmatch(key):
        return "may hold A-Z, a-z, 0-9, hyphens and underscores only"
    if len(key) not in PING_KEY_CHARS:
        return f"must have {PING_KEY_CHARS[0]} to {PING_KEY_CHARS[-1]} characters"
    return "must not be a UUID: a ping URL with it would be that of a check" if as_uuid(key) else ""
