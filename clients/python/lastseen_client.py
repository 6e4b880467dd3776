"""Lastseen for Python: pings a Lastseen monitor when a job starts, ends, fails or is tried again.

One file, standard library only: copy it beside your code. Python 3.9 or newer. How to use it with Celery, APScheduler,
RQ and Django, and what it cannot see: docs/clients/python.md.

    @watch("nightly-report")                 # a function, async too, or a generator
    def report(): ...

    @watch("sync", schedule="30 4 * * *", tz="Europe/Berlin", grace=3600)    # its first ping makes the check
    def sync(): ...

    with watch("nightly-report") as run:     # or: async with
        run.log("halfway")

    ping("worker-alive")                     # one simple beat

Rules of this file:
- A job never fails because of a ping. Whatever goes wrong on the way to the monitor is one warning in the log.
- A job waits a known time at most: a start, a log or the end is given 5 s a try; only the end is tried again (3 tries).
- The ping URL, the ping key and a UUID are secrets: they are in no log, no error and no repr.
- An error is sent with its headline (class and message) first, where no shortening cuts it off.
- "Success" is said only when the code came to its end. Anything else is a failure, or "to be continued" (log).
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import os
import re
import socket
import threading
import time
import traceback
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Run", "Settings", "Watch", "configure", "ping", "settings", "watch"]

VERSION = "1.1.0"
END_TRIES = 3
TRACEBACK_LINES = 20
CAUSES = 12  # how far we look for what an error comes from; causes can be circular
SERVER_ERRORS = 500
WORTH_ANOTHER_TRY = (408, 425, 429)  # of the 4xx; all 5xx are
SENTENCE_CHARS = 200  # of the monitor's answer that is shown
ANSWER_BYTES = 2_000  # of it that are read
HEAD_SHARE = 5  # a fifth of a shortened body is its beginning
MARK_BYTES = 50  # at most, of the line that marks what is left out
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SLUG = re.compile(r"[a-z0-9_-]{1,100}")
KEY = re.compile(r"[A-Za-z0-9_-]+")
URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)
MADE = ("schedule", "tz", "every", "grace")  # settings of a check that its first ping makes
AGAIN_LATER = {
    # Raised by an orderly stop or by "try again": the job goes on elsewhere or later. By name: no library is imported.
    "asyncio.exceptions.CancelledError",
    "celery.exceptions.Ignore",
    "celery.exceptions.Reject",
    "celery.exceptions.Retry",
    "celery.exceptions.WorkerShutdown",
    "celery.exceptions.WorkerTerminate",
    "trio.Cancelled",
}

if TYPE_CHECKING:
    About = str | Callable[[], str]
    Duration = int | timedelta
    OnError = Callable[[BaseException], str] | None
Function = TypeVar("Function", bound=Callable[..., Any])
log = logging.getLogger("lastseen")


@dataclass
class Settings:
    """What can be set, with its defaults. Durations are in seconds, sizes in bytes."""

    ping_url: str | None = field(default=None, repr=False)  # "https://.../ping"; default: LASTSEEN_PING_URL
    ping_key: str | None = field(default=None, repr=False)  # for slugs, not for UUIDs; default: LASTSEEN_PING_KEY
    create: bool = False  # True: a slug's first ping creates its check
    timeout: float = 5.0  # for one try of one ping
    retry_pause: float = 1.0  # before the end's second try; twice that before the third
    body_limit: int = 10_000  # of what is longer, the beginning and the end are sent
    enabled: bool | None = None  # unless set: True when there is a URL, so tests and development send nothing
    filter: Callable[[str], str] = field(default=str, repr=False)  # takes personal data out of what is sent of an error

    @property
    def url(self) -> str:
        """Where the pings go, or ""."""
        return _trimmed(_environment("LASTSEEN_PING_URL") if self.ping_url is None else self.ping_url)

    @property
    def key(self) -> str:
        """The ping key, or ""."""
        return _trimmed(_environment("LASTSEEN_PING_KEY") if self.ping_key is None else self.ping_key)

    @property
    def on(self) -> bool:
        """Whether pings are sent at all."""
        return bool(self.url) if self.enabled is None else self.enabled


def _environment(name: str) -> str:
    return os.environ.get(name, "")  # noqa: TID251 - in somebody's job we are the entry point


def _trimmed(text: str) -> str:
    """Return a setting without what files and secrets often bring along: line ends, blanks, a byte order mark."""
    return text.strip().strip("\ufeff").strip()


settings = Settings()


def configure(**changes: Any) -> None:
    """Change settings, by name."""
    for name, value in changes.items():
        if name not in Settings.__dataclass_fields__:
            raise TypeError(f"there is no setting {name!r}: use one of {', '.join(Settings.__dataclass_fields__)}")
        setattr(settings, name, value)


def ping(slug: str, signal: str | int = "", body: str | bytes = "", **check: Any) -> bool:
    """Send one ping; True when the monitor took it. Signal: "" (success), "start", "log", "fail" or an exit status.

    `check`: as for `watch`.
    """
    made = _made(check)
    return settings.on and Run(slug, rid="", made=made).deliver(str(signal), body)


def watch(slug: str, *, about: About = "", on_error: OnError = None, **check: Any) -> Watch:
    """Watch a function (as decorator) or a block (`with`, `async with`): start, then success or failure.

    `about` is sent with the start, to find the run elsewhere: "job_id=17 attempt=2", or a function that returns that.
    `on_error` takes the error and returns "fail" or, if the job will be tried again, "log".
    `check`: settings with which the first ping makes the check; later they are ignored. `schedule` (cron or OnCalendar)
    and its `tz`, or `every`; `grace`. Times are in seconds, or timedeltas.
    """
    return Watch(slug, about=about, on_error=on_error, made=_made(check))


def _made(check: dict[str, Any]) -> dict[str, str]:
    """Return the parameters of pings that make a check with these settings."""
    for name in check:
        if name not in MADE:
            raise TypeError(f"a check that is made has no {name!r}: use {', '.join(MADE)}")
    if check.get("schedule") and check.get("every"):
        raise TypeError("schedule and every exclude each other: give the one that the job runs by")
    times = {"timeout": _seconds(check.get("every")), "grace": _seconds(check.get("grace"))}
    asked = {"schedule": check.get("schedule"), "tz": check.get("tz"), **times}
    given = {name: str(value) for name, value in asked.items() if value}
    return {"create": "1", **given} if given else {}


def _seconds(duration: Duration | None) -> int:
    return int(duration.total_seconds() if isinstance(duration, timedelta) else duration or 0)


class Run:
    """One run of a job: its id ties the start to its end."""

    def __init__(self, slug: str, *, rid: str | None = None, made: dict[str, str] | None = None) -> None:
        """Give a run an id of its own, unless one is given; "" for a ping that belongs to no run."""
        self.rid = str(uuid.uuid4()) if rid is None else rid
        self._slug = _trimmed(slug)
        self._made = made or {}
        self._away = False
        self._finished = False

    def start(self, about: About) -> None:
        """Send the start, with what finds the run elsewhere."""
        try:
            text = about() if callable(about) else about
        except Exception as error:  # noqa: BLE001 - the job must not fail of it
            text = f"about raised {type(error).__name__}"
        self.deliver("start", text or f"pid={os.getpid()} host={socket.gethostname()}")

    def log(self, text: str | bytes) -> bool:
        """Send a line to the check's log at once. Once the monitor was away, lines are dropped: no more waiting."""
        return settings.on and not self._away and self.deliver("log", text)

    def finish(self, signal: str, text: str | bytes = "") -> None:
        """Send the end, once. "log": this run is over and will be tried again, as a run of its own."""
        if settings.on and not self._finished:
            self._finished = True
            self.deliver(signal, text, again=signal == "log")

    def deliver(self, signal: str, body: str | bytes, *, again: bool = False) -> bool:
        """Send a ping; True when the monitor took it. Never raises, and ends in time."""
        trouble = ""
        try:
            parameters = {"rid": self.rid} if self.rid else {}
            parameters |= {"over": "again"} if again else {}
            parameters |= {"create": "1"} if settings.create else {}
            tries = 1 if signal in {"start", "log"} and not again else END_TRIES
            trouble = _deliver(self._slug, signal, query=urlencode(parameters | self._made), body=body, tries=tries)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must not fail; its text may hold the URL
            trouble = type(error).__name__
        if trouble and not self._away:
            self._away = True
            name = self._slug if SLUG.fullmatch(self._slug) and not UUID.fullmatch(self._slug) else "a check"
            _warn("%s of %s was not delivered: %s", signal or "success", name, trouble)
        return not trouble


