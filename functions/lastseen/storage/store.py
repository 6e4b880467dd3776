"""The tables: what is read, what is written, and on which condition. The only file that speaks DynamoDB.

Lives here: calls and their conditions. A write is conditional on exactly what its decision saw; whoever loses the race
gets ConflictError, reads again strongly and decides again.
Never here: encodings (items.py), rules (core/machine.py), the clock.

Four tables, all on demand:
  checks    id                    one compact item per check; the sweep reads it whole each minute
  names     project, slug         the ids that bear a slug (a check without one: its id), and what each is for
  history   id, event             ping#<n> and flip#<n>; expires
  settings  kind, name            keys, channels and such, each a small JSON document

Errors: ConflictError (a race was lost, nothing was written), CorruptError (an item cannot be read). What AWS answers
otherwise passes through: Lambda's retry and an alarm take it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from lastseen.core.check import Check, Outcome
from lastseen.core.history import Recorded
from lastseen.core.times import millis
from lastseen.storage.items import (
    CHECK,
    CorruptError,
    Item,
    check_from_item,
    check_to_item,
    flip_event,
    flip_from_item,
    flip_to_item,
    number,
    ping_event,
    ping_from_item,
    ping_to_item,
    text,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lastseen.core.check import Flip

T = TypeVar("T")

log = logging.getLogger(__name__)

BATCH_GET_LIMIT = 100
"""Keys in one BatchGetItem; DynamoDB's limit."""

BATCH_TRIES = 6
BATCH_WAIT = 0.05
"""How often keys are asked for that DynamoDB left unread, and seconds before the first further try, then doubled."""

FLIPS_PAGE = 100
"""Flips that are read at once where few are likely to be asked for."""

FLIP_DAYS = 90
"""Days that flips are kept where ping history is off."""


class ConflictError(Exception):
    """A race was lost: what the decision saw is no longer so. Nothing was written; read again and decide again."""


class BusyError(Exception):
    """DynamoDB takes no more just now, after all tries. Nothing was written; try again."""


class FullError(Exception):
    """An item would be larger than DynamoDB takes. Nothing was written; no second try helps."""


Place = tuple[str, str]
"""Where a check stands among those of its project: its name in `names`, and its id."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Names of the four tables."""

    checks: str
    names: str
    history: str
    settings: str


@dataclass(frozen=True, slots=True)
class Due:
    """A check that the sweep found: time will change it soon, or people have still to be told of a flip."""

    id: str
    wake_at: datetime | None
    untold: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a sweep's scan, and what it took."""

    dues: tuple[Due, ...]
    scanned: int
    read_units: float


