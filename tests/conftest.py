"""What tests of several packages share: the template, and `lastseen local`, started once as a user would start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler.loadfile import LoadFileScheduling  # type: ignore[import-untyped]

from tests import judge
from tests.tables import on_this_machine

judge.install()

READY_SECONDS = 180.0
STOP_SECONDS = 90.0
COMMAND = [sys.executable, "-c", "from lastseen_cli.main import main; main()"]
"""The command as this environment has it, whatever is on PATH."""


Figure = Callable[[str], None]
FIGURE = "figure"

WORKERS, SLOW_WORKERS = 2, 4
"""Processes that test all, on two cores; slow tests wait more than they compute."""

SHARERS = {"local": ("tests/clients/", "tests/compat/", "tests/test_readme.py"), "deployed": ("tests/e2e/",)}
"""Tests that share a fixture which takes long to start, and so a process: by the fixture's name."""


def _slow(config: pytest.Config) -> bool:
    return bool(config.option.markexpr == "slow")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--dynamodb", metavar="URL", help="run the store's tests also at this DynamoDB on loopback")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.dynamodb:
        on_this_machine(config.option.dynamodb)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Test all in some processes, and what somebody picks in this one, where a debugger and print reach it."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return 0
    return SLOW_WORKERS if _slow(config) else WORKERS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the slow tests that may take longest, lest the others wait for them at the end."""
    if _slow(config):
        items.sort(key=lambda item: -max((mark.args[0] for mark in item.iter_markers("timeout")), default=0))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Hand out whole files, and those together that share what takes long to start.

    Slow tests are worth a start of their own; their files come in the order of `pytest_collection_modifyitems`.
    """
    if _slow(config):
        config.option.loadscopereorder = False
        return LoadFileScheduling(config, log)
    return _Sharing(config, log)


class _Sharing(LoadFileScheduling):  # type: ignore[misc] # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        sharing = (fixture for fixture, places in SHARERS.items() if nodeid.startswith(places))
        return next(sharing, super()._split_scope(nodeid))


@pytest.fixture(scope="session", autouse=True)
def _signals_as_cron_leaves_them() -> None:
    """Let programs that tests start hear signals, though nohup or a shell ignores them, which would be handed on."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _no_running_local_and_no_contexts_of_the_users(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let no command that a test runs find the `lastseen local` or the contexts that somebody has, or other tests."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))  # noqa: TID251 - tests are an entry point
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))  # noqa: TID251 - and so here


@pytest.fixture(autouse=True)
def _aws_would_understand_every_request() -> Iterator[None]:
    """Fail a test whose requests AWS's own models refuse, whoever plays AWS in it."""
    yield
    assert judge.verdicts() == []


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Take down a measured figure; all are shown below the tests' summary, whether they pass or fail."""
    return lambda words: request.node.user_properties.append((FIGURE, f"{request.node.name}: {words}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for each in terminalreporter.stats.values() for report in each]
    ended = [report for report in reports if isinstance(report, pytest.TestReport) and report.when == "teardown"]
    figures = [str(words) for report in ended for name, words in report.user_properties if name == FIGURE]
    if figures:
        terminalreporter.section("figures")
        terminalreporter.write("".join(f"{words}\n" for words in figures))


@dataclass(frozen=True, slots=True)
class Local:
    """A running `lastseen local`: its base URLs and keys, as --env-file tells them."""

    ping_url: str
    api_url: str
    api_key: str
    api_key_readonly: str
    ping_key: str
    environment: dict[str, str]  # the same as LASTSEEN_... variables
    log: Path  # what it shows on its screen: pings and alerts as they come

    @property
    def site_url(self) -> str:
        return self.api_url.removesuffix("/api")


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """Run `lastseen local` for the session: the real template on the emulator, with the real schedule.

    Tests share it, so each makes checks of names of its own.
    """
    folder = tmp_path_factory.mktemp("local")
    env_file, log = folder / "env", folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "local", "--port", "0", "--env-file", str(env_file)], stdout=output, stderr=output
        )
        try:
            yield _when_ready(process, env_file, log)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)


def _when_ready(process: subprocess.Popen[bytes], env_file: Path, log: Path) -> Local:
    give_up = time.monotonic() + READY_SECONDS
    while not env_file.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < give_up, log.read_text()
        time.sleep(0.1)
    told = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
    return Local(
        ping_url=told["LASTSEEN_PING_URL"],
        api_url=told["LASTSEEN_API_URL"],
        api_key=told["LASTSEEN_API_KEY"],
        api_key_readonly=told["LASTSEEN_API_KEY_READONLY"],
        ping_key=told["LASTSEEN_PING_KEY"],
        environment=told,
        log=log,
    )


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    """What `cdk deploy` deploys when nothing is chosen."""
    from tests.template import as_shipped  # noqa: PLC0415 - takes seconds; most tests do without

    return as_shipped()
