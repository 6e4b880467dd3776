"""The one map from exceptions to refusals: which status and which words a client gets, as JSON or as a page.

An exception that is not here is counted by Lambda, and raises an alarm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from botocore.exceptions import ClientError

from lastseen.api.errors import ApiError
from lastseen.aws.gateway import plain
from lastseen.storage.errors import BusyError, ConflictError, CorruptError, FullError, throttled

FORESEEN = (ApiError, ConflictError, BusyError, FullError, CorruptError, ClientError)
"""The exceptions that may have a refusal here."""

_RETRY = {"Retry-After": "1"}
_TOO_MUCH = "too much at once; nothing was changed. Try again."


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client gets in place of what it asked for, and a line for the log where somebody has to look."""

    status: int
    words: str
    headers: Mapping[str, str] = field(default_factory=dict)
    warning: str = ""
    error: str = ""


def refusal(error: Exception) -> Refusal | None:
    """Return what to answer to an exception, or None for one that nobody foresaw."""
    if isinstance(error, ApiError):
        return Refusal(error.status, plain(str(error)), error.headers)
    if isinstance(error, (ConflictError, BusyError)):
        return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error), _RETRY)
    if isinstance(error, FullError):
        return Refusal(HTTPStatus.CONFLICT, str(error))
    if isinstance(error, CorruptError):
        words = "a stored item cannot be read; the log names it"
        return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, words, error="A stored item cannot be read.")
    if isinstance(error, ClientError) and throttled(error):
        return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, _TOO_MUCH, _RETRY, warning="AWS takes no more just now.")
    return None
