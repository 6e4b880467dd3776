"""What is new and cannot be guessed: ids, keys and secrets. The program's only source of them.

Lives here: what is drawn at random and kept. Waiting a random while is in decide.py.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import uuid4

from lastseen.core.keys import Key, Scope, hashed

KEY_BYTES = 24
WEBHOOK_SECRET_BYTES = 32
KEY_PREFIX = {Scope.WRITE: "lsw_", Scope.READ: "lsr_", Scope.PING: ""}
HINT_CHARS = 7


def new_id() -> str:
    """Return a new id. A check's is its ping URL, so it must not be guessed: 122 random bits."""
    return str(uuid4())


def new_secret(size_bytes: int) -> str:
    """Return that many random bytes in hex."""
    return secrets.token_hex(size_bytes)


def new_webhook_secret() -> str:
    """Return a secret to sign a webhook's requests with."""
    return f"lss_{secrets.token_urlsafe(WEBHOOK_SECRET_BYTES)}"


def new_key(scope: Scope, project: str, name: str, now: datetime) -> tuple[str, Key]:
    """Return a new key, to be shown once, and what is kept of it."""
    secret = KEY_PREFIX[scope] + secrets.token_urlsafe(KEY_BYTES)
    return secret, kept_of(secret, scope, project, name, now)


def kept_of(secret: str, scope: Scope, project: str, name: str, now: datetime) -> Key:
    """Return what is kept of a key."""
    return Key(hash=hashed(secret), project=project, scope=scope, name=name, hint=secret[:HINT_CHARS], created=now)
