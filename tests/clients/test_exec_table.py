"""One table of behaviours for `lastseen exec` and clients/sh/lastseen.sh (with curl, with wget, and all BusyBox)."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.needs import ENVIRON, require_programs
from tests.clients.receiver import KEY, UUID, Mode, Receiver, receiving

SCRIPT = Path(__file__).parents[2] / "clients/sh/lastseen.sh"
EXEC = [sys.executable, "-c", "from lastseen_cli.main import main; main()", "exec"]
TOOLS = "od tr tail tee mktemp mkfifo rm cat sleep sed head dd wc timeout seq env kill stat sh".split()  # noqa: SIM905 - a list
WITHIN = 60.0  # seconds for what takes one: the machine may be busy
OUTLIVES = "sleep 120 & echo $!"


@dataclass(frozen=True, slots=True)
class Client:
    command: list[str]
    path: str

    def start(
        self,
        receiver: Receiver,
        *arguments: str,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        at_terminal: int | None = None,
        environment: dict[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        if at_terminal is not None:
            stdin = stdout = stderr = at_terminal
        return subprocess.Popen(
            [*self.command, *arguments],
            env={"PATH": self.path, **receiver.environment, **(environment or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            preexec_fn=None if at_terminal is None else lambda: os.login_tty(at_terminal),  # noqa: PLW1509 - takes no lock
        )

    def run(self, receiver: Receiver, *arguments: str, **environment: str) -> tuple[int, bytes, bytes]:
        job = self.start(receiver, *arguments, environment=environment)
        out, err = job.communicate(timeout=WITHIN)
        return job.returncode, out, err


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Client]:
    require_programs("curl", "wget", "busybox")
    return {
        "exec": Client(EXEC, ENVIRON["PATH"]),
        "sh-curl": Client([str(SCRIPT)], only(tmp_path_factory.mktemp("curl"), "curl")),
        "sh-wget": Client([str(SCRIPT)], only(tmp_path_factory.mktemp("wget"), "wget")),
        "sh-busybox": Client(
            [*busybox(tmp_path_factory.mktemp("busybox")), str(SCRIPT)],
            str(tmp_path_factory.getbasetemp() / "busybox0"),
        ),
    }


def only(folder: Path, fetcher: str) -> str:
    for tool in (*TOOLS, fetcher):
        place = next(place for place in ("/usr/bin", "/bin") if (Path(place) / tool).exists())
        (folder / tool).symlink_to(Path(place) / tool)
    return str(folder)


def busybox(folder: Path) -> list[str]:
    """Make a folder in which every tool is BusyBox's, as in an Alpine image."""
    for tool in (*TOOLS, "wget"):
        (folder / tool).symlink_to("/usr/bin/busybox" if Path("/usr/bin/busybox").exists() else "/bin/busybox")
    return [str(folder / "sh")]


EVERYDAY, THOROUGH = ("exec", "sh-curl"), ("sh-wget", "sh-busybox")
"""The script is one, whatever fetches: what only wget and BusyBox can break, the slow run finds."""
NAMES = [*EVERYDAY, *(pytest.param(name, marks=pytest.mark.slow) for name in THOROUGH)]


@pytest.fixture(params=NAMES)
def client(request: pytest.FixtureRequest, clients: dict[str, Client]) -> Client:
    return clients[request.param]


# --- a job is itself under watch --------------------------------------------------------------------------------------
def test_a_good_job_is_a_start_and_an_end_of_one_run(client: Client) -> None:
    with receiving() as receiver:
        job = client.start(receiver, "nightly", "--", "sh", "-c", "cat; echo out; echo err >&2")
        out, err = job.communicate(b"in\n", timeout=WITHIN)
    assert (job.returncode, out, err) == (0, b"in\nout\n", b"err\n")
    assert receiver.signals == ["start", "0"]
    assert len({ping.rid for ping in receiver.pings}) == 1
    assert {ping.method for ping in receiver.pings} == {"POST"}
    assert sorted(receiver.pings[1].body.split()) == [b"err", b"in", b"out"]


