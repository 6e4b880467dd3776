"""Ids as people and clients write them, in the one form that is stored. Pure."""

from __future__ import annotations

import re

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def as_uuid(value: str) -> str:
    """Return a UUID in lower case with hyphens, or "" if the text is none."""
    if not _UUID.fullmatch(value):
        return ""
    digits = value.replace("-", "").lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