class Watch:
    """What `watch` returns: a decorator and a context manager. Each call, each entering is a run of its own."""

    def __init__(self, slug: str, *, about: About, on_error: OnError, made: dict[str, str]) -> None:
        """Keep what is watched; nothing is sent yet."""
        self._slug = slug
        self._made = made
        self._about = about
        self._on_error = on_error
        self._runs: list[Run] = []

    def __enter__(self) -> Run:
        run = self._begin()
        if settings.on:
            run.start(self._about)
        return run

    def __exit__(self, _kind: object, error: BaseException | None, _where: TracebackType | None) -> None:
        self._runs.pop().finish(*verdict(error, self._on_error))

    async def __aenter__(self) -> Run:
        run = self._begin()
        if settings.on:
            try:
                await _in_thread(run.start, self._about)
            except BaseException as error:  # cancelled while the start was on its way: no __aexit__ will follow
                self._runs.remove(run)
                signal, text = verdict(error, self._on_error)
                threading.Thread(target=run.finish, args=(signal, text), daemon=True).start()
                raise
        return run

    async def __aexit__(self, _kind: object, error: BaseException | None, _where: TracebackType | None) -> None:
        run = self._runs.pop()
        if settings.on:
            await _in_thread(run.finish, *verdict(error, self._on_error))

    def __call__(self, function: Function) -> Function:
        """Return the function, watched."""
        if inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__} is an async generator: use `async with watch(...)` inside it")

        def again() -> Watch:
            return Watch(self._slug, about=self._about, on_error=self._on_error, made=self._made)

        @functools.wraps(function)
        def watched(*args: Any, **options: Any) -> Any:
            with again():
                return function(*args, **options)

        @functools.wraps(function)
        async def watched_async(*args: Any, **options: Any) -> Any:
            async with again():
                return await function(*args, **options)

        @functools.wraps(function)
        def watched_generator(*args: Any, **options: Any) -> Any:
            with again():
                return (yield from function(*args, **options))

        if inspect.iscoroutinefunction(function):
            return watched_async  # type: ignore[return-value]  # functools.wraps cannot say that it stays the same
        return watched_generator if inspect.isgeneratorfunction(function) else watched  # type: ignore[return-value]  # same

    def _begin(self) -> Run:
        run = Run(self._slug, made=self._made)
        self._runs.append(run)
        return run


