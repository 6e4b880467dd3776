"""The table `settings`: small JSON documents by kind and name. What they mean is in documents.py.

What the methods promise stands in store.py.
"""

from __future__ import annotations

import json
from typing import Any

from lastseen.storage.errors import ConflictError, CorruptError, lost_race
from lastseen.storage.items import Item, text
from lastseen.storage.tables import TableClient


class SettingsTable(TableClient):
    """Reads and writes the table `settings`."""

    def setting(self, kind: str, name: str) -> dict[str, Any] | None:
        response = self._client.get_item(TableName=self._tables.settings, Key=_key(kind, name), ConsistentRead=True)
        return _document(dict(response["Item"])) if "Item" in response else None

    def settings(self, kind: str) -> dict[str, dict[str, Any] | None]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._tables.settings,
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues={":kind": text(kind)},
            ConsistentRead=True,
        )
        items = (dict(item) for page in pages for item in page["Items"])
        return {item["name"]["S"]: _document_or_none(item) for item in items}

    def put_setting(
        self, kind: str, name: str, document: dict[str, Any], *, new: bool = False, known: bool = False
    ) -> None:
        assert not (new and known)
        put: dict[str, Any] = {
            "TableName": self._tables.settings,
            "Item": {**_key(kind, name), "doc": text(json.dumps(document))},
        }
        if new or known:
            put["ConditionExpression"] = f"attribute_{'not_exists' if new else 'exists'}(kind)"
        try:
            self._client.put_item(**put)
        except self._client.exceptions.ClientError as error:
            if lost_race(error):
                raise ConflictError(f"There is {'a' if new else 'no'} {kind} of that name.") from error
            raise

    def drop_setting(self, kind: str, name: str) -> None:
        self._client.delete_item(TableName=self._tables.settings, Key=_key(kind, name))


def _key(kind: str, name: str) -> Item:
    return {"kind": text(kind), "name": text(name)}


def _document_or_none(item: Item) -> dict[str, Any] | None:
    try:
        return _document(item)
    except CorruptError:
        return None


def _document(item: Item) -> dict[str, Any]:
    try:
        return dict(json.loads(item["doc"]["S"]))
    except (KeyError, ValueError, TypeError) as error:
        kind, name = item["kind"]["S"], item["name"]["S"]
        raise CorruptError(f"The setting {kind} {name} cannot be read: {type(error).__name__}.") from error
