"""docs/clients/shell.md, wget.md and crontab.md: each block, run by a shell; cron's syntax is read by cron itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.clients.asking import body, checks, pings
from tests.clients.needs import ENVIRON, require_programs
from tests.clients.pages import page, write
from tests.clients.receiver import Mode, Receiver, receiving
from tests.conftest import Local

SHELL, WGET, CRONTAB = page("clients/shell.md"), page("clients/wget.md"), page("clients/crontab.md")
SCRIPT = Path(__file__).parents[2] / "clients/sh/lastseen.sh"
LASTSEEN = f"#!{sys.executable}\nimport sys\nfrom lastseen_cli.main import main\nmain()\n"
WITHIN = 150.0


def test_every_block_of_the_pages_is_run_below() -> None:
    assert SHELL.titles == [
        "with the lastseen command", "with one script", "get them from your deployment",
        "the first ping makes the check", "success only",
        "start, end and exit status", "at the top of a bash script",
    ]  # fmt: skip
    assert WGET.titles == ["success only", "start, end and exit status", "BusyBox"]
    assert CRONTAB.titles == ["crontab -e", "the first ping makes the check", "make the check"]


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """What the pages put into /usr/local/bin: our script and command, and jobs that say what they were called with."""
    require_programs("curl", "wget", "busybox")
    jobs = ("backup", "dump-database", "make-report", "mail-report", "sync-orders", "queue-alive")
    for job in jobs:
        write(tmp_path, f"bin/{job}", f'#!/bin/sh\necho "{job} $*"\nexit ${{STATUS:-0}}\n').chmod(0o755)
    write(tmp_path, "bin/lastseen", LASTSEEN).chmod(0o755)
    shutil.copy(SCRIPT, tmp_path / "bin/lastseen.sh")
    return tmp_path


def run(
    places: Path, monitor: Receiver | Local, text: str, *, by: str = "sh", status: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a block as its page says, with /usr/local/bin and /tmp moved to a folder of the test's own."""
    moved = text.replace("/tmp/", f"{places}/").replace("/usr/local/bin", f"{places}/bin")  # noqa: S108 - is moved away
    env = {"PATH": f"{places}/bin:{ENVIRON['PATH']}", "STATUS": str(status), **monitor.environment}
    return subprocess.run([by, "-c", moved], env=env, capture_output=True, text=True, timeout=WITHIN, check=False)


def said(receiver: Receiver) -> list[tuple[str, str]]:
    return [(ping.check, ping.signal) for ping in receiver.pings]


# --- shell.md ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("title", ["with the lastseen command", "with one script"])
@pytest.mark.parametrize("status", [0, 3])
def test_the_wrappers_tell_start_end_and_output(places: Path, title: str, status: int) -> None:
    with receiving() as receiver:
        done = run(places, receiver, SHELL[title], status=status)
    assert (done.returncode, done.stdout, done.stderr) == (status, "backup --all\n", "")
    assert said(receiver) == [("nightly-backup", "start"), ("nightly-backup", str(status))]
    assert receiver.pings[1].body == b"backup --all\n"
    assert receiver.pings[1].query["create"] == "1"


def test_the_first_ping_makes_the_check_as_the_pages_say(places: Path, local: Local) -> None:
    by_exec = SHELL["the first ping makes the check"].replace("nightly-backup", "made-by-exec")
    [by_cron] = lines_of(CRONTAB["the first ping makes the check"].replace("nightly-backup", "made-by-cron"))[1]
    for text, slug in ((by_exec, "made-by-exec"), (by_cron, "made-by-cron")):
        assert run(places, local, text).returncode == 0
        [check] = checks(local, slug)
        made = (check["schedule"], check["tz"], check["grace"], check["status"], check["n_pings"])
        assert made == ("30 4 * * *", "Europe/Berlin", 3600, "up", 2)


@pytest.mark.parametrize("source", ["curl", "wget"])
def test_success_only_is_silent_about_a_failure(places: Path, source: str) -> None:
    text = (SHELL if source == "curl" else WGET)["success only"]
    with receiving() as receiver:
        assert run(places, receiver, text).stdout == "backup --all\n"
        assert run(places, receiver, text, status=1).returncode == 1
    assert said(receiver) == [("nightly-backup", "success")]


