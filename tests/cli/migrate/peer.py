"""A made-up Healthchecks on loopback: its management API, as far as a move asks it, in its exact form."""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

WRITE_KEY, READ_KEY = "hcw_9mQ2vT7xKc4LpR8sYbN3", "hcr_4Zt6uWq1XfH9dJ2kMsB7"
PING_BASE = "https://hc-ping.com"
ONLY_WRITE = ("uuid", "ping_url", "update_url", "pause_url", "resume_url", "channels")
OPS, PHONE, UNNAMED = (
    {"id": "4ec5a071-2d08-4baa-898a-eb4eb3cd6941", "name": "Ops", "kind": "email"},
    {"id": "746a083e-f542-4554-be1a-707ce16d3acc", "name": "On call", "kind": "call"},
    {"id": "21d55f76-6aef-4f46-9a4f-eb4eb3cd6942", "name": "", "kind": "slack"},
)


def document(uuid: str, **fields: Any) -> dict[str, Any]:
    """Return a check as a read-write key of API v3 sees it; `schedule=` makes it one of cron or OnCalendar."""
    api = f"https://healthchecks.io/api/v3/checks/{uuid}"
    shown: dict[str, Any] = {
        "name": "",
        "slug": "",
        "tags": "",
        "desc": "",
        "grace": 3600,
        "n_pings": 0,
        "status": "new",
        "started": False,
        "last_ping": None,
        "next_ping": None,
        "manual_resume": False,
        "methods": "",
        "subject": "",
        "subject_fail": "",
        "start_kw": "",
        "success_kw": "",
        "failure_kw": "",
        "filter_subject": False,
        "filter_body": False,
        "filter_http_body": False,
        "filter_default_fail": False,
        "badge_url": "https://healthchecks.io/b/2/8ab53a6c-d5ab-4c9a-9f2d-1b3e0e3d9d0f.svg",
        "uuid": uuid,
        "ping_url": f"{PING_BASE}/{uuid}",
        "update_url": api,
        "pause_url": f"{api}/pause",
        "resume_url": f"{api}/resume",
        "channels": "",
    }
    timing = {"schedule": fields.pop("schedule"), "tz": fields.pop("tz", "UTC")} if "schedule" in fields else {}
    return shown | (timing or {"timeout": 86400}) | fields


def as_read_only(check: dict[str, Any]) -> dict[str, Any]:
    """Return a check as a read-only key sees it."""
    digest = hashlib.sha1(check["uuid"].replace("-", "")[:16].encode(), usedforsecurity=False).hexdigest()
    return {name: value for name, value in check.items() if name not in ONLY_WRITE} | {"unique_key": digest}


def project(count: int) -> list[dict[str, Any]]:
    """Return the checks of a project as people have them, always the same ones."""
    drawn = random.Random(200)  # noqa: S311 - test data
    schedules = ("0 3 * * *", "*/15 8-18 * * 1-5", "30 2 1 * *", "daily", "Mon..Fri 09:00:00", "0 0 * * SUN#1")
    zones = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Europe/Kiev")
    checks = []
    for number in range(count):
        name = f"{drawn.choice(['Backup', 'Büro-Report', 'Import “CSV”', 'queue worker'])} {number:03}"
        fields: dict[str, Any] = {
            "name": name,
            "slug": f"job-{number:03}" if number % 5 else "",
            "tags": drawn.choice(["", "prod", "prod db", "host:web-1 nightly"]),
            "desc": drawn.choice(["", "Call Ada.\n\n* restart it\n* look at the log", "<b>no markup</b>"]),
            "grace": drawn.choice([60, 300, 3600, 86400]),
            "n_pings": number,
            "status": drawn.choice(["new", "up", "up", "up", "grace", "down", "paused"]),
            "manual_resume": number % 7 == 0,
            "methods": "POST" if number % 11 == 0 else "",
            "channels": drawn.choice(["", OPS["id"], f"{OPS['id']},{PHONE['id']}"]),
        }
        if number % 3:
            fields |= {"schedule": drawn.choice(schedules), "tz": drawn.choice(zones)}
        else:
            fields["timeout"] = drawn.choice([60, 900, 3600, 604800, 31536000])
        if number % 10 == 0:
            fields |= {"filter_http_body": True, "success_kw": "done, finished", "failure_kw": "ERROR"}
        checks.append(document(str(UUID(int=drawn.getrandbits(128), version=4)), **fields))
    return checks


Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Peer:
    """What it holds, how often it was asked, and what it answers in place of that."""

    checks: list[dict[str, Any]]
    channels: list[dict[str, str]] = field(default_factory=lambda: [OPS, PHONE, UNNAMED])
    versions: tuple[str, ...] = ("v1", "v2", "v3")
    instead: Callable[[str], Answer] | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, key
    url: str = ""

    def answer(self, path: str, key: str) -> Answer:
        """Answer as Healthchecks does."""
        self.asked.append((path, key))
        if self.instead:
            return self.instead(path)
        _, api, version, resource, *rest = path.split("/")
        if api != "api" or version not in self.versions or rest != [""]:
            return 404, {"Content-Type": "text/html"}, b"<h1>Not Found</h1>"
        if key not in ({WRITE_KEY} if resource == "channels" else {WRITE_KEY, READ_KEY}):
            return as_json({"error": "wrong api key"}, 401)
        if resource == "channels":
            return as_json({"channels": self.channels})
        shown = self.checks if key == WRITE_KEY else [as_read_only(check) for check in self.checks]
        return as_json({"checks": shown})


def as_json(shown: object, status: int = 200) -> Answer:
    """Return an answer of JSON."""
    return status, {"Content-Type": "application/json"}, json.dumps(shown).encode()


@contextmanager
def serving(peer: Peer) -> Iterator[Peer]:
    """Serve it for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = peer.answer(self.path, self.headers.get("X-Api-Key", ""))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        peer.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield peer
        finally:
            server.shutdown()
            thread.join()
