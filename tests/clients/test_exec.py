"""What only `lastseen exec` has: a cheap start, and help that teaches. The rest: test_exec_table.py."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys

import pytest

from lastseen_cli import settings
from lastseen_cli.errors import UsageError
from lastseen_cli.exec import _duration
from lastseen_cli.main import main
from tests.clients.needs import ENVIRON
from tests.clients.receiver import receiving

LATE = "threading urllib http ssl socket email subprocess typer rich httpx boto3 yaml shutil logging json".split()  # noqa: SIM905 - a list
MOST = 25  # modules of the standard library, parts of argparse and re all but a few


def loaded(code: str) -> set[str]:
    """The top-level modules that Python has loaded after `code`, beyond those of an empty program."""
    tell = "import sys; print(*{name.split('.')[0] for name in sys.modules})"
    after, bare = (subprocess.check_output([sys.executable, "-c", f"{c}; {tell}"], text=True) for c in (code, "pass"))
    return set(after.split()) - set(bare.split())


def test_before_the_job_starts_nothing_is_imported_that_only_pinging_needs() -> None:
    modules = loaded("import lastseen_cli.main, lastseen_cli.exec; lastseen_cli.exec.command_line()")
    assert not modules & set(LATE)
    assert len({name for name in modules if not name.startswith("_")}) <= MOST


def test_what_starting_it_costs_beside_python_c_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """Print the ratio; nothing is asserted on time, which depends on who else is at work on the machine."""
    with receiving() as receiver:
        env = {**ENVIRON, **receiver.environment}
        bare = processor_seconds([sys.executable, "-c", "pass"], env)
        start = processor_seconds([sys.executable, "-c", "import lastseen_cli.exec as e; e.command_line()"], env)
        whole = processor_seconds([*LASTSEEN, "exec", "nightly", "--", "true"], env)
    with capsys.disabled():
        sys.stdout.write(
            f"\n[start cost] python -c pass {bare * 1000:.0f} ms, until the job starts {start / bare:.1f} times that, "
            f"with both pings {whole / bare:.1f} times\n"
        )
    assert len(receiver.pings) == 2 * RUNS


LASTSEEN = [sys.executable, "-c", f"from {main.__module__} import main; main()"]
RUNS = 3


def processor_seconds(command: list[str], env: dict[str, str]) -> float:
    """Return the median of what the command and its children used."""
    spent = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=env, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return sorted(spent)[RUNS // 2]


def test_help_teaches_where_the_pings_go_how_it_is_written_in_a_crontab_and_what_the_exit_status_is() -> None:
    done = subprocess.run([*LASTSEEN, "exec", "--help"], capture_output=True, text=True, check=True)
    for line in (
        "usage: lastseen exec [options] SLUG -- command ...",
        "LASTSEEN_PING_URL",
        "LASTSEEN_PING_KEY",
        "30 4 * * *   lastseen exec --create nightly-backup -- /usr/local/bin/backup --all",
        "the job's own; 128 + n if signal n ended it",
        "never fails because of a ping",
    ):
        assert line in done.stdout
    for option in ("--create", "--timeout", "--quiet", "--no-start", "--body-limit"):
        assert option in done.stdout


@pytest.mark.parametrize("text", ["90", "90s", "5m", "1h30m", "1d", "1d2h3m4s", "", "x", "1m1h", "1.5h", "-5", " 5m"])
def test_a_time_is_read_as_by_the_other_commands(text: str) -> None:
    try:
        expected: int | None = settings.seconds_of(text, option="--grace")
    except UsageError:
        expected = None
    try:
        assert _duration(text) == expected
    except argparse.ArgumentTypeError:
        assert expected is None


def test_sigint_sent_to_it_reaches_the_job_as_sigint() -> None:
    command = 'trap "exit 5" INT; echo up; sleep 60 >/dev/null 2>&1 & wait'
    with receiving() as receiver:
        job = subprocess.Popen(
            [*LASTSEEN, "exec", "nightly", "--", "bash", "-c", command],
            env={**ENVIRON, **receiver.environment},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert job.stdout
        assert os.read(job.stdout.fileno(), 3) == b"up\n"
        job.send_signal(2)
        job.communicate(timeout=60)
    assert (job.returncode, receiver.signals) == (5, ["start", "5"])
