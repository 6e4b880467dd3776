"""Thousands of odd requests: no fault, every refusal with its reason, and every list still whole afterwards."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any
from urllib.parse import quote

import pytest

from lastseen.api.routes import ROUTES
from lastseen.delivery.webhook import METHODS
from tests.hostile.conftest import Attack
from tests.hostile.corpora import INSIDE, ODD_URLS, TEXTS, bodies

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of Apprise, where Python is older than ours

PATHS = sorted({route.path.replace("{version}", "3") for route in ROUTES if not route.path.startswith("/iam")})
WRITES = [route for route in ROUTES if route.body and not route.path.startswith("/iam")]


def filled(path: str, text: str) -> str:
    """Return a path with a text in place of each of its parameters, encoded as a client would."""
    for part in path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, quote(text, safe="", errors="surrogatepass") or "-")
    return path


@pytest.mark.parametrize("path", PATHS)
def test_no_text_in_a_path_or_query_is_a_fault(send: Attack, path: str) -> None:
    for text in TEXTS:
        if len(text) > 2_000:  # a URL has its limits before us
            continue
        if path == "/api/openapi.json" and text != "..":  # it takes no text, and a while
            continue
        encoded = quote(text, safe="", errors="surrogatepass")
        for target in {
            filled(path, text),
            f"{filled(path, 'x')}?{encoded}={encoded}",
            f"{filled(path, 'x')}?{encoded}",
        }:
            send("GET", target)


@pytest.mark.parametrize(
    "name", ["slug", "tag", "limit", "cursor", "seconds", "start", "end", "before", "dry_run", "q"]
)
def test_no_value_of_a_parameter_is_a_fault(send: Attack, name: str) -> None:
    check = send("POST", "/api/v3/checks/", b'{"name": "one"}').document["uuid"]
    for text in TEXTS:
        if len(text) <= 2_000:
            query = f"{name}={quote(text, safe='', errors='surrogatepass')}"
            for path in ("checks/", f"checks/{check}/pings/", f"checks/{check}/flips/"):
                assert send("GET", f"/api/v3/{path}?{query}").status in {200, 400}


@pytest.mark.parametrize("route", WRITES, ids=lambda route: f"{route.method} {route.path}")
def test_no_body_is_a_fault(send: Attack, route: Any) -> None:
    check = send("POST", "/api/v3/checks/", b'{"name": "one"}').document["uuid"]
    channel = {"name": "one", "target": "https://8.8.8.8/x"}
    send("POST", "/api/v3/channels/", json.dumps(channel).encode())
    known = {"{version}": "3", "{key}": check, "{channel}": "one"}
    path = route.path
    for part, value in known.items():
        path = path.replace(part, value)
    network = {"target", "webhook"} if "channel" in path else set()  # each is sent to, and 8.8.8.8 answers nobody
    fields = [name for name in route.body.model_fields if name not in network]
    for body in bodies(fields):
        send(route.method, path, body)
        if "keys" in path:
            _forget_keys(send)


def _forget_keys(send: Attack) -> None:
    for made in send("GET", "/api/v3/keys/").document["keys"]:
        if made["hint"] != "lsw_" and made["last_used"] is None:
            send("DELETE", f"/api/v3/keys/{made['id']}")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", *METHODS])
def test_no_method_is_a_fault(send: Attack, method: str) -> None:
    for path in PATHS:
        send(method, filled(path, "x"))


def test_no_check_that_is_taken_makes_a_list_fail(send: Attack) -> None:
    names = [text for text in TEXTS if len(text) <= 100]
    made = [
        send("POST", "/api/v3/checks/", json.dumps({"name": text, "tags": text, "desc": text}).encode()).status
        for text in names
    ]
    assert made.count(201) > len(names) // 2
    for version in (1, 2, 3):
        assert len(send("GET", f"/api/v{version}/checks/").document["checks"]) == made.count(201)
    badges = send("GET", "/api/v3/badges/").document["badges"].values()
    for badge in islice(badges, 50):
        for form in ("svg", "json", "shields"):
            assert send("GET", "/badge/" + badge[form].partition("/badge/")[2], key="").status == 200
    assert send("GET", "/api/v3/metrics/").status == 200


@pytest.mark.parametrize("url", [*INSIDE, *ODD_URLS])
def test_no_channel_leads_inside_and_none_poisons_the_list(send: Attack, url: str) -> None:
    for via in ({}, {"via": "webhook"}, {"via": "chat"}):
        reply = send("POST", "/api/v3/channels/", json.dumps({"name": "x", "target": url, **via}).encode())
        assert reply.status == 400, (via, reply.body)
        assert b"pass@" not in reply.body
    assert send("GET", "/api/v3/channels/").document == {"channels": []}


@pytest.mark.parametrize("text", [text for text in TEXTS if len(text) <= 200])
def test_a_channel_that_is_taken_is_found_by_its_name_and_deleted(send: Attack, text: str) -> None:
    asked = json.dumps({"name": text, "target": "https://8.8.8.8/x"}).encode()
    if send("POST", "/api/v3/channels/", asked).status == 201:
        path = f"/api/v3/channels/{quote(text, safe='')}"
        assert send("GET", path).document["name"] == text
        assert send("DELETE", path).status == 200


@pytest.mark.parametrize("token", [*TEXTS, "http://[", "http://u\u2100@host/?Token=x", "https://x/?Token="])
def test_no_token_is_a_fault(send: Attack, token: str) -> None:
    send("POST", "/api/v3/channels/", b'{"name": "hook", "target": "https://8.8.8.8/x"}')
    reply = send("POST", "/api/v3/channels/hook/confirm", json.dumps({"token": token}).encode())
    assert reply.status == 400
