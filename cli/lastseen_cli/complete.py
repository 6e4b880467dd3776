"""What a shell offers after TAB: the names of checks, channels and contexts.

A shell may run what it is given, so only names of letters, digits and `._~-` are offered. Whatever goes wrong, nothing
is offered and nothing is printed: somebody is typing.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import typer

from lastseen_cli import contexts

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


def context_names(incomplete: str) -> list[str]:
    """Return the contexts that begin with what was typed."""
    with contextlib.suppress(Exception):
        return _safe(contexts.read(os.environ).by_name, incomplete)  # noqa: TID251 - the user's
    return []


def _offered(context: typer.Context, incomplete: str, names: Callable[[Api], Iterable[str]]) -> list[str]:
    from lastseen_cli.connect import ACCESS, connect  # noqa: PLC0415 - it declares options, which name this module
    from lastseen_cli.ways import Access  # noqa: PLC0415 - only then

    with contextlib.suppress(Exception):
        access = Access.of(context, **{option: context.params.get(option) or "" for option in ACCESS})
        with connect(access, timeout=TIMEOUT_SECONDS) as api:
            return _safe(names(api), incomplete)
    return []


def _safe(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete) and SAFE.fullmatch(name)})
