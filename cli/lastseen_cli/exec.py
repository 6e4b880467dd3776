"""`lastseen exec SLUG -- command ...`: run a job and tell the monitor when it starts and how it ends.

What lives here: running one command as if nobody watched, and three pings. What never does: Typer, httpx, or anything
else that takes time to import, because this runs before each start of somebody's cron job. What only pinging needs is
imported while the job already runs. The same behaviour without Python: clients/sh/lastseen.sh; one table of tests
holds both to it (tests/clients/test_exec_table.py).

Rules: the job starts at once and never fails because of a ping. The URL, the key and a UUID are secrets: no message
shows them.
"""

import argparse
import fcntl
import os
import re
import select
import signal
import time
from collections.abc import Callable

START_TRIES, END_TRIES = 1, 3
PAUSE = 0.2  # of a try's time-out, before the end's second try (1 s); twice that before the third
TIMEOUT_SECONDS = 5.0  # for one try of one ping
MAX_TIMEOUT_SECONDS = 600
HELP_WIDTH = 110
BODY_LIMIT_BYTES = 10_000
CHUNK_BYTES = 65_536
DRAIN_SECONDS = 0.2  # how long to wait for more output of children that outlive the job
DRAIN_LIMIT_SECONDS = 2.0  # in all
NOT_FOUND, NOT_EXECUTABLE, SIGNALLED = 127, 126, 128  # as a shell says it
WORTH_ANOTHER_TRY = (408, 425, 429)  # of the 4xx; all 5xx are
EPILOG = """
where to:
  LASTSEEN_PING_URL   the deployment's ping URL, https://.../ping
  LASTSEEN_PING_KEY   the project's ping key; a UUID needs none

in a crontab:
  LASTSEEN_PING_URL=https://abc123.execute-api.eu-central-1.amazonaws.com/ping
  LASTSEEN_PING_KEY=...
  30 4 * * *   lastseen exec --create nightly-backup -- /usr/local/bin/backup --all

A shell's own words need a shell:
  lastseen exec report -- sh -c 'make-report | mail -s report team'

exit status:
  the job's own; 128 + n if signal n ended it; 127 or 126 if it could not be started; 2 if this command was misused

The job starts at once and never fails because of a ping. A monitor that is away costs 3 seconds after the job's end,
one that does not answer 23 at most: a start under way, then three tries of the end. Both are one warning on stderr.
"""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SLUG = re.compile(r"[a-z0-9_-]{1,100}")
FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM")


def main(argv: list[str]) -> int:
    """Run the command in `argv` and return its exit status; 128 + n if signal n ended it, 2 if we were misused."""
    options = _parser().parse_args(argv)
    _open_what_is_closed()
    command: list[str] = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        _parser().error("no command given. Write it after two dashes: lastseen exec nightly -- /usr/local/bin/job")
    if options.command[0].startswith("-") and command is options.command:
        _parser().error(f"{command[0]}: options stand before the slug, the command after two dashes")
    job = _Job(body_limit=options.body_limit, quiet=options.quiet)
    job.start(command)
    monitor = _Monitor(options)
    if not options.no_start:
        monitor.begin_start()
    status = job.wait()
    monitor.send_end(str(status), job.tail)
    if monitor.trouble and not options.quiet:
        _say(monitor.trouble)
    return status


def _open_what_is_closed() -> None:
    """Let stdin, stdout and stderr be something, or a pipe of ours would take the number of one that is closed."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - stderr
        os.set_inheritable(opened, True)
    os.close(opened)


def _say(text: str) -> None:
    _write_all(2, f"lastseen: {text}\n".encode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lastseen exec",
        usage="lastseen exec [options] SLUG -- command ...",
        description="Run a job; ping when it starts, and with its exit status and the end of its output when it ends.",
        epilog=EPILOG,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    parser.add_argument("slug", metavar="SLUG", help="the check: a slug, or a UUID")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run, after two dashes")
    parser.add_argument("--create", action="store_true", help="let the first ping of a slug create its check")
    parser.add_argument("--no-start", action="store_true", help="tell the end only: no run time, no stuck runs")
    parser.add_argument("--quiet", action="store_true", help="show neither the job's output nor warnings")
    parser.add_argument(
        "--timeout", type=_seconds, default=TIMEOUT_SECONDS, metavar="SECONDS", help="for one try of one ping (5)"
    )
    parser.add_argument(
        "--body-limit",
        type=_size,
        default=BODY_LIMIT_BYTES,
        metavar="BYTES",
        help="how much of the output's end to send (10000); 0: do not touch the output",
    )
    return parser


class _Help(argparse.RawDescriptionHelpFormatter):
    """A fixed width: asking the terminal for its own imports what costs more than all the rest."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=HELP_WIDTH)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
        raise argparse.ArgumentTypeError(f"give seconds above 0, {MAX_TIMEOUT_SECONDS} at most")
    return seconds


