"""The emulator's gate around an application that keeps what passed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from lastseen_cli.local.gate import Gate, signed_by
from tests.cli.local.test_sigv4 import SECRETS, now, signed

WORD = "a random word"
FRONT = ((b"x-lastseen-front", WORD.encode()), (b"x-lastseen-api", b"abcd1234"), (b"host", b"127.0.0.1:8000"))


@dataclass
class Behind:
    """What is behind the gate: keeps each request and its body."""

    scopes: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    signers: list[str] = field(default_factory=list)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        self.bodies.append((await receive())["body"])
        self.signers.append(signed_by.get())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def behind() -> Behind:
    return Behind()


def ask(behind: Behind, scope: dict[str, Any], body: bytes = b"", *, checks_strangers: bool = False) -> list[Any]:
    """Send a request to the gate, its body in two parts; return what it sends."""
    gate = Gate(behind, front_word=WORD, secrets=SECRETS, checks_strangers=checks_strangers, clock=now)
    come = [
        {"type": "http.request", "body": body[4:], "more_body": False},
        {"type": "http.request", "body": body[:4], "more_body": True},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return come.pop()

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(gate(scope, receive, send))
    return sent


def http(method: str = "GET", path: str = "/", headers: tuple[tuple[bytes, bytes], ...] = ()) -> dict[str, Any]:
    raw = path.encode()
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": raw,
        "query_string": b"",
        "headers": list(headers),
    }


def of(path: str = "/", **more: Any) -> tuple[dict[str, Any], bytes]:
    """Return a signed AWS call."""
    request = signed("POST", f"http://127.0.0.1:4566{path}", service="dynamodb", **more)
    return http("POST", path, request.headers), request.body


def test_an_aws_call_with_our_signature_passes_whole(behind: Behind) -> None:
    scope, body = of()
    assert ask(behind, scope, body)[0]["status"] == 200
    assert behind.bodies == [body]
    assert behind.scopes == [scope]


@pytest.mark.parametrize(
    "extra",
    [
        (b"origin", b"http://evil.example"),
        (b"origin", b"null"),
        (b"sec-fetch-site", b"cross-site"),
        (b"sec-fetch-site", b"same-origin"),
        (b"sec-fetch-site", b"none"),
        (b"host", b"evil.example"),
    ],
)
def test_a_browsers_call_is_refused_even_if_signed(behind: Behind, extra: tuple[bytes, bytes]) -> None:
    scope, body = of()
    sent = ask(behind, {**scope, "headers": [*scope["headers"], extra]}, body)
    assert sent[0]["status"] == 403
    assert not behind.scopes


@pytest.mark.parametrize("path", ["/", "/_ministack/reset", "/_ministack/health", "/health", "/2015-03-31/functions"])
def test_a_call_without_a_valid_signature_is_refused(behind: Behind, path: str) -> None:
    assert ask(behind, http("POST", path))[0]["status"] == 403
    scope, body = of(path, secret="test")
    assert ask(behind, scope, body)[0]["status"] == 403
    assert not behind.scopes


def test_a_stranger_is_left_to_the_emulator_only_where_it_checks(behind: Behind) -> None:
    scope, body = of()
    stranger = [(name, value.replace(b"=test/", b"=ASIA1/")) for name, value in scope["headers"]]
    assert ask(behind, {**scope, "headers": stranger}, body)[0]["status"] == 403
    assert ask(behind, {**scope, "headers": stranger}, body, checks_strangers=True)[0]["status"] == 200
    scope, body = of(secret="test")  # a key of ours is checked here all the same: the emulator would not
    assert ask(behind, scope, body, checks_strangers=True)[0]["status"] == 403


@pytest.mark.parametrize("path", ["/ping/x", "/_ministack/reset", "/health", "/2015-03-31/functions", "//_aws/x", "/"])
def test_what_the_front_forwards_can_only_reach_the_api(behind: Behind, path: str) -> None:
    ask(behind, http("POST", path, FRONT), b"body")
    [scope] = behind.scopes
    assert scope["path"] == f"/_aws/execute-api/abcd1234/$default{path}"
    assert scope["raw_path"] == scope["path"].encode()
    assert scope["headers"] == [(b"host", b"127.0.0.1:8000")]


def test_a_guessed_word_is_no_front(behind: Behind) -> None:
    for word in (b"", b"guess", WORD.encode() + b"x"):
        assert ask(behind, http(headers=((b"x-lastseen-front", word), *FRONT[1:])))[0]["status"] == 403
    assert not behind.scopes


def test_a_signed_request_to_the_api_says_by_whom_and_a_forged_one_does_not(behind: Behind) -> None:
    good = signed("POST", "http://127.0.0.1:8000/iam/keys/")
    forged = signed("POST", "http://127.0.0.1:8000/iam/keys/", secret="test")
    for request in (good, forged):
        headers = (*FRONT[:2], *request.headers)
        assert ask(behind, http("POST", "/iam/keys/", headers), request.body)[0]["status"] == 200
    assert behind.signers == ["test", ""]
    assert behind.bodies == [good.body, forged.body]


def test_options_goes_to_the_api_under_another_name(behind: Behind) -> None:
    ask(behind, http("OPTIONS", "/api/v3/checks/", (*FRONT, (b"origin", b"https://app.example.com"))))
    assert behind.scopes[0]["method"] == "LASTSEEN-OPTIONS"


def test_a_websocket_is_closed(behind: Behind) -> None:
    assert ask(behind, {"type": "websocket", "headers": list(FRONT)}) == [{"type": "websocket.close", "code": 1008}]
    assert not behind.scopes
