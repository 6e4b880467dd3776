"""Where a project of Healthchecks comes from: its management API, or a file with the answer of that.

The key goes into one header, to the host that the user named and to no other: redirects are not followed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from lastseen_cli.api import ERROR_TEXT_LIMIT, KEY, TIMEOUT_SECONDS, USERINFO
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.output import one_line

STDIN = "-"
VERSIONS = ("v3", "v1")
"""Of the API, the newest first: installations of 2023 and before have no v3."""

ANSWER_LIMIT_BYTES = 64_000_000
"""Fifty thousand checks."""

_TAIL = re.compile(r"(?:/projects/.*|/checks/.*|/api(?:/v[0-9]+)?(?:/.*)?)?/*$", re.ASCII)
"""What a copied URL may have behind the address of the installation."""


@dataclass(frozen=True, slots=True)
class Export:
    """A project as Healthchecks shows it, not looked at yet."""

    label: str  # where it comes from, as messages name it
    checks: Sequence[Any]
    channels: Sequence[Any] | None = None  # None: not to be had


def from_file(name: str) -> Export:
    """Return what a file holds; `-` is stdin. Raises UsageError."""
    label = "stdin" if name == STDIN else name
    try:
        content = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name} cannot be read ({error.strerror}).") from error
    document = _json(content)
    if isinstance(document, dict) and "checks" not in document and isinstance(document.get("error"), str):
        raise UsageError(f"{label} holds an error of Healthchecks: {_short(document['error'])}. Get the list again.")
    checks = _listed(document, "checks")
    if checks is None:
        raise UsageError(
            f"{label} is not a list of checks. Give the answer of Healthchecks to GET /api/v3/checks/ as it is."
        )
    return Export(label, checks)


def from_api(url: str, key: str) -> Export:
    """Return what the API shows to a key. Raises CliError, UsageError."""
    base = _base(url)
    key = key.strip()
    if not KEY.fullmatch(key):
        raise UsageError("The key of Healthchecks is no key: it has characters that no key has.")
    with httpx.Client(headers={"X-Api-Key": key}, timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
        for version in VERSIONS:
            status, document = _get(client, base, f"/api/{version}/checks/")
            if status != httpx.codes.NOT_FOUND:
                break
        else:
            raise CliError(f"{_shown(base)} has no API of Healthchecks (404). Is --url that of the installation?")
        checks = _listed(document, "checks")
        if checks is None:
            raise CliError(f"{_shown(base)} did not answer with a list of checks. Is --url that of Healthchecks?")
        may_write = any(isinstance(check, dict) and "unique_key" not in check for check in checks)
        channels = _listed(_get(client, base, f"/api/{version}/channels/")[1], "channels") if may_write else None
    return Export(urlsplit(base).hostname or base, checks, channels)


def _base(url: str) -> str:
    """Return the address of the installation, without what a copied URL has behind it. Raises UsageError."""
    base = _TAIL.sub("", url.strip())
    try:
        is_url = urlsplit(base).scheme in {"http", "https"} and bool(urlsplit(base).hostname)
    except ValueError:
        is_url = False
    if not is_url or any(sign in base for sign in "?#"):
        raise UsageError("--url is no URL of Healthchecks. It is like https://healthchecks.io")
    return base


def _get(client: httpx.Client, base: str, path: str) -> tuple[int, Any]:
    """Return the status, a success or 404, and the document of an answer. Raises CliError."""
    shown = _shown(base)
    try:
        with client.stream("GET", base + path) as response:
            content = _content(response, shown)
    except httpx.InvalidURL as error:
        raise UsageError(f"--url {shown} is no URL ({error}).") from error
    except httpx.TransportError as error:
        raise CliError(f"{shown} does not answer ({one_line(str(error)) or type(error).__name__}).") from error
    document = _json(content)
    words = _short(document["error"]) if isinstance(document, dict) and isinstance(document.get("error"), str) else ""
    match response.status_code:
        case httpx.codes.OK | httpx.codes.NOT_FOUND as status:
            return status, document
        case httpx.codes.UNAUTHORIZED | httpx.codes.FORBIDDEN:
            raise CliError(
                f"{shown} refused the key ({words or response.status_code}). Take an API key of the project, not its "
                "ping key: in Healthchecks, Settings, API Access."
            )
        case status if response.is_redirect:
            place = _installation(response.headers.get("location", ""))
            raise CliError(f"{shown} sends on to {place} ({status}). Give that as --url if you trust it.")
        case status:
            raise CliError(f"{shown} answered {status}{f': {words}' if words else ''}. Try again later.")


def _installation(location: str) -> str:
    """Return the installation that a redirect leads to, as messages name it."""
    try:
        target = urlsplit(location)
    except ValueError:
        return "what is no URL"
    return _shown(f"{target.scheme}://{target.netloc}") if target.netloc else "another path"


def _content(response: httpx.Response, shown: str) -> bytes:
    content = bytearray()
    for part in response.iter_bytes():
        content += part
        if len(content) > ANSWER_LIMIT_BYTES:
            raise CliError(
                f"{shown} answers with more than {ANSWER_LIMIT_BYTES:,} bytes. Is --url that of Healthchecks?"
            )
    return bytes(content)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _listed(document: Any, name: str) -> list[Any] | None:
    listed = document.get(name) if isinstance(document, Mapping) else None
    return listed if isinstance(listed, list) else None


def _shown(url: str) -> str:
    return one_line(USERINFO.sub("//", url))


def _short(words: str) -> str:
    return one_line(words)[:ERROR_TEXT_LIMIT].rstrip(".")
