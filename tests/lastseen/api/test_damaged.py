"""Settings that cannot be read beside good ones: no route is in trouble that has not asked for just these."""

from __future__ import annotations

from typing import Any

import pytest

from lastseen.api.routes import ROUTES
from tests.lastseen.api.world import ID, Reply, World

API = "/api/v3"
CHECK = f"{API}/checks/{ID}"
CHANNEL = f"{API}/channels/hook"
HOOK = {"name": "other", "target": "https://8.8.8.8/hook"}

REQUESTS: dict[tuple[str, str], tuple[str, Any]] = {
    ("GET", "/api/v{version}/checks/"): (f"{API}/checks/", None),
    ("POST", "/api/v{version}/checks/"): (f"{API}/checks/", {"name": "new", "channels": "*"}),
    ("POST", "/api/v{version}/checks/bulk"): (f"{API}/checks/bulk", {"checks": [{"name": "a", "channels": "hook"}]}),
    ("GET", "/api/v{version}/checks/{key}"): (CHECK, None),
    ("POST", "/api/v{version}/checks/{key}"): (CHECK, {"channels": "hook"}),
    ("DELETE", "/api/v{version}/checks/{key}"): (CHECK, None),
    ("POST", "/api/v{version}/checks/{key}/pause"): (f"{CHECK}/pause", None),
    ("POST", "/api/v{version}/checks/{key}/resume"): (f"{CHECK}/resume", None),
    ("GET", "/api/v{version}/checks/{key}/pings/"): (f"{CHECK}/pings/", None),
    ("GET", "/api/v{version}/checks/{key}/pings/{n}/body"): (f"{CHECK}/pings/1/body", None),
    ("GET", "/api/v{version}/checks/{key}/flips/"): (f"{CHECK}/flips/", None),
    ("GET", "/api/v{version}/badges/"): (f"{API}/badges/", None),
    ("GET", "/b/{states}/{file}"): ("BADGE", None),
    ("GET", "/badge/{states}/{file}"): ("BADGE", None),
    ("GET", "/api/v{version}/channels/"): (f"{API}/channels/", None),
    ("POST", "/api/v{version}/channels/"): (f"{API}/channels/", HOOK),
    ("GET", "/api/v{version}/channels/{channel}"): (CHANNEL, None),
    ("POST", "/api/v{version}/channels/{channel}"): (CHANNEL, {"statuses": ["down"]}),
    ("PATCH", "/api/v{version}/channels/{channel}"): (CHANNEL, {"name": "hooks"}),
    ("DELETE", "/api/v{version}/channels/{channel}"): (CHANNEL, None),
    ("POST", "/api/v{version}/channels/{channel}/test"): (f"{CHANNEL}/test", None),
    ("GET", "/api/v{version}/channels/{channel}/tests/{test}"): (f"{CHANNEL}/tests/t", None),
    ("POST", "/api/v{version}/channels/{channel}/confirm"): (f"{CHANNEL}/confirm", {"token": "t"}),
    ("POST", "/api/v{version}/channels/{channel}/ask-again"): (f"{CHANNEL}/ask-again", None),
    ("GET", "/api/v{version}/metrics/"): (f"{API}/metrics/", None),
    ("GET", "/projects/{project}/metrics/"): ("/projects/default/metrics/", None),
    ("GET", "/projects/{project}/metrics/{key}"): ("/projects/default/metrics/KEY", None),
    ("GET", "/api/v{version}/keys/"): (f"{API}/keys/", None),
    ("GET", "/api/v{version}/keys/self"): (f"{API}/keys/self", None),
    ("POST", "/api/v{version}/keys/"): (f"{API}/keys/", {"name": "ci", "scope": "ping"}),
    ("DELETE", "/api/v{version}/keys/{id}"): (f"{API}/keys/KEY-ID", None),
    ("GET", "/iam/projects/"): ("/iam/projects/", None),
    ("POST", "/iam/projects/"): ("/iam/projects/", {"name": "shop"}),
    ("POST", "/iam/projects/{name}"): ("/iam/projects/default", {"channels": "hook"}),
    ("DELETE", "/iam/projects/{name}"): ("/iam/projects/old", None),
    ("GET", "/lastseen.sh"): ("/lastseen.sh", None),
    ("GET", "/lastseen.pyz"): ("/lastseen.pyz", None),
    ("GET", "/SHA256SUMS"): ("/SHA256SUMS", None),
    ("GET", "/api/openapi.json"): ("/api/openapi.json", None),
    ("GET", "/api/v{version}/status/"): (f"{API}/status/", None),
}
"""One request that is in order for each route: target and body."""

DAMAGED = (
    ("key", "0" * 64),
    ("project", "damaged"),
    ("channel#default", "damaged"),
    ("delivery#default", "damaged"),
    ("ended-session", "damaged"),
    ("address", "damaged"),
    ("lock", "damaged"),
    ("watch", "hearing"),
    ("watch", "subscriptions"),
)
"""Documents that nobody asks for, or that hold what can be done without."""


def answer(route: tuple[str, str], *, damaged: bool) -> Reply:
    """Send a route's request in a world with a check, a channel, keys and two projects."""
    target, body = REQUESTS[route]
    world = World()
    world.check()
    world.ping(ID, body=b"x")
    assert world.post(f"{API}/channels/", {**HOOK, "name": "hook"}).status == 201
    assert world.send("POST", "/iam/projects/", {"name": "old"}, signed=True).status == 201
    key_id = world.post(f"{API}/keys/", {"name": "spare", "scope": "ping"}).json()["id"]
    badge = world.get(f"{API}/badges/").json()["badges"]["*"]["svg"].removeprefix(world.site)
    if route == ("POST", "/api/v{version}/checks/{key}/resume"):
        world.post(f"{CHECK}/pause")
    if damaged:
        for kind, name in DAMAGED:
            world.store.documents[kind, name] = {"name": 7, "at": "never", "created": "x"}
    target = target.replace("BADGE", badge).replace("KEY-ID", key_id).replace("KEY", world.read)
    return world.send(route[0], target, body, signed=target.startswith("/iam"))


def test_there_is_a_request_for_each_route() -> None:
    assert set(REQUESTS) == {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize("route", REQUESTS, ids=" ".join)
def test_a_setting_that_cannot_be_read_is_in_the_way_of_no_route(route: tuple[str, str]) -> None:
    usual, answered = answer(route, damaged=False), answer(route, damaged=True)
    assert answered.status == usual.status, answered.body
    assert answered.status < 500
