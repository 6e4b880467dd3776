"""Where texts come from and go to: files, stdin, this host's crontabs and units. All that reads and writes is here.

A file is replaced as a whole, after a copy of it was kept. Where cron reads each file of a folder, the copy goes
elsewhere, or each job would run twice.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from lastseen.core.zones import is_zone
from lastseen_cli.errors import CliError, UsageError

STDIN = "-"
FILE_BYTES = 2_000_000
SYSTEM_CRONTAB = Path("/etc/crontab")
CRON_FOLDER = Path("/etc/cron.d")
READ_BY_CRON = frozenset({"cron.d", "crontabs", "tabs", "cron"})
"""Names of folders in which cron takes each file for a crontab."""

TOOL_SECONDS = 30
OTHERS = 0o077
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL


@dataclass(frozen=True, slots=True)
class Place:
    """A text and where it is: a file, stdin, or a user's crontab."""

    label: str
    content: bytes
    path: Path | None = None
    crontab: tuple[str, ...] = ()  # the command that gives and takes it
    is_new: bool = False  # the file is not there yet

    @property
    def is_system(self) -> bool:
        """Return whether it is a crontab with a user's name before each command."""
        return self.path is not None and (self.path == SYSTEM_CRONTAB or self.path.parent.name == "cron.d")

    @property
    def is_private(self) -> bool:
        """Return whether nobody else can read it, so that it can hold a key."""
        return self.path is None or not self.path.stat().st_mode & OTHERS

    @property
    def text(self) -> str:
        """Return its text; bytes that are no UTF-8 come back as they were. Raises UsageError."""
        if len(self.content) > FILE_BYTES or b"\0" in self.content:
            raise UsageError(f"{self.label} is not a text of at most {FILE_BYTES} bytes.")
        return self.content.decode(errors="surrogateescape")


def files(names: Sequence[str]) -> list[Place]:
    """Return files by name; `-` is stdin. Raises UsageError."""
    read = []
    for name in names:
        try:
            if name == STDIN:
                read.append(Place("stdin", sys.stdin.buffer.read()))
            else:
                path = Path(name)
                read.append(Place(name, path.read_bytes(), path.resolve()))
        except OSError as error:
            raise UsageError(f"{name} cannot be read ({error.strerror}).") from error
    return read


def crontabs(user: str) -> list[Place]:
    """Return this host's crontabs: the user's own, and for root those in /etc. Raises UsageError."""
    command = ("crontab", *(["-u", user] if user else []))
    listed = _run([*command, "-l"])
    places = []
    if listed.returncode == 0:
        places.append(Place(f"crontab of {user}" if user else "crontab", listed.stdout, crontab=command))
    elif b"no crontab" not in listed.stderr.lower():
        raise UsageError(f"`{' '.join(command)} -l` failed: {listed.stderr.decode(errors='replace').strip()}")
    if os.geteuid() == 0 and not user:
        in_folder = sorted(CRON_FOLDER.iterdir()) if CRON_FOLDER.is_dir() else []
        # Debian's cron reads no name with a dot; others do, and take such a file as an argument
        paths = [path for path in [SYSTEM_CRONTAB, *in_folder] if path.is_file() and "." not in path.name]
        places += files([str(path) for path in paths])
    return places


def tool_output(command: Sequence[str]) -> str:
    """Return what a command prints. Raises CliError."""
    done = _run(command)
    if done.returncode != 0:
        raise CliError(f"`{' '.join(command)}` failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="surrogateescape")


def write(place: Place, text: str, backup_name: str, environ: Mapping[str, str]) -> Path:
    """Write a text to its place and return where the former one was kept. Raises CliError."""
    content = text.encode(errors="surrogateescape")
    try:
        if _now(place) != place.content:
            raise CliError(f"{place.label} was changed meanwhile, so it was not written. Run this again.")
        backup = _kept(_backup_path(place, backup_name, environ), place.content)
        if place.path:
            _replace(place.path, content)
        else:
            done = _run([*place.crontab, "-"], content)
            if done.returncode != 0:
                raise CliError(f"crontab refused the lines: {done.stderr.decode(errors='replace').strip()}")
    except OSError as error:
        raise CliError(f"{place.label} cannot be written ({error.strerror}); it is as it was.") from error
    return backup


def refuse_read_only(place: Place) -> None:
    """Raise UsageError if a file cannot be replaced: to be asked before anything is done."""
    folder = place.path.parent if place.path else None
    while folder and not folder.exists():
        folder = folder.parent
    if folder and not os.access(folder, os.W_OK):
        raise UsageError(f"{folder} cannot be written by you. Run this as its owner (sudo), or with --dry-run.")


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet. Raises CliError."""
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, NEW_FILE, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CliError(f"{path} cannot be written ({error.strerror}).") from error


def remove(path: Path) -> None:
    """Remove a file, and its folder if that is empty then. Raises CliError."""
    try:
        path.unlink()
    except OSError as error:
        raise CliError(f"{path} cannot be removed ({error.strerror}).") from error
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def host_name() -> str:
    """Return this host's short name."""
    return socket.gethostname().split(".")[0].lower()


def host_zone(environ: Mapping[str, str]) -> str:
    """Return the time zone of this host's clocks. Raises UsageError if nothing tells it."""
    try:
        link = str(Path("/etc/localtime").readlink())
    except OSError:
        link = ""
    try:
        named = Path("/etc/timezone").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        named = ""
    # cron and systemd go by these files; the TZ of a user's shell is that of who sits before it
    for name in (link.rpartition("zoneinfo/")[2], named, environ.get("TZ", "").removeprefix(":")):
        if name and is_zone(name):
            return name
    if not Path("/etc/localtime").exists():
        return "UTC"
    raise UsageError("Nothing tells the time zone of this host. Give it: --tz Europe/Berlin")


def program(name: str) -> str | None:
    """Return the path of a program of this host."""
    return shutil.which(name)


def _now(place: Place) -> bytes:
    return place.path.read_bytes() if place.path else _run([*place.crontab, "-l"]).stdout


def _backup_path(place: Place, name: str, environ: Mapping[str, str]) -> Path:
    if place.path and place.path.parent.name not in READ_BY_CRON:
        return place.path.with_name(f"{place.path.name}.{name}")
    state = environ.get("XDG_STATE_HOME", "")
    folder = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    file = place.path.name if place.path else place.label.replace(" ", "-").replace("/", "-")
    return folder / "lastseen" / f"{file}.{name}"


def _kept(path: Path, content: bytes) -> Path:
    """Write a backup that only its owner can read, over no other one, and return its path."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in count(1):
        backup = path.with_name(f"{path.name}-{number}") if number > 1 else path
        with contextlib.suppress(FileExistsError), os.fdopen(os.open(backup, NEW_FILE, 0o600), "wb") as file:
            file.write(content)
            return backup
    raise AssertionError("a count has no end")


def _replace(path: Path, content: bytes) -> None:
    """Replace a file as a whole, its owner and mode kept. A name that begins with a dot is read by no cron."""
    before = path.stat()
    number, name = tempfile.mkstemp(prefix=".lastseen-", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        Path(name).chmod(before.st_mode & 0o7777)
        if os.geteuid() == 0:
            os.chown(name, before.st_uid, before.st_gid)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _run(command: Sequence[str], content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, input=content, capture_output=True, timeout=TOOL_SECONDS, check=False)
    except FileNotFoundError as error:
        raise UsageError(f"There is no `{command[0]}` on this host. Give a file, or - for stdin.") from error
    except subprocess.TimeoutExpired as error:
        raise CliError(f"`{' '.join(command)}` did not end within {TOOL_SECONDS} s.") from error
