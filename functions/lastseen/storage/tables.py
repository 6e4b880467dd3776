"""The names of the four tables, and what the code of each table starts from: a client, the names, how long to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastseen.storage.decide import Pause, sleep

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FLIP_DAYS = 90
"""Days that flips are kept where the history of pings is off."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Names of the four tables."""

    checks: str
    names: str
    history: str
    settings: str


class TableClient:
    """A client of DynamoDB, and where the tables are."""

    def __init__(
        self, client: DynamoDBClient, tables: Tables, *, history_days: int = FLIP_DAYS, pause: Pause = sleep
    ) -> None:
        """`history_days`: how long pings are kept, 0 for not at all; `pause`: how to wait before a call is repeated."""
        assert history_days >= 0, history_days
        self._client = client
        self._tables = tables
        self._history_days = history_days
        self._pause = pause
