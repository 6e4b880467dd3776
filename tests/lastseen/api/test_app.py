"""What every route has in common: keys, versions, methods, CORS, slashes, bodies that are none."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from lastseen.api import app
from lastseen.api.calls import API, Needs
from lastseen.api.routes import ROUTES
from lastseen.core.keys import Scope
from lastseen.storage.errors import BusyError, FullError
from tests.lastseen.api.world import ID, World, event_of

LISTS = ["/api/v1/checks", "/api/v2/checks/", "/api/v3/checks", "/api/v3/checks/"]


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_answered_with_and_without_a_final_slash(world: World, path: str) -> None:
    assert world.get(path).json() == {"checks": []}


def test_a_version_that_is_none_is_told_the_newest(world: World) -> None:
    reply = world.get("/api/v4/checks/")
    assert reply.status == 404
    assert reply.error == "there is no version 4 of this API; the newest is v3"


def test_no_key_is_401_and_says_where_it_goes(world: World) -> None:
    reply = world.get("/api/v3/checks/", key=None)
    assert reply.status == 401
    assert reply.error == "missing api key: send it in the header X-Api-Key"


@pytest.mark.parametrize("word", ["x" * 32, "é", "lsw_", "0" * 5000])
def test_a_wrong_key_is_401(world: World, word: str) -> None:
    reply = world.get("/api/v3/checks/", key=word)
    assert (reply.status, reply.error) == (401, "wrong api key")


def test_a_ping_key_opens_nothing(world: World) -> None:
    reply = world.get("/api/v3/checks/", key=world.key(Scope.PING))
    assert reply.status == 401
    assert "ping key" in reply.error


def test_a_read_only_key_may_not_write(world: World) -> None:
    reply = world.post("/api/v3/checks/", {"name": "x"}, key=world.read)
    assert (reply.status, reply.error) == (401, "wrong api key: this key is read-only")
    assert world.store.checks == {}


def test_a_key_is_taken_from_a_bearer_header(world: World) -> None:
    headers = {"authorization": f"Bearer {world.read}"}
    assert world.get("/api/v3/checks/", key=None, headers=headers).status == 200


def test_a_key_is_taken_from_the_body_of_a_write(world: World) -> None:
    assert world.post("/api/v3/checks/", {"name": "x", "api_key": world.write}, key=None).status == 201


def test_the_headers_key_wins_over_the_bodys(world: World) -> None:
    assert world.post("/api/v3/checks/", {"name": "x", "api_key": world.write}, key="wrong").status == 401


def test_a_read_takes_no_key_from_body_or_query(world: World) -> None:
    target = f"/api/v3/checks/?api_key={world.read}"
    assert world.send("GET", target, {"api_key": world.read}, key=None).status == 401


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"{", b"[" * 100_000, b'{"api_key": 1}', b"\xff\xfe", b"1" * 5000])
def test_a_body_that_bears_no_key_is_401_and_no_fault(world: World, body: bytes) -> None:
    assert world.post("/api/v3/checks/", body, key=None).status == 401


def test_the_use_of_a_key_is_noted_at_most_hourly(world: World) -> None:
    noted: list[str] = []
    world.store.hook = lambda call, when: noted.append(call) if (call, when) == ("put_setting", "after") else None
    for _ in range(3):
        world.get("/api/v3/checks/")
    assert noted == ["put_setting"]


def test_a_key_that_is_revoked_meanwhile_is_not_brought_back(world: World) -> None:
    def revoke(call: str, when: str) -> None:
        if (call, when) == ("setting", "after"):
            world.store.documents.clear()

    world.store.hook = revoke
    assert world.get("/api/v3/checks/").status == 200
    assert world.store.documents == {}


@pytest.mark.parametrize("origin", [{}, {"origin": "https://dashboard.example.com"}])
def test_preflight_needs_no_key_and_names_the_methods(world: World, origin: dict[str, str]) -> None:
    reply = world.send("OPTIONS", "/api/v3/checks/", key=None, headers=origin)
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["access-control-allow-methods"] == "GET, POST, HEAD, OPTIONS"
    assert "X-Api-Key" in reply.headers["access-control-allow-headers"]


def test_every_answer_that_another_site_may_read_names_the_methods(world: World) -> None:
    world.check()
    for target, status in ((f"/api/v3/checks/{ID}", 200), ("/api/v3/checks/nothing", 404), ("/api/v4/checks/x", 404)):
        reply = world.get(target)
        assert reply.status == status
        assert reply.headers["access-control-allow-methods"] == "GET, POST, DELETE, HEAD, OPTIONS"
    assert world.get("/api/v3/checks/", key=None).headers["access-control-allow-methods"] == "GET, POST, HEAD, OPTIONS"


def test_a_key_is_sought_in_no_body_that_is_too_large(world: World) -> None:
    body = json.dumps({"api_key": world.write, "desc": "x" * 100_000}).encode()
    reply = world.post("/api/v3/checks/", body, key=None)
    assert (reply.status, reply.error) == (400, f"body: at most 100000 bytes, this one has {len(body)}")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "QUERY", "FOO"])
def test_another_method_is_405_with_the_right_ones_and_cors(world: World, method: str) -> None:
    reply = world.send(method, "/api/v3/checks/")
    assert reply.status == 405
    assert reply.error == "method not allowed: use GET, POST, HEAD, OPTIONS"
    assert reply.headers["allow"] == "GET, POST, HEAD, OPTIONS"
    assert reply.headers["access-control-allow-origin"] == "*"


def test_head_is_get_without_the_body(world: World) -> None:
    world.check()
    reply = world.send("HEAD", f"/api/v3/checks/{ID}")
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize("status_of", ["/api/v3/checks/", "/api/v3/nothing", "/api/v3/checks/unknown"])
def test_every_answer_lets_browsers_read_it_and_is_kept_nowhere(world: World, status_of: str) -> None:
    reply = world.get(status_of)
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-type"] == "application/json"


def test_a_path_that_is_none_is_404_in_words(world: World) -> None:
    reply = world.get("/api/v3/nothing")
    assert (reply.status, reply.error) == (404, "not found: there is no such path")


def test_a_signed_request_reaches_the_project_that_it_names(world: World) -> None:
    world.post("/iam/projects/", {"name": "shop"}, key=None, signed=True)
    assert world.post("/iam/checks/?project=shop", {"name": "x"}, key=None, signed=True).status == 201
    (check,) = world.store.checks.values()
    assert check.project == "shop"


def test_a_signed_request_is_of_the_default_project_else(world: World) -> None:
    assert world.post("/iam/checks/", {"name": "x"}, key=None, signed=True).status == 201
    assert [each["name"] for each in world.get("/api/v3/checks/").json()["checks"]] == ["x"]


def test_a_signed_request_to_a_project_that_is_not_there_is_told_how_to_make_it(world: World) -> None:
    reply = world.get("/iam/checks/?project=shop", key=None, signed=True)
    assert reply.status == 404
    assert reply.error == "there is no project shop: make it with `lastseen projects create shop`"


def test_a_project_name_that_is_none_is_400(world: World) -> None:
    reply = world.get("/iam/checks/?project=_lastseen", key=None, signed=True)
    assert reply.status == 400
    assert reply.error == "project may hold a-z, 0-9 and hyphens only, and begins with a letter or digit"


def test_a_signed_path_is_shut_without_the_gateways_word(world: World) -> None:
    for route in ROUTES:
        if route.needs in {Needs.READ, Needs.WRITE} and route.path.startswith(API):
            path = route.path.replace("/api/v{version}", "/iam").replace("{key}", ID)
            assert world.send(route.method, path).status == 401, path


def test_every_route_that_needs_a_key_is_shut_without_one(world: World) -> None:
    for route in ROUTES:
        if route.needs is not Needs.NOTHING:
            path = route.path.replace("{version}", "3").replace("{key}", ID)
            assert world.send(route.method, path, key=None).status == 401, path


LAMBDA_LIMIT = 6_291_556
"""Bytes that Lambda takes as a function's answer, written as its runtime writes it."""

