"""What a shell offers after TAB: the names of checks and channels.

A shell may run what it is given, so only names of letters, digits and `._~-` are offered. Whatever goes wrong, nothing
is offered and nothing is printed: somebody is typing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from lastseen_cli.api import Api

SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._~-]*", re.ASCII)
TIMEOUT_SECONDS = 3.0
"""How long somebody who pressed TAB waits at most for each request."""


def check_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the checks that begin with what was typed: each by its slug, or without one by its name."""
    return _offered(context, incomplete, lambda api: (check.get("slug") or check["name"] for check in api.checks()))


def channel_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the channels that begin with what was typed."""
    return _offered(context, incomplete, lambda api: (channel["name"] for channel in api.channels()))


def _offered(context: typer.Context, incomplete: str, names: Callable[[Api], Iterable[str]]) -> list[str]:
    from lastseen_cli.connect import connect  # noqa: PLC0415 - connect.py declares options, which name this module

    with contextlib.suppress(Exception):
        access = {option: context.params.get(option) or "" for option in ("api_url", "api_key", "project")}
        with connect(**access, timeout=TIMEOUT_SECONDS) as api:
            return sorted({name for name in names(api) if name.startswith(incomplete) and SAFE.fullmatch(name)})
    return []
