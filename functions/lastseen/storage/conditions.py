"""What a write depends on: clauses of conditions, each with the values that it names, and the update they guard.

Lives here: the clauses about a check, by name. A write names exactly what its decision saw, so that a hundred steady
pings of one check do not conflict, and a decision on an old version fails and is made again.
Never here: calls (checks.py), encodings (items.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lastseen.core.check import Check
from lastseen.core.times import millis
from lastseen.storage.items import Item, attribute, number, text

ID = attribute("id")
REV = attribute("rev")
WAKE_AT = attribute("wake_at")
LAST_PING = attribute("last_ping")
RUNS = attribute("runs")
ENDED = attribute("ended")
N_PINGS = attribute("n_pings")
FLIPS = attribute("flips")
ANNOUNCED = attribute("announced")


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a condition, and the values that it names."""

    text: str
    values: Mapping[str, Item] = field(default_factory=dict)


def all_of(clauses: Iterable[Clause]) -> Clause:
    """Return the condition that every clause holds."""
    texts: list[str] = []
    values: dict[str, Item] = {}
    for clause in clauses:
        texts.append(clause.text)
        for name, value in clause.values.items():
            assert values.get(name, value) == value, f"two clauses give {name} different values"
            values[name] = value
    return Clause(" AND ".join(texts), values)


# --- About a check ---

IS_NEW = Clause(f"attribute_not_exists({ID})")
IS_STORED = Clause(f"attribute_exists({ID})")


def is_untouched(seen: Check) -> Clause:
    """No decision was made since. It fails for a check that was deleted, so a ping can never bring one back."""
    return Clause(f"{REV} = :seen_rev", {":seen_rev": number(seen.rev)})


def wakes_as_seen(seen: Check) -> Clause:
    """No ping moved the deadline since."""
    if seen.wake_at is None:
        return Clause(f"attribute_not_exists({WAKE_AT})")
    return Clause(f"{WAKE_AT} = :seen_wake", {":seen_wake": number(millis(seen.wake_at))})


def ends_as_seen(seen: Check) -> Clause:
    """No end was written since: a steady one leaves `rev` as it is, but may be the end of the run that opens now.

    And it may have moved the last ping, by whose time an end is stored that came at the same millisecond.
    """
    if seen.last_ping is None:
        return Clause(f"attribute_not_exists({LAST_PING})")
    return Clause(f"{LAST_PING} = :seen_end", {":seen_end": number(millis(seen.last_ping))})


def no_later_end(new: Check) -> Clause:
    """No later end was written first: the time of the last one must not go back."""
    assert new.last_ping is not None
    end = number(millis(new.last_ping))
    return Clause(f"(attribute_not_exists({LAST_PING}) OR {LAST_PING} <= :new_end)", {":new_end": end})


IS_CORRUPT = Clause(
    f"NOT attribute_type({ANNOUNCED}, :is_number) OR NOT attribute_type({FLIPS}, :is_number)"
    f" OR (attribute_exists({WAKE_AT}) AND NOT attribute_type({WAKE_AT}, :is_number))",
    {":is_number": text("N")},
)
"""What the sweep compares is no number: the check would never be due, and never be named as corrupt."""


# --- Updates ---


def guard(table: str, key: Item, condition: Clause) -> dict[str, Any]:
    """Return the parameters of a check or a deletion, in a transaction, that needs a condition."""
    values = {"ExpressionAttributeValues": dict(condition.values)} if condition.values else {}
    return {"TableName": table, "Key": key, "ConditionExpression": condition.text, **values}


def update(table: str, key: Item, changes: Item, condition: Clause, *, count: str = "") -> dict[str, Any]:
    """Return the parameters of an update.

    `changes`: attributes and their new values, None to remove one; `count`: an attribute to be raised by one, whose
    new value is returned.
    """
    sets = {name: value for name, value in changes.items() if value is not None}
    removes = [name for name, value in changes.items() if value is None]
    values = {f":{name}": value for name, value in sets.items()}
    parts = []
    if sets:
        parts.append("SET " + ", ".join(f"{name} = :{name}" for name in sets))
    if removes:
        parts.append("REMOVE " + ", ".join(removes))
    if count:
        assert count not in changes, f"{count} is set and counted at once"
        parts.append(f"ADD {count} :one")
        values[":one"] = number(1)
    returned = {"ReturnValues": "UPDATED_NEW"} if count else {}
    assert parts, "an update that changes nothing"
    assert not values.keys() & condition.values.keys(), "a value of the condition has the name of a change"
    return {
        "TableName": table,
        "Key": key,
        "UpdateExpression": " ".join(parts),
        "ConditionExpression": condition.text,
        "ExpressionAttributeValues": values | dict(condition.values),
        **returned,
    }
