"""The API as a client sees it: requests in, replies out, through the real resolver over the store in memory."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from lastseen.alerting.alert import run
from lastseen.api.app import Deployment, build
from lastseen.core.check import Check, Ping, Status
from lastseen.core.history import Recorded
from lastseen.core.keys import Scope
from lastseen.core.limits import CHECKS_PER_PROJECT
from lastseen.core.machine import pinged
from lastseen.storage.documents import KEYS
from lastseen.storage.fresh import new_key
from tests.memory import MemoryStore, MemoryTopic, MemoryWakes
from tests.times import T0

ID = "5f0c2a4e-8d31-4b7a-9c15-1f2e3d4c5b6a"
OTHER_ID = "a1b2c3d4-0000-4000-8000-00000000abcd"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return str(self.json()["error"])


@dataclass
class World:
    """A deployment with one project's keys, whose clock stands still until it is set."""

    store: MemoryStore = field(default_factory=MemoryStore)
    wakes: MemoryWakes = field(default_factory=MemoryWakes)
    topic: MemoryTopic = field(default_factory=MemoryTopic)
    now: datetime = T0

    waited: list[float] = field(default_factory=list)  # seconds that a request would have waited
    site: str = "https://example.org"
    allow_private_targets: bool = False
    checks_per_project: int = CHECKS_PER_PROJECT
    host_files: Path | None = None

    def __post_init__(self) -> None:
        deployment = Deployment(
            store=self.store,
            wakes=self.wakes,
            topic=self.topic,
            ping_url=f"{self.site}/ping",
            api_url=f"{self.site}/api",
            clock=lambda: self.now,
            pause=self._wait,
            allow_private_targets=self.allow_private_targets,
            checks_per_project=self.checks_per_project,
            host_files=self.host_files,
        )
        self.app = build(deployment, Logger(service="tests"))
        self.write = self.key(Scope.WRITE)
        self.read = self.key(Scope.READ)

    def _wait(self, length: float) -> None:
        """Let so many seconds pass for a request: the alert function works through what it was woken for."""
        self.waited.append(length)
        self.alerts(list(dict.fromkeys(wake.check_id for wake in self.wakes.sent)))

    def alerts(self, check_ids: list[str]) -> None:
        """Let the alert function look at checks."""
        store, topic = self.store, self.topic
        run(check_ids, store=store, topic=topic, clock=lambda: self.now, site_url=self.site, pause=lambda _: None)

    def key(self, scope: Scope, project: str = "default") -> str:
        word, key = new_key(scope, project, f"{scope} of tests", self.now)
        KEYS.write(self.store, key)
        return word

    def send(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        key: str | None = "",
        headers: dict[str, str] | None = None,
        signed: bool = False,
    ) -> Reply:
        """Send a request: `target` is path and query; `body` is JSON, or bytes to the letter; `key` None bears none."""
        sent = {} if key is None else {"x-api-key": key or self.write}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.answered(event_of(method, target, raw, sent | (headers or {}), signed=signed))

    def answered(self, event: dict[str, Any]) -> Reply:
        """Answer an event."""
        answer = self.app.resolve(event, LambdaContext())
        told = answer["body"] or ""
        return Reply(
            status=answer["statusCode"],
            headers={name.lower(): value for name, value in answer.get("headers", {}).items()},
            body=base64.b64decode(told) if answer.get("isBase64Encoded") else told.encode(),
        )

    def get(self, target: str, **options: Any) -> Reply:
        return self.send("GET", target, **options)

    def post(self, target: str, body: object = None, **options: Any) -> Reply:
        return self.send("POST", target, body, **options)

    def check(self, **fields: Any) -> Check:
        """Put a check there, as if it had been made long ago."""
        about = fields.pop("about", "")
        check = Check(**{"id": ID, "name": "backup", "channels": "", **fields})
        self.store.create(check, about=about)
        return check

    def ping(self, check_id: str = ID, **said: Any) -> None:
        """Let a job ping at the present time."""
        seen = self.store.checks[check_id]
        ping = Ping(**{"at": self.now, **said})
        outcome = pinged(seen, ping)
        n = self.store.save_ping(seen, outcome)
        kind = outcome.kind or ping.kind
        self.store.record(check_id, Recorded(n=n, kind=kind, ping=ping, duration=outcome.duration))

    def status(self, check_id: str = ID) -> Status:
        return self.store.checks[check_id].status


def event_of(method: str, target: str, body: bytes, headers: dict[str, str], *, signed: bool = False) -> dict[str, Any]:
    """Return a request as the HTTP API hands it to a function (payload format 2.0)."""
    path, _, query = target.partition("?")
    context: dict[str, Any] = {
        "http": {"method": method, "path": path, "sourceIp": "192.0.2.1", "userAgent": headers.get("user-agent", "")},
        "stage": "$default",
        "timeEpoch": 1_772_452_800_000,
    }
    if signed:
        context["authorizer"] = {"iam": {"accessKey": "AKIAEXAMPLE", "userArn": "arn:aws:iam::123456789012:user/ada"}}
    return {
        "version": "2.0",
        "routeKey": "ANY /{proxy+}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": context,
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
