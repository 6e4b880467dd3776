"""The real template on the emulator, with the emulator's IAM and TLS on: what a function may not do fails here too."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from lastseen.core.machine import configured
from lastseen.core.schedule import Period
from lastseen_cli.local import emulator, synth
from lastseen_cli.local.emulator import Emulator
from lastseen_cli.local.front import listen
from lastseen_cli.local.inbox import Account, Inbox, Notice
from lastseen_cli.local.live import Live, live

WAIT_SECONDS = 60.0
SECOND = timedelta(seconds=1)


class Post:
    """The alerts that reached a subscriber of the topic, by the name of their check."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._come: list[Notice] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._fetch, name="post", daemon=True)
        self._thread.start()

    def about(self, name: str, *, count: int, seconds: float = WAIT_SECONDS) -> list[Notice]:
        """Return the alerts about a check, in the order of their arrival, as soon as there are `count` of them."""
        return self.which(lambda notice: notice.attributes.get("check") == name, count=count, seconds=seconds)

    def own(self, status: str, *, count: int, seconds: float = WAIT_SECONDS) -> list[Notice]:
        """Return the messages about Lastseen itself of a status, as soon as there are `count` of them."""
        return self.which(lambda notice: notice.attributes.get("status") == status, count=count, seconds=seconds)

    def which(self, wanted: Callable[[Notice], bool], *, count: int, seconds: float = WAIT_SECONDS) -> list[Notice]:
        """Return what came and is wanted, as soon as there is `count` of it; doubles, which share an id, count once."""

        def found() -> list[Notice]:
            first: dict[object, Notice] = {}
            for notice in (each for each in self._come if wanted(each)):
                first.setdefault(notice.event.get("id", id(notice)), notice)
            return list(first.values())

        with self._changed:
            self._changed.wait_for(lambda: len(found()) >= count, seconds)
            assert len(found()) >= count, f"{found()} came within {seconds} s, not {count}"
            return found()

    def close(self) -> None:
        self._closed = True
        self._thread.join(WAIT_SECONDS)

    def _fetch(self) -> None:
        while not self._closed:
            come = self._inbox.receive(wait_seconds=1)
            with self._changed:
                self._come += come
                self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment of the real template whose IAM is enforced. Tests share it: each uses names of its own."""

    cloud: Account
    live: Live
    post: Post
    http: httpx.Client = field(repr=False)
    patience: float = WAIT_SECONDS  # how long an errand waits for what should come
    project: str = "default"  # of the keys

    @property
    def emulator(self) -> Emulator:
        """The emulator; a deployment on AWS has none."""
        assert isinstance(self.cloud, Emulator)
        return self.cloud

    def api(self, method: str, path: str, body: object = None, *, key: str | None = None) -> httpx.Response:
        """Send a request of the management API, with the write key unless told otherwise."""
        headers = {"X-Api-Key": self.live.keys.write if key is None else key}
        return self.http.request(method, f"{self.live.url}/api/v3{path}", json=body, headers=headers)

    def create(self, name: str, **settings: object) -> str:
        """Make a check over the API; return its ping URL."""
        made = self.api("POST", "/checks/", {"name": name, "slug": name, "timeout": 3600, "grace": 60} | settings)
        assert made.status_code == 201, made.text
        return str(made.json()["ping_url"])

    def check(self, url: str) -> dict[str, Any]:
        """Return what the API tells of the check of a ping URL."""
        found = self.api("GET", f"/checks/{url.rsplit('/', 1)[1]}")
        assert found.status_code == 200, found.text
        return dict(found.json())

    def ping(self, url: str, body: str = "") -> int:
        """Ping; return the status of the answer."""
        return self.http.post(url, content=body).status_code

    def hurry(self, url: str, *, period: timedelta = SECOND, grace: timedelta = SECOND) -> None:
        """Give a check times that are shorter than the API takes, so that no test waits for minutes."""
        seen = self.live.store.get(url.rsplit("/", 1)[1], strong=True)
        assert seen
        now = datetime.now(UTC)  # noqa: TID251 - tests are an entry point
        self.live.store.save(seen, configured(seen, now, schedule=Period(period), grace=grace))

    def invoke(self, function: str, event: object = None) -> Any:
        """Call a function as its trigger would; return what it returns. A failure of its code fails the test."""
        done = self.cloud.client("lambda").invoke(FunctionName=self.function(function), Payload=json.dumps(event or {}))
        said = json.loads(done["Payload"].read())
        assert "FunctionError" not in done, said
        return said

    def function(self, name: str) -> str:
        """Return the physical name of the function whose entry is functions/<name>.py."""
        functions = self.live.stack.of_type("AWS::Lambda::Function")
        return next(one.physical_id for one in functions if one.properties["Handler"] == f"{name}.handler")

    def logged(self) -> Iterator[str]:
        """Yield every line that any function has logged."""
        logs = self.cloud.client("logs")
        for group in logs.describe_log_groups()["logGroups"]:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                yield from (event["message"] for event in page["events"])


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    """Deploy the template for the session, TLS and IAM on, with its real schedule."""
    with deployment() as made:
        yield made


STRICT = (str(Path(__file__).with_name("strict_emulator.py")),)
"""The program of the emulator that is as strict as AWS documents itself."""


@contextmanager
def deployment(program: Sequence[str] = emulator.PROGRAM) -> Iterator[Deployed]:
    """Deploy the template for the length of the block, on one of the emulators."""
    environ = os.environ  # noqa: TID251 - tests are an entry point
    now = datetime.now(UTC)  # noqa: TID251 - tests are an entry point
    assembly, _ = synth.assembly(synth.checkout(), environ=environ)
    with (
        emulator.running(environ=environ, secure=True, program=program) as cloud,
        live(assembly, cloud, listen(0), state=None, now=now, on_seen=lambda _: None) as running,
        httpx.Client(timeout=WAIT_SECONDS) as http,
    ):
        post = Post(Inbox(cloud, running.stack.output("TopicArn"), name="tests"))
        try:
            yield Deployed(cloud=cloud, live=running, post=post, http=http)
        finally:
            post.close()
