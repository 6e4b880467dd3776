"""API keys and ping keys: how they are made, what is kept of them, and what each may do. Pure but for randomness.

Kept is the SHA-256 of a key alone: enough for a random key of 192 bits, and of no use to whoever reads the table.
A key is looked up by its hash, so nothing is compared character by character.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from lastseen.core.times import millis, moment

KIND = "key"
"""The settings kind under which keys lie, by hash."""

KEY_BYTES = 24
HINT_CHARS = 7


class Scope(StrEnum):
    """What a key is for."""

    WRITE = "rw"
    READ = "ro"
    PING = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is known of a key, without the key."""

    hash: str
    project: str
    scope: Scope
    name: str = ""
    hint: str = ""  # how it begins, so that people find it again
    created: datetime | None = None
    last_used: datetime | None = None


def mint(scope: Scope, project: str, name: str, now: datetime) -> tuple[str, Key]:
    """Return a new key, to be shown once, and what is kept of it."""
    word = {Scope.WRITE: "lsw_", Scope.READ: "lsr_", Scope.PING: ""}[scope] + secrets.token_urlsafe(KEY_BYTES)
    known = Key(hash=hashed(word), project=project, scope=scope, name=name, hint=word[:HINT_CHARS], created=now)
    return word, known


def hashed(key: str) -> str:
    """Return the name under which a key is kept."""
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()


def to_document(key: Key) -> dict[str, Any]:
    """Return a key as the settings table holds it, without what its name says."""
    times = {"created": key.created, "last_used": key.last_used}
    kept: dict[str, Any] = {"project": key.project, "scope": str(key.scope), "name": key.name, "hint": key.hint}
    return kept | {name: millis(at) for name, at in times.items() if at}


def from_document(key_hash: str, document: Mapping[str, Any]) -> Key:
    """Return the key that a settings document tells of. Raises KeyError or ValueError if it cannot be read."""
    return Key(
        hash=key_hash,
        project=document["project"],
        scope=Scope(document["scope"]),
        name=document.get("name", ""),
        hint=document.get("hint", ""),
        created=moment(document["created"]) if "created" in document else None,
        last_used=moment(document["last_used"]) if "last_used" in document else None,
    )