@pytest.mark.parametrize("status", [0, 7])
@pytest.mark.parametrize("source", ["curl", "wget"])
def test_start_end_and_exit_status(places: Path, source: str, status: int) -> None:
    text = (SHELL if source == "curl" else WGET)["start, end and exit status"]
    with receiving() as receiver:
        assert run(places, receiver, text, status=status).returncode == status
    assert said(receiver) == [("nightly-backup", "start"), ("nightly-backup", str(status))]
    assert len({ping.rid for ping in receiver.pings} - {""}) == 1
    assert receiver.pings[1].body == (b"backup --all\n" if source == "wget" else b"")


@pytest.mark.parametrize(("status", "ran"), [(0, "dump-database \nbackup --all\n"), (5, "dump-database \n")])
def test_a_script_of_several_steps_tells_the_status_of_the_one_that_failed(places: Path, status: int, ran: str) -> None:
    with receiving() as receiver:
        done = run(places, receiver, SHELL["at the top of a bash script"], by="bash", status=status)
    assert (done.returncode, done.stdout) == (status, ran)
    assert said(receiver) == [("nightly-backup", "start"), ("nightly-backup", str(status))]


def test_a_failure_behind_a_pipe_is_told(places: Path) -> None:
    text = SHELL["at the top of a bash script"].replace("/usr/local/bin/dump-database\n", "")
    with receiving() as receiver:
        assert run(places, receiver, text, by="bash", status=9).returncode == 9
    assert said(receiver)[-1] == ("nightly-backup", "9")


def test_the_real_monitor_takes_the_wrappers_pings(places: Path, local: Local) -> None:
    text = SHELL["with one script"].replace("nightly-backup", "shell-page")
    text = text.replace("lastseen.sh ", "lastseen.sh --timeout 60 ")  # the emulator starts functions slowly
    assert run(places, local, text, status=3).returncode == 3
    [check] = checks(local, "shell-page")
    assert (check["status"], check["n_pings"], check["started"]) == ("down", 2, False)
    assert body(local, pings(local, check)[1]) == "backup --all\n"


