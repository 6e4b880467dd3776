"""clients/node: what the monitor gets of jobs in Node.js, and that no ping ever harms one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.needs import ENVIRON, require_programs
from tests.clients.pages import page, write
from tests.clients.receiver import Mode, Receiver, receiving

CLIENT = Path(__file__).parents[2] / "clients/node/lastseen.mjs"
PAGE = page("clients/node.md")

CALLS = """
import { beat, nightly } from "./jobs.mjs";
import { watch } from "./lastseen.mjs";
console.log(await nightly());
await beat();
class LedgerError extends Error { name = "LedgerError"; }
const full = { cause: new Error("disk full") };
function deep(n) { if (n) return deep(n - 1); throw new LedgerError("no such month", full); }
await watch("breaks", async () => deep(5)).catch((error) => console.log("threw", error.message));
await watch("rejects", () => Promise.reject("a word")).catch((word) => console.log("threw", word));
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    require_programs("node")
    shutil.copy(CLIENT, tmp_path)
    write(tmp_path, "jobs.mjs", PAGE["jobs.mjs"])
    return tmp_path


def node(folder: Path, code: str, receiver: Receiver | None) -> subprocess.CompletedProcess[str]:
    pasted = {name: f" {value}\r\n" for name, value in (receiver.environment if receiver else {}).items()}
    main = write(folder, "main.mjs", code)
    env = {"PATH": ENVIRON["PATH"], **pasted}
    return subprocess.run(["node", main], env=env, capture_output=True, text=True, timeout=60, check=True)


def test_the_monitor_gets_each_run_with_its_start_its_end_and_its_error(folder: Path) -> None:
    assert PAGE.titles == ["environment", "jobs.mjs"]
    with receiving() as receiver:
        done = node(folder, CALLS, receiver)
    assert done.stdout.splitlines() == ["42", "threw no such month", "threw a word"]
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [
        ("nightly-report", "start"),
        ("nightly-report", "success"),
        ("worker-alive", "success"),
        ("breaks", "start"),
        ("breaks", "fail"),
        ("rejects", "start"),
        ("rejects", "fail"),
    ]
    start, end, beat, _, failed, *_, rejected = receiver.pings
    assert start.rid == end.rid != ""
    assert beat.rid == ""
    assert {name: start.query[name] for name in ("create", "schedule", "tz", "grace")} == {
        "create": "1",
        "schedule": "30 4 * * *",
        "tz": "Europe/Berlin",
        "grace": "3600",
    }
    lines = failed.body.decode().splitlines()
    assert lines[:2] == ["LedgerError: no such month", "caused by Error: disk full"]
    assert lines[2].lstrip().startswith("at deep ")
    assert rejected.body == b"a word"


def test_without_a_url_nothing_is_sent(folder: Path) -> None:
    assert node(folder, CALLS, None).stderr == ""


@pytest.mark.parametrize(("mode", "tries"), [(404, 1), (503, 3), ("away", 0)])
def test_a_ping_that_is_not_stored_is_a_warning_without_its_url_and_harms_no_job(
    folder: Path, mode: Mode, tries: int
) -> None:
    code = 'import { ping, watch } from "./lastseen.mjs";\nawait watch("a job", () => console.log("done"));\n'
    with receiving(mode) as receiver:
        done = node(folder, code, receiver)
        secrets = receiver.environment.values()
    assert done.stdout == "done\n"
    assert done.stderr.count("lastseen: the ping of a job was not stored:") == 2
    assert not [secret for secret in secrets if secret in done.stderr]
    if tries:
        assert len(receiver.pings) == 1 + tries  # a start is tried once
