"""The Python client (clients/python/lastseen_client.py) against a receiver that can misbehave."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clients.python import lastseen_client as lastseen
from tests.clients.needs import ENVIRON
from tests.clients.receiver import KEY, UUID, Mode, Receiver, receiving

CLIENT = Path(lastseen.__file__)
TRY_SECONDS = 0.5  # 5 in earnest
Listen = Callable[..., Receiver]


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listen]:
    """Start a receiver with the given modes, and point fresh settings at it."""
    opened = []
    monkeypatch.setattr(lastseen, "settings", lastseen.Settings())
    monkeypatch.delenv("LASTSEEN_PING_URL", raising=False)
    monkeypatch.delenv("LASTSEEN_PING_KEY", raising=False)

    def run(*modes: Mode, **settings: object) -> Receiver:
        context = receiving(*modes)
        receiver = context.__enter__()
        opened.append(context)
        short = {"timeout": TRY_SECONDS if "mute" in modes or "drip" in modes else 20.0, "retry_pause": 0.02}
        lastseen.configure(ping_url=receiver.url, ping_key=KEY, **(short | settings))
        return receiver

    yield run
    for context in opened:
        context.__exit__(None, None, None)


def wait_for(receiver: Receiver, signals: list[str]) -> None:
    give_up = time.monotonic() + 20
    while receiver.signals != signals:
        assert time.monotonic() < give_up, receiver.signals
        time.sleep(0.01)


@pytest.fixture
def receiver(listen: Listen) -> Receiver:
    return listen()


# --- good runs --------------------------------------------------------------------------------------------------------
def test_a_good_function_is_start_and_success_of_one_run_and_keeps_its_value_and_name(receiver: Receiver) -> None:
    @lastseen.watch("nightly-report")
    def report(number: int, *, factor: int = 1) -> int:
        """Make it."""
        return number * factor

    assert report(21, factor=2) == 42
    assert (report.__name__, report.__doc__) == ("report", "Make it.")
    assert receiver.signals == ["start", "success"]
    assert [ping.check for ping in receiver.pings] == ["nightly-report"] * 2
    assert len({ping.rid for ping in receiver.pings}) == 1
    assert lastseen.UUID.fullmatch(receiver.pings[0].rid)


def test_each_call_is_a_run_of_its_own(receiver: Receiver) -> None:
    @lastseen.watch("job")
    def job() -> None: ...

    job()
    job()
    assert len({ping.rid for ping in receiver.pings}) == 2


def test_calls_at_once_do_not_share_a_run(receiver: Receiver) -> None:
    both = threading.Barrier(2)

    @lastseen.watch("job")
    def job(number: int) -> int:
        both.wait(20)
        return number

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(job, [1, 2])) == [1, 2]
    runs = {ping.rid: [p.signal for p in receiver.pings if p.rid == ping.rid] for ping in receiver.pings}
    assert list(runs.values()) == [["start", "success"]] * 2


def test_a_block_logs_lines_at_once_with_its_run_id(receiver: Receiver) -> None:
    with lastseen.watch("job", about="job_id=17 attempt=2") as run:
        assert run.log("halfway")
        assert receiver.signals == ["start", "log"]
    assert [(ping.signal, ping.body) for ping in receiver.pings] == [
        ("start", b"job_id=17 attempt=2"),
        ("log", b"halfway"),
        ("success", b""),
    ]
    assert {ping.rid for ping in receiver.pings} == {run.rid}
    assert {ping.query.get("over") for ping in receiver.pings} == {None}


def test_a_block_inside_a_block_is_another_run_even_of_one_watch(receiver: Receiver) -> None:
    watch = lastseen.watch("job")
    with watch as outer, watch as inner:
        pass
    assert [(p.signal, p.rid) for p in receiver.pings] == [
        ("start", outer.rid),
        ("start", inner.rid),
        ("success", inner.rid),
        ("success", outer.rid),
    ]


def test_a_function_that_returns_or_breaks_out_of_a_block_early_has_ended_well(receiver: Receiver) -> None:
    for _ in range(3):
        with lastseen.watch("job"):
            break
    assert receiver.signals == ["start", "success"]


def test_the_start_says_where_to_look(receiver: Receiver) -> None:
    with lastseen.watch("job"):
        pass
    assert receiver.pings[0].body.startswith(b"pid=")
    assert b" host=" in receiver.pings[0].body


def test_what_finds_the_run_elsewhere_may_be_a_function_and_may_fail(receiver: Receiver) -> None:
    for about in (lambda: "job_id=18", lambda: str(1 / 0)):
        with lastseen.watch("job", about=about):
            pass
    assert [ping.body for ping in receiver.pings if ping.signal == "start"] == [
        b"job_id=18",
        b"about raised ZeroDivisionError",
    ]


def test_a_simple_beat_is_one_success_without_a_run(receiver: Receiver) -> None:
    assert lastseen.ping("worker-alive")
    assert lastseen.ping("worker-alive", "fail", "queue is stuck")
    assert lastseen.ping("worker-alive", 3)
    assert receiver.signals == ["success", "fail", "3"]
    assert [ping.query for ping in receiver.pings] == [{}, {}, {}]
    assert receiver.pings[1].body == b"queue is stuck"


def test_a_uuid_needs_no_key(receiver: Receiver) -> None:
    lastseen.configure(ping_key="")
    assert lastseen.ping(UUID.upper())
    assert receiver.pings[0].check == UUID


def test_create_asks_for_the_check_to_be_made(listen: Listen) -> None:
    receiver = listen(create=True)
    with lastseen.watch("job"):
        pass
    assert lastseen.ping("job")
    assert [ping.query.get("create") for ping in receiver.pings] == ["1", "1", "1"]


# --- what an end means ------------------------------------------------------------------------------------------------
def test_an_error_is_told_with_class_message_and_twenty_lines_and_goes_on_as_the_same_object(
    receiver: Receiver,
) -> None:
    error = RuntimeError("disk is full")

    @lastseen.watch("job")
    def deep(level: int = 60) -> None:
        def down(left: int) -> None:
            if not left:
                raise error
            further(left - 1)

        def further(left: int) -> None:
            down(left)

        down(level)

    with pytest.raises(RuntimeError) as caught:
        deep()
    assert caught.value is error
    assert receiver.signals == ["start", "fail"]
    lines = receiver.pings[1].body.decode().splitlines()
    assert lines[0] == "RuntimeError: disk is full"
    assert len(lines) == 21
    assert "raise error" in "".join(lines[-2:])


class Beyond(BaseException):
    pass


@pytest.mark.parametrize(
    ("error", "signal", "text"),
    [
        (ValueError("no"), "fail", "ValueError: no"),
        (MemoryError(), "fail", "MemoryError"),
        (Beyond("base"), "fail", "tests.clients.test_python_client.Beyond: base"),
        (TimeoutError(), "fail", "TimeoutError"),
        (SystemExit(), "success", ""),
        (SystemExit(0), "success", ""),
        (SystemExit(3), "3", "exit 3"),
        (SystemExit(-1), "255", "exit -1"),
        (SystemExit(256), "fail", "exit: 256"),
        (SystemExit("no disk"), "fail", "exit: no disk"),
        (KeyboardInterrupt(), "log", "KeyboardInterrupt\ninterrupted, or put back"),
        (
            asyncio.CancelledError("deploy"),
            "log",
            "asyncio.exceptions.CancelledError: deploy\ninterrupted, or put back",
        ),
        (GeneratorExit(), "fail", "left early"),
    ],
)
def test_an_end_means_what_the_error_says(receiver: Receiver, error: BaseException, signal: str, text: str) -> None:
    with pytest.raises(type(error)), lastseen.watch("job"):
        raise error
    assert receiver.signals == ["start", signal]
    assert receiver.pings[1].body.decode().startswith(text)


def test_an_error_that_came_of_ctrl_c_is_no_failure(receiver: Receiver) -> None:
    @lastseen.watch("job")
    def job() -> None:
        try:
            interrupt()
        except KeyboardInterrupt:
            raise OSError("while cleaning up")  # noqa: B904 - as a cleanup fails

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(OSError, match="while cleaning up"):
        job()
    assert receiver.signals == ["start", "log"]


def test_causes_that_run_in_a_circle_are_no_trap(receiver: Receiver) -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    with pytest.raises(ValueError, match="first"), lastseen.watch("job"):
        raise first
    assert receiver.signals == ["start", "fail"]


def test_on_error_tells_a_try_that_will_be_tried_again(receiver: Receiver) -> None:
    def try_it(left: int) -> None:
        with lastseen.watch("job", on_error=lambda _: "log" if left else "fail"):
            raise ValueError(left)

    for left in (1, 0):
        with pytest.raises(ValueError, match=str(left)):
            try_it(left)
    assert receiver.signals == ["start", "log", "start", "fail"]
    assert receiver.pings[1].query["over"] == "again"


def test_an_on_error_that_raises_hides_no_failure(receiver: Receiver) -> None:
    with pytest.raises(ValueError, match="mine"), lastseen.watch("job", on_error=lambda _: str(1 / 0)):
        raise ValueError("mine")
    assert receiver.signals == ["start", "fail"]


def test_the_filter_takes_personal_data_out_of_what_is_sent(listen: Listen) -> None:
    receiver = listen(filter=lambda text: text.replace("ann@example.org", "[mail]"))
    with pytest.raises(ValueError, match="ann"), lastseen.watch("job"):
        raise ValueError("no such user: ann@example.org")
    assert receiver.pings[1].body.startswith(b"ValueError: no such user: [mail]")
    assert b"ann@" not in receiver.pings[1].body.splitlines()[0]


def test_a_filter_that_fails_sends_the_class_alone(listen: Listen) -> None:
    receiver = listen(filter=lambda _: str(1 / 0))
    with pytest.raises(ValueError, match="ann"), lastseen.watch("job"):
        raise ValueError("ann@example.org")
    assert receiver.pings[1].body == b"ValueError"


def test_a_long_message_in_any_characters_is_sent_as_its_beginning_and_its_end(receiver: Receiver) -> None:
    with pytest.raises(ValueError, match="é"), lastseen.watch("job"):
        raise ValueError("é\udce4\0" + "x" * 30_000)
    body = receiver.pings[1].body
    assert 8_000 < len(body) <= 10_000
    assert body.startswith("ValueError: é?\0xxx".encode())
    assert b"x\n[... 2" in body
    assert body.splitlines()[-1].strip().startswith(b"raise ValueError")


def test_what_is_shortened_keeps_its_first_and_last_lines_whole_and_marks_the_gap() -> None:
    lines = [b"line %d of the log\n" % n for n in range(2_000)]
    body = lastseen.shortened(b"".join(lines), 10_000)
    assert 9_900 < len(body) <= 10_000
    beginning, rest = body.split(b"[... ")
    left_out, end = rest.split(b" bytes left out ...]\n")
    assert set((beginning + end).splitlines(keepends=True)) < set(lines)
    assert beginning.startswith(lines[0])
    assert end.endswith(lines[-1])
    assert int(left_out.replace(b",", b"")) == len(b"".join(lines)) - len(beginning) - len(end)


@pytest.mark.parametrize("size", [0, 9_999, 10_000])
def test_what_is_short_enough_is_sent_to_the_letter(size: int) -> None:
    body = bytes(n % 256 for n in range(size))
    assert lastseen.shortened(body, 10_000) == body


@pytest.mark.parametrize("limit", [1, 40, 60, 100, 1_000])
def test_no_limit_is_ever_exceeded(limit: int) -> None:
    for body in (b"x" * 5_000, b"\n" * 5_000, b"four\n" * 1_000):
        assert len(lastseen.shortened(body, limit)) <= limit


def test_the_headline_of_a_deep_error_survives_a_cut_in_the_middle(receiver: Receiver) -> None:
    def dive(depth: int) -> None:
        if depth == 0:
            raise ValueError("no such month")
        dive(depth - 1)

    with pytest.raises(ValueError, match="no such month"), lastseen.watch("job"):
        dive(200)
    assert receiver.pings[1].body.splitlines()[0] == b"ValueError: no such month"


def test_the_first_ping_can_make_the_check_with_its_schedule(receiver: Receiver) -> None:
    @lastseen.watch("nightly", schedule="30 3 * * *", tz="Europe/Berlin", grace=timedelta(hours=1))
    def nightly() -> None: ...

    nightly()
    with lastseen.watch("beat", every=300, grace=timedelta(seconds=90)):
        pass
    lastseen.ping("worker-alive", every=timedelta(minutes=1))
    asked = [{name: value for name, value in ping.query.items() if name != "rid"} for ping in receiver.pings]
    by_cron = {"create": "1", "schedule": "30 3 * * *", "tz": "Europe/Berlin", "grace": "3600"}
    by_period = {"create": "1", "timeout": "300", "grace": "90"}
    assert asked == [by_cron, by_cron, by_period, by_period, {"create": "1", "timeout": "60"}]


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"cron": "* * * * *"}, "schedule, tz, every, grace"),
        ({"schedule": "* * * * *", "every": 60}, "exclude each other"),
    ],
)
def test_settings_that_cannot_be_meant_are_an_error_where_they_are_written(check: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        lastseen.watch("job", **check)


# --- generators and async ---------------------------------------------------------------------------------------------
def test_a_generator_is_watched_until_it_is_used_up(receiver: Receiver) -> None:
    @lastseen.watch("job")
    def rows() -> Iterator[int]:
        yield 1
        yield 2

    running = rows()
    assert receiver.signals == []
    assert next(running) == 1
    assert receiver.signals == ["start"]
    assert list(running) == [2]
    assert receiver.signals == ["start", "success"]


def test_a_generator_that_is_closed_early_is_no_success(receiver: Receiver) -> None:
    @lastseen.watch("job")
    def rows() -> Iterator[int]:
        yield 1
        yield 2

    running = rows()
    next(running)
    running.close()  # type: ignore[attr-defined]  # it is a generator
    assert receiver.signals == ["start", "fail"]


def test_an_async_generator_is_refused_with_the_mend() -> None:
    with pytest.raises(TypeError, match="async with watch"):

        @lastseen.watch("job")
        async def rows() -> AsyncIterator[int]:
            yield 1


def test_an_async_function_and_an_async_block(receiver: Receiver) -> None:
    @lastseen.watch("function")
    async def job(value: int) -> int:
        await asyncio.sleep(0)
        return value

    async def both() -> int:
        async with lastseen.watch("block"):
            return await job(5)

    assert asyncio.run(both()) == 5
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [
        ("block", "start"),
        ("function", "start"),
        ("function", "success"),
        ("block", "success"),
    ]


def test_an_async_error_is_a_failure(receiver: Receiver) -> None:
    @lastseen.watch("job")
    async def job() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(job())
    assert receiver.signals == ["start", "fail"]


def test_a_task_that_is_cancelled_has_not_failed(receiver: Receiver) -> None:
    @lastseen.watch("job")
    async def job() -> None:
        await asyncio.sleep(60)

    async def deploy() -> None:
        task = asyncio.create_task(job())
        await asyncio.to_thread(wait_for, receiver, ["start"])
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(deploy())
    assert receiver.signals == ["start", "log"]


def test_a_time_limit_inside_the_job_is_a_failure(receiver: Receiver) -> None:
    @lastseen.watch("job")
    async def job() -> None:
        await asyncio.wait_for(asyncio.sleep(60), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(job())
    assert receiver.signals == ["start", "fail"]


def test_a_task_that_is_cancelled_while_its_start_is_on_its_way_leaves_no_open_run(listen: Listen) -> None:
    receiver = listen("mute", 200)

    async def deploy() -> None:
        @lastseen.watch("job")
        async def job() -> None:
            raise AssertionError("it was cancelled before")

        task = asyncio.create_task(job())
        await asyncio.to_thread(wait_for, receiver, ["start"])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(deploy())
    wait_for(receiver, ["start", "log"])


def test_the_event_loop_is_not_held_while_a_ping_is_on_its_way(listen: Listen) -> None:
    listen("mute")

    async def count_beats() -> int:
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                beats += 1
                await asyncio.sleep(0.01)

        other = asyncio.create_task(beat())
        async with lastseen.watch("job"):
            pass
        other.cancel()
        return beats

    assert asyncio.run(count_beats()) > 20  # of some 200


# --- a monitor that is away, mute, wrong or slow ----------------------------------------------------------------------
TROUBLES: dict[Mode, tuple[list[str], str]] = {
    "away": ([], "ConnectionRefusedError"),
    "mute": (["start", *["success"] * 3], "no answer within 0.5 s|TimeoutError"),
    "drip": (["start", *["success"] * 3], "no answer within 0.5 s"),
    "cut": (["start", *["success"] * 3], "RemoteDisconnected"),
    500: (["start", *["success"] * 3], "HTTP 500"),
    429: (["start", *["success"] * 3], "HTTP 429"),
    404: (["start", "success"], "HTTP 404"),
}


@pytest.mark.parametrize("mode", TROUBLES)
def test_a_monitor_in_trouble_costs_bounded_time_and_one_warning(
    listen: Listen, mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = listen(mode)
    begun = time.monotonic()
    with lastseen.watch("job"):
        pass
    seconds = time.monotonic() - begun
    signals, trouble = TROUBLES[mode]
    assert receiver.signals == signals
    assert seconds < 4 * TRY_SECONDS + 10  # the machine may be busy
    [warning] = caplog.messages
    assert warning.startswith("lastseen: start of job was not delivered: ")
    assert warning.removesuffix(": OK").rsplit(": ", 1)[1] in trouble.split("|")
    assert receiver.secrets_in(caplog.text, repr(lastseen.settings)) == []


@pytest.mark.parametrize("mode", ["away", 404])
def test_a_monitor_in_trouble_changes_no_error_of_the_job(listen: Listen, mode: Mode) -> None:
    listen(mode)
    error = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught, lastseen.watch("job"):
        raise error
    assert caught.value is error


def test_the_bounds_in_earnest_are_five_seconds_a_try() -> None:
    assert (lastseen.Settings().timeout, lastseen.Settings().retry_pause, lastseen.END_TRIES) == (5.0, 1.0, 3)


def test_the_end_gets_through_when_the_second_try_does(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    receiver = listen(200, 503, 200)
    with lastseen.watch("job"):
        pass
    assert receiver.signals == ["start", "success", "success"]
    assert caplog.messages == []


def test_once_the_monitor_was_away_log_lines_are_dropped(listen: Listen) -> None:
    receiver = listen(404)
    with lastseen.watch("job") as run:
        assert [run.log("line") for _ in range(50)] == [False] * 50
    assert receiver.signals == ["start", "success"]


@pytest.mark.parametrize(
    ("slug", "settings", "mend"),
    [
        ("job", {"ping_url": "ftp://host/ping"}, "LASTSEEN_PING_URL is not set to an http(s) URL"),
        ("job", {"ping_url": "http://[bad/ping"}, "ValueError"),
        ("job", {"ping_url": "http://host name/ping"}, "LASTSEEN_PING_URL is not set to an http(s) URL"),
        ("job", {"ping_key": " \n"}, "a slug needs LASTSEEN_PING_KEY"),
        ("job", {"ping_key": "two\nlines"}, "LASTSEEN_PING_KEY is not a ping key"),
        ("Nightly Report", {}, "it is not a slug (a-z, 0-9, -, _) nor a UUID"),
    ],
)
def test_with_wrong_settings_the_job_runs_and_the_mend_is_told(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, slug: str, settings: dict[str, str], mend: str
) -> None:
    lastseen.configure(**settings)
    with lastseen.watch(slug):
        pass
    assert [message.split("not delivered: ")[1] for message in caplog.messages] == [mend]
    assert receiver.pings == []


def test_a_uuid_is_a_secret_too(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    receiver = listen(404)
    assert not lastseen.ping(UUID)
    assert caplog.messages == ["lastseen: success of a check was not delivered: HTTP 404: OK"]
    assert receiver.secrets_in(caplog.text) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", " \t\n\n"])
def test_line_ends_and_blanks_around_settings_do_no_harm(
    listen: Listen, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    receiver = listen()
    lastseen.configure(ping_url=f" {receiver.url}{end}", ping_key=f"\ufeff{KEY}{end}")
    assert lastseen.ping(f"job{end}")
    lastseen.configure(ping_url=None, ping_key=None)
    monkeypatch.setenv("LASTSEEN_PING_URL", f"{receiver.url}/{end}")
    monkeypatch.setenv("LASTSEEN_PING_KEY", f"{KEY}{end}")
    assert lastseen.ping(f"{UUID}{end}")
    assert lastseen.ping("job", "start")
    assert [(ping.check, ping.signal) for ping in receiver.pings] == [
        ("job", "success"),
        (UUID, "success"),
        ("job", "start"),
    ]


def test_a_refusal_is_shown_in_the_monitors_own_words(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    receiver = listen(404)
    receiver.answer = b"not found: no check of this project has the slug job\nmore"
    assert not lastseen.ping("job")
    assert caplog.messages == [
        "lastseen: success of job was not delivered: HTTP 404: not found: no check of this project has the slug job"
    ]


def test_an_answer_cannot_make_the_warning_show_a_secret(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    receiver = listen(404)
    for answer in (
        f"no route \x1b[31m for {receiver.url}/{KEY}/job {'x' * 999}",
        f"no check {UUID.upper()}",
        f"<title>{KEY}</title>",
    ):
        receiver.answer = answer.encode()
        assert not lastseen.ping("job")
    assert receiver.secrets_in(caplog.text.lower()) == []
    assert "\x1b" not in caplog.text
    assert max(map(len, caplog.messages)) < 300


def test_a_logger_that_fails_does_not_fail_the_job(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    listen(404)
    monkeypatch.setattr(logging.Handler, "handleError", lambda *_: None)
    broken = logging.Handler()
    monkeypatch.setattr(broken, "emit", lambda _: 1 / 0)
    logging.getLogger("lastseen").addHandler(broken)
    try:
        with lastseen.watch("job"):
            pass
    finally:
        logging.getLogger("lastseen").removeHandler(broken)


def test_nothing_is_sent_while_disabled_and_the_job_still_runs(receiver: Receiver) -> None:
    lastseen.configure(enabled=False)
    with lastseen.watch("job") as run:
        assert not run.log("x")
    assert not lastseen.ping("job")

    @lastseen.watch("job")
    async def job() -> int:
        return 7

    assert asyncio.run(job()) == 7
    lastseen.configure(enabled=None, ping_url=None)
    with lastseen.watch("job"):
        pass
    assert receiver.pings == []


def test_a_setting_that_is_none_is_told_with_those_that_are() -> None:
    with pytest.raises(TypeError, match="no setting 'url': use one of ping_url, ping_key"):
        lastseen.configure(url="x")


def test_url_and_key_come_from_the_environment_unless_they_are_set() -> None:
    code = "import lastseen_client as l; l.ping('job'); print(l.settings)"
    with receiving() as receiver:
        env = {**ENVIRON, **receiver.environment, "PYTHONPATH": str(CLIENT.parent)}
        said = subprocess.check_output([sys.executable, "-c", code], env=env, text=True)
    assert receiver.signals == ["success"]
    assert receiver.secrets_in(said) == []


def test_it_needs_the_standard_library_only() -> None:
    files = "(getattr(module, '__file__', '') or '' for module in sys.modules.values())"
    code = f"import sys, lastseen_client; sys.exit(any('site-packages' in file for file in {files}))"
    env = {**ENVIRON, "PYTHONPATH": str(CLIENT.parent)}
    subprocess.run([sys.executable, "-S", "-c", code], env=env, check=True)
