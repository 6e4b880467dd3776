"""What an event of the HTTP API (payload format 2.0) says. Pure, and light enough for the ping path."""

from __future__ import annotations

import base64
import binascii
from typing import Any


def body(event: dict[str, Any]) -> bytes:
    """Return a request's body to the letter, whatever it holds."""
    held: str = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(held)
        except (binascii.Error, ValueError):
            pass  # no gateway sends that; what came is kept rather than lost
    return held.encode(errors="surrogatepass")


def plain(value: object) -> str:
    """Return a text that can be stored, whatever the gateway made of the client's bytes: no half of a character."""
    return str(value or "").encode(errors="replace").decode()


def is_preflight(event: dict[str, Any]) -> bool:
    """Return whether a browser asks what a page may send, before it sends it. No job says that, so it is no ping."""
    asked = "access-control-request-method" in (event.get("headers") or {})
    return asked and event["requestContext"]["http"]["method"] == "OPTIONS"
