"""How commands speak: data to stdout, as a table or as JSON, and talk to stderr. Rich is imported when it is needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def say(words: str) -> None:
    """Tell the reader, on stderr."""
    _console(stderr=True).print(words, markup=False)


def data(line: str) -> None:
    """Print data, on stdout."""
    _console(stderr=False).print(line, markup=False)


def as_json(document: object) -> None:
    """Print a document."""
    data(json.dumps(document, indent=2, ensure_ascii=False))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print rows below their columns; those named in `right` are set to the right. A cell may hold Rich's markup."""
    from rich.table import Table  # noqa: PLC0415 - see above

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold", justify="right" if column in right else "left")
    for row in rows:
        shown.add_row(*row)
    _console(stderr=False).print(shown)


def record(rows: Sequence[tuple[str, str]]) -> None:
    """Print what one thing is, a line for each of its fields that is not empty."""
    from rich.table import Table  # noqa: PLC0415 - see above

    shown = Table(box=None, pad_edge=False, show_header=False)
    shown.add_column(style="bold")
    shown.add_column(overflow="fold")
    for label, value in rows:
        if value:
            shown.add_row(label, plain(value))
    _console(stderr=False).print(shown)


def when(stamp: str | None) -> str:
    """Return an instant on the reader's clock, or "never"."""
    return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S") if stamp else "never"


def plain(value: str) -> str:
    """Return text as Rich prints it to the letter."""
    return value.replace("[", r"\[")


@cache
def _console(*, stderr: bool) -> Console:
    from rich.console import Console  # noqa: PLC0415 - see above

    return Console(stderr=stderr, highlight=False, soft_wrap=True)
