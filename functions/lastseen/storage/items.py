"""The form that checks, pings and flips have in the tables: to_item and from_item for each.

Lives here: names and encodings of attributes. A check's are short, because the sweep reads every check each minute
and pays by the byte; whatever has its default is left out. Pure: no call is made here.
Never here: conditions and calls (store.py), rules (core/machine.py).

Encodings: an instant is whole milliseconds since 1970 in UTC, a span is milliseconds, a run id is its 16 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from lastseen.core.check import Check, Filters, Flip, Kind, Ping, Reason, Status, unique_key
from lastseen.core.history import Recorded
from lastseen.core.schedule import Cron, OnCalendar, Period, Schedule
from lastseen.core.times import MILLISECOND, millis, moment

T = TypeVar("T")

Item = dict[str, Any]
"""DynamoDB's own form: attribute name to {type: value}."""


class CorruptError(Exception):
    """A stored item cannot be read. Names the item, so that it can be looked at and mended."""


def text(value: str) -> Item:
    """Encode text."""
    return {"S": value}


def number(value: int) -> Item:
    """Encode a whole number."""
    return {"N": str(value)}


def ping_event(n: int) -> str:
    """Return the sort key of a check's n-th ping; keys sort as numbers do."""
    return f"ping#{n:012d}"


def flip_event(n: int) -> str:
    """Return the sort key of a check's n-th flip."""
    return f"flip#{n:012d}"


# --- Encodings, by kind of value ---

Codec = tuple[Callable[[Any], Item], Callable[[Item], Any]]

