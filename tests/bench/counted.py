"""The real store on the emulator, with every call and the capacity it took written down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lastseen.aws.wakes import Wakes
from lastseen.storage.store import Store, TableStore
from lastseen.storage.tables import Tables
from lastseen_cli.local import emulator

READ_UNIT_BYTES = 4096
KEYS = {"checks": ("id",), "names": ("project", "slug"), "history": ("id", "event"), "settings": ("kind", "name")}
TRANSACTION = "TransactWriteItems"


@dataclass(slots=True)
class Count:
    """What was called since the last `clear`, and what it took."""

    calls: list[str] = field(default_factory=list)
    write_units: float = 0
    read_units: float = 0

    def clear(self) -> None:
        self.calls.clear()
        self.write_units = self.read_units = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """A store and a queue on the emulator, and the count of their calls."""

    count: Count
    wakes: Wakes
    client: Any

    def store(self, *, history_days: int = 90) -> Store:
        return TableStore(self.client, Tables(**{name: name for name in KEYS}), history_days=history_days)


@contextmanager
def counted() -> Iterator[Counted]:
    """Run an emulator with the four tables for the length of the block."""
    with emulator.running(environ=os.environ) as cloud:  # noqa: TID251 - a bench is an entry point
        count = Count()
        client, queues = cloud.client("dynamodb"), cloud.client("sqs")
        for table, keys in KEYS.items():
            client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
            )
        url = queues.create_queue(QueueName="wakes")["QueueUrl"]
        client.meta.events.register("provide-client-params.dynamodb.*", _ask)
        client.meta.events.register("after-call.dynamodb.*", lambda **call: _note(count, **call))
        queues.meta.events.register("after-call.sqs.*", lambda **call: count.calls.append(call["model"].name))
        yield Counted(count, Wakes(queues, url), client)


def _ask(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return params | {"ReturnConsumedCapacity": "TOTAL"}


def _note(count: Count, *, model: Any, parsed: dict[str, Any], **_: Any) -> None:
    count.calls.append(model.name)
    used = parsed.get("ConsumedCapacity", {})
    units = sum(each["CapacityUnits"] for each in (used if isinstance(used, list) else [used]) if each)
    if model.name in {"GetItem", "Query", "Scan", "BatchGetItem"}:
        count.read_units += units
    else:
        count.write_units += units