# --- what an end means ------------------------------------------------------------------------------------------------
def verdict(error: BaseException | None, on_error: OnError = None) -> tuple[str, str]:
    """Return the signal and the text for the end of a run that `error` ended, or nothing did."""
    if error is None:
        return "", ""
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    if names & AGAIN_LATER or _told_to_stop(error):
        return "log", message(error, note="interrupted, or put back to be tried again: neither a success nor a failure")
    if isinstance(error, SystemExit):
        return _exit(error.code)
    if isinstance(error, GeneratorExit):
        return "fail", "left early: the generator was closed before its end"
    signal = "fail"
    if on_error and isinstance(error, Exception):
        try:
            signal = "log" if on_error(error) == "log" else "fail"
        except Exception as second:  # noqa: BLE001 - the job must not fail of it, and it must not hide a failure
            _warn("on_error raised %s: the error counts as a failure", type(second).__name__)
    return signal, message(error)


def message(error: BaseException, *, note: str = "") -> str:
    """What is sent of an error: class and message, a note, the last lines of its traceback; through the filter."""
    try:
        what = "".join(traceback.format_exception_only(type(error), error)).strip()
        where = "".join(traceback.format_tb(error.__traceback__)).splitlines()[-TRACEBACK_LINES:]
        return settings.filter("\n".join([what, *([note] if note else []), *where]))
    except Exception:  # noqa: BLE001 - of the filter: then nothing that may be personal is sent
        return type(error).__name__


def _warn(text: str, *values: str) -> None:
    with contextlib.suppress(Exception):  # a logger that fails must not fail the job
        log.warning(f"lastseen: {text}", *values)  # noqa: G004 - our own prefix


def _told_to_stop(error: BaseException | None) -> bool:
    """Whether it is Ctrl-C, or an error that came of it."""
    for _ in range(CAUSES):
        if error is None or isinstance(error, KeyboardInterrupt):
            return error is not None
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def _exit(code: object) -> tuple[str, str]:
    """Take sys.exit at its word: 0 or nothing is a success, as the shell sees it."""
    if code is None or code == 0:
        return "", ""
    status = code & 0xFF if isinstance(code, int) else 0
    return (str(status), f"exit {code}") if status else ("fail", f"exit: {code}")


