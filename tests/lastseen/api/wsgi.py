"""The API over HTTP in this process: WSGI in, events of the HTTP API out; for clients that want a URL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from tests.lastseen.api.world import World, event_of

Start = Callable[[str, list[tuple[str, str]]], Any]


def application(world: World) -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    """Return a WSGI application. As the gateway does, it lets only signed requests through to /iam."""

    def app(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
        }
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        path = path.replace("?", "%3F")  # it came so: else it would begin the query
        signed = path.startswith("/iam/") and headers.get("authorization", "").startswith("AWS4-HMAC-SHA256")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        target = f"{path}?{environ.get('QUERY_STRING', '')}"
        reply = world.answered(event_of(environ["REQUEST_METHOD"], target, body, headers, signed=signed))
        status = HTTPStatus(reply.status)
        start(f"{status.value} {status.phrase}", [*reply.headers.items(), ("content-length", str(len(reply.body)))])
        return [reply.body]

    return app


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(world: World) -> Iterator[str]:
    """Serve a world for the length of the block; give its base URL."""
    with make_server("127.0.0.1", 0, application(world), handler_class=_Silent) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
