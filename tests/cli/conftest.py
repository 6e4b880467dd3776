"""The command line, called in this process, against the API of this process."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lastseen_cli.commands import run
from tests.lastseen.api.world import World
from tests.lastseen.api.wsgi import served


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """Somebody's terminal, with a deployment to talk to."""

    world: World
    monkeypatch: pytest.MonkeyPatch
    capfd: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Done:
        """Run a command."""
        status = run(list(arguments))
        said = self.capfd.readouterr()
        return Done(status, said.out, said.err)

    def ok(self, *arguments: str) -> Done:
        """Run a command that must succeed."""
        done = self(*arguments)
        assert done.status == 0, done.err
        return done

    def by_aws(self) -> None:
        """Hold AWS credentials and no key from now on."""
        self.monkeypatch.delenv("LASTSEEN_API_KEY", raising=False)
        self.monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        self.monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    def by_key(self, key: str) -> None:
        """Hold a key from now on."""
        self.monkeypatch.setenv("LASTSEEN_API_KEY", key)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def lastseen(world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    for name in ("LASTSEEN_PROJECT", "LASTSEEN_CONTEXT", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody answers a question
    with served(world) as url:
        monkeypatch.setenv("LASTSEEN_API_URL", f"{url}/api")
        monkeypatch.setenv("LASTSEEN_API_KEY", world.write)
        yield Terminal(world, monkeypatch, capfd)
