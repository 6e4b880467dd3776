"""`lastseen exec SLUG -- command ...`: run a job and ping when it starts and how it ends.

What lives here: running one command as if nobody watched. What never does: Typer, httpx, or anything else that takes
time to import, because this runs before each start of somebody's cron job. The pings are sent by exec_monitor.py, which
is imported while the job already runs. The same behaviour without Python: clients/sh/lastseen.sh; one table of tests
holds both to it (tests/clients/test_exec_table.py).

Rules: the job starts at once and never fails because of a ping. The URL, the key and a UUID are secrets: no message
shows them.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import select
import signal
import time

TIMEOUT_SECONDS = 5.0  # for one try of one ping
MAX_TIMEOUT_SECONDS = 600
HELP_WIDTH = 110
BODY_LIMIT_BYTES = 10_000
SHORT_BODY_BYTES = 1_000  # so few bytes are all taken from the end
HEAD_SHARE = 5  # a fifth of what is sent is the output's beginning
MARK = b"[... %s bytes left out ...]\n"
MARK_BYTES = 50  # at most
CHUNK_BYTES = 65_536
DRAIN_SECONDS = 0.2  # how long to wait for more output of children that outlive the job
DRAIN_LIMIT_SECONDS = 2.0  # in all
NOT_FOUND, NOT_EXECUTABLE, SIGNALLED = 127, 126, 128  # as a shell says it
TIME = re.compile(r"(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)
UNITS = (86400, 3600, 60, 1)
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

The check that the first ping makes can get its schedule here:
  30 4 * * *   lastseen exec --schedule '30 4 * * *' --tz Europe/Berlin --grace 1h nightly-backup -- backup --all

exit status:
  the job's own; 128 + n if signal n ended it; 127 or 126 if it could not be started; 2 if this command was misused

The job starts at once and never fails because of a ping. A monitor that is away costs 3 seconds after the job's end,
one that does not answer 23 at most: a start under way, then three tries of the end. Both are one warning on stderr.
"""

FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM")


def main(argv: list[str]) -> int:
    """Run the command in `argv` and return its exit status; 128 + n if signal n ended it, 2 if we were misused."""
    options = command_line().parse_args(argv)
    _open_what_is_closed()
    command: list[str] = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        command_line().error("no command given. Write it after two dashes: lastseen exec nightly -- /usr/local/bin/job")
    if options.schedule and options.every:
        command_line().error("--schedule and --every exclude each other: give the one that the job runs by")
    if options.command[0].startswith("-") and command is options.command:
        command_line().error(f"{command[0]}: options stand before the slug, the command after two dashes")
    job = _Job(body_limit=options.body_limit, quiet=options.quiet)
    job.start(command)
    from lastseen_cli.exec_monitor import Monitor  # noqa: PLC0415 - the job runs meanwhile

    environ = os.environ  # noqa: TID251 - an entry point
    monitor = Monitor(options.slug, environ=environ, timeout=options.timeout, settings=_settings(options))
    if not options.no_start:
        monitor.begin_start()
    status = job.wait()
    monitor.send_end(str(status), job.output.body())
    if monitor.trouble and not options.quiet:
        _say(monitor.trouble)
    return status


def _settings(options: argparse.Namespace) -> dict[str, str]:
    """Return the parameters of the pings by which a slug's first one makes its check."""
    asked = {"schedule": options.schedule, "tz": options.tz, "timeout": options.every, "grace": options.grace}
    given = {name: str(value) for name, value in asked.items() if value}
    return {"create": "1", **given} if given or options.create else {}


def _open_what_is_closed() -> None:
    """Let stdin, stdout and stderr be something, or a pipe of ours would take the number of one that is closed."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - stderr
        os.set_inheritable(opened, True)
    os.close(opened)


def _say(text: str) -> None:
    _write_all(2, f"lastseen: {text}\n".encode())


def command_line() -> argparse.ArgumentParser:
    """Return what reads the arguments after `lastseen exec`."""
    parser = argparse.ArgumentParser(
        prog="lastseen exec",
        usage="lastseen exec [options] SLUG -- command ...",
        description="Run a job; ping when it starts, and with its exit status and its output when it ends.",
        epilog=EPILOG,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    parser.add_argument("slug", metavar="SLUG", help="the check: a slug, or a UUID")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what to run, after two dashes")
    parser.add_argument("--create", action="store_true", help="let the first ping of a slug make its check")
    parser.add_argument("--no-start", action="store_true", help="ping the end only: no run time, no stuck runs")
    parser.add_argument("--quiet", action="store_true", help="show neither the job's output nor warnings")
    parser.add_argument(
        "--timeout", type=_seconds, default=TIMEOUT_SECONDS, metavar="SECONDS", help="for one try of one ping (5)"
    )
    parser.add_argument(
        "--body-limit",
        type=_size,
        default=BODY_LIMIT_BYTES,
        metavar="BYTES",
        help="how much of the output to send (10000), its beginning and its end; 0: do not touch the output",
    )
    made = parser.add_argument_group(
        "the check that is made", "For the ping that makes the check, so each implies --create; later it is ignored."
    )
    made.add_argument("--schedule", metavar="TEXT", help="five cron fields, or a systemd OnCalendar")
    made.add_argument("--tz", metavar="ZONE", help="the schedule's time zone, like Europe/Berlin")
    made.add_argument("--every", type=_duration, metavar="TIME", help="instead of a schedule: 90s, 5m, 1h30m, 1d")
    made.add_argument("--grace", type=_duration, metavar="TIME", help="how late a start, or how long a run, may be")
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


def _duration(text: str) -> int:
    match = TIME.fullmatch(text)
    if not match:
        raise argparse.ArgumentTypeError("give seconds, or a time like 90s, 5m, 1h30m, 1d")
    return sum(int(part or 0) * unit for part, unit in zip(match.groups(), UNITS, strict=True))


class _Output:
    """As much of the job's output as is sent: all of it, or its beginning and its end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head_limit = limit // HEAD_SHARE if limit >= SHORT_BODY_BYTES else 0
        self._head = b""
        self._tail = b""
        self._total = 0

    def add(self, chunk: bytes) -> None:
        """Take what came."""
        self._total += len(chunk)
        self._head += chunk[: self._head_limit - len(self._head)]
        self._tail = (self._tail + chunk)[-self._limit :]

    def body(self) -> bytes:
        """Return what is sent. What is left out is left out in whole lines, and the gap is marked."""
        if self._total <= self._limit or not self._head_limit:
            return self._tail
        head, tail = self._head, self._tail[-(self._limit - self._head_limit - MARK_BYTES) :]
        head_end, tail_begin = head.rfind(b"\n") + 1, tail.find(b"\n") + 1
        head = head[:head_end] if head_end > len(head) / 2 else head  # a line that is too long is cut in its middle
        tail = tail[tail_begin:] if tail_begin < len(tail) / 2 else tail
        left_out = f"{self._total - len(head) - len(tail):,}".encode()
        return head + b"\n" * (not head.endswith(b"\n")) + MARK % left_out + tail


class _Job:
    """The command, run as if nobody watched: its stdin, terminal, signals, order and bytes of output are its own."""

    def __init__(self, *, body_limit: int, quiet: bool) -> None:
        self.output = _Output(body_limit)
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
            self.output.add(f"{command[0]}: {error.strerror}".encode())
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
            self.output.add(chunk)
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
