"""The table `history`: pings and flips of each check, ping#<n> and flip#<n>, newest first or oldest first.

What the methods promise stands in store.py. A flip is written in the transaction that changes its check (checks.py),
with an item from here; an item that cannot be read is logged and left out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from lastseen.core.check import Flip
from lastseen.core.history import Recorded
from lastseen.core.times import millis
from lastseen.storage.errors import CorruptError, lost_race
from lastseen.storage.items import (
    FLIP,
    LAST_EVENT,
    Item,
    flip_event,
    flip_from_item,
    flip_to_item,
    number,
    ping_event,
    ping_from_item,
    ping_to_item,
    text,
)
from lastseen.storage.tables import FLIP_DAYS, TableClient

T = TypeVar("T")

log = logging.getLogger(__name__)

FLIPS_PAGE = 100
"""Flips that are read at once where few are likely to be needed."""


class HistoryTable(TableClient):
    """Reads and writes the table `history`."""

    def record(self, check_id: str, recorded: Recorded) -> None:
        if self._history_days:
            item = ping_to_item(check_id, recorded) | self._expiry(recorded.ping.at)
            self._client.put_item(TableName=self._tables.history, Item=item)

    def pings(self, check_id: str, *, limit: int, before: int | None = None) -> list[Recorded]:
        highest = LAST_EVENT if before is None else before - 1
        if limit < 1 or highest < 1:
            return []
        items = self._events(check_id, ping_event(1), ping_event(highest), limit=limit, newest_first=True)
        return list(readable(items, ping_from_item))

    def ping(self, check_id: str, n: int) -> Recorded | None:
        key = {"id": text(check_id), "event": text(ping_event(n))}
        response = self._client.get_item(TableName=self._tables.history, Key=key, ConsistentRead=True)
        return ping_from_item(dict(response["Item"])) if "Item" in response else None

    def flips(self, check_id: str, *, after: int = 0, upto: int | None = None) -> list[Flip]:
        low, high = flip_event(after + 1), flip_event(LAST_EVENT if upto is None else upto)
        return list(readable(self._events(check_id, low, high), flip_from_item)) if low <= high else []

    def note_receivers(self, check_id: str, n: int, channel_ids: Sequence[str]) -> None:
        attribute, codec = FLIP["channels"].name, FLIP["channels"].codec
        try:
            self._client.update_item(
                TableName=self._tables.history,
                Key={"id": text(check_id), "event": text(flip_event(n))},
                UpdateExpression=f"SET {attribute} = :channels",
                ConditionExpression="attribute_exists(id)",
                ExpressionAttributeValues={":channels": codec.encode(channel_ids)},
            )
        except self._client.exceptions.ClientError as error:
            if not lost_race(error):
                raise

    def flips_back(self, check_id: str) -> Iterator[Flip]:
        low, high = flip_event(1), flip_event(LAST_EVENT)
        return readable(self._events(check_id, low, high, page=FLIPS_PAGE, newest_first=True), flip_from_item)

    def _flip_put(self, check_id: str, flip: Flip) -> dict[str, Any]:
        """Return the part of a transaction that writes a flip."""
        item = flip_to_item(check_id, flip) | self._expiry(flip.at)
        return {"Put": {"TableName": self._tables.history, "Item": item}}

    def _expiry(self, at: datetime) -> Item:
        """TTL, in seconds since 1970. Flips are kept even where the history of pings is off."""
        return {"ttl": number(millis(at + timedelta(days=self._history_days or FLIP_DAYS)) // 1000)}

    def _events(
        self,
        check_id: str,
        low: str,
        high: str,
        *,
        limit: int | None = None,
        page: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Item]:
        paging: Any = {"MaxItems": limit, "PageSize": page or limit}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._tables.history,
            KeyConditionExpression="id = :id AND event BETWEEN :low AND :high",
            ExpressionAttributeValues={":id": text(check_id), ":low": text(low), ":high": text(high)},
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
            PaginationConfig=paging,
        )
        return (dict(item) for page in pages for item in page["Items"])


def readable(items: Iterable[Item], read: Callable[[Item], T]) -> Iterator[T]:
    """Return what can be read, and name the rest in the log."""
    for item in items:
        try:
            yield read(item)
        except CorruptError as error:
            log.error("Left out: %s", error)  # noqa: TRY400 - its text says everything
