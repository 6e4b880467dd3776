"""The emulator's processes: they come up on loopback alone, and none outlives whoever started them."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from lastseen_cli.errors import CliError
from lastseen_cli.local import children, emulator
from tests.cli.local.processes import processes_of
from tests.waiting import eventually

pytestmark = pytest.mark.emulator
ENVIRON = os.environ  # noqa: TID251 - tests are an entry point

# Runs an emulator with a Lambda in it (so that the emulator has a child of its own), says where, and waits.
HOLDER = """
import io, os, sys, time, zipfile
from pathlib import Path
from lastseen_cli.local import children, emulator
with emulator.running(environ=os.environ) as it:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\\n    print('here')\\n    return 1\\n")
    functions = it.client("lambda")
    functions.create_function(FunctionName="f", Runtime="python3.13", Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/r", Code={"ZipFile": code.getvalue()})
    functions.invoke(FunctionName="f")
    print(it.scratch, it.port, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_process_and_no_file_outlives_the_one_who_started_them(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as holder:
        assert holder.stdout
        scratch = Path(holder.stdout.readline().decode().split()[0])
        # guard, emulator and the function's worker
        assert len(processes_of(scratch)) >= 3
        holder.send_signal(number)
        holder.wait(20)
    assert eventually(lambda: not processes_of(scratch))
    assert eventually(lambda: not scratch.exists())


def test_a_scratch_folder_is_deleted_whole_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "GUARD_SECONDS", 0.0)
    make = "import os, pathlib, time\nfor n in range(30000): pathlib.Path(os.environ['TMPDIR'], str(n)).touch()\n"
    command = [sys.executable, "-c", make + "print('made', flush=True)\ntime.sleep(60)"]
    with children.running(command, environment=lambda _: dict(ENVIRON), patience_seconds=0.0) as child:
        assert eventually(lambda: "made" in child.last_words(1))
    assert not child.scratch.exists()


def test_what_a_killed_guard_left_behind_is_deleted_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with children.running(sleep, environment=lambda _: dict(ENVIRON), patience_seconds=0.0) as first:
        with children.running(sleep, environment=lambda _: dict(ENVIRON), patience_seconds=0.0):
            assert first.scratch.exists()  # it is in use
        first.guard.kill()
        for process in processes_of(first.scratch, ids=True):
            os.kill(int(process), signal.SIGKILL)
        first.guard.wait()
    assert first.scratch.exists()
    foreign = tmp_path / "lastseen-of-somebody"
    foreign.mkdir()
    with children.running(sleep, environment=lambda _: dict(ENVIRON), patience_seconds=0.0):
        assert not first.scratch.exists()
        assert foreign.exists()


def test_after_the_block_nothing_is_left() -> None:
    with emulator.running(environ=ENVIRON) as it:
        assert it.client("sts").get_caller_identity()["Account"] == emulator.ACCOUNT
        scratch = it.scratch
        assert processes_of(scratch)
    assert not processes_of(scratch)
    assert not scratch.exists()


def test_it_listens_on_loopback_alone() -> None:
    with emulator.running(environ=ENVIRON) as it:
        listening = Path("/proc/net/tcp").read_text().splitlines() + Path("/proc/net/tcp6").read_text().splitlines()
        local = [line.split()[1] for line in listening if line.split()[1].endswith(f":{it.port:04X}")]
    assert {address.split(":")[0] for address in local} == {"0100007F"}


def test_the_users_aws_settings_do_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with emulator.running(environ=ENVIRON) as it:
        assert it.client("sqs").meta.region_name == emulator.REGION
        assert it.client("sts").get_caller_identity()["Account"] == emulator.ACCOUNT
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("index.py", "import os\ndef handler(e, c):\n    return dict(os.environ)\n")
        functions = it.client("lambda")
        functions.create_function(
            FunctionName="f",
            Runtime="python3.13",
            Handler="index.handler",
            Role="arn:aws:iam::000000000000:role/r",
            Code={"ZipFile": code.getvalue()},
        )
        seen = functions.invoke(FunctionName="f")["Payload"].read().decode()
    assert "AWS_PROFILE" not in seen
    assert "192.0.2.1" not in seen


def test_secure_it_speaks_tls_and_refuses_strangers() -> None:
    with emulator.running(environ=ENVIRON, secure=True) as it:
        assert it.url.startswith("https://")
        assert it.client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
        stranger = it.client("sqs")
        stranger._request_signer._credentials.access_key = "AKIASTRANGER00000000"  # noqa: SLF001 - botocore has no public way
        with pytest.raises(
            Exception, match=r"InvalidClientTokenId|UnrecognizedClient|AccessDenied|SignatureDoesNotMatch"
        ):
            stranger.list_queues()


def test_kept_state_comes_back_under_the_same_port(tmp_path: Path) -> None:
    with emulator.running(environ=ENVIRON, state=tmp_path) as it:
        url = it.client("sqs").create_queue(QueueName="kept")["QueueUrl"]
    with emulator.running(environ=ENVIRON, state=tmp_path) as it:
        assert it.client("sqs").list_queues()["QueueUrls"] == [url]


def test_nobody_else_can_read_the_kept_state(tmp_path: Path) -> None:
    with emulator.running(environ=ENVIRON, state=tmp_path) as it:
        it.client("sqs").create_queue(QueueName="kept")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert {"port", "sqs.json"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_a_folder_in_use_is_refused_with_the_mend(tmp_path: Path) -> None:
    with emulator.running(environ=ENVIRON, state=tmp_path):  # noqa: SIM117 - the second must start inside the first
        with pytest.raises(CliError, match="--data"), emulator.running(environ=ENVIRON, state=tmp_path):
            pass