_TEXT: Codec = (text, lambda item: item["S"])
_NUMBER: Codec = (number, lambda item: int(item["N"]))
_FLAG: Codec = (lambda value: {"BOOL": value}, lambda item: item["BOOL"])
_BYTES: Codec = (lambda value: {"B": value}, lambda item: bytes(item["B"]))
_INSTANT: Codec = (lambda value: number(millis(value)), lambda item: moment(item["N"]))
_INSTANTS: Codec = (
    lambda value: {"L": [number(millis(each)) for each in value]},
    lambda item: tuple(moment(each["N"]) for each in item["L"]),
)
_SPAN: Codec = (lambda value: number(value // MILLISECOND), lambda item: int(item["N"]) * MILLISECOND)
_RUN: Codec = (lambda value: {"B": UUID(value).bytes}, lambda item: str(UUID(bytes=bytes(item["B"]))))
_STATUSES = {status.value[0]: status for status in Status}
_STATUS: Codec = (lambda value: text(value[0]), lambda item: _STATUSES[item["S"]])


def _word(kind: type[Any]) -> Codec:
    return (lambda value: text(value.value), lambda item: kind(item["S"]))


def _schedule_to(schedule: Schedule) -> Item:
    if isinstance(schedule, Period):
        return number(schedule.period // timedelta(seconds=1))
    kind = "cron" if isinstance(schedule, Cron) else "calendar"
    return {"L": [text(kind), text(schedule.expression), text(schedule.tz)]}


def _schedule_from(item: Item) -> Schedule:
    if "N" in item:
        return Period(timedelta(seconds=int(item["N"])))
    kind, expression, tz = (part["S"] for part in item["L"])
    return Cron(expression, tz) if kind == "cron" else OnCalendar(expression, tz)


def _filters_to(filters: Filters) -> Item:
    flags = [{"BOOL": flag} for flag in (filters.http_body, filters.subject, filters.body, filters.default_fail)]
    return {"L": [*flags, text(filters.start), text(filters.success), text(filters.failure)]}


def _filters_from(item: Item) -> Filters:
    return Filters(*(next(iter(part.values())) for part in item["L"]))


Names = Mapping[str, tuple[str, Codec]]
"""Field in Python -> attribute in the table, and how its value is written."""

CHECK: Names = {
    "id": ("id", _TEXT),
    "project": ("p", _TEXT),
    "name": ("nm", _TEXT),
    "slug": ("sl", _TEXT),
    "tags": ("tg", _TEXT),
    "schedule": ("sc", (_schedule_to, _schedule_from)),
    "grace": ("g", _SPAN),
    "methods": ("mt", _TEXT),
    "filters": ("fi", (_filters_to, _filters_from)),
    "manual_resume": ("mr", _FLAG),
    "channels": ("ch", _TEXT),
    "reminder": ("re", _SPAN),
    "snoozed_until": ("sn", _INSTANT),
    "flap_limit": ("fl", _NUMBER),
    "created": ("cr", _INSTANT),
    "status": ("st", _STATUS),
    "since": ("si", _INSTANT),
    "incident": ("ic", _NUMBER),
    "reminded": ("rd", _INSTANT),
    "recent": ("rc", _INSTANTS),
    "flapping": ("fp", _FLAG),
    "last_ping": ("lp", _INSTANT),
    "last_start": ("ls", _INSTANT),
    "start_rid": ("sr", _RUN),
    "end_rid": ("er", _RUN),
    "last_duration": ("ld", _SPAN),
    "n_pings": ("n", _NUMBER),
    "wake_at": ("w", _INSTANT),
    "rev": ("rv", _NUMBER),
    "flips": ("f", _NUMBER),
    "announced": ("a", _NUMBER),
}
COMPARED = frozenset({"id", "status", "n_pings", "rev", "flips", "announced"})
"""Written even if they have their default: a condition or the sweep's filter looks at them."""

FLIP: Names = {
    "n": ("n", _NUMBER),
    "at": ("at", _INSTANT),
    "was": ("was", _word(Status)),
    "status": ("status", _word(Status)),
    "reason": ("reason", _word(Reason)),
    "told": ("told", _FLAG),
    "incident": ("incident", _NUMBER),
    "flapping": ("flapping", _FLAG),
    "held": ("held", _SPAN),
    "since": ("since", _INSTANT),
    "expected": ("expected", _INSTANT),
    "last_ping": ("last_ping", _INSTANT),
    "started": ("started", _INSTANT),
    "duration": ("duration", _SPAN),
    "exit_status": ("exit_status", _NUMBER),
    "note": ("note", _TEXT),
    "body": ("body", _BYTES),
}

PING: Names = {
    "at": ("at", _INSTANT),
    "rid": ("rid", _RUN),
    "exit_status": ("exit_status", _NUMBER),
    "note": ("note", _TEXT),
    "body": ("body", _BYTES),
    "method": ("method", _TEXT),
    "scheme": ("scheme", _TEXT),
    "address": ("address", _TEXT),
    "agent": ("agent", _TEXT),
}


# --- Checks, flips and pings ---


def check_to_item(check: Check) -> Item:
    """Return a check as the table holds it."""
    return _to_item(check, CHECK, always=COMPARED)


def check_from_item(item: Item) -> Check:
    """Return the check that an item holds. Raises CorruptError, naming the check, if it cannot be read."""
    return _read(f"The check {_public(item)}", lambda: Check(**_from_item(item, CHECK)))


def flip_to_item(check_id: str, flip: Flip) -> Item:
    """Return a flip as the history holds it."""
    return {"id": text(check_id), "event": text(flip_event(flip.n)), **_to_item(flip, FLIP)}


def flip_from_item(item: Item) -> Flip:
    """Return the flip that an item holds. Raises CorruptError, naming it, if it cannot be read."""
    return _read(_event_name(item), lambda: Flip(**_from_item(item, FLIP)))


def ping_to_item(check_id: str, recorded: Recorded) -> Item:
    """Return a ping as the history holds it."""
    key = {"id": text(check_id), "event": text(ping_event(recorded.n))}
    said = {"kind": text(recorded.kind.value), **_to_item(recorded.ping, PING)}
    return key | said | ({"duration": _SPAN[0](recorded.duration)} if recorded.duration is not None else {})


def ping_from_item(item: Item) -> Recorded:
    """Return the ping that an item holds. Raises CorruptError, naming it, if it cannot be read."""
    return _read(
        _event_name(item),
        lambda: Recorded(
            n=int(item["event"]["S"].removeprefix("ping#")),
            kind=Kind(item["kind"]["S"]),
            ping=Ping(**_from_item(item, PING)),
            duration=_SPAN[1](item["duration"]) if "duration" in item else None,
        ),
    )


def _to_item(value: Any, names: Names, always: frozenset[str] = frozenset()) -> Item:
    item: Item = {}
    for field in fields(value):
        if field.name not in names:
            continue
        held = getattr(value, field.name)
        if field.name in always or held != field.default:
            attribute, (encode, _) = names[field.name]
            item[attribute] = encode(held)
    return item


def _from_item(item: Item, names: Names) -> dict[str, Any]:
    return {name: decode(item[attribute]) for name, (attribute, (_, decode)) in names.items() if attribute in item}


def _read(what: str, build: Callable[[], T]) -> T:
    try:
        return build()
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise CorruptError(f"{what} cannot be read: {type(error).__name__}: {error}.") from error


def _event_name(item: Item) -> str:
    return f"The history item {item.get('event', {}).get('S', '?')} of the check {_public(item)}"


def _public(item: Item) -> str:
    """Name an item's check without its ping URL: errors end up in logs."""
    return unique_key(item.get("id", {}).get("S", ""))
