"""A receiver of pings on loopback that can misbehave: what the monitor may be like when a job runs."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

KEY = "pingkeypingkeypingkey1"
UUID = "0d9c3a52-4a5c-4c3f-9c58-7f1a3f0e6b11"
MUTE_SECONDS = 60.0
type_of_uuid = re.compile(r"[0-9a-f-]{36}")

Mode = int | str
"""An HTTP status, "mute" (never answers), "drip" (a byte at a time), "cut" (hangs up), "away" (nobody listens)."""


@dataclass(frozen=True, slots=True)
class Ping:
    """One request: `check` is its slug or UUID, `signal` what it says of it ("success" where the URL says nothing)."""

    method: str
    check: str
    signal: str
    query: dict[str, str]
    body: bytes

    @property
    def rid(self) -> str:
        return self.query.get("rid", "")


@dataclass
class Receiver:
    """What came in, in order. `modes`: one for all requests, or one for each in turn, the last one staying."""

    modes: list[Mode]
    answer: bytes = b"OK"
    port: int = 0
    pings: list[Ping] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def signals(self) -> list[str]:
        return [ping.signal for ping in self.pings]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ping"

    @property
    def environment(self) -> dict[str, str]:
        return {"LASTSEEN_PING_URL": self.url, "LASTSEEN_PING_KEY": KEY}

    def secrets_in(self, *texts: bytes | str) -> list[str]:
        """What of the URL, the key and a UUID the texts give away."""
        said = b"\n".join(text.encode() if isinstance(text, str) else text for text in texts)
        return [secret for secret in (KEY, UUID, f":{self.port}", "/ping/") if secret.encode() in said]

    def keep(self, method: str, target: str, body: bytes) -> Mode:
        url = urlsplit(target)
        parts = url.path.strip("/").split("/")[1:]
        if not type_of_uuid.fullmatch(parts[0]):
            assert parts.pop(0) == KEY
        signal = parts[1] if len(parts) > 1 else "success"
        self.pings.append(Ping(method, parts[0], signal, dict(parse_qsl(url.query)), body))
        return self.modes.pop(0) if len(self.modes) > 1 else self.modes[0]


class Handler(BaseHTTPRequestHandler):
    """Takes any method, with a length or in chunks."""

    receiver: Receiver

    def take(self) -> None:
        mode = self.receiver.keep(self.command, self.path, self._body())
        if mode == "mute":
            self.receiver.over.wait(MUTE_SECONDS)
        elif mode == "drip":
            self._drip()
        elif mode != "cut":
            self.send_response(int(mode))
            self.send_header("Content-Length", str(len(self.receiver.answer)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(self.receiver.answer)

    do_GET = do_HEAD = do_POST = do_PUT = take  # noqa: N815 - http.server's names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _drip(self) -> None:
        try:
            for char in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 400:
                self.wfile.write(bytes([char]))
                if self.receiver.over.wait(0.05):
                    return
        except OSError:
            return  # the client gave up, as it must

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Keep quiet: clients hang up in the middle, as they may."""


def unused_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port: int = closed.getsockname()[1]
    return port


@contextmanager
def receiving(*modes: Mode, answer: bytes = b"OK") -> Iterator[Receiver]:
    receiver = Receiver(list(modes) or [200], answer=answer)
    if receiver.modes == ["away"]:
        receiver.port = unused_port()
        yield receiver
        return
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"receiver": receiver}))
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
