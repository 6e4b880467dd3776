"""How commands speak: data to stdout, talk to stderr, and nothing foreign unchanged.

Names, agents, output and error texts come from strangers. Every way out of the program is in this file and makes its
text harmless first: no escape sequence, no control or direction character, no markup. JSON escapes them.
Tables are fitted to a terminal, one line a row; in a pipe they are tab-separated, whole and without a header.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TextIO

import typer

from lastseen.text.words import harmless

if TYPE_CHECKING:
    from rich.console import Console

_PRINTABLE = re.compile(r"[^\n -~]")
_PLAIN_WORD = re.compile(r"[\w@%+=:,./~-]+")
_BASIC_PLANE = 0xFFFF

MINUTES = "%Y-%m-%d %H:%M"
SHORT_CHARS = 22
"""A column of a table that has no longer cell is never cut."""


class Styled(NamedTuple):
    """A cell of a table with a style of Rich's."""

    text: str
    style: str


Cell = str | Styled


def at_terminal() -> bool:
    """Return whether a person reads stdout: else a program does."""
    return sys.stdout.isatty()


def prepare() -> None:
    """Let a terminal that cannot show a character get its escape instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(words: str) -> None:
    """Talk to the reader, on stderr."""
    _write(sys.stderr, harmless(words))


def data(line: str) -> None:
    """Print data, on stdout."""
    _write(sys.stdout, harmless(line))


def error(words: str) -> None:
    """Say why a command failed, on stderr."""
    say(f"lastseen: {words}")


def confirm(question: str, *, yes: bool) -> None:
    """Ask on stderr, unless `yes` answers already. Anything but yes ends the command."""
    if not yes:
        typer.confirm(harmless(question), abort=True, err=True)


def as_json(document: object, *, indent: int | None = 2) -> None:
    """Print a document; what a terminal could obey is escaped, which programs read alike."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    _write(sys.stdout, _PRINTABLE.sub(_escaped, json.dumps(document, indent=indent, ensure_ascii=not is_utf8)))


def raw(body: bytes) -> None:
    """Print bytes unchanged for a program; a terminal gets them as harmless text."""
    if at_terminal():
        _write(sys.stdout, harmless(body.decode(errors="replace")).removesuffix("\n"))
    else:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, right: Sequence[str] = ()) -> None:
    """Print rows below their columns, one line each; those columns named in `right` are set to the right."""
    if not at_terminal():
        for row in rows:
            _write(sys.stdout, "\t".join(one_line(_text(cell)) for cell in row))
        return
    from rich.table import Table  # noqa: PLC0415 - only tables pay for Rich
    from rich.text import Text  # noqa: PLC0415 - only tables pay for Rich

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for n, column in enumerate(columns):
        is_short = all(len(_text(row[n])) <= SHORT_CHARS for row in rows)  # times and words; names make room for them
        shown.add_column(column, justify="right" if column in right else "left", no_wrap=is_short)
    for row in rows:
        shown.add_row(*(Text(one_line(_text(cell)), _style(cell), no_wrap=True, overflow="ellipsis") for cell in row))
    _console().print(shown)


def record(rows: Sequence[tuple[str, str]]) -> None:
    """Print what one thing is, a line for each of its fields that is not empty."""
    rows = [(label, value) for label, value in rows if value]
    width = max((len(label) for label, _ in rows), default=0)
    for label, value in rows:
        lines = harmless(value).strip("\n").splitlines() or [""]
        _write(sys.stdout, f"{label:<{width}}  {lines[0]}")
        for line in lines[1:]:
            _write(sys.stdout, f"{'':<{width}}  {line}")


def when(stamp: str | None) -> str:
    """Return an instant on the reader's clock with its zone, or "never"."""
    return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M:%S %Z}" if stamp else "never"


def time(stamp: str | None, *, none: str = "", form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return an instant for a cell: short on the reader's clock at a terminal, ISO 8601 with its zone in a pipe."""
    if not stamp:
        return none if at_terminal() else ""
    at = datetime.fromisoformat(stamp).astimezone(present().tzinfo)
    return at.strftime(form) if at_terminal() else at.isoformat(timespec="seconds")


def zoned(head: str) -> str:
    """Return a column's head with the zone of its times."""
    return f"{head} ({present().tzname()})" if at_terminal() else head


def present() -> datetime:
    """Return the time on the reader's clock: commands are entry points."""
    return datetime.now().astimezone()  # noqa: TID251 - see above


def instant(stamp: str | None) -> float:
    """Return an instant in seconds since 1970, or 0 for none."""
    return datetime.fromisoformat(stamp).timestamp() if stamp else 0.0


def one_line(text: str) -> str:
    """Return foreign text on one line, harmless: for a cell, or within a sentence."""
    return " ".join(harmless(text).split())


def hint(*words: str) -> str:
    """Return a command line to be copied, each word quoted for a shell."""
    return " ".join(word if _PLAIN_WORD.fullmatch(word) else shlex.quote(one_line(word)) for word in words)


def _write(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()


def _text(cell: Cell) -> str:
    return cell.text if isinstance(cell, Styled) else cell


def _style(cell: Cell) -> str:
    return cell.style if isinstance(cell, Styled) else ""


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char.isprintable():
        return char
    code = ord(char)
    if code <= _BASIC_PLANE:
        return f"\\u{code:04x}"
    high, low = divmod(code - _BASIC_PLANE - 1, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 - only tables pay for Rich

    return Console(highlight=False)
