"""The form that checks, pings and flips have in the tables: to_item and from_item for each.

Lives here: names and encodings of attributes, once; conditions and projections take the names from here. A check's are
short, because the sweep reads every check each minute and AWS charges by the byte; what has its default is left out.
Pure: no call is made here.
Never here: conditions (conditions.py), calls (checks.py, history.py), rules (core/).

Encodings: an instant is whole milliseconds since 1970 in UTC, a span is milliseconds, a run id is its 16 bytes.
Open runs and ends are lists of 8 bytes of instant and 16 of run id.
Stored items outlive the program that wrote them: a change of an encoding still reads the old form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from lastseen.core.check import Check, End, Filters, Flip, Kind, Ping, Reason, Run, Status, unique_key
from lastseen.core.history import Recorded
from lastseen.core.schedule import Cron, OnCalendar, Period, Schedule
from lastseen.core.times import MILLISECOND, millis, moment
from lastseen.storage.errors import CorruptError

T = TypeVar("T")

Item = dict[str, Any]
"""DynamoDB's own form: attribute name to {type: value}."""

EVENT_DIGITS = 12
LAST_EVENT = 10**EVENT_DIGITS - 1
"""The highest number of a ping or a flip that sorts as numbers do."""


def text(value: str) -> Item:
    """Encode text."""
    return {"S": value}


def number(value: int) -> Item:
    """Encode a whole number."""
    return {"N": str(value)}


def ping_event(n: int) -> str:
    """Return the sort key of a check's n-th ping; keys sort as numbers do."""
    return f"ping#{n:0{EVENT_DIGITS}d}"


def flip_event(n: int) -> str:
    """Return the sort key of a check's n-th flip."""
    return f"flip#{n:0{EVENT_DIGITS}d}"


# --- Encodings, by kind of value ---


class Codec(NamedTuple):
    """How a value is written and read."""

    encode: Callable[[Any], Item]
    decode: Callable[[Item], Any]


class Attribute(NamedTuple):
    """What a field is called in a table, and how its value is written."""

    name: str
    codec: Codec


