"""Whom the attack is against: the program in this process, or a deployment of one's own.

    LASTSEEN_HOSTILE_URL=https://.../api LASTSEEN_HOSTILE_KEY=lsw_... uv run pytest tests/hostile

The key is a read-write key of a project that nothing else uses: checks, keys and channels are made in it and deleted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

import httpx

from tests.lastseen.api.world import World

URL, KEY = (os.environ.get(f"LASTSEEN_HOSTILE_{name}", "") for name in ("URL", "KEY"))  # noqa: TID251 - as documented

BUSY = {429, 503}
"""A deployment that is asked too much at once says so; that is no fault."""
BUSY_TRIES = 5


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Site(Protocol):
    """An API to be attacked, and the keys that open it."""

    write: str

    def send(self, method: str, path: str, body: bytes = b"", *, key: str, **headers: str) -> Reply:
        """Send a request; `path` is what follows the site's address, with its query."""


class HereSite:
    """The program in this process. Paths come as the gateway hands them over: decoded, cut at what was a `?`."""

    def __init__(self) -> None:
        self.world = World()
        self.write = self.world.write

    def send(self, method: str, path: str, body: bytes = b"", *, key: str, **headers: str) -> Reply:
        way, mark, query = path.partition("?")
        decoded = unquote(way, errors="replace").partition("?")[0]
        reply = self.world.send(method, decoded + mark + query, body, key=key or None, headers=headers)
        return Reply(reply.status, reply.headers, reply.body)


class DeployedSite:
    """A deployment of one's own, over HTTP."""

    def __init__(self, client: httpx.Client, key: str) -> None:
        self.write = key
        self._client = client

    def send(self, method: str, path: str, body: bytes = b"", *, key: str, **headers: str) -> Reply:
        sent = ({"x-api-key": key} if key else {}) | {name.replace("_", "-"): value for name, value in headers.items()}
        for _ in range(BUSY_TRIES):
            reply = self._client.request(method, path, content=body, headers=sent)
            if reply.status_code not in BUSY:
                break
        return Reply(reply.status_code, reply.headers, reply.content)


@contextmanager
def site() -> Iterator[Site]:
    """Yield what the environment names, or the program in this process."""
    if not URL:
        yield HereSite()
        return
    with httpx.Client(base_url=URL.removesuffix("/").removesuffix("/api"), timeout=30) as client:
        yield DeployedSite(client, KEY)
