"""The management API as the command line uses it: one method per request, refusals in words that say what to do.

Only ids go into paths: gateways decode a path, perhaps twice, and cut it at a question mark, so a name could address
something else. Who has a name looks its id up first (find.py).
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import takewhile
from typing import Any, Self

import httpx

from lastseen_cli.errors import CliError, RefusedError, UsageError
from lastseen_cli.output import hint, one_line

SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]+", re.ASCII)
"""What may stand in a path as it is."""

KEY = re.compile(r"[!-~]+")
"""What a key may be made of. httpx would show a key that cannot be sent in its error."""

USERINFO = re.compile(r"//[^/]*@", re.ASCII)
"""A user and a password in a URL, which are for a proxy that asks for them."""

TIMEOUT_SECONDS = 30.0
"""For one request."""

PAGE = 500
"""Checks in one answer, when all are listed."""

ERROR_TEXT_LIMIT = 300
Document = dict[str, Any]


class Api:
    """What one key, or one's AWS credentials, open over HTTP. Close it, or use it in a `with`."""

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        signer: httpx.Auth | None = None,
        project: str = "",
        timeout: float = TIMEOUT_SECONDS,
        other_key: str = "",
    ) -> None:
        """Take the API's URL and a key of a project, or who signs and for which project.

        `other_key`: how to come by another key, for the error that it is refused.

        Raises UsageError for what cannot be the API's URL, or a key.
        """
        url, key = url.strip(), key.strip()  # a file or a secret often ends with a line end
        if key and not KEY.fullmatch(key):
            raise UsageError("LASTSEEN_API_KEY is no key: it has characters that no key has.")
        if not url.startswith(("http://", "https://")):
            raise UsageError(  # it may be a key in the URL's place, so it is not shown
                "LASTSEEN_API_URL, or --api-url, is not the API's URL. "
                "It starts with https:// or http:// and ends with /api."
            )
        url = url.rstrip("/")
        self.url = USERINFO.sub("//", url)  # as it is shown
        self._other_key = other_key or "Set LASTSEEN_API_KEY to one that may do this."
        self._base = f"{url}/v3" if key else f"{url.removesuffix('/api')}/iam"
        self._params = {"project": project} if project else {}
        headers = {"X-Api-Key": key} if key else {}
        self._client = httpx.Client(headers=headers, auth=signer, timeout=timeout, verify=_tls())

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
        checks: list[Document] = []
        cursor = ""
        while True:
            params = [("tag", tag) for tag in tags] + ([("slug", slug)] if slug else [("limit", str(PAGE))])
            params += [("cursor", cursor)] if cursor else []
            page = _object(self._send("GET", "/checks/", params=params))
            checks += page.get("checks", [])
            cursor = page.get("next", "")
            if not cursor:
                return sorted(checks, key=lambda check: (check["name"].casefold(), check.get("uuid", "")))

    def check(self, key: str) -> Document | None:
        """Return one check by UUID or unique key, or None."""
        response = self._send("GET", f"/checks/{_segment(key)}", missing_is_fine=True)
        return None if response.status_code == httpx.codes.NOT_FOUND else _object(response)

    def update(self, uuid: str, settings: Mapping[str, object], *, dry: bool = False) -> Document:
        """Change the settings of a check that are given; return it. `dry`: write nothing, return what would be."""
        return _object(self._send("POST", f"/checks/{_segment(uuid)}", params=_dry(dry=dry), body=settings))

    def change_many(self, entries: Sequence[Mapping[str, object]], *, dry: bool = False) -> list[Document | CliError]:
        """Make checks, or change those that `change` names; return for each what it is, or why it was refused.

        The API takes a hundred, in 100,000 bytes. `dry`: write nothing, return what would be.
        """
        answers: list[Document] = []
        while len(answers) < len(entries):
            body = {"checks": list(entries[len(answers) :])}
            results = _object(self._send("POST", "/checks/bulk", params=_dry(dry=dry), body=body)).get("results")
            if not isinstance(results, list) or len(results) != len(body["checks"]):
                raise CliError(f"The API at {self.url} is of another version: it did not answer for each check.")
            done = list(takewhile(lambda result: result["status"] != httpx.codes.SERVICE_UNAVAILABLE, results))
            answers += done or results  # what it had no time for is sent again, unless that is all
        return [_bulk_result(answer) for answer in answers]

    def pause(self, uuid: str) -> Document:
        """Stop watching a check; return it."""
        return _object(self._send("POST", f"/checks/{_segment(uuid)}/pause"))

    def resume(self, uuid: str) -> Document:
        """Watch a paused check again; return it."""
        return _object(self._send("POST", f"/checks/{_segment(uuid)}/resume"))

    def delete(self, uuid: str) -> None:
        """Delete a check by UUID."""
        self._send("DELETE", f"/checks/{_segment(uuid)}")

    def pings(self, uuid: str, *, limit: int) -> list[Document]:
        """Return a check's newest pings, newest first."""
        answer = _object(self._send("GET", f"/checks/{_segment(uuid)}/pings/", params=[("limit", str(limit))]))
        return list(answer["pings"])

    def body(self, uuid: str, n: int) -> bytes | None:
        """Return the body of a check's n-th ping, or None if none is kept."""
        response = self._send("GET", f"/checks/{_segment(uuid)}/pings/{n}/body", missing_is_fine=True)
        return None if response.status_code == httpx.codes.NOT_FOUND else response.content

    def ping(self, url: str, body: bytes) -> None:
        """Send a ping to a check's own URL. Raises CliError if it is refused."""
        try:
            response = httpx.post(url, content=body, timeout=self._client.timeout, verify=_tls())
        except httpx.TransportError as error:
            raise CliError(f"The ping did not arrive ({type(error).__name__}). Try again.") from error
        if not response.is_success:
            raise CliError(f"The ping was refused: {one_line(response.text)[:ERROR_TEXT_LIMIT]}")

    def flips(self, key: str, *, seconds: int | None = None) -> list[Document]:
        """Return a check's changes of status, newest first."""
        params = [("seconds", str(seconds))] if seconds is not None else []
        return list(_object(self._send("GET", f"/checks/{_segment(key)}/flips/", params=params))["flips"])

    # Channels

    def channels(self) -> list[Document]:
        """Return the project's channels, by name."""
        return list(_object(self._send("GET", "/channels/"))["channels"])

    def create_channel(self, settings: Mapping[str, object]) -> Document:
        """Make a channel; return it."""
        return _object(self._send("POST", "/channels/", body=settings))

    def update_channel(self, channel_id: str, settings: Mapping[str, object]) -> Document:
        """Change the settings of a channel that are given; return it."""
        return _object(self._send("POST", f"/channels/{_segment(channel_id)}", body=settings))

    def delete_channel(self, channel_id: str, *, replace_by: str = "", detach: bool = False) -> Document:
        """Delete a channel; return what it was. Checks that list it get another, or go without, or it stays."""
        params = [("replace_by", replace_by)] if replace_by else [("detach", "1")] if detach else []
        return _object(self._send("DELETE", f"/channels/{_segment(channel_id)}", params=params))

    def ask_again(self, channel_id: str) -> Document:
        """Let AWS mail the reader of an address again; return the channel."""
        return _object(self._send("POST", f"/channels/{_segment(channel_id)}/ask-again"))

    def test_channel(self, channel_id: str) -> Document:
        """Send a test alert to a channel; return its state."""
        return _object(self._send("POST", f"/channels/{_segment(channel_id)}/test"))

    def tested_channel(self, channel_id: str, test: str) -> Document:
        """Return what became of a test."""
        return _object(self._send("GET", f"/channels/{_segment(channel_id)}/tests/{_segment(test)}"))

    def confirm_channel(self, channel_id: str, token: str) -> Document:
        """Confirm an e-mail address by AWS's token or link; return the channel."""
        return _object(self._send("POST", f"/channels/{_segment(channel_id)}/confirm", body={"token": token}))

    # Keys and projects

    def keys(self) -> list[Document]:
        """Return the project's keys, without the keys."""
        return list(_object(self._send("GET", "/keys/"))["keys"])

    def own_key(self) -> Document:
        """Return what is known of the key that this is called with: its id, project, scope and name."""
        response = self._send("GET", "/keys/self", missing_is_fine=True)
        if response.status_code == httpx.codes.NOT_FOUND:
            raise CliError(
                f"There is no API of Lastseen at {self.url}, or one that is older than this command. The URL is the "
                "output ApiUrl of the stack, like https://host/api."
            )
        return _object(response)

    def create_key(self, scope: str, name: str, *, key: str = "") -> Document:
        """Make a key, or take a ping key that was made elsewhere; return it."""
        brought = {"key": key} if key else {}
        return _object(self._send("POST", "/keys/", body={"scope": scope, "name": name, **brought}))

    def revoke_key(self, key_id: str) -> Document:
        """Revoke a key; return what it was."""
        return _object(self._send("DELETE", f"/keys/{_segment(key_id)}"))

    def projects(self) -> list[Document]:
        """Return the projects."""
        return list(_object(self._send("GET", "/projects/"))["projects"])

    def create_project(self, settings: Mapping[str, object]) -> Document:
        """Make a project; return it."""
        return _object(self._send("POST", "/projects/", body=settings))

    def update_project(self, name: str, settings: Mapping[str, object]) -> Document:
        """Change a project's choices; return it."""
        return _object(self._send("POST", f"/projects/{_segment(name)}", body=settings))

    def delete_project(self, name: str) -> None:
        """Delete an empty project."""
        self._send("DELETE", f"/projects/{_segment(name)}")

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
            query = httpx.QueryParams([*self._params.items(), *params])
            response = self._client.request(method, self._base + path, params=query, json=body)
        except httpx.InvalidURL as error:
            raise UsageError(f"{self.url} is not the API's URL ({error}).") from error
        except UnicodeEncodeError as error:
            raise UsageError("This text cannot be sent: it has a character that is not Unicode.") from error
        except httpx.LocalProtocolError:
            raise UsageError(
                "The request cannot be sent: your AWS credentials hold a character that no header may have, such as a "
                "line end. They are not shown here."
            ) from None  # the library's text holds the header
        except httpx.TransportError as error:
            raise CliError(
                f"The API at {self.url} does not answer ({error or type(error).__name__}). Check its "
                "URL, in LASTSEEN_API_URL or your context; for a local one run: lastseen local"
            ) from error
        if response.is_success or (missing_is_fine and response.status_code == httpx.codes.NOT_FOUND):
            return response
        raise self._refusal(path, response)

    def _refusal(self, path: str, response: httpx.Response) -> CliError:
        answer = _error_text(response)
        match response.status_code:
            case httpx.codes.UNAUTHORIZED:
                return CliError(f"The API refused the key ({answer}). {self._other_key}")
            case httpx.codes.FORBIDDEN if self._client.auth is not None:
                return CliError(
                    f"AWS did not let your credentials in ({answer}). They need execute-api:Invoke on the API's /iam "
                    "paths, and the right account and region; or set LASTSEEN_API_KEY."
                )
            case httpx.codes.NOT_FOUND:
                resource = path.split("/")[1]
                listed = hint("lastseen", resource, "list")
                return CliError(f"The API at {self.url} has nothing there ({answer}). List {resource} with: {listed}")
            case code if code in {httpx.codes.BAD_REQUEST, httpx.codes.FORBIDDEN, httpx.codes.CONFLICT}:
                return RefusedError(f"The API did not accept this: {answer}")
            case code:
                return CliError(f"The API answered {code}: {answer}. If it persists, see the logs of the api function.")


