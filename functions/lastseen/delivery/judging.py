"""What a service's answer means: delivered, or who is at fault, with the service's own reason. Pure.

Lives here: the meaning of each status, what some services say in their body only, how a reason is made fit to show.
Never here: what follows for the channel (deliver.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from lastseen.delivery.results import Delivered, Fault, HttpAnswer
from lastseen.text.words import one_line

WAIT_LIMIT = timedelta(minutes=15)
"""The longest that a receiver can make us wait."""

REASON_LIMIT = 120
SECRET_LEAST = 6
"""Characters that a reason is shown of; characters from which on a part of an address may be a secret."""

SILENT = "it did not answer in time"
UNREACHED = "it could not be reached"
PRIVATE = "its name leads to a private address"

_MESSAGE = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.REQUEST_URI_TOO_LONG,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    }
)
"""This message is refused; another one may be taken."""

_LATER = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.LOCKED,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Of the 4xx, those that pass by themselves."""

_CHANNEL_WORDS = re.compile(
    r"chat not found|bot was (kicked|blocked)|user is deactivated|not enough rights|need administrator rights"
    r"|channel_is_archived|channel_not_found|invalid_token|no_service|no_team|user_not_found"
    r"|routing.?key|invalid.{0,10}(api|integration|service).?key|unknown webhook|invalid webhook",
    re.IGNORECASE,
)
"""What Telegram, Slack, PagerDuty and Discord say with 400 although no message would be taken."""

_SERVER_ERRORS = range(500, 600)
_CLIENT_ERRORS = range(400, 500)
_REDIRECTS = range(300, 400)
_SUCCESSES = range(200, 300)
_REASON_KEYS = ("description", "message", "error", "detail", "error_description", "msg", "errors", "reason")


def is_success(answer: HttpAnswer) -> bool:
    """Return whether a message was taken: by 2xx and nothing else."""
    return answer.status in _SUCCESSES


def judged(answer: HttpAnswer, secrets: Iterable[str] = ()) -> Delivered:
    """Return what an answer means; `secrets`: what is never shown of it."""
    if is_success(answer):
        return Delivered()
    document = _document(answer.body)
    reason = _reason(document, answer.body, secrets)
    why = f"it answered HTTP {answer.status}" + (f": {reason}" if reason else "")
    status = answer.status
    if status in _REDIRECTS:
        return Delivered(fault=Fault.CHANNEL, why=f"it answered HTTP {status}, and redirects are not followed")
    if status in _MESSAGE and not _CHANNEL_WORDS.search(reason):
        return Delivered(fault=Fault.MESSAGE, why=why)
    if status in _CLIENT_ERRORS and status not in _LATER:
        return Delivered(fault=Fault.CHANNEL, why=why)
    wait = _retry_after(answer.headers)
    wait = _wait_in_body(document) if wait is None else wait
    return Delivered(fault=Fault.PASSING, why=why, wait=wait)


def unanswered(*, private: bool, silent: bool) -> Delivered:
    """Return what it means that there was no answer."""
    if private:
        return Delivered(fault=Fault.CHANNEL, why=PRIVATE)
    return Delivered(fault=Fault.SILENT, why=SILENT) if silent else Delivered(fault=Fault.PASSING, why=UNREACHED)


def secrets_of(address: str) -> list[str]:
    """Return the parts of an address that may be secrets, longest first."""
    parts = re.split(r"[/@:?&=#,\s]+", address.partition("://")[2])
    return sorted({part for part in parts if len(part) >= SECRET_LEAST}, key=len, reverse=True)


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return text in which neither a URL nor one of the secrets stands."""
    text = re.sub(r"[a-z]+://\S+", "...", text, flags=re.IGNORECASE)
    for secret in secrets:
        text = text.replace(secret, "...")
    return text


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _reason(document: Mapping[str, Any], body: bytes, secrets: Iterable[str]) -> str:
    """Return the service's own words, or "" if there are none that a person would read."""
    said: Any = next((document[key] for key in _REASON_KEYS if document.get(key)), "")
    if isinstance(said, Mapping):
        said = next((said[key] for key in _REASON_KEYS if said.get(key)), "")
    detail = document.get("errors") if said is not document.get("errors") else None
    words = [*(said if isinstance(said, list) else [said]), *(detail if isinstance(detail, list) else [])]
    text = ", ".join(str(word) for word in words if word)
    if not text and not document:
        text = body[:1_000].decode(errors="replace").strip()
        text = "" if text.startswith("<") else text  # a page for browsers says nothing
    return one_line(without_secrets(text, secrets), REASON_LIMIT).rstrip(".")


def _wait_in_body(document: Mapping[str, Any]) -> timedelta | None:
    """Return the wait that Telegram and Discord write into the body, in seconds."""
    parameters = document.get("parameters")
    seconds = parameters.get("retry_after") if isinstance(parameters, Mapping) else document.get("retry_after")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    return _bounded(float(seconds))


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return what Retry-After says: seconds, or a date by the answer's own clock."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return _bounded(float(value))
    except (ValueError, OverflowError):
        pass
    try:
        wait = _utc(parsedate_to_datetime(value)) - _utc(parsedate_to_datetime(headers["date"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return _bounded(wait.total_seconds())


def _bounded(seconds: float) -> timedelta | None:
    if seconds != seconds:  # noqa: PLR0124 - not a number
        return None
    return timedelta(seconds=min(max(seconds, 0.0), WAIT_LIMIT.total_seconds()))


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
