"""The tables `checks` and `names`, which are written together: a check, and its place among those of its project.

What the methods promise stands in store.py. Here stand the calls and on which condition each is made (conditions.py):
the loser of a race gets ConflictError. A flip is written in the same transaction as the check that it changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from lastseen.core.check import Check, Outcome
from lastseen.core.times import millis
from lastseen.storage.conditions import (
    ANNOUNCED,
    ENDED,
    FLIPS,
    ID,
    IS_CORRUPT,
    IS_NEW,
    IS_STORED,
    LAST_PING,
    N_PINGS,
    RUNS,
    WAKE_AT,
    all_of,
    ends_as_seen,
    guard,
    is_untouched,
    no_later_end,
    update,
    wakes_as_seen,
)
from lastseen.storage.decide import attempts
from lastseen.storage.errors import (
    BusyError,
    ConflictError,
    CorruptError,
    FullError,
    UncountedError,
    is_busy_with_another,
    lost_race,
    too_large,
)
from lastseen.storage.history import HistoryTable
from lastseen.storage.items import CHECK, Item, changed_attributes, check_from_item, check_to_item, number, text

BATCH_GET_LIMIT = 100
"""Keys in one BatchGetItem; DynamoDB's limit."""

BATCH_TRIES = 6
BATCH_FIRST_WAIT_SECONDS = 0.1
BATCH_LONGEST_WAIT_SECONDS = 1.6
"""How often keys are read that DynamoDB left unread, and the most that is waited before the first and any retry."""

COUNT_TRIES = 8
"""How often a ping is counted whose flip is written, while other writes to its check are in progress."""


class Place(NamedTuple):
    """Where a check stands among those of its project."""

    name: str  # its key in `names`
    check_id: str


FIRST_PLACE = Place("", "")
"""Before all checks of a project."""


@dataclass(frozen=True, slots=True)
class SweptCheck:
    """A check that the sweep found: time will change it soon, or a flip was not announced yet."""

    id: str
    wake_at: datetime | None
    unannounced: bool


@dataclass(frozen=True, slots=True)
class SweepPage:
    """One page of a sweep's scan, and what it took."""

    dues: tuple[SweptCheck, ...]
    scanned: int
    read_units: float


CREATED = "#created"
"""In place of a slug in `names`, which no slug can be: how many checks pings have created on a day."""


