"""clients/systemd, under a real systemd: a user manager in namespaces of its own, where nothing else is started."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.asking import checks
from tests.clients.needs import ENVIRON, require_programs
from tests.clients.pages import page, write
from tests.clients.receiver import KEY, Ping, Receiver, receiving
from tests.conftest import Local

FILES = Path(__file__).parents[2] / "clients/systemd"
PAGE = page("clients/systemd.md")
SCRIPT = FILES / "lastseen-ping"

SERVICES = {
    "good": "ExecStart=/bin/true",
    "lenient": "ExecStart=/bin/sh -c 'exit 3'\nSuccessExitStatus=3",
    "bad": "ExecStart=/bin/sh -c 'exit 3'",
    "killed": "ExecStart=/bin/sh -c 'kill -TERM $$$$'",
    "late": "ExecStart=/bin/sleep 60\nTimeoutStartSec=1",
    "unprepared": "ExecStartPre=/bin/false\nExecStart=/bin/true",
    "skipped": "ExecCondition=/bin/false\nExecStart=/bin/true",
    "unmet": "ExecStart=/bin/true\n[Unit]\nConditionPathExists=/no/such/file",
    "My.Job@7": "ExecStart=/bin/true",
}
ELSEWHERE = {"untouched-good": "ExecStart=/bin/true", "untouched-bad": "ExecStart=/bin/sh -c 'exit 4'"}
MANAGER = """
set -u
mount -t tmpfs tmpfs /run
mkdir -m 700 -p /run/systemd/system /run/user
export XDG_RUNTIME_DIR=/run/user SYSTEMD_UNIT_PATH="$1:" HOME="$1" SYSTEMD_LOG_TARGET=null
systemd=$(command -v /usr/lib/systemd/systemd /lib/systemd/systemd | head -n 1)
"$systemd" --user --unit=basic.target &
for n in $(seq 200); do systemctl --user is-active -q basic.target && break; sleep 0.1; done
shift
systemctl --user start --no-block "$@"
for n in $(seq 600); do
  [ -n "$(systemctl --user list-jobs -q --no-legend)" ] || break
  sleep 0.1
done
systemctl --user show -p Result -p Id "$@"
kill %1
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Receiver, dict[str, str]]:
    """Start every service once; return what the monitor got, and what systemd made of each unit."""
    require_programs("systemctl", "unshare", "curl")
    folder = tmp_path_factory.mktemp("units")
    with receiving() as receiver:
        lay_out(folder, receiver)
        units = [f"{name}.service" for name in (*SERVICES, *ELSEWHERE)]
        command = ["unshare", "--fork", "--pid", "--mount", "--mount-proc", "bash", "-c", MANAGER, "bash", str(folder)]
        done = subprocess.run([*command, *units], capture_output=True, text=True, timeout=120, check=False)
        shown = dict.fromkeys(units, "")
        for block in done.stdout.strip().split("\n\n"):
            told = dict(line.split("=", 1) for line in block.splitlines())
            shown[told["Id"]] = told.get("Result", done.stdout + done.stderr)
    return receiver, {unit.removesuffix(".service"): result for unit, result in shown.items()}


def lay_out(folder: Path, receiver: Receiver) -> None:
    def here(text: str) -> str:
        return text.replace("/usr/local/bin/lastseen-ping", str(SCRIPT)).replace("/etc/lastseen.env", f"{folder}/env")

    write(folder, "env", "".join(f"{name}={value}\n" for name, value in receiver.environment.items()))
    for name, lines in (SERVICES | ELSEWHERE).items():
        unit = f"{name.split('@')[0]}@.service" if "@" in name else f"{name}.service"
        write(folder, unit, f"[Service]\nType=oneshot\n{lines}\n")
        drop_in = PAGE["/etc/systemd/system/NAME.service.d/lastseen-after.conf"]
        if name in SERVICES:
            drop_in = here((FILES / "lastseen.conf").read_text())
        write(folder, f"{unit}.d/lastseen.conf", drop_in)
    for unit in ("lastseen-success@.service", "lastseen-failure@.service"):
        write(folder, unit, here((FILES / unit).read_text()))


def of(receiver: Receiver, check: str) -> list[Ping]:
    return [ping for ping in receiver.pings if ping.check == check]


