"""Ids as people and clients write them, in the one form that is stored. Pure."""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)


def as_uuid(value: str) -> str:
    """Return a UUID in lower case with hyphens, or "" if the text is none."""
    if not _UUID.fullmatch(value):
        return ""
    digits = value.replace("-", "").lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def is_random(uuid: str) -> bool:
    """Return whether a UUID, as `as_uuid` returns it, says of itself that it was drawn at random (version 4)."""
    return bool(_RANDOM.fullmatch(uuid))