class CheckTables(HistoryTable):
    """Reads and writes the tables `checks` and `names`; flips go to `history`."""

    # Checks

    def get(self, check_id: str, *, strong: bool = False) -> Check | None:
        response = self._client.get_item(TableName=self._tables.checks, Key=_key(check_id), ConsistentRead=strong)
        return check_from_item(dict(response["Item"])) if "Item" in response else None

    def get_many(
        self, check_ids: Sequence[str], *, corrupt: list[str] | None = None, strong: bool = True
    ) -> dict[str, Check]:
        checks: dict[str, Check] = {}
        wanted = list(dict.fromkeys(check_ids))  # DynamoDB refuses a key that is given twice
        for first in range(0, len(wanted), BATCH_GET_LIMIT):
            for item in self._items(wanted[first : first + BATCH_GET_LIMIT], strong=strong):
                check_id = item[ID]["S"]
                try:
                    checks[check_id] = check_from_item(item)
                except CorruptError:
                    if corrupt is None:
                        raise
                    corrupt.append(check_id)
        return checks

    def create(self, check: Check, *, about: str = "", sole: bool = False) -> None:
        put = {"TableName": self._tables.checks, "Item": check_to_item(check), "ConditionExpression": IS_NEW.text}
        self._transact([{"Put": put}, self._named(check, about, sole=sole)])

    def save(self, seen: Check, outcome: Outcome, *, about: str | None = None) -> None:
        _assert_follows(seen, outcome)
        changes = changed_attributes(seen, outcome.check)
        is_renamed = _name_of(seen) != _name_of(outcome.check)
        names = self._renamed(seen, outcome.check, about) if is_renamed or about is not None else []
        if not changes and not names:
            return
        if not changes:
            untouched = guard(self._tables.checks, _key(seen.id), is_untouched(seen))
            self._transact([{"ConditionCheck": untouched}, *names])
            return
        condition = all_of([is_untouched(seen), wakes_as_seen(seen)])
        written = update(self._tables.checks, _key(seen.id), changes, condition)
        if outcome.flips or names:
            self._transact([{"Update": written}, *self._flip_puts(seen.id, outcome), *names])
        else:
            self._update(written)

    def save_ping(self, seen: Check, outcome: Outcome) -> int:
        _assert_follows(seen, outcome)
        new = outcome.check
        changes = changed_attributes(seen, new)
        changes.pop(N_PINGS, None)
        clauses = [is_untouched(seen)]
        if LAST_PING in changes:
            clauses.append(no_later_end(new))
        elif changes.get(RUNS) or ENDED in changes:
            clauses.append(ends_as_seen(seen))
        if not outcome.flips:
            condition = all_of(clauses)
            counting = update(self._tables.checks, _key(seen.id), changes, condition, count=N_PINGS)
            return _number_of(self._update(counting))
        condition = all_of([*clauses, wakes_as_seen(seen)])
        written = update(self._tables.checks, _key(seen.id), changes, condition)
        self._transact([{"Update": written}, *self._flip_puts(seen.id, outcome)])
        return self._count(seen.id)

    def delete(self, seen: Check) -> None:
        deletion = guard(self._tables.checks, _key(seen.id), is_untouched(seen))
        self._transact([{"Delete": deletion}, self._unnamed(seen)])

    def announce(self, check_id: str, *, seen: int, upto: int) -> None:
        assert seen <= upto, (seen, upto)
        try:
            self._client.update_item(
                TableName=self._tables.checks,
                Key=_key(check_id),
                UpdateExpression=f"SET {ANNOUNCED} = :upto",
                ConditionExpression=f"{ANNOUNCED} = :seen",
                ExpressionAttributeValues={":upto": number(upto), ":seen": number(seen)},
            )
        except self._client.exceptions.ClientError as error:
            if not lost_race(error):
                raise

    def due(self, until: datetime, *, segment: int = 0, segments: int = 1) -> Iterator[SweepPage]:
        start: dict[str, Any] = {}
        while True:
            response = self._client.scan(
                TableName=self._tables.checks,
                FilterExpression=f"{IS_CORRUPT.text} OR {WAKE_AT} <= :until OR {ANNOUNCED} < {FLIPS}",
                ProjectionExpression=f"{ID}, {WAKE_AT}, {ANNOUNCED}, {FLIPS}",
                ExpressionAttributeValues={":until": number(millis(until)), **IS_CORRUPT.values},
                Segment=segment,
                TotalSegments=segments,
                ReturnConsumedCapacity="TOTAL",
                **start,
            )
            yield SweepPage(
                dues=tuple(_due(dict(item)) for item in response["Items"]),
                scanned=response["ScannedCount"],
                read_units=response.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0),
            )
            if "LastEvaluatedKey" not in response:
                return
            start = {"ExclusiveStartKey": response["LastEvaluatedKey"]}

    # Names

    def ids_of_slug(self, project: str, slug: str, *, strong: bool = False) -> tuple[str, ...]:
        item = self._name(project, slug, strong=strong)
        return tuple(sorted(item.get("ids", {}).get("SS", [])))

    def about(self, check: Check) -> str:
        item = self._name(check.project, _name_of(check), strong=True)
        return str(item.get(_about(check.id), {}).get("S", ""))

    def project(self, project: str, *, slug: str = "", strong: bool = True) -> dict[str, str]:
        condition, values = "#project = :project", {":project": text(project)}
        if slug:
            condition, values = f"{condition} AND slug = :slug", {**values, ":slug": text(slug)}
        return {place.check_id: about for place, about in self._places(condition, values, strong=strong)}

    def count_created(self, project: str, *, day: str, limit: int) -> bool:
        one_more = "SET created = created + :one", "#day = :day AND created < :limit"
        first = "SET #day = :day, created = :one", "attribute_not_exists(#day) OR #day < :day"
        for change, condition in (one_more, first, one_more):  # the day may begin for somebody else in between
            values = {":one": number(1), ":day": text(day)} | (
                {":limit": number(limit)} if ":limit" in condition else {}
            )
            try:
                self._client.update_item(
                    TableName=self._tables.names,
                    Key=_name_key(project, CREATED),
                    UpdateExpression=change,
                    ConditionExpression=condition,
                    ExpressionAttributeNames={"#day": "day"},  # a reserved word
                    ExpressionAttributeValues=values,
                )
            except self._client.exceptions.ClientError as error:
                if not lost_race(error):
                    raise
            else:
                return True
        return False

    def project_page(self, project: str, *, after: Place, limit: int) -> tuple[dict[str, str], Place | None]:
        condition, values = "#project = :project", {":project": text(project)}
        if after.name:
            condition, values = f"{condition} AND slug >= :slug", {**values, ":slug": text(after.name)}
        abouts: dict[str, str] = {}
        last = after
        for place, about in self._places(condition, values, page=limit + 1):
            if place <= after:
                continue
            if len(abouts) == limit:
                return abouts, last
            abouts[place.check_id], last = about, place
        return abouts, None

    # How the calls are made

    def _count(self, check_id: str) -> int:
        """Count a ping whose flip is written: a race that is lost here must not let it be decided again.

        Every other failure passes, as from any call: the client is answered that it may send the ping again.
        """
        counting = update(self._tables.checks, _key(check_id), {}, IS_STORED, count=N_PINGS)
        for tried in attempts(COUNT_TRIES, pause=self._pause):
            try:
                return _number_of(self._client.update_item(**counting))
            except self._client.exceptions.ClientError as error:
                if not lost_race(error):
                    raise
                if tried == COUNT_TRIES or not is_busy_with_another(error):
                    raise UncountedError("The ping is written, but could not be counted.") from error
        raise AssertionError  # the last try returns or raises

    def _update(self, parameters: dict[str, Any]) -> Any:
        try:
            return self._client.update_item(**parameters)
        except self._client.exceptions.ClientError as error:
            if lost_race(error):
                raise ConflictError("The check was changed meanwhile.") from error
            raise

    def _transact(self, writes: Sequence[dict[str, Any]]) -> None:
        try:
            self._client.transact_write_items(TransactItems=list(writes))  # type: ignore[arg-type] # built from parts
        except self._client.exceptions.ClientError as error:
            if lost_race(error):
                raise ConflictError("The check was changed meanwhile.") from error
            if too_large(error):
                raise FullError("Too many checks share this slug for their descriptions to be kept.") from error
            raise

    def _flip_puts(self, check_id: str, outcome: Outcome) -> list[dict[str, Any]]:
        return [self._flip_put(check_id, flip) for flip in outcome.flips]

    def _name(self, project: str, slug: str, *, strong: bool) -> dict[str, Any]:
        key = _name_key(project, slug)
        response = self._client.get_item(TableName=self._tables.names, Key=key, ConsistentRead=strong)
        return dict(response.get("Item", {}))

    def _named(self, check: Check, about: str, *, sole: bool = False) -> dict[str, Any]:
        """Return the part of a transaction that puts a check under its name."""
        sets = "SET #about = :about" if about else "REMOVE #about"
        put: dict[str, Any] = {
            "TableName": self._tables.names,
            "Key": _name_key(check.project, _name_of(check)),
            "UpdateExpression": f"{sets} ADD ids :ids",
            "ExpressionAttributeNames": {"#about": _about(check.id)},
            "ExpressionAttributeValues": {":ids": {"SS": [check.id]}} | ({":about": text(about)} if about else {}),
        }
        return {"Update": put | ({"ConditionExpression": "attribute_not_exists(ids)"} if sole else {})}

    def _unnamed(self, check: Check) -> dict[str, Any]:
        """Return the part of a transaction that takes a check from under its name."""
        return {
            "Update": {
                "TableName": self._tables.names,
                "Key": _name_key(check.project, _name_of(check)),
                "UpdateExpression": "DELETE ids :ids REMOVE #about",
                "ExpressionAttributeNames": {"#about": _about(check.id)},
                "ExpressionAttributeValues": {":ids": {"SS": [check.id]}},
            }
        }

    def _renamed(self, seen: Check, new: Check, about: str | None) -> list[dict[str, Any]]:
        kept = self.about(seen) if about is None else about
        moves = [self._unnamed(seen)] if _name_of(seen) != _name_of(new) else []
        return [*moves, self._named(new, kept)]

    def _places(
        self, condition: str, values: Item, *, page: int | None = None, strong: bool = True
    ) -> Iterator[tuple[Place, str]]:
        """Return places and descriptions of checks, in order; `page`: names to be read at once."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._tables.names,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#project": "project"},  # a reserved word
            ExpressionAttributeValues=values,
            ConsistentRead=strong,
            PaginationConfig={"PageSize": page} if page else {},
        )
        for item in (item for response in pages for item in response["Items"]):
            for check_id in sorted(item.get("ids", {}).get("SS", [])):
                yield Place(item["slug"]["S"], check_id), item.get(_about(check_id), {}).get("S", "")

    def _items(self, check_ids: Sequence[str], *, strong: bool) -> Iterator[Item]:
        """Return the items of at most `BATCH_GET_LIMIT` checks; what DynamoDB leaves unread is read again."""
        keys: list[Any] = [_key(check_id) for check_id in check_ids]
        waits = {"first": BATCH_FIRST_WAIT_SECONDS, "longest": BATCH_LONGEST_WAIT_SECONDS}
        for _ in attempts(BATCH_TRIES, pause=self._pause, **waits):
            response = self._client.batch_get_item(
                RequestItems={self._tables.checks: {"Keys": keys, "ConsistentRead": strong}}
            )
            yield from (dict(item) for item in response["Responses"].get(self._tables.checks, []))
            unread = response["UnprocessedKeys"].get(self._tables.checks)
            if not unread:
                return
            keys = list(unread["Keys"])
        raise BusyError("DynamoDB leaves checks unread. Try again in a minute.")


def _assert_follows(seen: Check, outcome: Outcome) -> None:
    """State what every decision keeps to: it is about the check that was seen, and its flips have the next numbers."""
    new = outcome.check
    assert (new.id, new.project) == (seen.id, seen.project)
    assert [flip.n for flip in outcome.flips] == list(range(seen.flips + 1, seen.flips + 1 + len(outcome.flips)))
    assert new.wake_at is None or new.wake_at.tzinfo is not None


def _number_of(response: Any) -> int:
    return int(response["Attributes"][N_PINGS]["N"])


def _key(check_id: str) -> Item:
    return {ID: text(check_id)}


def _name_key(project: str, name: str) -> Item:
    return {"project": text(project), "slug": text(name)}


def _name_of(check: Check) -> str:
    """Return the sort key in `names`: the slug, or for a check without one its id."""
    return check.slug or check.id


def _about(check_id: str) -> str:
    """Return the attribute in `names` that holds a check's description."""
    return f"about:{check_id}"


def _due(item: Item) -> SweptCheck:
    """Read what the sweep needs; an item that cannot be read is passed on, for the strong read to name it."""
    check_id = item[ID]["S"]
    try:
        wake_at = CHECK["wake_at"].codec.decode(item[WAKE_AT]) if WAKE_AT in item else None
        return SweptCheck(id=check_id, wake_at=wake_at, unannounced=int(item[ANNOUNCED]["N"]) < int(item[FLIPS]["N"]))
    except (KeyError, ValueError, OverflowError):
        return SweptCheck(id=check_id, wake_at=None, unannounced=True)