def _bulk_result(result: Document) -> Document | CliError:
    status, check = result.get("status"), result.get("check")
    if isinstance(check, dict):
        return check
    words = one_line(str(result.get("error", "")))[:ERROR_TEXT_LIMIT]
    if status in {httpx.codes.BAD_REQUEST, httpx.codes.FORBIDDEN, httpx.codes.CONFLICT}:
        return RefusedError(f"The API did not accept this: {words}")
    return CliError(f"The API answered {status}: {words}.")


@cache
def _tls() -> ssl.SSLContext:
    """Return what is trusted: reading it takes longer than a request."""
    return httpx.create_ssl_context()


def _dry(*, dry: bool) -> list[tuple[str, str]]:
    return [("dry_run", "1")] if dry else []


def _segment(name: str) -> str:
    if not SEGMENT.fullmatch(name):
        raise UsageError(f"{name!r} is not an id: an id has letters, digits and the characters - . _ ~ only.")
    return name


def _error_text(response: httpx.Response) -> str:
    try:
        answer = response.json()
    except json.JSONDecodeError:
        answer = None
    text = str(answer.get("error") or answer.get("message") or answer) if isinstance(answer, dict) else response.text
    return one_line(text)[:ERROR_TEXT_LIMIT] or response.reason_phrase


def _object(response: httpx.Response) -> Document:
    try:
        answer = response.json()
    except json.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise CliError(f"{response.url.host} did not answer with JSON. LASTSEEN_API_URL must end with /api.")
    return answer
