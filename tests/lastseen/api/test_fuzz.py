"""Whatever a client sends: an answer below 500, in JSON with a reason if it is a refusal, and no secret in it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lastseen.api.routes import ROUTES
from tests.lastseen.api.world import ID, OTHER_ID, World, event_of

WORLD = World()
WORLD.check(tags="prod db")
WORLD.ping(body=b"all fine")
BADGE = WORLD.get(f"/api/v3/checks/{ID}").json()["badge_url"].rpartition("/")[2]

odd = st.text(max_size=40) | st.sampled_from(
    ["", "%", "%00", "..", "\ud800", "\x00", "ⅷ", "1" * 400, "-0", "1e9", "NaN"]
)
known = {
    "version": ["1", "2", "3", "3", "3"],
    "key": [ID, ID, ID, ID.upper(), OTHER_ID, "f" * 40],
    "n": ["1", "0", "999999999999"],
    "id": ["0" * 12],
    "name": ["default", "shop"],
    "project": ["default"],
    "states": ["2", "3"],
    "file": [BADGE, BADGE.replace("svg", "json"), "a.svg"],
    "channel": ["ops"],
    "test": ["x"],
}
numbers = st.integers() | st.sampled_from([0, -1, 59, 60, 2**31, 2**63, 10**40]) | st.floats(allow_nan=True)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=120),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted({name for route in ROUTES if route.body for name in route.body.model_fields})
PLAUSIBLE: dict[str, list[Any]] = {
    "schedule": ["* * * * *", "0 0 30 2 *", "*-*-* 25:00", "Mon", "2300-01-01", "* * * * *\n", "@daily", "*/0 * * * *"],
    "tz": ["UTC", "Europe/Berlin", "../../etc/passwd", "", "GMT+25"],
    "snoozed_until": [
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2026-02-30T00:00:00Z",
        "2199-12-31T23:59Z",
    ],
    "unique": [["name"], ["slug"], ["name", "name"], [[]], ["tags", "timeout", "grace"]],
    "channels": ["*", "", ",", "*,*"],
    "name": ["backup", "\ufffe", "a" * 100, "\u202e"],
    "timeout": [60, 31536000, 59, 60.0],
}
plausible = st.sampled_from([{name: value} for name, held in PLAUSIBLE.items() for value in held])
documents = st.dictionaries(st.sampled_from(FIELDS), values, max_size=5) | plausible | plausible
CHANGES = [route for route in ROUTES if route.body and "/checks/" in route.path]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bytes of all kinds: JSON that is nearly right, JSON that is none, and no JSON at all."""
    shape = draw(st.integers(-6, 9))
    if shape < 6:
        return json.dumps(draw(documents)).encode()
    if shape == 6:
        return json.dumps(draw(values)).encode()
    if shape == 7:
        number = draw(st.sampled_from([b"NaN", b"-Infinity", b"1E400", b"9" * 5000]))
        return b'{"name": "a", "name": 1, "timeout": ' + number + b"}"
    if shape == 8:
        return draw(st.sampled_from([b"[", b'{"a":'])) * draw(st.sampled_from([1, 300, 20_000]))
    return draw(st.binary(max_size=200))


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Events of requests to every route: most of them nearly right, so that they come far before they go wrong."""

    def rarely(odds: int = 8) -> bool:
        return draw(st.integers(1, odds)) == 1

    def mostly(usual: list[Any]) -> Any:
        return draw(odd) if rarely() else draw(st.sampled_from(usual))

    route = draw(st.sampled_from(CHANGES if draw(st.booleans()) else ROUTES))
    path = route.path
    for name, held in known.items():
        path = path.replace(f"{{{name}}}", mostly(held) if f"{{{name}}}" in path else "")
    if rarely():
        path = draw(st.sampled_from([path.rstrip("/"), f"{path}/", path.replace("/api/v3", "/iam")]))
    names = list(route.query.model_fields) if route.query else ["project"]
    query = "&".join(
        f"{mostly(names)}={mostly(['1', '0', '', '%ff', '+', '60', 'default'])}"
        for _ in range(draw(st.sampled_from([0, 0, 1, 2])))
    )
    headers = {"x-api-key": WORLD.read if rarely() else mostly([WORLD.write])}
    if rarely():
        names_of_headers = st.sampled_from(["content-type", "user-agent", "authorization", "accept", "cookie"])
        headers |= draw(st.dictionaries(names_of_headers, odd))
    method = draw(st.sampled_from(["HEAD", "OPTIONS", "PUT", "FOO", "DELETE"])) if rarely() else route.method
    event = event_of(method, "", draw(bodies()), headers, signed=path.startswith("/iam") and not rarely())
    event |= {"rawPath": path, "rawQueryString": query}
    if rarely(12):
        event |= {"body": draw(st.text(max_size=50) | st.none()), "isBase64Encoded": draw(st.booleans())}
    if rarely(12):
        event["headers"] = None
    return event


def look(event: dict[str, Any]) -> None:
    if ID not in WORLD.store.checks:  # it was deleted
        WORLD.check(tags="prod db")
    answer = WORLD.app.resolve(event, {})  # type: ignore[arg-type] # no route looks at the context
    assert answer["statusCode"] < 500
    told = answer["body"] or ""
    text = base64.b64decode(told).decode(errors="replace") if answer.get("isBase64Encoded") else told
    if answer["statusCode"] >= 400 and event["requestContext"]["http"]["method"] != "HEAD":
        assert "html" in answer["headers"]["Content-Type"] or json.loads(text)["error"]
        assert WORLD.write not in text


def tried(times: int) -> settings:
    return settings(max_examples=times, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@tried(250)
@given(requests())
def test_no_request_makes_a_fault_and_every_refusal_says_why(event: dict[str, Any]) -> None:
    look(event)


@pytest.mark.slow
@tried(1_500)
@given(requests())
def test_thousands_of_requests_make_no_fault_and_every_refusal_says_why(event: dict[str, Any]) -> None:
    look(event)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, held in PLAUSIBLE.items() for value in held])
def test_each_setting_at_the_edge_is_taken_or_refused_in_words(name: str, value: object) -> None:
    world = World()
    world.check()
    for target in ("/api/v3/checks/", f"/api/v2/checks/{ID}"):
        reply = world.post(target, {name: value})
        assert reply.status in {200, 201} or (reply.status == 400 and reply.error.startswith(name))
        assert world.get("/api/v3/checks/").status == 200
