"""clients/kubernetes, read by Kubernetes' own schema, and its container's command run as the kubelet would."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import ValidationError  # type: ignore[import-untyped]  # it has no types
from kubernetes_validate import validate as check_schema

from tests.clients.needs import ENVIRON, require_programs
from tests.clients.pages import page, write
from tests.clients.receiver import receiving

ROOT = Path(__file__).parents[2]
PAGE = page("clients/kubernetes.md")
VERSION = "1.33"


@pytest.fixture
def cronjob() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "clients/kubernetes/cronjob.yaml").read_text()))


def container_of(cronjob: dict[str, Any]) -> dict[str, Any]:
    [container] = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return dict(container)


def test_kubernetes_knows_every_field(cronjob: dict[str, Any]) -> None:
    check_schema(cronjob, VERSION, strict=True)
    cronjob["spec"]["jobTemplate"]["spec"]["backOffLimit"] = 0
    with pytest.raises(ValidationError):  # it can fail
        check_schema(cronjob, VERSION, strict=True)


def test_a_bad_run_is_told_once_and_a_hang_is_ended(cronjob: dict[str, Any]) -> None:
    job = cronjob["spec"]["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    assert (job["backoffLimit"], pod["restartPolicy"]) == (0, "Never")
    assert job["activeDeadlineSeconds"] < 3600  # the default grace
    assert cronjob["spec"]["startingDeadlineSeconds"] > 10
    assert pod["terminationGracePeriodSeconds"] > 23  # what the last ping may take
    assert cronjob["spec"]["timeZone"] == "Europe/Berlin"
    assert len(cronjob["metadata"]["name"]) <= 52


def test_the_script_is_mounted_where_it_is_called_and_secrets_come_from_a_secret(cronjob: dict[str, Any]) -> None:
    container = container_of(cronjob)
    [mount], [volume] = container["volumeMounts"], cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"]
    assert mount["name"] == volume["name"]
    assert container["command"][1] == f"{mount['mountPath']}/lastseen.sh"
    assert all(
        entry["valueFrom"]["secretKeyRef"]["optional"] for entry in container["env"] if entry["name"] != "LASTSEEN_SLUG"
    )


def test_the_page_shows_what_the_file_has(cronjob: dict[str, Any]) -> None:
    assert PAGE.titles == ["the container", "what it needs"]
    container = container_of(cronjob)
    for name, value in yaml.safe_load(PAGE["the container"]).items():
        assert container[name] == value
    made = re.findall(r"kubectl create (?:configmap|secret generic) (\S+)", PAGE["what it needs"])
    assert made == ["lastseen", "lastseen"]
    for line in PAGE["what it needs"].splitlines()[1:]:
        assert (
            line.split('"')[0].split("--from-literal")[0].strip()
            in (ROOT / "clients/kubernetes/cronjob.yaml").read_text()
        )


def argv(cronjob: dict[str, Any], folder: Path) -> list[str]:
    """Command and args with $(NAME) filled in as the kubelet does, and the image's files in a folder of the test's."""
    container = container_of(cronjob)
    values = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    words = [re.sub(r"\$\((\w+)\)", lambda found: values[found[1]], word) for word in container["command"]]
    places = {"/bin/sh": f"{folder}/sh", "/lastseen/": f"{ROOT}/clients/sh/", "/app/": f"{folder}/"}
    for place, here in places.items():
        words = [word.replace(place, here) for word in words]
    return [*words, *(word.replace("/app/", f"{folder}/") for word in container["args"])]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image as Alpine's is: all tools are BusyBox."""
    require_programs("busybox", "unshare")
    tools = "sh od tr tail tee mktemp mkfifo rm cat sleep sed head timeout wget kill"
    for tool in tools.split():
        (tmp_path / tool).symlink_to(Path("/bin/busybox").resolve())
    return tmp_path


@pytest.mark.parametrize("status", [0, 3])
def test_the_container_tells_start_end_and_output(cronjob: dict[str, Any], image: Path, status: int) -> None:
    write(image, "report", f"#!{image}/sh\necho report $*\nexit {status}\n").chmod(0o755)
    with receiving() as receiver:
        env = {"PATH": str(image), **receiver.environment}
        done = subprocess.run(argv(cronjob, image), env=env, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, b"report --month last\n", b"")
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [
        ("nightly-report", "start"),
        ("nightly-report", str(status)),
    ]
    assert receiver.pings[1].body == b"report --month last\n"


def test_without_the_secret_the_job_runs(cronjob: dict[str, Any], image: Path) -> None:
    write(image, "report", f"#!{image}/sh\necho ran\n").chmod(0o755)
    done = subprocess.run(argv(cronjob, image), env={"PATH": str(image)}, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"ran\n")


def test_as_process_1_it_passes_a_stop_on_and_tells_how_the_job_ended(cronjob: dict[str, Any], image: Path) -> None:
    job = f"#!{image}/sh\ntrap 'echo stopping; exit 7' TERM\necho up\nsleep 60 >/dev/null 2>&1 &\nwait\n"
    write(image, "report", job).chmod(0o755)
    with receiving() as receiver:
        env = {**ENVIRON, "PATH": f"{image}:{ENVIRON['PATH']}", **receiver.environment}
        command = ["unshare", "--fork", "--pid", "--kill-child", *argv(cronjob, image)]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as container:
            assert container.stdout
            assert container.stdout.readline() == b"up\n"
            children = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
            subprocess.run(["kill", f"-{signal.SIGTERM}", *children], check=True)
            assert container.wait(60) == 7
    assert receiver.signals == ["start", "7"]
    assert receiver.pings[1].body == b"up\nstopping\n"
