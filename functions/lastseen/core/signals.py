"""What a ping says to a check, after method, keywords and sticky pause; and which status that leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lastseen.core.check import Check, Filters, Kind, Ping, Reason, Status


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a signal takes a check."""

    status: Status
    reason: Reason
    alert: bool = True


_DOWN = Turn(Status.DOWN, Reason.FAILED)
TURNS: Mapping[tuple[Kind, Status], Turn] = {
    (Kind.SUCCESS, Status.NEW): Turn(Status.UP, Reason.PINGED, alert=False),
    (Kind.SUCCESS, Status.PAUSED): Turn(Status.UP, Reason.PINGED, alert=False),
    (Kind.SUCCESS, Status.DOWN): Turn(Status.UP, Reason.PINGED),
    (Kind.FAIL, Status.NEW): _DOWN,
    (Kind.FAIL, Status.UP): _DOWN,
    (Kind.FAIL, Status.PAUSED): _DOWN,
}
"""The status rows of the table in machine.py; where a pair is missing, the status stays."""


def meaning(check: Check, ping: Ping) -> Kind:
    """Return what a ping says to this check, after method, keywords and sticky pause."""
    if check.methods and ping.method not in check.methods.split(","):
        return Kind.IGNORED
    kind = _worded(check.filters, ping.body) if check.filters.http_body else ping.kind
    if check.status is Status.PAUSED and check.manual_resume:
        return Kind.IGNORED
    return kind


def _worded(filters: Filters, body: bytes) -> Kind:
    """Return what a body's keywords say: failure before success before start; none of them: ignored, or failure."""
    text = body.decode(errors="replace")
    rules = ((filters.failure, Kind.FAIL), (filters.success, Kind.SUCCESS), (filters.start, Kind.START))
    for keywords, kind in rules:
        if any(word.strip() and word.strip() in text for word in keywords.split(",")):
            return kind
    return Kind.FAIL if filters.default_fail else Kind.IGNORED