@pytest.mark.parametrize(
    ("name", "result", "signal", "body"),
    [
        ("good", "success", "success", b"success, exited 0"),
        ("lenient", "success", "success", b"success, exited 3"),
        ("bad", "exit-code", "3", b"exit-code, exited 3"),
        ("killed", "signal", "fail", b"signal, killed TERM"),
        ("late", "timeout", "fail", b"timeout, killed TERM"),
        ("My.Job@7", "success", "success", b"success, exited 0"),
    ],
)
def test_a_service_is_a_run_that_ends_as_systemd_says(
    run: tuple[Receiver, dict[str, str]], name: str, result: str, signal: str, body: bytes
) -> None:
    receiver, results = run
    assert results[name] == result
    start, end = of(receiver, name.lower().replace(".", "-").replace("@", "-"))
    assert (start.signal, end.signal, end.body.splitlines()[0]) == ("start", signal, body)
    assert start.rid == end.rid
    assert len(start.rid) == 32


def test_a_service_that_fails_before_its_main_process_is_a_failure(run: tuple[Receiver, dict[str, str]]) -> None:
    receiver, results = run
    assert results["unprepared"] == "exit-code"
    assert [(ping.signal, ping.body.splitlines()[0]) for ping in of(receiver, "unprepared")] == [("fail", b"exit-code")]


def test_a_service_that_its_condition_skips_is_no_success_and_no_failure(run: tuple[Receiver, dict[str, str]]) -> None:
    receiver, _ = run
    assert [ping.signal for ping in of(receiver, "skipped")] == ["log"]  # the condition comes before the start's ping
    assert of(receiver, "skipped")[0].body.startswith(b"skipped: ExecCondition= was not met")
    assert of(receiver, "unmet") == []


def test_a_unit_that_is_not_edited_tells_its_end(run: tuple[Receiver, dict[str, str]]) -> None:
    receiver, _ = run
    assert [(ping.signal, ping.body) for ping in of(receiver, "untouched-good")] == [("success", b"success, exited 0")]
    assert [ping.signal for ping in of(receiver, "untouched-bad")] == ["4"]
    assert len(of(receiver, "untouched-bad")[0].rid) == 32


# --- the script alone -------------------------------------------------------------------------------------------------
def tell(receiver: Receiver, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": ENVIRON["PATH"], "LASTSEEN_JOURNAL_LINES": "0", **receiver.environment, **variables}
    return subprocess.run([SCRIPT, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("result", "code", "status", "signal"),
    [
        ("success", "exited", "0", "success"),
        ("exit-code", "exited", "255", "255"),
        ("exit-code", "", "", "fail"),
        ("exit-code", "exited", "0", "fail"),  # not the main process failed
        ("timeout", "exited", "0", "fail"),
        ("timeout", "killed", "KILL", "fail"),
        ("oom-kill", "killed", "KILL", "fail"),
        ("core-dump", "dumped", "ABRT", "fail"),
        ("watchdog", "dumped", "ABRT", "fail"),
        ("resources", "", "", "fail"),
        ("exec-condition", "exited", "1", "log"),
        ("", "", "", "fail"),
    ],
)
def test_the_script_takes_only_systemds_success_for_one(result: str, code: str, status: str, signal: str) -> None:
    with receiving() as receiver:
        done = tell(receiver, "end", "job", SERVICE_RESULT=result, EXIT_CODE=code, EXIT_STATUS=status)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert receiver.signals == [signal]
    assert receiver.pings[0].query == {}


def test_the_end_of_the_journal_goes_with_a_failure(tmp_path: Path) -> None:
    said = '#!/bin/sh\necho "$*"\nseq 1 5000\n'
    write(tmp_path, "journalctl", said).chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{ENVIRON['PATH']}", "INVOCATION_ID": "7" * 32, "LASTSEEN_JOURNAL_LINES": "9000"}
    with receiving() as receiver:
        tell(receiver, "end", "job", SERVICE_RESULT="exit-code", EXIT_CODE="exited", EXIT_STATUS="3", **variables)
        tell(receiver, "end", "job", SERVICE_RESULT="success", **variables)
    first, mark, *lines = receiver.pings[0].body.splitlines()
    assert first == b"exit-code, exited 3"
    assert re.fullmatch(rb"\[\.\.\. \d{5} bytes left out \.\.\.\]", mark)
    assert lines == [b"%d" % n for n in range(int(lines[0]), 5_001)]
    assert 8_900 < len(receiver.pings[0].body) < 9_100
    assert receiver.pings[1].body == b"success"


@pytest.mark.parametrize("mode", ["away", 404])
def test_a_lost_ping_is_no_failure_and_gives_no_secret_away(mode: str | int) -> None:
    with receiving(mode) as receiver:
        done = tell(receiver, "start", "job")
        assert (done.returncode, done.stdout) == (0, "")
        assert re.fullmatch(r"lastseen-ping: start of job was not delivered: (no answer|HTTP 404: OK)\n", done.stderr)
        assert receiver.secrets_in(done.stderr) == []
        assert receiver.pings == [] or receiver.signals == ["start"]


def test_a_refusal_is_shown_in_the_monitors_own_words_and_without_the_key() -> None:
    with receiving(404, answer=b"not found: no check has the slug job\nmore") as receiver:
        told = tell(receiver, "start", "job").stderr
        assert told == "lastseen-ping: start of job was not delivered: HTTP 404: not found: no check has the slug job\n"
        for answer in (f"no route for /ping/{KEY}/job", f"<title>{KEY}</title>", ""):
            receiver.answer = answer.encode()
            assert tell(receiver, "start", "job").stderr == told.partition(": not found")[0] + "\n"


@pytest.mark.parametrize("end", ["\r", " ", " \t\r\n"])
def test_line_ends_and_blanks_around_settings_do_no_harm(end: str) -> None:
    with receiving() as receiver:
        settings = {name: f" {value}{end}" for name, value in receiver.environment.items()}
        assert tell(receiver, "start", "job", **settings).stderr == ""
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [("job", "start")]


@pytest.mark.parametrize("key", ["two words", "key/../other", 'a"\noutput = "/tmp/x', "key\\"])
def test_a_key_that_is_none_is_never_a_line_for_curl(key: str) -> None:
    with receiving() as receiver:
        done = tell(receiver, "start", "job", LASTSEEN_PING_KEY=key)
    assert (done.returncode, receiver.pings) == (0, [])
    assert "/etc/lastseen.env" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["begin", "job"], ["end"], ["end", "a", "b"]])
