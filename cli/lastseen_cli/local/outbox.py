"""The outbox: a page on loopback with each alert as the mail it would be, for those who do not watch the terminal.

What it shows has gone the whole way to a subscriber (inbox.py). A job's name and output are foreign text: they are
escaped, and the page may load and run nothing.
"""

from __future__ import annotations

import contextlib
import html
import json
import threading
from collections import deque
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from lastseen_cli.local import browsers
from lastseen_cli.local.inbox import Notice

HOST = "127.0.0.1"
KEPT = 200
"""Alerts on the page; older ones fall off."""

REFRESH_SECONDS = 5
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; }
header p { margin: 0 0 1.5rem; opacity: .7; }
article { border: 1px solid #8884; border-left: 5px solid #b3261e; border-radius: 6px; margin: 0 0 1rem; }
article.up { border-left-color: #2e7d32; }
article.other { border-left-color: #8888; }
h2 { font-size: 1rem; margin: 0; padding: .7rem 1rem 0; overflow-wrap: anywhere; }
article p { margin: 0; padding: 0 1rem; font-size: .85rem; opacity: .7; }
pre { margin: 0; padding: .7rem 1rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
"""


class Outbox:
    """Serves the page in a thread of its own until closed."""

    def __init__(self, port: int) -> None:
        """Listen on a port, or on a free one if it is taken."""
        self._sent: deque[tuple[datetime, Notice]] = deque(maxlen=KEPT)
        handler = _handler(self)
        try:
            self._server = ThreadingHTTPServer((HOST, port), handler)
        except (OSError, OverflowError):
            self._server = ThreadingHTTPServer((HOST, 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="outbox", daemon=True)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, notice: Notice, *, at: datetime) -> None:
        """Show an alert."""
        self._sent.appendleft((at, notice))

    def page(self) -> str:
        """Return the page, newest alert first."""
        mails = "".join(_mail(at, notice) for at, notice in list(self._sent))
        head = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Outbox of Lastseen</title>'
            '<meta name="viewport" content="width=device-width">'
            f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}"><style>{STYLE}</style>'
        )
        words = "What people would be mailed, newest first. No mail is sent from here."
        main = mails or "<p>Nothing yet. Let a job fail.</p>"
        return f"{head}<header><h1>Outbox</h1><p>{words}</p></header><main>{main}</main>"

    def document(self) -> list[dict[str, Any]]:
        """Return the alerts as programs read them, newest first."""
        return [
            {"at": at.isoformat(), "subject": one.subject, "event": dict(one.event)} for at, one in list(self._sent)
        ]


def _mail(at: datetime, notice: Notice) -> str:
    status = str(notice.event.get("status", "other"))
    kind = status if status in {"up", "down"} else "other"
    text = html.escape(str(notice.event.get("text", "")).strip())
    subject = html.escape(notice.subject)
    return f'<article class="{kind}"><h2>{subject}</h2><p>{at:%Y-%m-%d %H:%M:%S}</p><pre>{text}</pre></article>'


def _handler(outbox: Outbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()]
            if browsers.foreign_host(headers) or browsers.from_a_foreign_page(headers):
                self._answer(403, "text/plain; charset=utf-8", f"Web pages of others cannot read {outbox.url}\n")
            elif self.path == "/":
                self._answer(200, "text/html; charset=utf-8", outbox.page())
            elif self.path == "/outbox.json":
                self._answer(200, "application/json", json.dumps(outbox.document(), ensure_ascii=False))
            else:
                self._answer(404, "text/plain; charset=utf-8", "There is / and /outbox.json.\n")

        def _answer(self, status: int, content_type: str, text: str) -> None:
            body = text.encode()
            with contextlib.suppress(ConnectionError):
                self.send_response(status)
                for name, value in {**HEADERS, "Content-Type": content_type, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the terminal is for pings and alerts."""

    return Handler
