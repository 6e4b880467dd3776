"""The gate of the emulator, as an ASGI application around it: who may send a request, and what it can reach.

The emulator takes any request of anybody who reaches its port, and runs what it is given. Behind the gate
1. a web page reaches nothing: no foreign Host, no Origin, no WebSocket;
2. AWS calls need a signature made with this run's random secret, which only our own processes know;
3. what front.py forwards (it proves itself by a random word) reaches the API and nothing else of the emulator.
It decides on the request alone and knows the emulator by its addresses only. gated_emulator.py puts it in place.
"""

from __future__ import annotations

import contextlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lastseen_cli.local import browsers, sigv4

FRONT_WORD_VARIABLE = "LASTSEEN_FRONT_WORD"
FRONT_HEADER = b"x-lastseen-front"  # the random word of the front
API_HEADER = b"x-lastseen-api"  # the id of the API that it serves
API_PREFIX = "/_aws/execute-api/{api}/$default"
"""The emulator's address of an API by path. What begins with it cannot be taken for an address of its own."""

OPTIONS_ALIAS = "LASTSEEN-OPTIONS"
"""How OPTIONS is called on its way to the API: by its own name, the emulator would answer it. See gated_emulator.py."""

signed_by: ContextVar[str] = ContextVar("signed_by", default="")
"""The access key id that the current request to the API is verifiably signed with; "" if it is not."""

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Gate:
    """An ASGI application that lets through to `app` what may pass.

    `checks_strangers`: the emulator itself checks the signatures of keys that are not ours (its IAM is on).
    """

    app: App
    front_word: str = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)
    checks_strangers: bool
    clock: Callable[[], datetime]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif self._is_front(scope):
            await self._to_the_api(scope, receive, send)
        else:
            await self._to_aws(scope, receive, send)

    def _is_front(self, scope: Scope) -> bool:
        word = _header(scope, FRONT_HEADER)
        return bool(word) and hmac.compare_digest(word, self.front_word.encode())

    async def _to_the_api(self, scope: Scope, receive: Receive, send: Send) -> None:
        if sigv4.is_signed(scope["headers"]):
            body = await _whole(receive)
            receive = _again(body, receive)
            with contextlib.suppress(sigv4.SignatureError):  # as on AWS: only routes that need a signature refuse it
                signed_by.set(sigv4.verify(_request(scope, body), self.secrets, self.clock()))
        await self.app(_addressed_to_the_api(scope), receive, send)

    async def _to_aws(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        if browsers.foreign_host(headers) or browsers.from_a_page(headers):
            await refuse(send, "This is the AWS emulator of `lastseen local`. Web pages may not call it.")
            return
        body = await _whole(receive)
        request = _request(scope, body)
        try:
            if not (self.checks_strangers and sigv4.key_id(request) not in self.secrets):
                sigv4.verify(request, self.secrets, self.clock())
        except sigv4.SignatureError as error:
            await refuse(send, f"This is the AWS emulator of `lastseen local`, and this request may not pass: {error}.")
            return
        await self.app(scope, _again(body, receive), send)


async def refuse(send: Send, words: str) -> None:
    """Answer 403 in a form that AWS's SDKs show."""
    body = json.dumps({"__type": "AccessDeniedException", "message": words}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _addressed_to_the_api(scope: Scope) -> Scope:
    """Return the request as one to the API by its path, so that nothing else of the emulator can answer it."""
    prefix = API_PREFIX.format(api=_header(scope, API_HEADER).decode("latin-1"))
    return {
        **scope,
        "method": OPTIONS_ALIAS if scope["method"] == "OPTIONS" else scope["method"],
        "path": prefix + scope["path"],
        "raw_path": prefix.encode() + scope["raw_path"],
        "headers": [(name, value) for name, value in scope["headers"] if name not in {FRONT_HEADER, API_HEADER}],
    }


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((bytes(value) for name, value in scope["headers"] if name == wanted), b"")


def _request(scope: Scope, body: bytes) -> sigv4.Request:
    return sigv4.Request(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=tuple(scope["headers"]),
        body=body,
    )


async def _whole(receive: Receive) -> bytes:
    """Read a body: a signature covers all of it."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body once more, and then what else comes."""
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def first_the_body() -> Any:
        return unread.pop() if unread else await receive()

    return first_the_body
