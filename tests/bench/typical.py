"""The check that the bench is about, and how DynamoDB weighs an item."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from lastseen.core.check import Check, Kind, Ping
from lastseen.core.machine import pinged
from lastseen.core.schedule import Cron
from lastseen.storage.items import check_to_item
from tests.bench.aws import CHECK_ID
from tests.times import T0, minutes, seconds

RUN = "0f6f1b5e-7a57-4d2b-9f6e-3f4a3a1f6b11"


def check(check_id: str = CHECK_ID, *, name: str = "nightly-report") -> Check:
    """Return a check as most are: a name, a slug, two tags, an hourly schedule; it is up and ran with a run id."""
    fresh = Check(id=check_id, name=name, slug=name, tags="prod reports", channels="*", created=T0 - timedelta(days=30))
    planned = replace(fresh, schedule=Cron("0 * * * *", "Europe/Berlin"), grace=minutes(10))
    up = pinged(planned, Ping(at=T0 - minutes(60))).check
    return pinged(pinged(up, Ping(at=T0 - seconds(90), kind=Kind.START, rid=RUN)).check, Ping(at=T0, rid=RUN)).check


def item_bytes(item: dict[str, Any]) -> int:
    """Return an item's size as DynamoDB reckons it.

    Source: AWS, "DynamoDB item sizes and formats": names and text by UTF-8 bytes, numbers by about a byte for two
    digits and one more, lists and maps three bytes and one for each part.
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict[str, Any]) -> int:
    [(kind, held)] = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "B":
            return len(held)
        case "N":
            return (len(held.lstrip("-").rstrip("0")) + 1) // 2 + 1
        case "L":
            return 3 + sum(1 + _value_bytes(each) for each in held)
        case "SS":
            return sum(len(each.encode()) for each in held)
        case _:
            return 1  # BOOL, NULL


def typical_item() -> dict[str, Any]:
    """Return the item of the typical check."""
    return check_to_item(check())