class Store:
    """The tables, as the rest of the program sees them."""

    def __init__(self, client: DynamoDBClient, tables: Tables, *, history_days: int = FLIP_DAYS) -> None:
        self._client = client
        self._tables = tables
        self._history_days = history_days

    # Checks

    def get(self, check_id: str, *, strong: bool = False) -> Check | None:
        """Return a check, or None. An eventual read may be a moment old; the condition of a write finds that out."""
        found = self._client.get_item(TableName=self._tables.checks, Key={"id": text(check_id)}, ConsistentRead=strong)
        return check_from_item(dict(found["Item"])) if "Item" in found else None

    def get_many(self, check_ids: Sequence[str], *, broken: list[str] | None = None) -> dict[str, Check]:
        """Return those of the checks that exist, by id; strongly consistent.

        Ids of checks that cannot be read are added to `broken`; without it, the first such raises CorruptError.
        Raises BusyError if DynamoDB leaves keys unread again and again.
        """
        found: dict[str, Check] = {}
        wanted = list(dict.fromkeys(check_ids))  # DynamoDB refuses to be asked twice
        for first in range(0, len(wanted), BATCH_GET_LIMIT):
            for item in self._items(wanted[first : first + BATCH_GET_LIMIT]):
                try:
                    found[item["id"]["S"]] = check_from_item(item)
                except CorruptError:
                    if broken is None:
                        raise
                    broken.append(item["id"]["S"])
        return found

    def create(self, check: Check, *, about: str = "", sole: bool = False) -> None:
        """Write a new check and its name at once. `sole`: only if no other check of the project bears its slug.

        Raises ConflictError if the id exists, or the slug does and `sole` is asked.
        """
        put = {
            "TableName": self._tables.checks,
            "Item": check_to_item(check),
            "ConditionExpression": "attribute_not_exists(id)",
        }
        self._transact([{"Put": put}, self._named(check, about, sole=sole)])

    def save(self, seen: Check, outcome: Outcome, *, about: str | None = None) -> None:
        """Write what a decision changed, and its flips, if the check is still as it was seen.

        `about` None leaves the description as it is. Raises ConflictError if a ping or another change came first.
        """
        changes = _changes(seen, outcome.check)
        renamed = _name_of(seen) != _name_of(outcome.check)
        others = self._renamed(seen, outcome.check, about) if renamed or about is not None else []
        if not changes and not others:
            return
        if not changes:
            self._transact([{"ConditionCheck": self._guard(seen)}, *others])
            return
        update = self._update(seen, changes, [_UNTOUCHED, _wakes_as(seen)])
        if outcome.flips or others:
            self._transact([{"Update": update}, *self._flip_puts(seen.id, outcome), *others])
        else:
            self._write(update)

    def save_ping(self, seen: Check, outcome: Outcome) -> int:
        """Write what a ping changed and count it; return its number.

        Steady pings of one check, however many at once, do not conflict: each condition names only what its decision
        saw. A ping that flips is a transaction; its count follows, since a transaction returns no values.
        Raises ConflictError.
        """
        changes = {name: value for name, value in _changes(seen, outcome.check).items() if name != _COUNT}
        conditions = [_UNTOUCHED]
        if CHECK["last_ping"][0] in changes:
            conditions.append(_NO_LATER_END)
        elif changes.get(CHECK["last_start"][0]):
            conditions.append(_no_end_since(seen))
        if outcome.flips:
            update = self._update(seen, changes, [*conditions, _wakes_as(seen)])
            self._transact([{"Update": update}, *self._flip_puts(seen.id, outcome)])
            return self._counted(self._update(seen, {}, ["attribute_exists(id)"], count=True))
        return self._counted(self._update(seen, changes, conditions, count=True))

    def delete(self, seen: Check) -> None:
        """Remove a check and its name. Its history expires by itself. Raises ConflictError if it was changed since."""
        self._transact([{"Delete": self._guard(seen)}, self._unnamed(seen)])

    def announce(self, check_id: str, *, seen: int, told: int) -> None:
        """Note that people were told of all flips up to `told`. Somebody who was faster is no harm."""
        try:
            self._client.update_item(
                TableName=self._tables.checks,
                Key={"id": text(check_id)},
                UpdateExpression="SET a = :told",
                ConditionExpression="a = :seen",
                ExpressionAttributeValues={":told": number(told), ":seen": number(seen)},
            )
        except ClientError as error:
            if not _lost(error):
                raise

    def due(self, until: datetime, *, segment: int = 0, segments: int = 1) -> Iterator[Page]:
        """Read every check of a segment, page by page, and return those with something to do by `until`."""
        start: dict[str, Any] = {}
        while True:
            answer = self._client.scan(
                TableName=self._tables.checks,
                FilterExpression=f"{_SPOILED} OR {CHECK['wake_at'][0]} <= :until OR a < f",
                ProjectionExpression="id, w, a, f",
                ExpressionAttributeValues={":until": number(millis(until)), ":number": text("N")},
                Segment=segment,
                TotalSegments=segments,
                ReturnConsumedCapacity="TOTAL",
                **start,
            )
            yield Page(
                dues=tuple(_due(dict(item)) for item in answer["Items"]),
                scanned=answer["ScannedCount"],
                read_units=answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0),
            )
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    # Names

    def bearers(self, project: str, slug: str, *, strong: bool = False) -> tuple[str, ...]:
        """Return the ids of the checks of a project that bear a slug."""
        item = self._name(project, slug, strong=strong)
        return tuple(sorted(item.get("ids", {}).get("SS", [])))

    def about(self, check: Check) -> str:
        """Return a check's description."""
        item = self._name(check.project, _name_of(check), strong=True)
        return str(item.get(f"about:{check.id}", {}).get("S", ""))

    def project(self, project: str, *, slug: str = "") -> dict[str, str]:
        """Return the ids of all checks of a project, or of a slug, with what each is for; strongly consistent."""
        condition, values = "#project = :project", {":project": text(project)}
        if slug:
            condition, values = f"{condition} AND slug = :slug", {**values, ":slug": text(slug)}
        return {check_id: about for _, check_id, about in self._bearers(condition, values)}

    def project_page(self, project: str, *, after: Place, limit: int) -> tuple[dict[str, str], Place | None]:
        """Return some checks of a project like `project`, in the order of their places, and where they go on.

        `after`: the place of the last one that was seen, ("", "") to begin. None instead of a place: that was all.
        """
        condition, values = "#project = :project", {":project": text(project)}
        if after[0]:
            condition, values = f"{condition} AND slug >= :slug", {**values, ":slug": text(after[0])}
        found: dict[str, str] = {}
        last = after
        for slug, check_id, about in self._bearers(condition, values, page=limit + 1):
            if (slug, check_id) <= after:
                continue
            if len(found) == limit:
                return found, last
            found[check_id], last = about, (slug, check_id)
        return found, None

    # History

    def record(self, check_id: str, recorded: Recorded) -> None:
        """Keep a ping in the history; nothing is kept where history is off."""
        if self._history_days:
            expires = self._expires(recorded.ping.at)
            self._client.put_item(TableName=self._tables.history, Item=ping_to_item(check_id, recorded) | expires)

    def pings(self, check_id: str, *, limit: int, before: int | None = None) -> list[Recorded]:
        """Return the newest pings, newest first; `before`: only those with a smaller number.

        One that cannot be read is logged and left out.
        """
        highest = _LAST_EVENT if before is None else before - 1
        if limit < 1 or highest < 1:
            return []
        events = self._events(check_id, ping_event(1), ping_event(highest), limit=limit, newest_first=True)
        return list(_readable(events, ping_from_item))

    def ping(self, check_id: str, n: int) -> Recorded | None:
        """Return a check's n-th ping, if it is still kept."""
        key = {"id": text(check_id), "event": text(ping_event(n))}
        found = self._client.get_item(TableName=self._tables.history, Key=key, ConsistentRead=True)
        return ping_from_item(dict(found["Item"])) if "Item" in found else None

    def flips(self, check_id: str, *, after: int = 0, upto: int | None = None) -> list[Flip]:
        """Return the flips numbered after+1 .. upto that are still kept, oldest first; strongly consistent.

        One that cannot be read is logged and left out.
        """
        low, high = flip_event(after + 1), flip_event(upto if upto is not None else _LAST_EVENT)
        return list(_readable(self._events(check_id, low, high), flip_from_item)) if low <= high else []

    def flips_back(self, check_id: str) -> Iterator[Flip]:
        """Return the flips that are still kept, newest first, read as far as they are asked for.

        One that cannot be read is logged and left out.
        """
        events = self._events(check_id, flip_event(1), flip_event(_LAST_EVENT), page=FLIPS_PAGE, newest_first=True)
        return _readable(events, flip_from_item)

    # Settings

    def setting(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return one settings document, or None; strongly consistent. Raises CorruptError if it cannot be read."""
        key = {"kind": text(kind), "name": text(name)}
        found = self._client.get_item(TableName=self._tables.settings, Key=key, ConsistentRead=True)
        return _document(dict(found["Item"])) if "Item" in found else None

    def settings(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return all settings documents of a kind, by name; one that cannot be read is logged and left out."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._tables.settings,
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues={":kind": text(kind)},
            ConsistentRead=True,
        )
        items = [dict(item) for page in pages for item in page["Items"]]
        return dict(_readable(items, lambda item: (item["name"]["S"], _document(item))))

    def put_setting(
        self, kind: str, name: str, document: dict[str, Any], *, new: bool = False, known: bool = False
    ) -> None:
        """Write a settings document. `new`: only if there is none yet; `known`: only if there is one.

        Raises ConflictError if it is otherwise.
        """
        put: dict[str, Any] = {
            "TableName": self._tables.settings,
            "Item": {"kind": text(kind), "name": text(name), "doc": text(json.dumps(document))},
        }
        if new or known:
            put["ConditionExpression"] = f"attribute_{'not_exists' if new else 'exists'}(kind)"
        try:
            self._client.put_item(**put)
        except ClientError as error:
            if _lost(error):
                raise ConflictError(f"There is {'a' if new else 'no'} {kind} of that name.") from error
            raise

    def drop_setting(self, kind: str, name: str) -> None:
        """Remove a settings document; one that is not there is no error."""
        self._client.delete_item(TableName=self._tables.settings, Key={"kind": text(kind), "name": text(name)})

    # How the calls are made

    def _update(self, seen: Check, changes: Item, conditions: list[str], *, count: bool = False) -> dict[str, Any]:
        """Return the parameters of an update: `changes` maps attributes to new values, None to remove one."""
        values: Item = {f":{name}": value for name, value in changes.items() if value is not None}
        sets = ", ".join(f"{name} = :{name}" for name, value in changes.items() if value is not None)
        removes = ", ".join(name for name, value in changes.items() if value is None)
        condition = " AND ".join(conditions)
        parts = [f"SET {sets}" if sets else "", f"REMOVE {removes}" if removes else ""]
        if count:
            parts.append(f"ADD {_COUNT} :one")
            values[":one"] = number(1)
        if ":rev" in condition:
            values[":rev"] = number(seen.rev)
        if ":wake" in condition and seen.wake_at:
            values[":wake"] = number(millis(seen.wake_at))
        if ":end" in condition and seen.last_ping:
            values[":end"] = number(millis(seen.last_ping))
        return {
            "TableName": self._tables.checks,
            "Key": {"id": text(seen.id)},
            "UpdateExpression": " ".join(part for part in parts if part),
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }

    def _guard(self, seen: Check) -> dict[str, Any]:
        """Return the parameters, for a transaction, that hold only while no decision was taken since."""
        return {
            "TableName": self._tables.checks,
            "Key": {"id": text(seen.id)},
            "ConditionExpression": _UNTOUCHED,
            "ExpressionAttributeValues": {":rev": number(seen.rev)},
        }

    def _counted(self, update: dict[str, Any]) -> int:
        return int(self._write(update | {"ReturnValues": "UPDATED_NEW"})["Attributes"][_COUNT]["N"])

    def _write(self, update: dict[str, Any]) -> Any:
        try:
            return self._client.update_item(**update)
        except ClientError as error:
            if _lost(error):
                raise ConflictError("The check was changed meanwhile.") from error
            raise

    def _transact(self, writes: Sequence[dict[str, Any]]) -> None:
        try:
            self._client.transact_write_items(TransactItems=list(writes))  # type: ignore[arg-type] # built from parts
        except ClientError as error:
            if _lost(error):
                raise ConflictError("The check was changed meanwhile.") from error
            if _too_large(error):
                raise FullError("Too many checks share this slug for their descriptions to be kept.") from error
            raise

    def _flip_puts(self, check_id: str, outcome: Outcome) -> list[dict[str, Any]]:
        items = [flip_to_item(check_id, flip) | self._expires(flip.at) for flip in outcome.flips]
        return [{"Put": {"TableName": self._tables.history, "Item": item}} for item in items]

    def _expires(self, at: datetime) -> Item:
        """TTL, in seconds since 1970. Flips outlive a history that is switched off."""
        return {"ttl": number(millis(at + timedelta(days=self._history_days or FLIP_DAYS)) // 1000)}

    def _name(self, project: str, slug: str, *, strong: bool) -> dict[str, Any]:
        key = {"project": text(project), "slug": text(slug)}
        found = self._client.get_item(TableName=self._tables.names, Key=key, ConsistentRead=strong)
        return dict(found.get("Item", {}))

    def _named(self, check: Check, about: str, *, sole: bool = False) -> dict[str, Any]:
        sets = "SET #about = :about " if about else "REMOVE #about "
        update: dict[str, Any] = {
            "TableName": self._tables.names,
            "Key": {"project": text(check.project), "slug": text(_name_of(check))},
            "UpdateExpression": f"{sets} ADD ids :ids",
            "ExpressionAttributeNames": {"#about": f"about:{check.id}"},
            "ExpressionAttributeValues": {":ids": {"SS": [check.id]}} | ({":about": text(about)} if about else {}),
        }
        return {"Update": update | ({"ConditionExpression": "attribute_not_exists(ids)"} if sole else {})}

    def _unnamed(self, check: Check) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": self._tables.names,
                "Key": {"project": text(check.project), "slug": text(_name_of(check))},
                "UpdateExpression": "DELETE ids :ids REMOVE #about",
                "ExpressionAttributeNames": {"#about": f"about:{check.id}"},
                "ExpressionAttributeValues": {":ids": {"SS": [check.id]}},
            }
        }

    def _renamed(self, seen: Check, new: Check, about: str | None) -> list[dict[str, Any]]:
        kept = self.about(seen) if about is None else about
        moves = [self._unnamed(seen)] if _name_of(seen) != _name_of(new) else []
        return [*moves, self._named(new, kept)]

    def _bearers(self, condition: str, values: Item, *, page: int | None = None) -> Iterator[tuple[str, str, str]]:
        """Return slug, id and description of checks, in that order; `page`: names to be read at once."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._tables.names,
            KeyConditionExpression=condition,
            ExpressionAttributeNames={"#project": "project"},  # a reserved word
            ExpressionAttributeValues=values,
            ConsistentRead=True,
            PaginationConfig={"PageSize": page} if page else {},
        )
        for item in (item for found in pages for item in found["Items"]):
            for check_id in sorted(item.get("ids", {}).get("SS", [])):
                yield item["slug"]["S"], check_id, item.get(f"about:{check_id}", {}).get("S", "")

    def _items(self, check_ids: Sequence[str]) -> Iterator[Item]:
        """Return the items of at most `BATCH_GET_LIMIT` checks; what DynamoDB leaves unread is asked for again."""
        keys: list[Any] = [{"id": text(check_id)} for check_id in check_ids]
        for attempt in range(BATCH_TRIES):
            answer = self._client.batch_get_item(
                RequestItems={self._tables.checks: {"Keys": keys, "ConsistentRead": True}}
            )
            yield from (dict(item) for item in answer["Responses"].get(self._tables.checks, []))
            unread = answer["UnprocessedKeys"].get(self._tables.checks)
            if not unread:
                return
            keys = list(unread["Keys"])
            time.sleep(BATCH_WAIT * 2**attempt)
        raise BusyError("DynamoDB leaves checks unread. Try again in a minute.")

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


