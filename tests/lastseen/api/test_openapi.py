"""The OpenAPI document: complete, and kept by the application, which schemathesis tries with thousands of calls."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from lastseen.api.calls import Needs
from lastseen.api.openapi import PARAMETERS, operation_id
from lastseen.api.routes import ROUTES
from lastseen.core.keys import Scope, hashed
from tests.api_page import PAGE, page
from tests.lastseen.api.world import ID, World
from tests.lastseen.api.wsgi import application

THOROUGH = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
BEYOND_A_SCHEMA: list[Any] = [positive_data_acceptance]
"""No schema can say that a schedule fires, a channel is there or a cursor was given: those are refused with 400."""

SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260302/us-east-1/execute-api/aws4_request"}


@pytest.fixture
def document(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.get("/api/openapi.json", key=None).json()
    return found


def test_every_route_is_in_the_document(document: dict[str, Any]) -> None:
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert told == {(route.method, route.path) for route in ROUTES}


def test_every_route_has_a_name_of_its_own_and_says_what_it_does() -> None:
    assert len({operation_id(route) for route in ROUTES}) == len(ROUTES)
    assert all(route.summary and not route.summary.endswith(".") for route in ROUTES)


def test_every_parameter_of_a_path_is_explained() -> None:
    named = {name for route in ROUTES for name in re.findall(r"{(\w+)}", route.path)}
    assert named == set(PARAMETERS)


def test_limits_are_told(document: dict[str, Any]) -> None:
    check = document["components"]["schemas"]["CheckRequest"]["properties"]
    assert (check["timeout"]["minimum"], check["timeout"]["maximum"]) == (60, 31_536_000)
    assert check["slug"]["pattern"] == "^[a-z0-9_-]*$"
    assert {name: check[name]["maxLength"] for name in ("name", "slug", "schedule", "success_kw", "tags", "desc")} == {
        "name": 100,
        "slug": 100,
        "schedule": 1000,
        "success_kw": 200,
        "tags": 500,
        "desc": 4000,
    }
    (limit,) = (each for each in parameters(document, "/api/v{version}/checks/") if each["name"] == "limit")
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"]) == (1, 1000)


def test_the_page_in_the_docs_is_fresh() -> None:
    assert PAGE.read_text() == page(), "run: uv run python -m tests.api_page"


def test_what_a_call_may_be_answered_is_in_the_docs_of_all(document: dict[str, Any]) -> None:
    told = {
        status for methods in document["paths"].values() for each in methods.values() for status in each["responses"]
    }
    assert told - {"200", "201", "202", "304", "409"} <= set(
        re.findall(r"\d{3}", PAGE.read_text().partition("## Where it")[0])
    )


def parameters(document: dict[str, Any], path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["paths"][path]["get"]["parameters"]
    return found


# --- Schemathesis ---

_world = World(site="http://localhost")
_world.check(tags="prod db")
_world.ping(body=b"all fine")
_badge = _world.get(f"/api/v3/checks/{ID}").json()["badge_url"].rpartition("/")[2]
KNOWN = {
    "key": ID,
    "n": "1",
    "id": hashed(_world.key(Scope.PING))[:12],
    "name": "default",
    "project": "default",
    "file": _badge,
}
"""Parameters that lead somewhere: a random one is but a 404."""

schema = schemathesis.openapi.from_wsgi("/api/openapi.json", application(_world))


@schema.hook
def map_path_parameters(_context: object, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Let three in four calls be of something that is there."""
    for name, known in KNOWN.items():
        if path_parameters and name in path_parameters and hash(str(path_parameters[name])) % 4:
            path_parameters[name] = known
    return path_parameters


def headers(path: str) -> dict[str, str]:
    """Return what lets a call in."""
    return SIGNED if path.startswith("/iam") else {"X-Api-Key": _world.write}


@schema.parametrize()
@THOROUGH
def test_no_call_makes_a_fault_or_an_answer_that_is_not_documented(case: Any) -> None:
    if ID not in _world.store.checks:  # it was deleted
        _world.check(tags="prod db")
    case.call_and_validate(headers=headers(case.path), excluded_checks=BEYOND_A_SCHEMA)


def test_schemathesis_tries_every_route_but_its_own() -> None:
    operations: list[Any] = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    tried = {(operation.method.upper(), operation.path) for operation in operations}
    assert {(route.method, route.path) for route in ROUTES} - tried == {("GET", "/api/openapi.json")}
    assert {route.needs for route in ROUTES} == set(Needs)
