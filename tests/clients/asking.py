"""Ask the management API of `lastseen local` what the monitor made of a client's pings."""

from __future__ import annotations

from typing import Any

import httpx

from tests.conftest import Local


def api(local: Local, path: str) -> dict[str, Any]:
    answer = httpx.get(f"{local.api_url}/v3{path}", headers={"X-Api-Key": local.api_key}, timeout=60)
    return dict(answer.raise_for_status().json())


def checks(local: Local, slug: str) -> list[dict[str, Any]]:
    return list(api(local, f"/checks/?slug={slug}")["checks"])


def pings(local: Local, check: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pings of a check, oldest first."""
    uuid = check["ping_url"].rsplit("/", 1)[1]
    return list(reversed(api(local, f"/checks/{uuid}/pings/")["pings"]))


def body(local: Local, ping: dict[str, Any]) -> str:
    return httpx.get(ping["body_url"], headers={"X-Api-Key": local.api_key}, timeout=60).raise_for_status().text
