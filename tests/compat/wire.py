"""The wire: bytes to a running Lastseen and bytes back, and what it then tells over its API."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.conftest import Local

PATIENCE_SECONDS = 40.0
Answer = tuple[int, bytes, dict[str, str]]  # status, body, headers in lower case


@dataclass(frozen=True, slots=True)
class Site:
    """A running Lastseen: makes checks, sends bytes to its ping URLs, and reads what it knows."""

    local: Local

    def make(self, name: str, **settings: Any) -> str:
        """Make a check and return its UUID."""
        answer = self._api("POST", "checks/", json={"name": name, "slug": name, "timeout": 86_400, **settings})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["uuid"])

    def check(self, uuid: str) -> dict[str, Any]:
        return dict(self._api("GET", f"checks/{uuid}").json())

    def of_slug(self, slug: str) -> dict[str, Any]:
        """Return the one check of a slug."""
        (found,) = self._api("GET", "checks/", params={"slug": slug}).json()["checks"]
        return dict(found)

    def pings(self, uuid: str) -> list[dict[str, Any]]:
        """Return the pings of a check as the API tells them, oldest first."""
        return list(reversed(self._api("GET", f"checks/{uuid}/pings/").json()["pings"]))

    def body(self, uuid: str, n: int) -> bytes:
        return self._api("GET", f"checks/{uuid}/pings/{n}/body").content

    def said(self, uuid: str) -> list[tuple[str, str, bytes]]:
        """Return method, kind and body of every ping of a check, oldest first."""
        return [
            (ping["method"], ping["type"], self.body(uuid, ping["n"]) if ping["body_url"] else b"")
            for ping in self.pings(uuid)
        ]

    def connect(self) -> socket.socket:
        url = urlsplit(self.local.ping_url)
        assert url.hostname
        assert url.port
        return socket.create_connection((url.hostname, url.port), timeout=PATIENCE_SECONDS)

    def raw(self, request: bytes, method: str = "GET") -> Answer:
        """Send bytes on a connection of their own, and read one answer; `method` tells whether it has a body."""
        with self.connect() as connection:
            connection.sendall(request)
            return read(connection, method)

    def send(self, path: str, *, method: str = "GET", headers: bytes = b"", body: bytes = b"") -> Answer:
        """Send a request to /ping/<path>; `headers` are whole lines."""
        length = b"content-length: %d\r\n" % len(body) if body else b""
        head = f"{method} /ping/{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        return self.raw(head.encode("latin-1") + headers + length + b"\r\n" + body, method)

    def _api(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"X-Api-Key": self.local.api_key}
        return httpx.request(
            method, f"{self.local.api_url}/v3/{path}", headers=headers, timeout=PATIENCE_SECONDS, **more
        )


def read(connection: socket.socket, method: str = "GET") -> Answer:
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