_TEXT = Codec(text, lambda item: item["S"])
_NUMBER = Codec(number, lambda item: int(item["N"]))
_FLAG = Codec(lambda value: {"BOOL": value}, lambda item: item["BOOL"])
_BYTES = Codec(lambda value: {"B": value}, lambda item: bytes(item["B"]))
_INSTANT = Codec(lambda value: number(millis(value)), lambda item: moment(item["N"]))
_INSTANTS = Codec(
    lambda value: {"L": [number(millis(each)) for each in value]},
    lambda item: tuple(moment(each["N"]) for each in item["L"]),
)
_TEXTS = Codec(
    lambda values: {"L": [text(each) for each in values]},
    lambda item: tuple(each["S"] for each in item["L"]),
)
_SPAN = Codec(lambda value: number(value // MILLISECOND), lambda item: int(item["N"]) * MILLISECOND)
_RUN = Codec(lambda value: {"B": UUID(value).bytes}, lambda item: str(UUID(bytes=bytes(item["B"]))))


INSTANT_BYTES = 8


def _mark(milliseconds: int, rid: bytes) -> Item:
    """Encode an instant and a run id, or no id, in 24 bytes or 8."""
    return {"B": milliseconds.to_bytes(INSTANT_BYTES, "big", signed=True) + rid}


def _marks_to(marks: Iterable[tuple[datetime, str | None]]) -> Item:
    return {"L": [_mark(millis(at), UUID(rid).bytes if rid else b"") for at, rid in marks]}


def _marks_from(item: Item) -> Iterator[tuple[datetime, str]]:
    for part in item["L"]:
        at, rid = bytes(part["B"])[:INSTANT_BYTES], bytes(part["B"])[INSTANT_BYTES:]
        if len(at) < INSTANT_BYTES:
            raise ValueError(f"an instant has {INSTANT_BYTES} bytes")
        yield moment(int.from_bytes(at, "big", signed=True)), str(UUID(bytes=rid)) if rid else ""


_RUNS = Codec(
    lambda runs: _marks_to((run.started, run.rid) for run in runs),
    lambda item: tuple(Run(at, rid or None) for at, rid in _marks_from(item)),
)
_ENDS = Codec(
    lambda ends: _marks_to((end.at, end.rid) for end in ends),
    lambda item: tuple(End(at, rid) for at, rid in _marks_from(item)),
)

STATUSES = {Status.NEW: "n", Status.UP: "u", Status.DOWN: "d", Status.PAUSED: "p"}
_STATUS_OF = {letter: status for status, letter in STATUSES.items()}
assert len(_STATUS_OF) == len(STATUSES) == len(Status), "each status needs a letter of its own"
_STATUS = Codec(lambda value: text(STATUSES[value]), lambda item: _STATUS_OF[item["S"]])


def _word(kind: type[Any]) -> Codec:
    return Codec(lambda value: text(value.value), lambda item: kind(item["S"]))


def _schedule_to(schedule: Schedule) -> Item:
    if isinstance(schedule, Period):
        seconds = number(schedule.period // timedelta(seconds=1))
        return seconds if schedule.tz == "UTC" else {"L": [text("period"), text(seconds["N"]), text(schedule.tz)]}
    if isinstance(schedule, OnCalendar):
        return {"L": [text("calendar"), text(schedule.expression), text(schedule.tz)]}
    rule = [text(schedule.skipped_hour)] if schedule.skipped_hour == "skip" else []
    return {"L": [text("cron"), text(schedule.expression), text(schedule.tz), *rule]}


def _schedule_from(item: Item) -> Schedule:
    if "N" in item:
        return Period(timedelta(seconds=int(item["N"])))
    kind, expression, tz, *rule = (part["S"] for part in item["L"])
    if kind == "period":
        return Period(timedelta(seconds=int(expression)), tz)
    if kind != "cron":
        return OnCalendar(expression, tz)
    return Cron(expression, tz, "skip" if rule == ["skip"] else "run")


FILTERS: Mapping[str, Attribute] = {
    "http_body": Attribute("hb", _FLAG),
    "subject": Attribute("su", _FLAG),
    "body": Attribute("bo", _FLAG),
    "default_fail": Attribute("df", _FLAG),
    "start": Attribute("sa", _TEXT),
    "success": Attribute("sc", _TEXT),
    "failure": Attribute("fa", _TEXT),
}

_FILTERS_BY_PLACE = ("http_body", "subject", "body", "default_fail", "start", "success", "failure")
"""The order in which filters were stored before 28 November 2026, as a list without names."""


def _filters_to(filters: Filters) -> Item:
    return {"M": _to_item(filters, FILTERS)}


def _filters_from(item: Item) -> Filters:
    if "M" in item:
        return Filters(**_from_item(item["M"], FILTERS))
    attributes = [FILTERS[name] for name in _FILTERS_BY_PLACE]
    parts = zip(_FILTERS_BY_PLACE, attributes, item["L"], strict=True)
    return Filters(**{name: attribute.codec.decode(part) for name, attribute, part in parts})


Attributes = Mapping[str, Attribute]
"""Field in Python -> attribute in the table."""

CHECK: Attributes = {
    "id": Attribute("id", _TEXT),
    "project": Attribute("p", _TEXT),
    "name": Attribute("nm", _TEXT),
    "slug": Attribute("sl", _TEXT),
    "tags": Attribute("tg", _TEXT),
    "schedule": Attribute("sc", Codec(_schedule_to, _schedule_from)),
    "grace": Attribute("g", _SPAN),
    "early": Attribute("ea", _SPAN),
    "methods": Attribute("mt", _TEXT),
    "filters": Attribute("fi", Codec(_filters_to, _filters_from)),
    "manual_resume": Attribute("mr", _FLAG),
    "channels": Attribute("ch", _TEXT),
    "reminder": Attribute("re", _SPAN),
    "snoozed_until": Attribute("sn", _INSTANT),
    "flap_limit": Attribute("fl", _NUMBER),
    "created": Attribute("cr", _INSTANT),
    "status": Attribute("st", _STATUS),
    "since": Attribute("si", _INSTANT),
    "incident": Attribute("ic", _NUMBER),
    "reminded": Attribute("rd", _INSTANT),
    "recent": Attribute("rc", _INSTANTS),
    "flapping": Attribute("fp", _FLAG),
    "recovered": Attribute("ro", _INSTANT),
    "last_ping": Attribute("lp", _INSTANT),
    "runs": Attribute("ls", _RUNS),
    "ended": Attribute("er", _ENDS),
    "last_duration": Attribute("ld", _SPAN),
    "n_pings": Attribute("n", _NUMBER),
    "schedule_changed": Attribute("sh", _INSTANT),
    "grace_changed": Attribute("gc", _INSTANT),
    "wake_at": Attribute("w", _INSTANT),
    "rev": Attribute("rv", _NUMBER),
    "flips": Attribute("f", _NUMBER),
    "announced": Attribute("a", _NUMBER),
}
COMPARED = frozenset({"id", "status", "n_pings", "rev", "flips", "announced"})
"""Written even if they have their default: a condition or the sweep's filter looks at them."""

FLIP: Attributes = {
    "n": Attribute("n", _NUMBER),
    "at": Attribute("at", _INSTANT),
    "was": Attribute("was", _word(Status)),
    "status": Attribute("status", _word(Status)),
    "reason": Attribute("reason", _word(Reason)),
    "notify": Attribute("told", _FLAG),
    "incident": Attribute("incident", _NUMBER),
    "flapping": Attribute("flapping", _FLAG),
    "held": Attribute("held", _SPAN),
    "since": Attribute("since", _INSTANT),
    "expected": Attribute("expected", _INSTANT),
    "last_ping": Attribute("last_ping", _INSTANT),
    "started": Attribute("started", _INSTANT),
    "runs": Attribute("runs", _NUMBER),
    "duration": Attribute("duration", _SPAN),
    "exit_status": Attribute("exit_status", _NUMBER),
    "note": Attribute("note", _TEXT),
    "body": Attribute("body", _BYTES),
    "channels": Attribute("channels", _TEXTS),
}

PING: Attributes = {
    "at": Attribute("at", _INSTANT),
    "rid": Attribute("rid", _RUN),
    "over": Attribute("over", _TEXT),
    "exit_status": Attribute("exit_status", _NUMBER),
    "note": Attribute("note", _TEXT),
    "body": Attribute("body", _BYTES),
    "method": Attribute("method", _TEXT),
    "scheme": Attribute("scheme", _TEXT),
    "address": Attribute("address", _TEXT),
    "agent": Attribute("agent", _TEXT),
}


def attribute(field: str) -> str:
    """Return what a field of a check is called in the table."""
    return CHECK[field].name


# --- Checks, flips and pings ---


def check_to_item(check: Check) -> Item:
    """Return a check as the table holds it."""
    assert check.announced <= check.flips, "more flips are announced than there are"
    item = _to_item(check, CHECK, always=COMPARED)
    if len(check.ended) == 1 and check.ended[0].at == check.last_ping:  # as most are: the last ping had that id
        item[attribute("ended")] = _RUN.encode(check.ended[0].rid)
    return item


def check_from_item(item: Item) -> Check:
    """Return the check that an item holds. Raises CorruptError, naming the check, if it cannot be read."""
    return _read(f"The check {_public_key(item)}", lambda: Check(**_from_item(_with_marks(item), CHECK)))


def _with_marks(item: Item) -> Item:
    """Return an item with all its runs and ends as lists.

    An end that is the last ping is stored by its id alone. Before 28 November 2026 a check had one open run, whose id
    had an attribute of its own.
    """
    if "N" in item.get("ls", {}):
        item = item | {"ls": {"L": [_mark(int(item["ls"]["N"]), bytes(item.get("sr", {}).get("B", b"")))]}}
    if "B" in item.get("er", {}):
        ends = [_mark(int(item["lp"]["N"]), bytes(item["er"]["B"]))] if "lp" in item else []
        item = item | {"er": {"L": ends}}
    return item


def changed_attributes(before: Check, after: Check) -> Item:
    """Return the attributes that differ, with their new values; None: to be removed."""
    old, new = check_to_item(before), check_to_item(after)
    return {name: new.get(name) for name in {**old, **new} if old.get(name) != new.get(name)}


def flip_to_item(check_id: str, flip: Flip) -> Item:
    """Return a flip as the history holds it."""
    assert 1 <= flip.n <= LAST_EVENT, flip.n
    return {"id": text(check_id), "event": text(flip_event(flip.n)), **_to_item(flip, FLIP)}


def flip_from_item(item: Item) -> Flip:
    """Return the flip that an item holds. Raises CorruptError, naming it, if it cannot be read."""
    return _read(_event_name(item), lambda: Flip(**_from_item(item, FLIP)))


def ping_to_item(check_id: str, recorded: Recorded) -> Item:
    """Return a ping as the history holds it."""
    assert 1 <= recorded.n <= LAST_EVENT, recorded.n
    key = {"id": text(check_id), "event": text(ping_event(recorded.n))}
    duration = {} if recorded.duration is None else {"duration": _SPAN.encode(recorded.duration)}
    return key | {"kind": text(recorded.kind.value)} | _to_item(recorded.ping, PING) | duration


def ping_from_item(item: Item) -> Recorded:
    """Return the ping that an item holds. Raises CorruptError, naming it, if it cannot be read."""
    return _read(
        _event_name(item),
        lambda: Recorded(
            n=int(item["event"]["S"].removeprefix("ping#")),
            kind=Kind(item["kind"]["S"]),
            ping=Ping(**_from_item(item, PING)),
            duration=_SPAN.decode(item["duration"]) if "duration" in item else None,
        ),
    )


def _to_item(value: Any, attributes: Attributes, always: frozenset[str] = frozenset()) -> Item:
    item: Item = {}
    for field in fields(value):
        if field.name not in attributes:
            continue
        content = getattr(value, field.name)
        if field.name in always or content != field.default:
            name, codec = attributes[field.name]
            item[name] = codec.encode(content)
    return item


def _from_item(item: Item, attributes: Attributes) -> dict[str, Any]:
    return {field: codec.decode(item[name]) for field, (name, codec) in attributes.items() if name in item}


def _read(what: str, build: Callable[[], T]) -> T:
    try:
        return build()
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise CorruptError(f"{what} cannot be read: {type(error).__name__}: {error}.") from error


def _event_name(item: Item) -> str:
    return f"The history item {item.get('event', {}).get('S', '?')} of the check {_public_key(item)}"


def _public_key(item: Item) -> str:
    """Name an item's check without its ping URL: errors end up in logs."""
    return unique_key(item.get("id", {}).get("S", ""))
