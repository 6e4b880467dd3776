"""What the tables cost: bytes of a check, and the capacity that DynamoDB bills, as the emulator reports it.

The sweep reads every check each minute and a write is billed by the whole kilobyte, so these figures are the bill.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lastseen.core.check import Check, End, Filters, Kind, Outcome, Ping, Run, Status
from lastseen.core.history import Recorded
from lastseen.core.machine import configured, pinged
from lastseen.core.moments import woken
from lastseen.core.runs import ENDS_LIMIT, RUNS_LIMIT
from lastseen.core.schedule import Cron, Period
from lastseen.storage.items import Item, check_to_item
from lastseen.storage.store import Store, TableStore
from lastseen_cli.local import emulator
from tests.tables import made
from tests.times import T0, hours, minutes, seconds

ENVIRON = os.environ  # noqa: TID251 - tests are an entry point
RID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"

TYPICAL = Check(
    id="6f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b",
    project="shop",
    name="Nightly database backup",
    slug="nightly-database-backup",
    tags="prod db",
    schedule=Cron("15 3 * * *", "Europe/Berlin"),
    grace=minutes(30),
    created=T0 - hours(5000),
    status=Status.UP,
    since=T0 - hours(900),
    recent=(T0 - hours(900),),
    last_ping=T0,
    runs=(Run(T0 - minutes(1), RID),),
    ended=(End(T0, RID),),
    last_duration=seconds(734.201),
    n_pings=4321,
    wake_at=T0 + minutes(30),
    rev=9000,
    flips=12,
    announced=12,
)
LARGE = replace(
    TYPICAL,
    project="p" * 40,
    name="n" * 80,
    slug="s" * 80,
    tags="t" * 100,
    schedule=Cron("0,15,30,45 0-6,18-23 * JAN-MAR,OCT-DEC MON-FRI", "America/Argentina/ComodRivadavia"),
    filters=Filters(http_body=True, failure="error, fatal, panic", success="finished, done", start="begin"),
    methods="POST",
    manual_resume=True,
    channels=",".join(f"{n:012x}" for n in range(6)),
    early=minutes(2),
    reminder=hours(24),
    snoozed_until=T0 + hours(1),
    incident=12,
    reminded=T0,
    recent=(T0,) * 7,
    flapping=True,
    flap_limit=9,
)

CROWDED = replace(
    TYPICAL,
    runs=(Run(T0 - minutes(1), RID),) * RUNS_LIMIT,
    ended=(End(T0, RID),) * ENDS_LIMIT,
    recovered=T0,
    schedule_changed=T0,
    grace_changed=T0,
)


def size(item: Item) -> int:
    """Return the bytes of an item, as DynamoDB counts them."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: dict[str, Any]) -> int:
    kind, held = next(iter(value.items()))
    if kind == "N":
        return 1 + (len(str(held).strip("-").strip("0")) + 1) // 2 + str(held).startswith("-")
    if kind == "L":
        return 3 + sum(1 + _size(each) for each in held)
    return 1 if kind == "BOOL" else len(held.encode() if kind == "S" else held)


