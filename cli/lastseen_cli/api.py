"""The management API as the command line uses it: one method per request, errors turned into words with the mend."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self
from urllib.parse import quote

import httpx

from lastseen_cli.errors import CliError, UsageError

TIMEOUT_SECONDS = 30.0
ERROR_TEXT_LIMIT = 300
Document = dict[str, Any]


class Api:
    """A project's checks over HTTP. Close it, or use it in a `with`."""

    def __init__(self, url: str, key: str) -> None:
        """Raise UsageError if the URL or key is missing or no URL at all."""
        if not url:
            raise UsageError(
                "Where is the API? Set LASTSEEN_API_URL or give --api-url, like https://host/api: the stack's output "
                "ApiUrl, or what `lastseen local` prints."
            )
        if not key:
            raise UsageError("Which key? Set LASTSEEN_API_KEY or give --api-key; `lastseen local` prints one.")
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"{url} is no URL of the API. It starts with https:// or http:// and ends with /api.")
        self._url = url.rstrip("/")
        self._client = httpx.Client(headers={"X-Api-Key": key}, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def create(self, settings: Mapping[str, object]) -> tuple[Document, bool]:
        """Make a check, or update the one that `unique` matches; return it and whether it is new."""
        response = self._send("POST", "/v3/checks/", body=settings)
        return _object(response), response.status_code == httpx.codes.CREATED

    def checks(self, tags: Sequence[str] = ()) -> list[Document]:
        """Return the checks that have all the tags."""
        found = _object(self._send("GET", "/v3/checks/", params=[("tag", tag) for tag in tags]))
        return list(found.get("checks", []))

    def check(self, key: str) -> Document | None:
        """Return one check by UUID or unique key, or None."""
        response = self._send("GET", f"/v3/checks/{quote(key, safe='')}", missing_is_fine=True)
        return None if response.status_code == httpx.codes.NOT_FOUND else _object(response)

    def delete(self, uuid: str) -> None:
        """Delete a check by UUID."""
        self._send("DELETE", f"/v3/checks/{quote(uuid, safe='')}")

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
            response = self._client.request(method, self._url + path, params=list(params), json=body)
        except httpx.InvalidURL as error:
            raise UsageError(f"{self._url} is no URL of the API ({error}).") from error
        except httpx.TransportError as error:
            raise CliError(
                f"The API at {self._url} does not answer ({error or type(error).__name__}). Check LASTSEEN_API_URL; "
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
            case httpx.codes.NOT_FOUND:
                return f"The API at {self._url} has nothing there. List checks with: lastseen checks list"
            case code if code in {httpx.codes.BAD_REQUEST, httpx.codes.CONFLICT}:
                return f"The API did not accept this: {said}"
            case code:
                return f"The API answered {code}: {said}. If it stays so, see the logs of the api function."


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
