"""What commands learn of a running `lastseen local`, from files alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lastseen_cli.local.state import LocalRun, remembered, running
from tests.waiting import eventually

HOLDER = """
import os, sys, time
from lastseen_cli.local.state import LocalRun, remembered
with remembered(LocalRun(sys.argv[1], {}, {}), os.environ):
    print("up", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path)}


def local_run(url: str = "http://127.0.0.1:8000") -> LocalRun:
    return LocalRun(url, {"LASTSEEN_API_KEY": "it's a key"}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})


def start(url: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, url], env=environ, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    return process


def test_a_run_is_remembered_as_long_as_it_lasts(environ: dict[str, str]) -> None:
    assert running(environ) is None
    with remembered(local_run(), environ):
        assert running(environ) == local_run()
    assert running(environ) is None
    assert list(Path(environ["XDG_STATE_HOME"]).rglob("*.*")) == []


def test_nobody_else_can_read_it(environ: dict[str, str]) -> None:
    with remembered(local_run(), environ):
        [file] = Path(environ["XDG_STATE_HOME"], "lastseen").iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700


def test_the_one_that_started_last_is_found_and_then_the_one_before(environ: dict[str, str]) -> None:
    with start("http://first", environ) as first:
        with start("http://second", environ) as second:
            files = sorted(Path(environ["XDG_STATE_HOME"], "lastseen").glob("*.json"))
            for n, url in enumerate(("http://first", "http://second")):
                [file] = [file for file in files if url in file.read_text()]
                os.utime(file, (n, n))
            assert running(environ) == LocalRun("http://second", {}, {})
            second.terminate()
            second.wait()
        assert running(environ) == LocalRun("http://first", {}, {})
        first.kill()


def test_one_that_was_killed_is_forgotten_and_its_keys_deleted(environ: dict[str, str]) -> None:
    with start("http://killed", environ) as process:
        assert running(environ) is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert eventually(lambda: running(environ) is None)
    assert list(Path(environ["XDG_STATE_HOME"], "lastseen").iterdir()) == []


def test_it_can_be_switched_off(environ: dict[str, str]) -> None:
    with remembered(local_run(), environ):
        assert running({**environ, "LASTSEEN_LOCAL": "0"}) is None


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"url": 1}', json.dumps({"url": "u", "other": 1})])
def test_a_file_that_cannot_be_read_is_none(environ: dict[str, str], text: str) -> None:
    with remembered(local_run(), environ):
        [file] = Path(environ["XDG_STATE_HOME"], "lastseen").iterdir()
        file.write_text(text)
        assert running(environ) is None


def test_a_file_that_others_may_have_written_leads_nowhere(environ: dict[str, str]) -> None:
    with remembered(local_run(), environ):
        [file] = Path(environ["XDG_STATE_HOME"], "lastseen").iterdir()
        file.chmod(0o622)
        assert running(environ) is None


def test_where_no_file_can_be_written_the_run_goes_on_unremembered(tmp_path: Path) -> None:
    (tmp_path / "lastseen").write_text("a file in the place of the folder")
    with remembered(local_run(), {"XDG_STATE_HOME": str(tmp_path)}):
        assert running({"XDG_STATE_HOME": str(tmp_path)}) is None


def test_a_shell_gets_its_variables_quoted() -> None:
    shown = subprocess.check_output(["sh", "-c", f'{local_run().exports}; echo "$LASTSEEN_API_KEY"'], text=True)
    assert shown == "it's a key\n"


def test_the_users_own_aws_settings_do_not_reach_the_emulator() -> None:
    environ = {"AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "mine", "PATH": "/bin"}
    local_run().enter(environ)
    assert environ == {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "PATH": "/bin"}
