"""AWS as moto plays it, on loopback: for what speaks to AWS over the wire. Inside `mock_aws` it has the same tables."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

FAILED = "500 Internal Server Error"
TEXT = [("Content-Type", "text/plain")]


@dataclass(slots=True)
class MotoServer:
    """Answers calls one at a time, for moto's tables, unlike DynamoDB's, are not made for threads."""

    url: str = ""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)  # operations that are done, but whose first answer never comes
    lock: threading.Lock = field(default_factory=threading.Lock)
    app: Any = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))

    @property
    def calls(self) -> list[str]:
        """The operations that were asked for, in their order."""
        return [operation for operation, _ in self.asked]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        operation = environ["HTTP_X_AMZ_TARGET"].partition(".")[2]
        with self.lock:
            self.asked.append((operation, json.loads(body)))
            if operation not in self.lost:
                return list(self.app(environ, start_response))
            self.lost.remove(operation)
            list(self.app(environ, lambda *_: None))
        start_response(FAILED, TEXT)
        return [b"lost"]


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def running() -> Iterator[MotoServer]:
    """Answer for the length of the block."""
    moto = MotoServer()
    server = make_server("127.0.0.1", 0, moto, threaded=True, request_handler=_Quiet)
    moto.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield moto
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