def _size(text: str) -> int:
    size = int(text)
    if size < 0:
        raise argparse.ArgumentTypeError("give a number of bytes, or 0")
    return size


class _Job:
    """The command, run as if nobody watched: its stdin, terminal, signals, order and bytes of output are its own."""

    def __init__(self, *, body_limit: int, quiet: bool) -> None:
        self.tail = b""
        self._limit = body_limit
        self._quiet = quiet
        self._pid = 0
        self._early: list[int] = []  # signals that came before the job was there
        self._copies: dict[int, int] = {}  # what we read from -> what we show it on

    def start(self, command: list[str]) -> None:
        """Start it; what cannot be started ends with the status that a shell gives it."""
        awake, self._alarm = os.pipe()
        self._awake = awake
        os.set_blocking(self._alarm, False)
        signal.set_wakeup_fd(self._alarm, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for name in FORWARDED:
            number = getattr(signal, name)
            if signal.getsignal(number) != signal.SIG_IGN:  # `nohup` and `&` have them ignored: so it stays
                signal.signal(number, self._forward)
        actions = self._redirect() if self._limit or self._quiet else []
        self._status: int | None = None
        try:
            self._pid = os.posix_spawnp(
                command[0],
                command,
                os.environ,  # noqa: TID251 - an entry point
                file_actions=actions,
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # Python ignores these two; the job must not
            )
        except OSError as error:
            _say(f"{command[0]}: {error.strerror}")
            self.tail = f"{command[0]}: {error.strerror}".encode()
            self._status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        for write in {write for _, write, _ in actions}:
            os.close(write)
        for number in self._early:
            self._send(number)

    def wait(self) -> int:
        """Copy its output until it has ended, and return its exit status."""
        while self._status is None:
            self._copy(None)
            self._reap()
        enough = time.monotonic() + DRAIN_LIMIT_SECONDS
        while self._copies and time.monotonic() < enough and self._copy(DRAIN_SECONDS):
            pass
        return self._status

    def _redirect(self) -> list[tuple[int, int, int]]:
        """Put a pipe under stdout and stderr, or a terminal where they were one, and say what the job is to inherit."""
        out = err = self._open_copy(1)
        if not os.path.samestat(os.fstat(1), os.fstat(2)):  # else one pipe for both keeps their order
            err = self._open_copy(2)
        return [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)]

    def _open_copy(self, shown: int) -> int:
        read, write = self._open_terminal(shown) if os.isatty(shown) else os.pipe()
        self._copies[read] = shown
        return write

    def _open_terminal(self, like: int) -> tuple[int, int]:
        import termios  # noqa: PLC0415 - only somebody at a terminal pays for it

        read, write = os.openpty()
        attributes = termios.tcgetattr(like)
        attributes[1] &= ~termios.OPOST  # the real terminal makes the line ends
        termios.tcsetattr(write, termios.TCSANOW, attributes)

        def resize(*_: object) -> None:
            fcntl.ioctl(read, termios.TIOCSWINSZ, fcntl.ioctl(like, termios.TIOCGWINSZ, b"\0" * 8))
            self._send(signal.SIGWINCH)

        resize()
        signal.signal(signal.SIGWINCH, resize)
        return read, write

    def _forward(self, number: int, _frame: object) -> None:
        if number in (signal.SIGINT, signal.SIGQUIT) and _typed_at_our_terminal():
            return  # the terminal sent it to the job, too
        if self._pid:
            self._send(number)
        else:
            self._early.append(number)

    def _send(self, number: int) -> None:
        if self._pid and self._status is None:
            os.kill(self._pid, number)

    def _reap(self) -> None:
        if self._status is not None:
            return
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            self._status = code if code >= 0 else SIGNALLED - code

    def _copy(self, timeout: float | None) -> bool:
        """Wait for output, a signal, or `timeout` seconds; copy what came. False if nothing did."""
        ready, _, _ = select.select([self._awake, *self._copies], [], [], timeout)
        for read in ready:
            if read == self._awake:
                os.read(read, CHUNK_BYTES)
                continue
            try:
                chunk = os.read(read, CHUNK_BYTES)
            except OSError:
                chunk = b""  # a terminal's way to say that its last user has gone
            self._keep(read, chunk)
        return bool(ready)

    def _keep(self, read: int, chunk: bytes) -> None:
        if self._limit:
            self.tail = (self.tail + chunk)[-self._limit :]
        if not chunk or not (self._quiet or _write_all(self._copies[read], chunk)):
            os.close(read)  # nobody reads what we show (`| head`): so the job's writes must fail, too
            del self._copies[read]