def test_each_run_has_an_id_of_its_own(client: Client) -> None:
    with receiving() as receiver:
        client.run(receiver, "nightly", "--", "true")
        client.run(receiver, "nightly", "--", "true")
    assert len({ping.rid for ping in receiver.pings}) == 2


def test_a_uuid_needs_no_key(client: Client) -> None:
    with receiving() as receiver:
        assert client.run(receiver, UUID.upper(), "--", "true", LASTSEEN_PING_KEY="") == (0, b"", b"")
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [(UUID, "start"), (UUID, "0")]


@pytest.mark.parametrize(("command", "status"), [("exit 3", 3), ("kill -KILL $$", 137), ("exec no-such-program", 127)])
def test_the_exit_status_is_the_jobs_own(client: Client, command: str, status: int) -> None:
    with receiving() as receiver:
        assert client.run(receiver, "nightly", "--", "sh", "-c", command)[0] == status
    assert receiver.signals == ["start", str(status)]


def test_a_command_that_is_not_there_is_told_with_127(client: Client) -> None:
    with receiving() as receiver:
        status, _, err = client.run(receiver, "nightly", "--", "no-such-program")
    assert (status, receiver.signals) == (127, ["start", "127"])
    assert b"no-such-program" in err


@pytest.mark.parametrize("name", ["TERM", "HUP", "USR1"])
def test_a_signal_reaches_the_job_which_decides(client: Client, name: str) -> None:
    with receiving() as receiver:
        job = client.start(receiver, "nightly", "--", "sh", "-c", waits_for(name))
        assert first_line(job) == b"up\n"
        job.send_signal(signal.Signals[f"SIG{name}"])
        out, _ = job.communicate(timeout=WITHIN)
    assert (job.returncode, out) == (7, f"got {name}\n".encode())
    assert receiver.signals == ["start", "7"]
    assert receiver.pings[1].body == f"up\ngot {name}\n".encode()


def test_a_job_that_a_signal_ends_is_told_with_128_and_its_number(client: Client) -> None:
    with receiving() as receiver:
        job = client.start(receiver, "nightly", "--", "sh", "-c", "echo up; exec sleep 60")
        assert first_line(job) == b"up\n"
        job.terminate()
        job.communicate(timeout=WITHIN)
    assert (job.returncode, receiver.signals) == (143, ["start", "143"])


def test_huge_output_is_shown_whole_and_its_beginning_and_end_are_sent_in_whole_lines(client: Client) -> None:
    with receiving() as receiver:
        _, out, _ = client.run(receiver, "nightly", "--", "seq", "1", "1000000")
    assert out == b"".join(b"%d\n" % n for n in range(1, 1_000_001))
    body = receiver.pings[1].body
    assert 9_000 < len(body) <= 10_000
    beginning, left_out, end = parts(body)
    assert len(beginning) > 1_900
    assert out.startswith(beginning)
    assert out.endswith(b"\n" + end)
    assert left_out == len(out) - len(beginning) - len(end)


def parts(body: bytes) -> tuple[bytes, int, bytes]:
    """Take apart what is sent of a long output."""
    found = re.fullmatch(rb"(.*\n)\[\.\.\. ([0-9,]+) bytes left out \.\.\.\]\n(.*)", body, re.DOTALL)
    assert found, body
    return found[1], int(found[2].replace(b",", b"")), found[3]


def test_the_error_is_in_what_is_sent_whether_it_stands_first_or_last(client: Client) -> None:
    with receiving() as receiver:
        noise = "seq 100000 109999"
        client.run(receiver, "nightly", "--", "sh", "-c", f"echo disk is full; {noise}; exit 3")
        client.run(receiver, "nightly", "--", "sh", "-c", f"{noise}; echo disk is full; exit 3")
    first, last = receiver.pings[1].body, receiver.pings[3].body
    assert first.startswith(b"disk is full\n")
    assert last.endswith(b"\ndisk is full\n")


