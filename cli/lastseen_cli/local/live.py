"""A deployment to use: the stack on the emulator, the emulator's gaps fixed, keys made, a plain URL in front.

`lastseen local` and the end-to-end tests both stand on it, so what the tests see is what a user of it sees.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lastseen.storage.store import Store, TableStore
from lastseen.storage.tables import Tables
from lastseen_cli.errors import CliError
from lastseen_cli.local import fixups
from lastseen_cli.local.deploy import Stack, deploy
from lastseen_cli.local.emulator import Emulator
from lastseen_cli.local.front import Front, Seen, Upstream, url_of
from lastseen_cli.local.keys import Keys, issue

TABLES = ("ChecksTable", "NamesTable", "HistoryTable", "SettingsTable")


@dataclass(frozen=True, slots=True)
class Live:
    """A deployment: where it is, how to get in, what it is made of."""

    url: str  # of the front, without a final slash
    keys: Keys
    stack: Stack
    store: Store


@contextmanager
def live(
    assembly: Path,
    cloud: Emulator,
    listening: socket.socket,
    *,
    state: Path | None,
    now: datetime,
    on_seen: Callable[[Seen], None],
) -> Iterator[Live]:
    """Deploy an assembly and serve it on a listening socket for the length of the block.

    `state`: the folder that keeps the keys of a deployment whose data is kept. Raises CliError.
    """
    url = url_of(listening)
    stack = deploy(assembly, cloud, public_url=url)
    fixups.expire_items(stack, cloud)
    fixups.show_throttles(stack, cloud)
    if cloud.secure:
        fixups.let_batches_be_sent(stack, cloud)
    store = TableStore(cloud.client("dynamodb"), Tables(*(stack.output(name) for name in TABLES)))
    keys = issue(store, state, now)
    tls = ssl.create_default_context(cafile=cloud.ca) if cloud.ca else None
    with Front(listening, Upstream(port=cloud.port, api=api_id(stack), word=cloud.front_word, tls=tls), on_seen):
        yield Live(url=url, keys=keys, stack=stack, store=store)


def api_id(stack: Stack) -> str:
    """Return the id of the stack's HTTP API."""
    apis = stack.of_type("AWS::ApiGatewayV2::Api")
    if len(apis) != 1:
        raise CliError(f"The stack {stack.name} has {len(apis)} HTTP APIs; the front serves exactly one.")
    return apis[0].physical_id
