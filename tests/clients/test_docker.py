"""docs/clients/docker.md: what its files make Docker run, run without Docker, as process 1 where that matters."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.clients.needs import ENVIRON, require_programs
from tests.clients.pages import page, write
from tests.clients.receiver import receiving

SCRIPT = Path(__file__).parents[2] / "clients/sh/lastseen.sh"
PAGE = page("clients/docker.md")
TOOLS = "sh od tr tail tee mktemp mkfifo rm cat sleep sed head timeout wget kill"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image as Alpine's is, all tools BusyBox, with a job that says how it was called and ends well when stopped."""
    require_programs("busybox", "unshare")
    for tool in TOOLS.split():
        (tmp_path / tool).symlink_to(Path("/bin/busybox").resolve())
    job = (
        f"#!{tmp_path}/sh\ntrap 'exit 7' TERM\necho report $*\n[ -z \"$WAITS\" ] || {{ sleep 60 >/dev/null & wait; }}\n"
    )
    write(tmp_path, "report", job).chmod(0o755)
    return tmp_path


def instruction(name: str) -> list[str]:
    [found] = re.findall(rf"^{name} (\[.*\])$", PAGE["Dockerfile"], re.MULTILINE)
    return list(json.loads(found))


def in_image(words: list[str], image: Path) -> list[str]:
    """The same, with the image's places found here."""
    moved = {"/usr/local/bin/lastseen.sh": str(SCRIPT), "/lastseen.sh": str(SCRIPT), "/bin/sh": f"{image}/sh"}
    words = [moved.get(word, word) for word in words]
    return words if words[0].endswith("/sh") else [f"{image}/sh", *words]


def test_every_block_of_the_page_is_run_here() -> None:
    assert PAGE.titles == ["Dockerfile", "run it", "compose.yaml", "from the host"]


@pytest.mark.parametrize("source", ["Dockerfile", "compose.yaml"])
def test_the_container_tells_start_end_and_output(image: Path, source: str) -> None:
    if source == "Dockerfile":
        words = instruction("ENTRYPOINT") + instruction("CMD")
    else:
        service = yaml.safe_load(PAGE["compose.yaml"])["services"]["report"]
        words = service["entrypoint"] + service["command"]
        assert service["volumes"] == [f"./lastseen.sh:{words[1]}:ro"]
    with receiving() as receiver:
        env = {"PATH": str(image), **receiver.environment}
        done = subprocess.run(in_image(words, image), env=env, capture_output=True, timeout=60, check=True)
    assert done.stdout == b"report --month last\n"
    assert [(ping.check, ping.signal, ping.query["create"]) for ping in receiver.pings] == [
        ("nightly-report", "start", "1"),
        ("nightly-report", "0", "1"),
    ]


def test_docker_stop_reaches_the_job_through_process_1(image: Path) -> None:
    words = in_image(instruction("ENTRYPOINT") + instruction("CMD"), image)
    with receiving() as receiver:
        env = {**ENVIRON, "PATH": f"{image}:{ENVIRON['PATH']}", "WAITS": "1", **receiver.environment}
        command = ["unshare", "--fork", "--pid", "--kill-child", *words]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as container:
            assert container.stdout
            assert container.stdout.readline() == b"report --month last\n"
            children = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
            subprocess.run(["kill", "-TERM", *children], check=True)
            assert container.wait(60) == 7
    assert receiver.signals == ["start", "7"]


@pytest.mark.slow
def test_compose_knows_every_field(tmp_path: Path) -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    file = write(tmp_path, "compose.yaml", PAGE["compose.yaml"])
    done = subprocess.run([*checker, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    file.write_text(PAGE["compose.yaml"].replace("command:", "comand:"))
    assert subprocess.run([*checker, file], capture_output=True, check=False).returncode == 1  # it can fail


def test_a_stop_leaves_time_for_the_last_ping() -> None:
    assert int(re.findall(r"--stop-timeout (\d+)", PAGE["run it"])[0]) > 23
    assert int(yaml.safe_load(PAGE["compose.yaml"])["services"]["report"]["stop_grace_period"].removesuffix("s")) > 23
    assert {"-e", "LASTSEEN_PING_URL", "LASTSEEN_PING_KEY"} <= set(shlex.split(PAGE["run it"], comments=True))


@pytest.mark.parametrize("status", [0, 125, 137])
def test_from_the_host_dockers_own_statuses_are_told(tmp_path: Path, status: int) -> None:
    write(tmp_path, "docker", f'#!/bin/sh\necho "docker $*"\nexit {status}\n').chmod(0o755)
    lastseen = f"{sys.executable} -c 'from lastseen_cli.main import main; main()' exec"
    with receiving() as receiver:
        env = {**ENVIRON, "PATH": f"{tmp_path}:{ENVIRON['PATH']}", **receiver.environment}
        text = PAGE["from the host"].replace("lastseen exec", lastseen)
        done = subprocess.run(["sh", "-c", text], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, receiver.signals) == (status, ["start", str(status)])
    assert done.stdout == "docker run --rm registry.example.org/report --month last\n"