# --- one ping on the wire ---------------------------------------------------------------------------------------------
def _deliver(slug: str, signal: str, *, query: str, body: str | bytes, tries: int) -> str:
    """Return "" when the monitor took it, else what went wrong, without the URL.

    A start or a line of the log is sent once: a late one is of no use, and the job waits.
    """
    url, trouble = _address(slug, signal, query)
    data = shortened(body.encode(errors="replace") if isinstance(body, str) else body, settings.body_limit)
    for attempt in range(0 if trouble else tries):
        time.sleep(settings.retry_pause * attempt)
        trouble, final = _try(url, data)
        if final:
            break
    return trouble


def shortened(body: bytes, limit: int) -> bytes:
    """Return a body, or its beginning and its end in whole lines with a mark between: errors stand at either."""
    if len(body) <= limit:
        return body
    head_limit = limit // HEAD_SHARE
    tail_limit = limit - head_limit - MARK_BYTES
    if tail_limit <= 0:
        return body[:limit]
    head, tail = body[:head_limit], body[-tail_limit:]
    head_end, tail_begin = head.rfind(b"\n") + 1, tail.find(b"\n") + 1
    head = head[:head_end] if head_end > len(head) / 2 else head  # a line that is too long is cut in its middle
    tail = tail[tail_begin:] if tail_begin < len(tail) / 2 else tail
    mark = f"[... {len(body) - len(head) - len(tail):,} bytes left out ...]\n".encode()
    return head + b"\n" * (not head.endswith(b"\n")) + mark + tail


def _address(slug: str, signal: str, query: str) -> tuple[str, str]:
    """Return (URL, "") or ("", what is wrong)."""
    base = settings.url.rstrip("/")
    if not URL.fullmatch(base):
        return "", "LASTSEEN_PING_URL is not set to an http(s) URL"
    if UUID.fullmatch(slug):
        path = slug.lower()
    elif not SLUG.fullmatch(slug):
        return "", "it is not a slug (a-z, 0-9, -, _) nor a UUID"
    elif not settings.key:
        return "", "a slug needs LASTSEEN_PING_KEY"
    elif not KEY.fullmatch(settings.key):
        return "", "LASTSEEN_PING_KEY is not a ping key"
    else:
        path = f"{settings.key}/{slug}"
    return f"{base}/{path}{'/' * bool(signal)}{signal}{'?' * bool(query)}{query}", ""


def _try(url: str, data: bytes) -> tuple[str, bool]:
    """Return (trouble or "", is it final), in time even if names are not resolved or bytes come one by one."""
    answers: list[tuple[str, bool]] = []
    thread = threading.Thread(target=lambda: answers.append(_post(url, data)), daemon=True)
    thread.start()
    thread.join(settings.timeout)
    return answers[0] if answers else (f"no answer within {settings.timeout:g} s", False)


def _post(url: str, data: bytes) -> tuple[str, bool]:
    headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": f"lastseen-python/{VERSION}"}
    try:
        # S310: _address takes http and https only
        request = urllib.request.Request(url, data=data, headers=headers, method="POST")  # noqa: S310 - see above
        with urllib.request.urlopen(request, timeout=settings.timeout):  # noqa: S310 - see above
            return "", True
    except urllib.error.HTTPError as error:
        said = _sentence(error)
        return f"HTTP {error.code}{said}", error.code < SERVER_ERRORS and error.code not in WORTH_ANOTHER_TRY
    except Exception as error:  # noqa: BLE001 - whatever it is, the job must not fail; its text may hold the URL
        cause = getattr(error, "reason", error)
        return type(cause if isinstance(cause, Exception) else error).__name__, False


def _sentence(error: urllib.error.HTTPError) -> str:
    """Return the first line of a refusal, which says what to change: printable, short, without secrets."""
    try:
        with error:
            line = error.read(ANSWER_BYTES).decode(errors="replace").strip().partition("\n")[0]
    except Exception:  # noqa: BLE001 - the status must do
        return ""
    for secret in filter(None, (settings.url.rstrip("/"), settings.key)):
        line = line.replace(secret, "...")
    line = UUID.sub("...", line)
    line = "".join(char for char in line if char.isprintable())[:SENTENCE_CHARS]
    return "" if not line or line.startswith("<") else f": {line}"


async def _in_thread(function: Callable[..., Any], *args: Any) -> None:
    """Wait for a call without holding the event loop. A thread of its own: the loop's pool may be full of the job."""
    import asyncio  # noqa: PLC0415 - whoever awaits has it already; nobody else pays for it

    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def tell() -> None:
        if not done.done():
            done.set_result(None)

    def call() -> None:
        try:
            function(*args)
        finally:
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(tell)

    threading.Thread(target=call, daemon=True).start()
    await done