_LAST_EVENT = 10**12 - 1
"""The highest number that sorts rightly."""


# The clauses of conditions, by name.

_COUNT = CHECK["n_pings"][0]
_UNTOUCHED = f"{CHECK['rev'][0]} = :rev"
"""No decision was taken since; it fails for a check that was deleted, so a ping can never bring one back."""
_SPOILED = (
    "NOT attribute_type(a, :number) OR NOT attribute_type(f, :number)"
    " OR (attribute_exists(w) AND NOT attribute_type(w, :number))"
)
"""What the sweep looks at is no number: it would be compared with nothing, and never be named as broken."""
_NO_LATER_END = "(attribute_not_exists(lp) OR lp <= :lp)"
"""No later end was written first: its time must not go back."""


def _wakes_as(seen: Check) -> str:
    """No ping moved the deadline since."""
    return f"{CHECK['wake_at'][0]} = :wake" if seen.wake_at else f"attribute_not_exists({CHECK['wake_at'][0]})"


def _no_end_since(seen: Check) -> str:
    """No end was written since: a steady one leaves `rev` as it is, but it may have been that of the run that opens."""
    return f"{CHECK['last_ping'][0]} = :end" if seen.last_ping else f"attribute_not_exists({CHECK['last_ping'][0]})"


def _changes(seen: Check, new: Check) -> Item:
    """Return the attributes that differ, with their new values; None: to be removed."""
    before, after = check_to_item(seen), check_to_item(new)
    return {name: after.get(name) for name in {**before, **after} if before.get(name) != after.get(name)}