def test_misuse_is_told_and_fails_no_service(arguments: list[str]) -> None:
    with receiving() as receiver:
        done = tell(receiver, *arguments)
    assert (done.returncode, receiver.pings) == (0, [])
    assert "usage: lastseen-ping start|end SLUG" in done.stderr


def test_without_settings_the_mend_is_told() -> None:
    with receiving() as receiver:
        done = tell(receiver, "end", "job", SERVICE_RESULT="success", LASTSEEN_PING_KEY="")
    assert (done.returncode, receiver.pings) == (0, [])
    assert "/etc/lastseen.env" in done.stderr


# --- files and page ---------------------------------------------------------------------------------------------------
def test_systemd_finds_the_units_well_formed(tmp_path: Path) -> None:
    require_programs("systemd-analyze")
    with receiving() as receiver:
        lay_out(tmp_path, receiver)
    units = [f"{tmp_path}/{unit}" for unit in ("lastseen-success@x.service", "lastseen-failure@x.service")]
    done = subprocess.run(
        ["systemd-analyze", "verify", f"{tmp_path}/good.service", *units],
        env={"PATH": ENVIRON["PATH"], "SYSTEMD_UNIT_PATH": f"{tmp_path}:/usr/lib/systemd/system:/lib/systemd/system"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, [])


def test_every_block_of_the_page_is_run_here_or_below() -> None:
    assert PAGE.titles == [
        "install",
        "make the check",
        "/etc/systemd/system/NAME.service.d/lastseen-after.conf",
    ]


def test_the_install_block_puts_the_files_where_the_units_look_for_them(tmp_path: Path) -> None:
    moved = PAGE["install"]
    for place in ("/usr/local/bin/", "/etc/"):
        moved = moved.replace(f" {place}", f" {tmp_path}{place}").replace(f">{place}", f">{tmp_path}{place}")
        (tmp_path / place.strip("/")).mkdir(parents=True)
    moved = moved.replace("systemctl daemon-reload", "true")
    env = {"PATH": ENVIRON["PATH"], "LASTSEEN_PING_URL": "https://host/ping", "LASTSEEN_PING_KEY": "key"}
    subprocess.run(["sh", "-euc", moved], env=env, cwd=FILES.parents[1], check=True)
    assert (tmp_path / "usr/local/bin/lastseen-ping").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "etc/lastseen.env").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "etc/lastseen.env").read_text() == "LASTSEEN_PING_URL=https://host/ping\nLASTSEEN_PING_KEY=key\n"
    assert (tmp_path / "etc/systemd/system/nightly-backup.service.d/lastseen.conf").exists()


def test_the_check_is_made_with_the_timers_own_words(local: Local) -> None:
    command = f"{sys.executable} -c 'from lastseen_cli.main import main; main()' checks"
    text = PAGE["make the check"].replace("nightly-backup", "systemd-page").replace("lastseen checks", command)
    subprocess.run(["sh", "-euc", text], env={**ENVIRON, **local.environment}, check=True, capture_output=True)
    [check] = checks(local, "systemd-page")
    assert (check["schedule"], check["tz"], check["grace"]) == ("*-*-* 04:30:00", "Europe/Berlin", 3600)