def test_a_host_gets_the_wrappers_from_the_deployment_and_they_ping_it(
    places: Path, local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(places)
    (places / "bin/lastseen.sh").unlink()
    assert run(places, local, SHELL["get them from your deployment"]).stdout.endswith("lastseen.pyz: OK\n")
    assert (places / "bin/lastseen.sh").read_bytes() == SCRIPT.read_bytes()
    for command, slug in (("lastseen.sh", "by-script"), ("lastseen.pyz exec", "by-file")):
        job = f"/usr/local/bin/{command} --timeout 60 --create {slug} -- true"
        assert run(places, local, job).returncode == 0
        [check] = checks(local, slug)
        assert (check["status"], check["n_pings"]) == ("up", 2)


@pytest.mark.parametrize("mode", ["away", 404])
@pytest.mark.parametrize("title", ["start, end and exit status", "at the top of a bash script"])
def test_the_job_keeps_its_status_when_pings_are_lost(places: Path, title: str, mode: Mode) -> None:
    quick = SHELL[title].replace("--retry 5", "--retry 0").replace("ping 10 5", "ping 10 0")
    with receiving(mode) as receiver:
        assert run(places, receiver, quick, by="bash", status=7).returncode == 7
        assert run(places, receiver, quick, by="bash", status=0).returncode == 0


# --- wget.md ----------------------------------------------------------------------------------------------------------
def test_busybox_pings_again_until_the_monitor_takes_it(places: Path) -> None:
    text = re.sub(r"\b(wget|timeout|sleep)\b", r"busybox \1", WGET["BusyBox"])
    with receiving(503, 200) as receiver:
        assert run(places, receiver, text).returncode == 0
    assert receiver.signals == ["success", "success"]


def test_wget_tries_again_after_a_503(places: Path) -> None:
    with receiving(503, 200) as receiver:
        assert run(places, receiver, WGET["success only"]).returncode == 0
    assert receiver.signals == ["success", "success"]


def test_head_is_a_ping(local: Local) -> None:
    url = f"{local.ping_url}/{local.ping_key}/wget-spider?create=1"
    assert httpx.head(url, timeout=30).status_code in (200, 201)


# --- crontab.md -------------------------------------------------------------------------------------------------------
def lines_of(crontab: str) -> tuple[dict[str, str], list[str]]:
    """Read a crontab as cron does: settings, and commands in which a bare % is a line end."""
    settings, commands = {}, []
    for line in crontab.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if setting := re.fullmatch(r"(\w+)=(.*)", line):
            settings[setting[1]] = setting[2]
            continue
        command = line.split(None, 5)[5]
        assert not re.search(r"(?<!\\)%", command), "a bare % ends the command"
        commands.append(command.replace(r"\%", "%"))
    return settings, commands


def test_cron_itself_finds_the_crontab_well_formed(tmp_path: Path) -> None:
    require_programs("crontab")
    file = write(tmp_path, "crontab", CRONTAB["crontab -e"])
    done = subprocess.run(["crontab", "-n", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    file.write_text("61 * * * * x\n")
    assert subprocess.run(["crontab", "-n", file], capture_output=True, check=False).returncode != 0


def test_each_line_of_the_crontab_tells_what_its_comment_says(places: Path) -> None:
    settings, commands = lines_of(CRONTAB["crontab -e"])
    assert list(settings) == ["LASTSEEN_PING_URL", "LASTSEEN_PING_KEY", "PATH", "MAILTO"]
    with receiving() as receiver:
        shown = [run(places, receiver, command).stdout for command in commands]
    assert shown == ["backup --all\n", "mail-report team\n", "sync-orders \n", "queue-alive \n"]
    assert said(receiver) == [
        ("nightly-backup", "start"), ("nightly-backup", "0"),
        ("weekly-report", "start"), ("weekly-report", "0"),
        ("sync-orders", "start"), ("sync-orders", "0"),
        ("queue-alive", "success"),
    ]  # fmt: skip


def test_a_run_that_the_lock_skips_ends_with_75_and_tells_nothing(places: Path) -> None:
    _, commands = lines_of(CRONTAB["crontab -e"])
    [locked] = [command for command in commands if command.startswith("flock")]
    with receiving() as receiver, subprocess.Popen(["flock", f"{places}/sync.lock", "sleep", "60"]) as holder:
        give_up = time.monotonic() + 30
        while subprocess.run(["flock", "-n", f"{places}/sync.lock", "true"], check=False).returncode == 0:
            assert time.monotonic() < give_up
        assert run(places, receiver, locked).returncode == 75
        holder.kill()
    assert receiver.pings == []


def test_the_check_is_made_with_crons_expression(places: Path, local: Local) -> None:
    text = CRONTAB["make the check"].replace("nightly-backup", "crontab-page")
    for _ in range(2):
        done = run(places, local, text)
        assert done.returncode == 0, done.stderr
    [check] = checks(local, "crontab-page")
    assert (check["schedule"], check["tz"], check["grace"]) == ("30 4 * * *", "Europe/Berlin", 3600)


# --- the pages' seconds -----------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_the_lines_hold_a_job_as_long_as_the_pages_say_and_no_longer(places: Path) -> None:
    """Each try is shortened from 10 s to 1 s; tries and pauses are as the pages have them."""
    beat = lines_of(CRONTAB["crontab -e"])[1][-1]
    cases: list[tuple[str, Mode, int, int]] = [
        # what runs, the monitor, tries, seconds of tries and pauses
        (beat, "away", 0, 7),
        (beat, "mute", 4, 4 + 7),
        (WGET["success only"], "away", 0, 3),
        (WGET["success only"], "mute", 3, 3 + 3),
        (WGET["BusyBox"], "mute", 3, 3 + 3),
    ]

    def hold(case: tuple[str, Mode, int, int]) -> tuple[int, float]:
        text = case[0].replace("-m 10", "-m 1").replace("-T 10", "-T 1").replace("timeout 10", "timeout 1")
        with receiving(case[1]) as receiver:
            begun = time.monotonic()
            run(places, receiver, text)
            return len(receiver.pings), time.monotonic() - begun

    with ThreadPoolExecutor(len(cases)) as pool:
        held = list(pool.map(hold, cases))
    assert [tries for tries, _ in held] == [tries for _, _, tries, _ in cases]
    for (_, seconds), (text, mode, _, expected) in zip(held, cases, strict=True):
        assert expected - 1.5 < seconds < expected + 4, f"{text} {mode}"