def _write_all(fd: int, chunk: bytes) -> bool:
    while chunk:
        try:
            chunk = chunk[os.write(fd, chunk) :]
        except BlockingIOError:
            select.select([], [fd], [])
        except OSError:
            return False
    return True


def _typed_at_our_terminal() -> bool:
    """Are we in the foreground of a terminal? Then what is typed there reaches each process of our group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


class _Monitor:
    """Where the pings go. Nothing here raises, and each try ends in time."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.trouble = ""  # the first ping that was not delivered, without its URL
        self._timeout: float = options.timeout
        self._rid = _run_id()
        self._slug: str = options.slug
        self._create: bool = options.create
        self._base, self._fault = _base(
            self._slug,
            url=os.environ.get("LASTSEEN_PING_URL", ""),  # noqa: TID251 - an entry point
            key=os.environ.get("LASTSEEN_PING_KEY", ""),  # noqa: TID251 - an entry point
        )
        self._wait_for_start: Callable[[], None] = lambda: None

    def begin_start(self) -> None:
        """Send the start while the job already runs: the job is not held, whatever the monitor does."""
        import threading  # noqa: PLC0415 - the job runs meanwhile

        thread = threading.Thread(target=self._deliver, args=("/start", b"", START_TRIES), daemon=True)
        thread.start()
        self._wait_for_start = thread.join

    def send_end(self, status: str, body: bytes) -> None:
        """Tell the exit status and the end of the output, after the start."""
        self._wait_for_start()
        self._deliver(f"/{status}", body, END_TRIES)

    def _deliver(self, signal_path: str, body: bytes, tries: int) -> None:
        trouble = self._fault
        for attempt in range(0 if trouble else tries):
            time.sleep(PAUSE * self._timeout * attempt)
            trouble, final = self._try(signal_path, body)
            if final:
                break
        if trouble and not self.trouble:
            name = self._slug if SLUG.fullmatch(self._slug) and not UUID.fullmatch(self._slug) else "the check"
            self.trouble = f"ping {signal_path} of {name} was not delivered: {trouble}"

    def _try(self, signal_path: str, body: bytes) -> tuple[str, bool]:
        """Return (trouble or "", is it final), in time even if names are not resolved or bytes come one by one."""
        import threading  # noqa: PLC0415 - the job runs meanwhile

        answers: list[tuple[str, bool]] = []
        thread = threading.Thread(target=lambda: answers.append(self._post(signal_path, body)), daemon=True)
        thread.start()
        thread.join(self._timeout)
        return answers[0] if answers else (f"no answer within {self._timeout:g} s", False)

    def _post(self, signal_path: str, body: bytes) -> tuple[str, bool]:
        import urllib.error  # noqa: PLC0415 - the job runs meanwhile
        import urllib.request  # noqa: PLC0415 - the job runs meanwhile

        query = f"?rid={self._rid}{'&create=1' if self._create else ''}"
        # No text type: a gateway may mend the bytes of a text.
        headers = {"Content-Type": "application/octet-stream", "User-Agent": "lastseen-exec"}
        try:
            request = urllib.request.Request(  # noqa: S310 - _base takes http and https only
                self._base + signal_path + query, data=body, headers=headers, method="POST"
            )
            with urllib.request.urlopen(request, timeout=self._timeout):  # noqa: S310 - see above
                return "", True
        except urllib.error.HTTPError as error:
            final = error.code < 500 and error.code not in WORTH_ANOTHER_TRY  # noqa: PLR2004 - HTTP's server errors
            return f"HTTP {error.code}", final
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must not fail; its text may hold the URL
            cause = getattr(error, "reason", error)
            return type(cause if isinstance(cause, Exception) else error).__name__, False


def _base(slug: str, *, url: str, key: str) -> tuple[str, str]:
    """Return (the check's URL, "") or ("", what is wrong)."""
    if not url.lower().startswith(("http://", "https://")):
        return "", "LASTSEEN_PING_URL is not set to an http(s) URL"
    base = url.rstrip("/")
    if UUID.fullmatch(slug):
        return f"{base}/{slug.lower()}", ""
    if not SLUG.fullmatch(slug):
        return "", "it is not a slug (a-z, 0-9, -, _) nor a UUID"
    return (f"{base}/{key}/{slug}", "") if key else ("", "a slug needs LASTSEEN_PING_KEY")


def _run_id() -> str:
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