WIDE = '\N{CJK UNIFIED IDEOGRAPH-6F22}"'
"""Two characters: one has three bytes, the other, a quotation mark inside JSON inside JSON, is written as four."""


def bytes_for_lambda(answer: dict[str, Any]) -> int:
    return len(json.dumps(answer, ensure_ascii=False).encode())


@pytest.fixture(scope="module")
def wide() -> World:
    """A project of checks whose descriptions have as many bytes as they may."""
    world = World()
    for number in range(600):
        world.check(id=str(UUID(int=number + 1)), slug=f"job-{number:03d}", about=WIDE * 2_000)
    return world


def answer_of(world: World, target: str, **headers: str) -> dict[str, Any]:
    event = event_of("GET", target, b"", {"x-api-key": world.read} | headers)
    return world.app.resolve(event, LambdaContext())


def test_an_answer_that_lambda_would_not_take_is_refused_in_words(wide: World) -> None:
    answer = answer_of(wide, "/api/v3/checks/")
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"]) == {
        "error": "this answer would be too large: accept gzip, or ask for pages with ?limit=500"
    }


def test_a_page_ends_early_where_lambda_would_not_take_all_of_it(wide: World) -> None:
    seen: list[str] = []
    query = "?limit=500"
    while query:
        answer = answer_of(wide, f"/api/v3/checks/{query}")
        assert answer["statusCode"] == 200
        assert bytes_for_lambda(answer) <= LAMBDA_LIMIT
        page = json.loads(answer["body"])
        seen += [check["slug"] for check in page["checks"]]
        query = f"?limit=500&cursor={page['next']}" if "next" in page else ""
    assert seen == [f"job-{number:03d}" for number in range(600)]


