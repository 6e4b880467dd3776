"""The list of checks: which, in which order, in which columns; once, or again and again."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lastseen_cli import output
from lastseen_cli.errors import UsageError
from lastseen_cli.output import Cell, Styled
from lastseen_cli.settings import expected, span, title

if TYPE_CHECKING:
    from lastseen_cli.api import Api, Document

WATCH_SECONDS = 5.0
CREATE = "lastseen checks create NAME --every 1h"
CLEAR = "\x1b[H\x1b[2J"


class Status(StrEnum):
    """How a check is, in the words of the dashboard, trouble first."""

    DOWN = "down"
    LATE = "late"
    NEW = "new"
    UP = "up"
    PAUSED = "paused"


class Sort(StrEnum):
    """What the list begins with."""

    TROUBLE = "trouble"
    NAME = "name"
    LAST = "last"
    NEXT = "next"


STYLES = {"up": "green", "down": "bold red", "late": "yellow", "new": "dim", "paused": "dim"}
COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], Cell]] = {
    "status": lambda check: styled(check["status"]),
    "name": title,
    "slug": lambda check: check["slug"],
    "schedule": expected,
    "grace": lambda check: span(check["grace"]),
    "last": lambda check: output.time(check["last_ping"], none="never", form=output.MINUTES),
    "next": lambda check: output.time(check["next_ping"], none="-", form=output.MINUTES),
    "pings": lambda check: str(check["n_pings"]),
    "tags": lambda check: check["tags"],
    "uuid": lambda check: check.get("uuid") or check.get("unique_key", ""),
}
"""What a line can show, and how."""

USUAL = ("status", "name", "schedule", "last", "next")


@dataclass(frozen=True, slots=True)
class Query:
    """Which checks, in which order."""

    tags: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    sort: Sort = Sort.TROUBLE


def status_of(check: Mapping[str, Any]) -> str:
    """Return a check's status in the words of the dashboard."""
    return _word(check["status"])


def styled(status: str) -> Styled:
    """Return a status with its colour."""
    word = _word(status)
    return Styled(word, STYLES.get(word, ""))


def chosen(columns: str) -> list[str]:
    """Return the columns that were asked for. Raises UsageError."""
    names = [name.strip() for name in columns.split(",") if name.strip()]
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or not names:
        wrong = f"There is no column {unknown[0]}. " if unknown else "Name at least one column. "
        raise UsageError(f"--columns: {wrong}There are: {', '.join(COLUMNS)}.")
    return names


def ask(api: Api, query: Query) -> tuple[list[Document], int]:
    """Return the checks, sorted, and how many there were before the status was looked at."""
    checks = api.checks(query.tags)
    wanted = [check for check in checks if not query.statuses or status_of(check) in query.statuses]
    return sorted(wanted, key=_order(query.sort)), len(checks)


def show(checks: Sequence[Document], columns: Sequence[str], query: Query, *, total: int) -> None:
    """Print the checks, a line each; `total` is how many there were before their status was looked at."""
    if not checks:
        output.say(_none(query, total))
        return
    heads = [output.zoned(name.upper()) if name in {"last", "next"} else name.upper() for name in columns]
    rows = [[COLUMNS[name](check) for name in columns] for check in checks]
    output.table(heads, rows, right=["PINGS"])


def watch(api: Api, query: Query, columns: Sequence[str]) -> None:
    """Show the list every few seconds until Ctrl-C. Raises UsageError where no terminal shows it."""
    if not output.at_terminal():
        raise UsageError("--watch needs a terminal. For programs: lastseen tail --json")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            checks, total = ask(api, query)
            sys.stdout.write(CLEAR)
            show(checks, columns, query, total=total)
            time.sleep(WATCH_SECONDS)


def _none(query: Query, total: int) -> str:
    if total:
        return f"None of {total} checks has this status."
    if query.tags:
        return f"No check has the tags {' '.join(query.tags)}."
    return f"There is no check. Make one with: {CREATE}"


def _word(status: str) -> str:
    return "late" if status == "grace" else status


def _order(sort: Sort) -> Callable[[Document], tuple[Any, ...]]:
    trouble = list(Status)

    def key(check: Document) -> tuple[Any, ...]:
        name = title(check).casefold()
        match sort:
            case Sort.TROUBLE:
                status = status_of(check)
                return trouble.index(Status(status)) if status in trouble else 0, name
            case Sort.NAME:
                return (name,)
            case Sort.LAST:
                return -output.instant(check["last_ping"]), name
            case Sort.NEXT:
                return output.instant(check["next_ping"]) or float("inf"), name

    return key
