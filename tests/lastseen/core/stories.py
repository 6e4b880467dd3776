"""A check of the core's tests, the pings that befall it, and what people are notified of, in short words."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from lastseen.core.check import Check, Flip, Kind, Ping
from lastseen.core.machine import pinged
from lastseen.core.schedule import Period
from tests.times import T0, minutes

ID = "6f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
A = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
B = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
C = "cccccccc-cccc-4ccc-8ccc-cccccccccccc"

NEW = Check(id=ID, schedule=Period(minutes(60)), grace=minutes(10))
"""Expected each hour; missed ten minutes later."""


def at(minute: float) -> datetime:
    return T0 + minutes(minute)


def success(minute: float, rid: str | None = None) -> Ping:
    return Ping(at=at(minute), rid=rid)


def start(minute: float, rid: str | None = None) -> Ping:
    return Ping(at=at(minute), kind=Kind.START, rid=rid)


def fail(minute: float, rid: str | None = None) -> Ping:
    return Ping(at=at(minute), kind=Kind.FAIL, rid=rid, exit_status=1)


FOLLOWS: tuple[Literal["1", "again"], ...] = ("1", "again")


def over(minute: float, rid: str | None, follows: Literal["1", "again"] = "1") -> Ping:
    return Ping(at=at(minute), kind=Kind.LOG, rid=rid, over=follows)


def after(*pings: Ping, check: Check = NEW) -> Check:
    for ping in pings:
        check = pinged(check, ping).check
    return check


def told(*pings: Ping, check: Check = NEW) -> list[str]:
    """Return what people hear while the pings arrive in this order."""
    heard = []
    for ping in pings:
        outcome = pinged(check, ping)
        heard += [said(flip) for flip in outcome.flips if flip.notify]
        check = outcome.check
    return heard


def said(flip: Flip) -> str:
    return f"{flip.status} {flip.reason} {(flip.at - T0) / minutes(1):g}"


UP = after(success(0))
DOWN = after(success(0), fail(5))
