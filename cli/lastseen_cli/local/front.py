"""A plain loopback URL for the deployed API: forwards every request to the letter and reports what it saw.

API Gateway knows an API by its host name, which does not resolve on a developer's machine. This front listens on a port
of the user's choice and forwards to that API, and to nothing else of the emulator (gate.py sees to that). It parses and
writes HTTP with h11 (through Hypercorn and httpcore) and changes nothing: method, raw path, query, headers and body
pass as they came. It refuses what a local server must refuse and a public one need not: host names of strangers.
Cross-origin calls pass as they do on AWS, since the functions decide about them.
Never here: anything that API Gateway or the functions should do.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import httpcore
from hypercorn.asyncio import serve
from hypercorn.config import Config

from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.local import browsers
from lastseen_cli.local.gate import API_HEADER, FRONT_HEADER

HOST = "127.0.0.1"
READY_SECONDS = 10.0
ANSWER_SECONDS = 35.0  # API Gateway gives up after 30
CONNECT_SECONDS = 5.0
IDLE_SECONDS = 30.0  # less than the 75 that the emulator keeps an idle connection, so we never reuse a dead one
MAX_CONNECTIONS = 100
MAX_PORT = 65535
PORTS_TRIED = 100
# Headers that belong to one connection and not to the message (RFC 9110, 7.6.1). Transfer-Encoding is kept on the way
# in: it says that the body is chunked, and h11 chunks it again.
HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade"})
# We have answered `Expect: 100-continue` ourselves, and say ourselves who we are.
NOT_FORWARDED = HOP_BY_HOP | {b"expect", FRONT_HEADER, API_HEADER}
NOT_RETURNED = HOP_BY_HOP | {b"transfer-encoding"}

NO_ANSWER = "Lastseen's emulator does not answer ({error}). Nothing was recorded; send it again.\n"
NO_WEBSOCKET = "There are no WebSockets here. Send plain HTTP requests.\n"
FOREIGN_HOST = (
    "This is `lastseen local`. It does not answer to the host {host}, since any web page could use such a name. "
    "Its address is {url}\n"
)

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that passed, and how it was answered. `seconds`: from its arrival to the answer's last byte."""

    method: str
    path: str
    status: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where to forward to: a port on loopback and the API there, over TLS if `tls` is given.

    `word` proves to the emulator's gate that a request comes from this front.
    """

    port: int
    api: str
    word: str = field(repr=False)
    tls: ssl.SSLContext | None = None


def listen(port: int) -> socket.socket:
    """Take the port at once, so that a taken one is reported before minutes are spent. Port 0 picks a free one."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        taken.bind((HOST, port))
        taken.listen(socket.SOMAXCONN)
    except OSError as error:
        taken.close()
        raise UsageError(
            f"Port {port} cannot be used ({error.strerror}). Another program may be listening there: choose a free one "
            f"with --port, for example --port {_free_port(port)}."
        ) from error
    return taken


def _free_port(taken: int) -> int:
    """Return a port above one that is taken, free for us and with a free one above it, for the outbox; else 0."""
    for port in range(taken + 1, min(taken + PORTS_TRIED, MAX_PORT)):
        if _is_free(port) and _is_free(port + 1):
            return port
    return 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def url_of(listening: socket.socket) -> str:
    """Return the base of every URL of what listens there, without a final slash."""
    return f"http://{HOST}:{listening.getsockname()[1]}"


class Front:
    """Serves on a listening socket in a thread of its own until closed."""

    def __init__(self, listening: socket.socket, upstream: Upstream, on_seen: Callable[[Seen], None]) -> None:
        self._listening = listening
        self._url = url_of(listening)
        self._upstream = upstream
        self._on_seen = on_seen
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="front", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(READY_SECONDS):
            raise CliError("The local front did not start. Run the command again; if it stays so, report it.")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(READY_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        config = Config()
        config.bind = [f"fd://{self._listening.detach()}"]
        self._loop.run_until_complete(self._serve(config))
        self._loop.close()

    async def _serve(self, config: Config) -> None:
        config.include_date_header = False
        config.include_server_header = False
        config.accesslog = None
        config.errorlog = None
        config.graceful_timeout = 1.0
        config.keep_alive_timeout = 75.0
        async with httpcore.AsyncConnectionPool(
            ssl_context=self._upstream.tls, max_connections=MAX_CONNECTIONS, keepalive_expiry=IDLE_SECONDS
        ) as pool:
            await serve(self._app(pool), config, shutdown_trigger=self._stop.wait)

    def _app(self, pool: httpcore.AsyncConnectionPool) -> Callable[..., Awaitable[None]]:
        async def app(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
            if scope["type"] == "lifespan":
                await self._live(receive, send)
            elif scope["type"] == "websocket":
                await _refuse_websocket(scope, receive, send)
            elif host := browsers.foreign_host(scope["headers"]):
                await _answer(send, 421, FOREIGN_HOST.format(host=ascii(host), url=self._url))
            else:
                await self._forward(pool, scope, receive, send)

        return app

    async def _live(self, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        self._started.set()
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _forward(
        self,
        pool: httpcore.AsyncConnectionPool,
        scope: dict[str, Any],
        receive: Callable[[], Any],
        send: Callable[[Any], Any],
    ) -> None:
        began = time.monotonic()
        try:
            response = await pool.handle_async_request(self._request(scope, receive))
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            status = 502
            await _answer(send, status, NO_ANSWER.format(error=type(error).__name__))
        else:
            status = await _return(response, send)
        self._on_seen(Seen(scope["method"], scope["path"], status, time.monotonic() - began))

    def _request(self, scope: dict[str, Any], receive: Callable[[], Any]) -> httpcore.Request:
        headers: list[Header] = [(name, value) for name, value in scope["headers"] if name not in NOT_FORWARDED]
        has_body = any(name in {b"content-length", b"transfer-encoding"} for name, _ in headers)
        host = [] if any(name == b"host" for name, _ in headers) else [(b"host", HOST.encode())]  # HTTP/1.0
        word, api = self._upstream.word, self._upstream.api
        query: bytes = scope["query_string"]
        target: bytes = scope["raw_path"] + (b"?" + query if query else b"")
        return httpcore.Request(
            scope["method"],
            httpcore.URL(
                scheme=b"https" if self._upstream.tls else b"http",
                host=HOST.encode(),
                port=self._upstream.port,
                target=target,
            ),
            headers=[*host, (FRONT_HEADER, word.encode()), (API_HEADER, api.encode()), *headers],
            content=_body(receive) if has_body else None,
            extensions={"timeout": {"connect": CONNECT_SECONDS, "read": ANSWER_SECONDS, "write": ANSWER_SECONDS}},
        )


async def _body(receive: Callable[[], Any]) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)
        if body := message.get("body", b""):
            yield body


async def _return(response: httpcore.Response, send: Callable[[Any], Any]) -> int:
    try:
        headers = [(name.lower(), value) for name, value in response.headers if name.lower() not in NOT_RETURNED]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        async for part in response.aiter_stream():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        await response.aclose()
    return response.status


async def _refuse_websocket(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        await _answer(send, 400, NO_WEBSOCKET, kind="websocket.http.response")
    else:
        await send({"type": "websocket.close", "code": 1008})


async def _answer(send: Callable[[Any], Any], status: int, words: str, *, kind: str = "http.response") -> None:
    body = words.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