def _readable(items: Iterable[Mapping[str, Any]], read: Callable[[Item], T]) -> Iterator[T]:
    """Read what can be read; name the rest in the log."""
    for item in items:
        try:
            yield read(dict(item))
        except CorruptError as error:
            log.error("Left out: %s", error)  # noqa: TRY400 - its text tells all


def _document(item: Item) -> dict[str, Any]:
    try:
        return dict(json.loads(item["doc"]["S"]))
    except (KeyError, ValueError, TypeError) as error:
        kind, name = item["kind"]["S"], item["name"]["S"]
        raise CorruptError(f"The setting {kind} {name} cannot be read: {type(error).__name__}.") from error


def _name_of(check: Check) -> str:
    """Return the sort key in `names`: the slug, or for a check without one its id."""
    return check.slug or check.id


def _due(item: Item) -> Due:
    """Read what the sweep asks for; an item that cannot be read is passed on, for the strong read to name it."""
    check_id = item["id"]["S"]
    try:
        wake_at = CHECK["wake_at"][1][1](item["w"]) if "w" in item else None
        return Due(id=check_id, wake_at=wake_at, untold=int(item["a"]["N"]) < int(item["f"]["N"]))
    except (KeyError, ValueError, OverflowError):
        return Due(id=check_id, wake_at=None, untold=True)


_RACES = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingException",
        "ThrottlingError",
        "Throttling",
    }
)


def throttled(error: ClientError) -> bool:
    """Tell whether AWS takes no more just now: the same call can be made again later."""
    reasons: list[Any] = error.response.get("CancellationReasons", [])
    codes = {error.response["Error"]["Code"], *(reason.get("Code") for reason in reasons)}
    return bool(codes & _THROTTLES)


def _too_large(error: ClientError) -> bool:
    reasons: list[Any] = error.response.get("CancellationReasons", [])
    words = [str(error), *(str(reason.get("Message")) for reason in reasons)]
    return any("size" in each and "exceeded" in each for each in words)


def _lost(error: ClientError) -> bool:
    """Tell a lost race from every other failure."""
    code = error.response["Error"]["Code"]
    if code == "TransactionCanceledException":
        reasons: list[Any] = error.response.get("CancellationReasons", [])
        codes = {reason.get("Code") for reason in reasons} - {"None", None}
        return bool(codes) and codes <= _RACES
    return code in {"ConditionalCheckFailedException", "TransactionConflictException"}
