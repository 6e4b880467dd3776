"""What a deployment offers its hosts: the files work as they are, and are the same wherever they are made."""

from __future__ import annotations

import ast
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.host_files import SCRIPT, host_files
from tests.clients.receiver import Receiver, receiving


def test_the_files_are_the_same_each_time_and_their_sums_are_right() -> None:
    files = host_files()
    assert host_files() == files
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {name: hashlib.sha256(files[name]).hexdigest() for name in ("lastseen.sh", "lastseen.pyz")}
    assert files["lastseen.sh"] == SCRIPT.read_bytes()


def test_every_module_in_the_file_of_python_is_of_a_python_that_hosts_have() -> None:
    with zipfile.ZipFile(io.BytesIO(host_files()["lastseen.pyz"])) as archive:
        for name in archive.namelist():
            ast.parse(archive.read(name), feature_version=(3, 9))


@pytest.fixture
def pyz(tmp_path: Path) -> Path:
    file = tmp_path / "lastseen.pyz"
    file.write_bytes(host_files()["lastseen.pyz"])
    return file


def test_the_file_of_python_runs_a_job_with_nothing_but_python(pyz: Path, tmp_path: Path) -> None:
    with receiving() as receiver:
        command = [sys.executable, "-I", "-S", str(pyz), "exec", "nightly", "--", "sh", "-c", "echo done; exit 3"]
        done = _run(command, receiver, tmp_path)
    assert (done.returncode, done.stdout) == (3, b"done\n")
    assert [(ping.check, ping.signal, ping.body) for ping in receiver.pings] == [
        ("nightly", "start", b""),
        ("nightly", "3", b"done\n"),
    ]


def test_it_says_that_it_has_one_command_only(pyz: Path, tmp_path: Path) -> None:
    with receiving() as receiver:
        done = _run([sys.executable, str(pyz), "checks", "list"], receiver, tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"only one command: lastseen.pyz exec SLUG -- command" in done.stderr


def _run(command: list[str], receiver: Receiver, folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, env=receiver.environment, cwd=folder, capture_output=True, check=False, timeout=60)
