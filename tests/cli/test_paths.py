"""Whatever somebody types, and whatever the API lists: only ids that every gateway leaves alone go into paths."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lastseen_cli.commands import run
from lastseen_cli.errors import UsageError
from tests.cli.conftest import Terminal

CHECK = {"status": "up", "timeout": 60, "grace": 60, "n_pings": 1, "last_ping": None, "next_ping": None, "tags": ""}
CHANNEL = {"state": "on", "to": "x", "secret": "", "result": "delivered", "test": "t", "kind": "email"}
DOTS = re.compile(r"/\.\.?(/|$)")  # a segment that leads elsewhere
SAFE_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+/?")


@dataclass
class Listed:
    """What a server lists, under which names and ids, and which paths it was asked for."""

    name: str = ""
    id: str = ""
    paths: list[str] = field(default_factory=list)

    def answer(self) -> dict[str, Any]:
        """Return a document that has all that any answer has."""
        document: dict[str, Any] = {
            "name": self.name,
            "slug": "",
            "desc": "",
            "id": self.id,
            "uuid": self.id,
            "ping_url": "http://x/",
        }
        document |= {"scope": "rw", "channels": "*", "manual_resume": False, **CHECK, **CHANNEL}
        lists = {
            "checks": [document],
            "channels": [document],
            "keys": [document],
            "pings": [],
            "flips": [],
            "changed": [],
            "without": [],
        }
        return document | lists


class Handler(BaseHTTPRequestHandler):
    server: Server

    def _any(self) -> None:
        self.server.listed.paths.append(self.path.partition("?")[0])
        body = json.dumps(self.server.listed.answer()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _any  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class Server(HTTPServer):
    listed: Listed


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listed]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.listed = Listed()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("LASTSEEN_API_URL", f"http://127.0.0.1:{server.server_port}/api")
        monkeypatch.setenv("LASTSEEN_API_KEY", "key")
        yield server.listed
        server.shutdown()
        thread.join()


COMMANDS = [
    ("checks", "update", "--grace", "2m", "--", "NAME"),
    ("checks", "pause", "--", "NAME"),
    ("checks", "pings", "--", "NAME"),
    ("checks", "flips", "--", "NAME"),
    ("checks", "delete", "--yes", "--", "NAME"),
    ("channels", "test", "--", "NAME"),
    ("channels", "confirm", "--", "NAME", "TOKEN"),
    ("channels", "delete", "--yes", "--", "NAME"),
    ("keys", "revoke", "--yes", "--", "NAME"),
    ("events", "--", "NAME"),
    ("logs", "--", "NAME"),
]
NAMES = st.one_of(st.text(min_size=1), st.text("./%?#\\ prod2F", min_size=1))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:2]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None)
@given(name=NAMES, id_=st.one_of(st.just("c0ffee"), NAMES))
@example(name="prod?", id_="c0ffee")
@example(name="../keys", id_="..")
@example(name="a/b", id_="a%2Fb")
def test_only_ids_go_into_paths(listed: Listed, command: tuple[str, ...], name: str, id_: str) -> None:
    listed.name, listed.id = name, id_
    listed.paths.clear()
    status = run([name if word == "NAME" else word for word in command])
    assert [path for path in listed.paths if not SAFE_PATH.fullmatch(path) or DOTS.search(path)] == []
    if id_ == "c0ffee" and not name.startswith("\x00"):
        assert status == 0
        assert any("c0ffee" in path for path in listed.paths)


@pytest.mark.parametrize("name", ["Shop", "a/b", "..", "-x", "ü", "a b", "x" * 61, ""])
def test_a_project_that_no_url_can_name_is_refused_with_words(lastseen: Terminal, name: str) -> None:
    lastseen.by_aws()
    for command in (["create"], ["update"], ["delete", "--yes"]):
        done = lastseen("projects", *command, "--", name)
        assert (done.status, "A project cannot be called" in done.err) == (UsageError.exit_code, True)


@pytest.mark.parametrize("name", ["a/b", "prod?", "50%", "#ops", ".", "..", "a\\b"])
def test_a_channel_that_no_url_can_name_is_refused_with_words(lastseen: Terminal, name: str) -> None:
    done = lastseen("channels", "create", "--email", "ops@example.com", "--", name)
    assert (done.status, "A channel cannot be called" in done.err) == (UsageError.exit_code, True)
    assert lastseen.world.topic.published == []
