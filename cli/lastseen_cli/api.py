"""The management API as the command line uses it: one method per request, errors turned into words with the mend."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self
from urllib.parse import quote

import httpx

from lastseen_cli.errors import CliError, UsageError

TIMEOUT_SECONDS = 30.0
PAGE = 500
"""Checks in one answer, when all are listed."""

ERROR_TEXT_LIMIT = 300
Document = dict[str, Any]


class Api:
    """What one key, or one's AWS credentials, open over HTTP. Close it, or use it in a `with`."""

    def __init__(self, url: str, key: str = "", *, signer: httpx.Auth | None = None, project: str = "") -> None:
        """Take the API's URL and a key of a project, or who signs and for which project.

        Raises UsageError for a URL that is none.
        """
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"{url} is no URL of the API. It starts with https:// or http:// and ends with /api.")
        self.url = url.rstrip("/")
        self._base = f"{self.url}/v3" if key else f"{self.url.removesuffix('/api')}/iam"
        self._params = {"project": project} if project else {}
        headers = {"X-Api-Key": key} if key else {}
        self._client = httpx.Client(headers=headers, auth=signer, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    # Checks

    def create(self, settings: Mapping[str, object], *, dry: bool = False) -> tuple[Document, bool]:
        """Make a check, or update the one that `unique` matches; return it and whether it is new.

        `dry`: write nothing, return what would be.
        """
        response = self._send("POST", "/checks/", params=_dry(dry=dry), body=settings)
        return _object(response), response.status_code == httpx.codes.CREATED

    def checks(self, tags: Sequence[str] = (), *, slug: str = "") -> list[Document]:
        """Return the checks that have all the tags, and the slug if one is given, by name."""
        found: list[Document] = []
        cursor = ""
        while True:
            asked = [("tag", tag) for tag in tags] + ([("slug", slug)] if slug else [("limit", str(PAGE))])
            asked += [("cursor", cursor)] if cursor else []
            page = _object(self._send("GET", "/checks/", params=asked))
            found += page.get("checks", [])
            cursor = page.get("next", "")
            if not cursor:
                return sorted(found, key=lambda check: (check["name"].casefold(), check.get("uuid", "")))

    def check(self, key: str) -> Document | None:
        """Return one check by UUID or unique key, or None."""
        response = self._send("GET", f"/checks/{_part(key)}", missing_is_fine=True)
        return None if response.status_code == httpx.codes.NOT_FOUND else _object(response)

    def update(self, uuid: str, settings: Mapping[str, object], *, dry: bool = False) -> Document:
        """Change the settings of a check that are given; return it. `dry`: write nothing, return what would be."""
        return _object(self._send("POST", f"/checks/{_part(uuid)}", params=_dry(dry=dry), body=settings))

    def pause(self, uuid: str) -> Document:
        """Stop watching a check; return it."""
        return _object(self._send("POST", f"/checks/{_part(uuid)}/pause"))

    def resume(self, uuid: str) -> Document:
        """Watch a paused check again; return it."""
        return _object(self._send("POST", f"/checks/{_part(uuid)}/resume"))

    def delete(self, uuid: str) -> None:
        """Delete a check by UUID."""
        self._send("DELETE", f"/checks/{_part(uuid)}")

    def pings(self, uuid: str, *, limit: int) -> list[Document]:
        """Return a check's newest pings, newest first."""
        found = _object(self._send("GET", f"/checks/{_part(uuid)}/pings/", params=[("limit", str(limit))]))
        return list(found["pings"])

    def body(self, uuid: str, n: int) -> bytes:
        """Return the body of a check's n-th ping."""
        return self._send("GET", f"/checks/{_part(uuid)}/pings/{n}/body").content

    def flips(self, key: str, *, seconds: int | None = None) -> list[Document]:
        """Return a check's changes of status, newest first."""
        params = [("seconds", str(seconds))] if seconds is not None else []
        return list(_object(self._send("GET", f"/checks/{_part(key)}/flips/", params=params))["flips"])

    # Channels

    def channels(self) -> list[Document]:
        """Return the project's channels, by name."""
        return list(_object(self._send("GET", "/channels/"))["channels"])

    def create_channel(self, settings: Mapping[str, object]) -> Document:
        """Make a channel; return it."""
        return _object(self._send("POST", "/channels/", body=settings))

    def delete_channel(self, name: str) -> Document:
        """Delete a channel by id or name; return what it was."""
        return _object(self._send("DELETE", f"/channels/{_part(name)}"))

    def test_channel(self, name: str) -> Document:
        """Send a test alert to a channel; return what is known of it."""
        return _object(self._send("POST", f"/channels/{_part(name)}/test"))

    def tested_channel(self, name: str, test: str) -> Document:
        """Return what became of a test."""
        return _object(self._send("GET", f"/channels/{_part(name)}/tests/{_part(test)}"))

    def confirm_channel(self, name: str, token: str) -> Document:
        """Confirm an address of mail by AWS's token or link; return the channel."""
        return _object(self._send("POST", f"/channels/{_part(name)}/confirm", body={"token": token}))

    # Keys and projects

    def keys(self) -> list[Document]:
        """Return the project's keys, without the keys."""
        return list(_object(self._send("GET", "/keys/"))["keys"])

    def create_key(self, scope: str, name: str) -> Document:
        """Make a key; return it."""
        return _object(self._send("POST", "/keys/", body={"scope": scope, "name": name}))

    def revoke_key(self, key_id: str) -> Document:
        """Revoke a key; return what it was."""
        return _object(self._send("DELETE", f"/keys/{_part(key_id)}"))

    def projects(self) -> list[Document]:
        """Return the projects."""
        return list(_object(self._send("GET", "/projects/"))["projects"])

    def create_project(self, settings: Mapping[str, object]) -> Document:
        """Make a project; return it."""
        return _object(self._send("POST", "/projects/", body=settings))

    def update_project(self, name: str, settings: Mapping[str, object]) -> Document:
        """Change a project's choices; return it."""
        return _object(self._send("POST", f"/projects/{_part(name)}", body=settings))

    def delete_project(self, name: str) -> None:
        """Delete an empty project."""
        self._send("DELETE", f"/projects/{_part(name)}")

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        body: Mapping[str, object] | None = None,
        missing_is_fine: bool = False,
    ) -> httpx.Response:
        try:
            asked = httpx.QueryParams([*self._params.items(), *params])
            response = self._client.request(method, self._base + path, params=asked, json=body)
        except httpx.InvalidURL as error:
            raise UsageError(f"{self.url} is no URL of the API ({error}).") from error
        except httpx.TransportError as error:
            raise CliError(
                f"The API at {self.url} does not answer ({error or type(error).__name__}). Check LASTSEEN_API_URL; "
                "for a local one run: lastseen local"
            ) from error
        if response.is_success or (missing_is_fine and response.status_code == httpx.codes.NOT_FOUND):
            return response
        raise CliError(self._refusal(response))

    def _refusal(self, response: httpx.Response) -> str:
        said = _said(response)
        match response.status_code:
            case httpx.codes.UNAUTHORIZED:
                return f"The API refused the key ({said}). Set LASTSEEN_API_KEY to one that may do this."
            case httpx.codes.FORBIDDEN if self._client.auth is not None:
                return (
                    f"AWS did not let your credentials in ({said}). They need execute-api:Invoke on the API's /iam "
                    "paths, and the right account and region; or set LASTSEEN_API_KEY."
                )
            case httpx.codes.NOT_FOUND:
                return f"The API at {self.url} has nothing there ({said}). List checks with: lastseen checks list"
            case code if code in {httpx.codes.BAD_REQUEST, httpx.codes.FORBIDDEN, httpx.codes.CONFLICT}:
                return f"The API did not accept this: {said}"
            case code:
                return f"The API answered {code}: {said}. If it stays so, see the logs of the api function."


def _dry(*, dry: bool) -> list[tuple[str, str]]:
    return [("dry_run", "1")] if dry else []


def _part(name: str) -> str:
    return quote(name, safe="")


def _said(response: httpx.Response) -> str:
    try:
        answer = response.json()
    except json.JSONDecodeError:
        answer = None
    if isinstance(answer, dict):
        return str(answer.get("error") or answer.get("message") or answer)[:ERROR_TEXT_LIMIT]
    return response.text.strip()[:ERROR_TEXT_LIMIT] or response.reason_phrase


def _object(response: httpx.Response) -> Document:
    try:
        answer = response.json()
    except json.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise CliError(f"{response.url.host} did not answer with JSON. LASTSEEN_API_URL must end with /api.")
    return answer