def test_an_answer_is_judged_as_it_is_sent(wide: World) -> None:
    answer = answer_of(wide, "/api/v3/checks/", **{"accept-encoding": "gzip"})
    assert (answer["statusCode"], answer["headers"]["Content-Encoding"]) == (200, "gzip")
    assert len(json.loads(gzip.decompress(base64.b64decode(answer["body"])))["checks"]) == 600


def test_an_answer_that_is_too_large_even_when_compressed_is_refused(
    wide: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "ANSWER_LIMIT_BYTES", 10_000)
    answer = answer_of(wide, "/api/v3/checks/", **{"accept-encoding": "gzip"})
    assert answer["statusCode"] == 400


def test_metrics_have_no_pages_to_ask_for(wide: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "ANSWER_LIMIT_BYTES", 10_000)
    assert json.loads(answer_of(wide, "/api/v3/metrics/")["body"]) == {
        "error": "this answer would be too large: accept gzip"
    }


THROTTLED = ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slow"}}, "GetItem")
CANCELED = ClientError(
    {
        "Error": {"Code": "TransactionCanceledException", "Message": "canceled"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "ThrottlingError"}],
    },
    "TransactWriteItems",
)


def raising(error: Exception) -> Callable[[str, str], None]:
    """Return a hook that makes every call of the store after the key's fail."""

    def fail(call: str, _when: str) -> None:
        if call not in {"setting", "put_setting"}:
            raise error

    return fail


@pytest.mark.parametrize("error", [THROTTLED, CANCELED, BusyError("DynamoDB leaves checks unread.")])
def test_what_aws_does_not_take_just_now_is_503_and_can_be_sent_again(world: World, error: Exception) -> None:
    world.store.hook = raising(error)
    for reply in (world.get("/api/v3/checks/"), world.post("/api/v3/checks/", {"name": "x"})):
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert reply.error


def test_what_aws_refuses_for_good_is_lambdas_to_count(world: World) -> None:
    error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Query")
    world.store.hook = raising(error)
    with pytest.raises(ClientError):
        world.get("/api/v3/checks/")


def test_a_slug_that_is_full_is_409_in_words(world: World) -> None:
    world.store.hook = raising(FullError("Too many checks share this slug for their descriptions to be kept."))
    reply = world.post("/api/v3/checks/", {"name": "x"})
    assert (reply.status, "share this slug" in reply.error) == (409, True)
