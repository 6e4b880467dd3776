"""Requests to public addresses of the deployment's own choice: its ping URLs, and a monitor elsewhere."""

from __future__ import annotations

import logging
import urllib.request
from http.client import HTTPException

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5
"""How long an answer is waited for."""


def is_answered(url: str, *, whose: str) -> bool:
    """Ping a URL, and tell whether it answered. It is a secret: neither it nor an error that may hold it is logged."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS):  # noqa: S310 - the deployment sets these URLs
            return True
    except (OSError, HTTPException, ValueError) as error:
        log.warning("A ping of %s was not answered: %s", whose, type(error).__name__)
        return False