def say(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{line}")


def test_a_typical_check_takes_less_than_400_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    typical, large = size(check_to_item(TYPICAL)), size(check_to_item(LARGE))
    crowded = size(check_to_item(CROWDED))
    say(capsys, f"bytes of a check: typical {typical}, large {large}, with all the runs that it may have {crowded}")
    assert typical <= 400
    assert large < 1024
    assert crowded < 1024


@dataclass
class Meter:
    """Adds up the write units of each table."""

    written: dict[str, float]

    def ask(self, params: dict[str, Any], **_event: Any) -> None:
        params.setdefault("ReturnConsumedCapacity", "TOTAL")

    def add(self, parsed: dict[str, Any], **_event: Any) -> None:
        consumed = parsed.get("ConsumedCapacity", [])
        for one in consumed if isinstance(consumed, list) else [consumed]:
            name = one["TableName"].split("-")[0].lower()
            self.written[name] = self.written.get(name, 0) + one["CapacityUnits"]

    def read(self) -> dict[str, float]:
        written, self.written = self.written, {}
        return written


@pytest.fixture(scope="module")
def billed(template: dict[str, Any]) -> Iterator[tuple[Store, Meter]]:
    with emulator.running(environ=ENVIRON) as it:
        client, meter = it.client("dynamodb"), Meter({})
        for write in ("PutItem", "UpdateItem", "TransactWriteItems"):
            client.meta.events.register(f"before-parameter-build.dynamodb.{write}", meter.ask)
            client.meta.events.register(f"after-call.dynamodb.{write}", meter.add)
        yield TableStore(client, made(client, template)), meter


def sent(store: Store, check: Check, ping: Ping) -> Check:
    """Write a ping as the ping function does; return the check as it is then."""
    outcome = pinged(check, ping)
    n = store.save_ping(check, outcome)
    store.record(check.id, Recorded(n=n, kind=outcome.kind or ping.kind, ping=ping, duration=outcome.duration))
    return held(store, check)


def held(store: Store, check: Check) -> Check:
    found = store.get(check.id, strong=True)
    assert found is not None
    return found


@pytest.mark.emulator
@pytest.mark.parametrize("check", [TYPICAL, LARGE], ids=["typical", "large"])
def test_a_ping_costs_one_write_for_the_check_and_one_for_its_history(
    billed: tuple[Store, Meter], check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    store, meter = billed
    costs: dict[str, dict[str, float]] = {}
    # Wakes and runs are of no matter here: an up check, watched each hour.
    quiet = replace(check, id=f"{len(check.name):08x}-0000-4000-8000-000000000000", schedule=Period(hours(1)))
    quiet = replace(quiet, manual_resume=False, filters=Filters(), methods="", flapping=False, recent=())
    store.create(quiet)
    costs["create"] = meter.read()
    now = T0
    for name, kind, rid in (
        ("success with a run id", Kind.SUCCESS, RID),
        ("start", Kind.START, None),
        ("end of a run", Kind.SUCCESS, None),
        ("steady success", Kind.SUCCESS, None),
        ("log", Kind.LOG, None),
        ("failure that flips", Kind.FAIL, None),
        ("failure of a check that is down", Kind.FAIL, None),
        ("success that flips", Kind.SUCCESS, None),
    ):
        now += minutes(1)
        quiet = sent(store, quiet, Ping(at=now, kind=kind, rid=rid, agent="curl/8.5.0", address="192.0.2.1"))
        costs[name] = meter.read()
    store.save(quiet, woken(quiet, now + hours(3)))
    costs["missed deadline"] = meter.read()
    store.announce(quiet.id, seen=held(store, quiet).announced, upto=held(store, quiet).flips)
    costs["noted as told"] = meter.read()
    quiet = held(store, quiet)
    renamed: Outcome = configured(quiet, T0, name="Weekly")
    store.save(quiet, renamed)
    costs["new name"] = meter.read()
    say(capsys, f"write units, check of {size(check_to_item(check))} bytes:")
    for name, cost in costs.items():
        say(capsys, f"  {name}: " + ", ".join(f"{table} {units:g}" for table, units in sorted(cost.items())))
    one_and_one = {"checks": 1, "history": 1}
    flip = {"checks": 3, "history": 3}  # a transaction costs double, then the count, and the ping in the history
    assert costs == {
        "create": {"checks": 2, "names": 2},
        "success with a run id": one_and_one,
        "start": one_and_one,
        "end of a run": one_and_one,
        "steady success": one_and_one,
        "log": one_and_one,
        "failure that flips": flip,
        "failure of a check that is down": one_and_one,
        "success that flips": flip,
        "missed deadline": {"checks": 2, "history": 2},
        "noted as told": {"checks": 1},
        "new name": {"checks": 1},
    }