def test_output_just_within_the_limit_is_sent_to_the_letter_and_one_byte_more_is_not(client: Client) -> None:
    with receiving() as receiver:
        for count in (9_999, 10_000):
            client.run(receiver, "nightly", "--", "sh", "-c", f"head -c {count} /dev/zero | tr '\\0' x; echo")
    assert receiver.pings[1].body == b"x" * 9_999 + b"\n"
    beginning, left_out, end = parts(receiver.pings[3].body)
    assert beginning == b"x" * 2_000 + b"\n"  # one line without an end: cut in its middle, but marked
    assert len(end) > 7_900
    assert set(end) <= set(b"x\n")
    assert left_out == 10_001 - 2_000 - len(end)


def test_binary_output_is_shown_and_sent_to_the_letter(client: Client, tmp_path: Path) -> None:
    blob = bytes(range(256)) * 20
    (tmp_path / "blob").write_bytes(blob)
    with receiving() as receiver:
        _, out, _ = client.run(receiver, "nightly", "--", "cat", str(tmp_path / "blob"))
    sent = blob.replace(b"\0", b"") if "busybox" in client.path else blob  # BusyBox's wget ends a body at a NUL
    assert (out, receiver.pings[1].body) == (blob, sent)


def test_stdout_and_stderr_on_one_pipe_keep_their_order_as_under_cron(client: Client) -> None:
    lines = "for n in 1 2 3 4 5 6 7 8 9; do echo out $n; echo err $n >&2; done"
    with receiving() as receiver:
        job = client.start(receiver, "nightly", "--", "sh", "-c", lines, stderr=subprocess.STDOUT)
        out, _ = job.communicate(timeout=WITHIN)
    assert out == b"".join(b"out %d\nerr %d\n" % (n, n) for n in range(1, 10))
    assert receiver.pings[1].body == out


def test_a_job_in_a_loop_leaves_the_loops_stdin_alone(client: Client) -> None:
    with receiving() as receiver:
        job = client.start(receiver, "nightly", "--", "head", "-c", "2")
        out, _ = job.communicate(b"a\nb\nc\n", timeout=WITHIN)
        loop = ["sh", "-c", 'while read -r line; do "$@" echo "$line"; done', "sh"]
        inner = Client([*loop, *client.command], ENVIRON["PATH"]).start(receiver, "nightly", "--")
        looped, _ = inner.communicate(b"a\nb\nc\n", timeout=WITHIN)
    assert (out, looped) == (b"a\n", b"a\nb\nc\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_does_not_keep_the_job_from_running(client: Client, closed: str) -> None:
    with receiving() as receiver:
        without = Client(["sh", "-c", f'"$@" {closed}', "sh", *client.command], client.path)
        talk = "seq 1 50000; seq 1 50000 >&2; echo done; echo done >&2; exit 3"  # more than a pipe holds
        status, _, _ = without.run(receiver, "nightly", "--", "sh", "-c", talk)
    assert (status, receiver.signals) == (3, ["start", "3"])
    assert b"done\n" in receiver.pings[1].body


def test_when_nobody_reads_the_output_any_more_the_job_ends_as_it_would(client: Client) -> None:
    with receiving() as receiver:
        endless = "while :; do echo more; done"
        with client.start(receiver, "nightly", "--", "sh", "-c", endless) as job:
            assert first_line(job) == b"more\n"
            assert job.stdout
            job.stdout.close()
            assert job.wait(WITHIN) == 141
    assert receiver.signals == ["start", "141"]


def test_a_child_that_outlives_the_job_is_not_waited_for(client: Client) -> None:
    with receiving() as receiver, client.start(receiver, "nightly", "--", "sh", "-c", OUTLIVES) as job:
        child = int(first_line(job))
        assert job.wait(WITHIN) == 0
        os.kill(child, signal.SIGKILL)  # it was there still
    assert receiver.pings[1].body == b"%d\n" % child


def test_a_child_that_outlives_the_job_and_talks_on_is_not_waited_for_either(client: Client) -> None:
    with receiving() as receiver:
        chatter = "while echo more; do sleep 0.05; done & exit 6"
        begun = time.monotonic()
        status, _, _ = client.run(receiver, "nightly", "--", "sh", "-c", chatter)
    assert time.monotonic() - begun < 20  # 2 s on an idle machine; unbounded, it lasts as long as the child talks
    assert (status, receiver.signals) == (6, ["start", "6"])


def test_a_job_that_closes_its_output_and_goes_on_is_waited_for(client: Client) -> None:
    with receiving() as receiver:
        status, _, _ = client.run(receiver, "nightly", "--", "sh", "-c", "exec >&- 2>&-; sleep 0.5; exit 9")
    assert (status, receiver.signals) == (9, ["start", "9"])


# --- at a terminal ----------------------------------------------------------------------------------------------------
def test_a_terminal_stays_a_terminal(client: Client) -> None:
    ours, theirs = pty.openpty()
    with receiving() as receiver:
        ask = "test -t 0 && test -t 1 && test -t 2 && echo yes"
        job = client.start(receiver, "nightly", "--", "sh", "-c", ask, at_terminal=theirs)
        assert job.wait(WITHIN) == 0
    assert os.read(ours, 100) == b"yes\r\n"
    os.close(ours)
    os.close(theirs)
    by_script = client.command != EXEC
    assert receiver.pings[1].body == (b"The output went to a terminal: it was not kept.\n" if by_script else b"yes\n")


def test_ctrl_c_at_a_terminal_reaches_the_job_once(client: Client) -> None:
    ours, theirs = pty.openpty()
    with receiving() as receiver:
        count = 'n=0; trap "n=\\$((n + 1))" INT; echo up; sleep 1; sleep 1; exit $((20 + n))'
        job = client.start(receiver, "nightly", "--", "sh", "-c", count, at_terminal=theirs)
        assert read_until(ours, b"up\r\n")
        os.write(ours, termios.tcgetattr(ours)[6][termios.VINTR])
        assert job.wait(WITHIN) == 21
    os.close(ours)
    os.close(theirs)
    assert receiver.signals == ["start", "21"]


# --- options ----------------------------------------------------------------------------------------------------------
def test_quiet_shows_nothing_and_sends_the_output(client: Client) -> None:
    with receiving() as receiver:
        assert client.run(receiver, "--quiet", "nightly", "--", "sh", "-c", "echo a; echo b >&2") == (0, b"", b"")
    assert sorted(receiver.pings[1].body.split()) == [b"a", b"b"]


def test_quiet_keeps_warnings_to_itself(client: Client) -> None:
    with receiving(404) as receiver:
        assert client.run(receiver, "--quiet", "nightly", "--", "false") == (1, b"", b"")


def test_no_start_tells_the_end_only(client: Client) -> None:
    with receiving() as receiver:
        client.run(receiver, "--no-start", "nightly", "--", "true")
    assert receiver.signals == ["0"]


def test_body_limit_says_how_much_of_the_end_is_sent(client: Client) -> None:
    with receiving() as receiver:
        client.run(receiver, "--body-limit", "4", "nightly", "--", "echo", "a long text")
    assert receiver.pings[1].body == b"ext\n"


def test_body_limit_0_leaves_the_output_to_the_job(client: Client, tmp_path: Path) -> None:
    with receiving() as receiver, (tmp_path / "log").open("wb") as log:
        job = client.start(receiver, "--body-limit", "0", "nightly", "--", "stat", "-L", "-c", "%i", "/dev/stdout",
                           stdout=log.fileno())  # fmt: skip
        job.communicate(timeout=WITHIN)
    assert int((tmp_path / "log").read_text()) == (tmp_path / "log").stat().st_ino
    assert receiver.pings[1].body == b""


def test_create_is_asked_for_with_every_ping(client: Client) -> None:
    with receiving() as receiver:
        client.run(receiver, "nightly", "--", "true")
        client.run(receiver, "--create", "nightly", "--", "true")
    assert [ping.query.get("create") for ping in receiver.pings] == [None, None, "1", "1"]


@pytest.mark.parametrize(
    ("time", "seconds"),
    [("90", "90"), ("90s", "90"), ("5m", "300"), ("1h30m", "5400"), ("1d", "86400"), ("1d1m5", "86465")],
)
def test_the_settings_of_a_check_that_is_made_go_with_every_ping(client: Client, time: str, seconds: str) -> None:
    cron = "30 3 * * MON#1"
    with receiving() as receiver:
        made = ["--schedule", cron, "--tz", "Europe/Berlin", "--grace", time]
        assert client.run(receiver, *made, "nightly", "--", "true") == (0, b"", b"")
        assert client.run(receiver, "--every", time, "nightly", "--", "true") == (0, b"", b"")
    assert receiver.signals == ["start", "0"] * 2
    asked = [{name: value for name, value in ping.query.items() if name != "rid"} for ping in receiver.pings]
    by_schedule = {"create": "1", "schedule": cron, "tz": "Europe/Berlin", "grace": seconds}
    assert asked == [by_schedule, by_schedule] + [{"create": "1", "timeout": seconds}] * 2


def test_a_schedule_of_several_lines_and_odd_characters_arrives_as_it_is(client: Client) -> None:
    schedule = "Mon 03:30 Europe/Berlin\nTue 04:00 & + % 'é'"
    with receiving() as receiver:
        client.run(receiver, "--schedule", schedule, "nightly", "--", "true")
    assert [ping.query["schedule"] for ping in receiver.pings] == [schedule] * 2


MISUSE = {
    "no command given": ["nightly"],
    "no command": ["nightly", "--"],
    "SLUG": [],
    "--frobnicate": ["--frobnicate", "nightly", "--", "true"],
    "before the slug": ["nightly", "--quiet", "--", "true"],
    "--timeout": ["--timeout", "soon", "nightly", "--", "true"],
    "seconds above 0": ["--timeout", "0", "nightly", "--", "true"],
    "--body-limit": ["--body-limit", "-1", "nightly", "--", "true"],
    "--grace": ["--grace", "soon", "nightly", "--", "true"],
    "a time like": ["--every", "1m1h", "nightly", "--", "true"],
    "exclude each other": ["--every", "5m", "--schedule", "* * * * *", "nightly", "--", "true"],
}


@pytest.mark.parametrize("told", MISUSE)
def test_misuse_is_exit_status_2_and_says_how_it_is_used(client: Client, told: str) -> None:
    with receiving() as receiver:
        status, out, err = client.run(receiver, *MISUSE[told])
    assert (status, out, receiver.pings) == (2, b"", [])
    assert told.encode() in err
    assert b"[options] SLUG -- command ..." in err


# --- a monitor that is away, mute, wrong or slow ----------------------------------------------------------------------
TROUBLES: dict[Mode, list[str]] = {
    "away": [],
    "mute": ["start", "4", "4", "4"],
    "drip": ["start", "4", "4", "4"],
    "cut": ["start", "4", "4", "4"],
    500: ["start", "4", "4", "4"],
    429: ["start", "4", "4", "4"],
    404: ["start", "4"],
    400: ["start", "4"],
}
TRY_SECONDS, PAUSE_SECONDS = 2.0, 3.0
"""The bound of a job's delay is four tries and two pauses; exec's pauses shrink with its --timeout."""


@dataclass(frozen=True, slots=True)
class Held:
    status: int
    out: bytes
    err: bytes
    signals: list[str]
    seconds: float
    secrets: list[str]


def hold(client: Client, mode: Mode, *options: str) -> Held:
    with receiving(mode) as receiver:
        begun = time.monotonic()
        status, out, err = client.run(receiver, *options, "nightly", "--", "sh", "-c", "echo out; exit 4")
        seconds = time.monotonic() - begun
        return Held(status, out, err, receiver.signals, seconds, receiver.secrets_in(out, err))


@pytest.fixture(scope="session")
def held(clients: dict[str, Client]) -> Callable[[str, Mode | None], Held]:
    """Run a client under each trouble, all at once: they mostly wait. None is a mute monitor, time-outs as shipped."""
    done: dict[tuple[str, Mode | None], Held] = {}

    def one(case: tuple[str, Mode | None]) -> Held:
        name, mode = case
        return hold(clients[name], "mute") if mode is None else hold(clients[name], mode, "--timeout", str(TRY_SECONDS))

    def of(name: str, mode: Mode | None) -> Held:
        if (name, mode) not in done:
            cases: list[tuple[str, Mode | None]] = [(name, mode) for name in EVERYDAY for mode in TROUBLES]
            if name in THOROUGH or mode is None:
                cases = [(name, None) for name in clients] + [(name, mode) for name in THOROUGH for mode in TROUBLES]
            with ThreadPoolExecutor(8) as pool:
                done.update(zip(cases, pool.map(one, cases), strict=True))
        return done[name, mode]

    return of


@pytest.mark.parametrize("mode", TROUBLES)
@pytest.mark.parametrize("name", NAMES)
def test_a_monitor_in_trouble_costs_seconds_and_one_warning(
    held: Callable[[str, Mode | None], Held], name: str, mode: Mode
) -> None:
    run = held(name, mode)
    assert (run.status, run.out) == (4, b"out\n")
    assert sorted(run.signals) == sorted(TROUBLES[mode])  # what was given up may still arrive, late
    assert run.err.startswith(b"lastseen: ping /start of nightly was not delivered: ")
    assert run.err.count(b"\n") == 1
    assert run.secrets == []
    assert run.seconds < 4 * TRY_SECONDS + PAUSE_SECONDS + 20  # the machine may be busy: the test below is exact


@pytest.mark.slow
@pytest.mark.parametrize("name", [*EVERYDAY, *THOROUGH])
def test_as_it_is_shipped_a_mute_monitor_holds_a_job_23_seconds_at_most(
    held: Callable[[str, Mode | None], Held], name: str
) -> None:
    run = held(name, None)
    assert (run.status, run.out, run.signals) == (4, b"out\n", ["start", "4", "4", "4"])
    assert 20 < run.seconds < 23 + 4


def test_the_end_gets_through_when_the_second_try_does(client: Client) -> None:
    with receiving(200, 503, 200) as receiver:
        assert client.run(receiver, "nightly", "--", "true") == (0, b"", b"")
    assert receiver.signals == ["start", "0", "0"]
    assert len({ping.rid for ping in receiver.pings}) == 1


@pytest.mark.parametrize(
    ("slug", "settings", "mend"),
    [
        ("nightly", {"LASTSEEN_PING_URL": ""}, b"LASTSEEN_PING_URL"),
        ("nightly", {"LASTSEEN_PING_URL": "ftp://host/ping"}, b"LASTSEEN_PING_URL"),
        ("nightly", {"LASTSEEN_PING_KEY": ""}, b"LASTSEEN_PING_KEY"),
        ("nightly", {"LASTSEEN_PING_URL": 'http://host/ping" \noutput = "/tmp/x'}, b"LASTSEEN_PING_URL"),
        ("nightly", {"LASTSEEN_PING_KEY": "two words"}, b"LASTSEEN_PING_KEY is not a ping key"),
        ("nightly", {"LASTSEEN_PING_KEY": "key/../other"}, b"LASTSEEN_PING_KEY is not a ping key"),
        ("Nightly Backup", {}, b"not a slug"),
    ],
)
def test_with_wrong_settings_the_job_runs_and_the_mend_is_told(
    client: Client, slug: str, settings: dict[str, str], mend: bytes
) -> None:
    with receiving() as receiver:
        status, out, err = client.run(receiver, slug, "--", "echo", "out", **settings)
    assert (status, out, receiver.pings) == (0, b"out\n", [])
    assert mend in err
    assert receiver.secrets_in(err) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", " ", " \t\r\n\n"])
def test_line_ends_and_blanks_around_settings_do_no_harm(client: Client, end: str) -> None:
    with receiving() as receiver:
        settings = {name: f" {value}{end}" for name, value in receiver.environment.items()}
        assert client.run(receiver, "nightly\r", "--", "true", **settings) == (0, b"", b"")
        assert client.run(receiver, f"{UUID}{end}", "--", "true", **settings) == (0, b"", b"")
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [
        ("nightly", "start"),
        ("nightly", "0"),
        (UUID, "start"),
        (UUID, "0"),
    ]


SENTENCE = b"not found: no check of this project has the slug nightly. Add ?create=1 to make it"


def test_a_refusal_is_shown_in_the_monitors_own_words(client: Client) -> None:
    with receiving(404, answer=SENTENCE + b"\nmore") as receiver:
        status, out, err = client.run(receiver, "nightly", "--", "true")
    assert (status, out) == (0, b"")
    said = b"" if "busybox" in client.path else b": " + SENTENCE  # BusyBox's wget drops the body of a refusal
    assert err == b"lastseen: ping /start of nightly was not delivered: HTTP 404" + said + b"\n"


def test_an_answer_cannot_make_the_warning_show_a_secret_or_drive_a_terminal(client: Client) -> None:
    with receiving(404) as receiver:
        receiver.answer = b"no route \x1b[31m for %s/%s/nightly %s\n" % (
            receiver.url.encode(),
            KEY.encode(),
            b"x" * 999,
        )
        _, _, by_slug = client.run(receiver, "nightly", "--", "true")
        receiver.answer = b"<!doctype html><title>%s</title>" % UUID.encode()
        _, _, a_page = client.run(receiver, UUID, "--", "true")
        receiver.answer = b"no check %s" % UUID.encode()
        _, _, by_uuid = client.run(receiver, UUID, "--", "true")
        for err in (by_slug, a_page, by_uuid):
            assert receiver.secrets_in(err) == []
            assert b"\x1b" not in err
            assert err.count(b"\n") == 1
            assert len(err) < 300
    assert b"<" not in a_page


def test_a_uuid_is_a_secret_too(client: Client) -> None:
    with receiving(404) as receiver:
        status, out, err = client.run(receiver, UUID, "--", "true")
    assert (status, out) == (0, b"")
    assert err.startswith(b"lastseen: ping /start of the check was not delivered: HTTP 404")
    assert receiver.secrets_in(err) == []


@pytest.mark.parametrize(("name", "tool"), [("sh-curl", "curl"), ("sh-wget", "wget")])
def test_the_url_is_not_among_the_arguments_that_ps_shows(
    clients: dict[str, Client], name: str, tool: str, tmp_path: Path
) -> None:
    spy = tmp_path / tool
    spy.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/arguments\nexec /usr/bin/{tool} "$@"\n')
    spy.chmod(0o755)
    spied = Client(clients[name].command, f"{tmp_path}:{clients[name].path}")
    with receiving() as receiver:
        spied.run(receiver, "nightly", "--", "true")
        assert receiver.signals == ["start", "0"]
        assert receiver.secrets_in((tmp_path / "arguments").read_bytes()) == []


# --- helpers ----------------------------------------------------------------------------------------------------------
def waits_for(name: str) -> str:
    return f"trap 'echo got {name}; exit 7' {name}; echo up; sleep 60 >/dev/null 2>&1 & wait"


def first_line(job: subprocess.Popen[bytes]) -> bytes:
    assert job.stdout
    line = b""
    while not line.endswith(b"\n"):  # unbuffered: what follows is communicate's
        char = os.read(job.stdout.fileno(), 1)
        assert char, job.stderr and job.stderr.read()
        line += char
    return line


def read_until(terminal: int, text: bytes) -> bool:
    seen = b""
    while text not in seen:
        seen += os.read(terminal, 100)
    return True
