"""What it costs: list prices of AWS (us-east-1, USD, no free tier) times what was counted and measured here.

Prices stand as named constants, so that each can be corrected in one place. Source: AWS's price lists as of November
2026. Two things cannot be measured outside of AWS and are assumed: how long a call takes on its network, and that a
function gets CPU in proportion to its memory (AWS's documentation: one CPU at 1,769 MB).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.web import LOGGED
from lastseen.aws.wakes import CHECKS
from tests.bench.table import Figure, Section

MILLION = 1_000_000
MINUTES = 43_800  # a month of 730 hours

HTTP_API = 1.00 / MILLION  # up to 300 million a month
HTTP_API_ABOVE = 0.90 / MILLION
HTTP_API_STEP = 300 * MILLION
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000133334  # arm64
WRITE_UNIT = 0.625 / MILLION  # DynamoDB, on demand
READ_UNIT = 0.125 / MILLION
SQS_REQUEST = 0.40 / MILLION
SCHEDULER = 1.00 / MILLION
EGRESS_GB = 0.09
LOG_GB = 0.50
ALARM, ALARMS_FREE = 0.10, 10
METRIC, METRICS_FREE = 0.30, 10

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted((ROOT / "functions").glob("*.py"))
SNAPSHOT = ROOT / "tests/infra/__snapshots__/test_stack/test_nothing_else_changed_by_accident.json"
"""The template, as a test holds it."""

FLOOR = 1.89
"""$ per million pings that no design of this shape can avoid: the request, the function, one write, the answer."""

CALL_MS = 4.0  # assumed: a DynamoDB call from Lambda, there and back
FULL_CPU_MB = 1769
PING_MB, SWEEP_MB, ALERT_MB = 256, 512, 1769
ALERT_MS = 15.0  # assumed: a batch of wakes none of which is due any more, one read of up to a hundred checks
ANSWER_BYTES, SWEEP_LOG_BYTES = 300, 1_500
LOG_EVENT_BYTES = 26  # that CloudWatch reckons for each line beside its text
A_PING = {
    "$context.requestTimeEpoch": "1772452800000",
    "$context.requestId": "JKJaXmPLvHcESHA=",
    "$context.routeKey": "ANY /ping/{proxy+}",
    "$context.status": "200",
    "$context.responseLatency": "12",
    "$context.identity.sourceIp": "203.0.113.9",
    "$context.error.responseType": "-",
}
"""What the access log says of a ping."""

ACCESS_LOG_BYTES = LOG_EVENT_BYTES + len(json.dumps({name: A_PING[value] for name, value in LOGGED.items()}))
IDLE_POLLS = 15  # a minute: five pollers that wait 20 s each
COLD_SHARE = ((0.1, 0.5), (10.0, 0.02), (math.inf, 0.002))
"""Share of cold starts by pings a second (assumed)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What this run counted and measured."""

    ping_cpu_ms: float  # warm
    cold_cpu_ms: float
    write_units: float  # of a steady ping, history on
    write_units_bare: float  # history off
    item_bytes: int
    sweep_cpu_ms_per_wake: float
    alarms: int
    metrics: int


@dataclass(frozen=True, slots=True)
class Bill:
    """Dollars a month."""

    pings: float
    detection: float
    watching: float

    @property
    def total(self) -> float:
        return self.pings + self.detection + self.watching


def taken_from(sections: Sequence[Section]) -> Measured:
    """Return what the other parts have measured. Raises KeyError if one of them did not run."""
    figures = {figure.what: figure.value for section in sections for figure in section.figures}
    checks, due = "100,000 checks, 100.0% due", 100_000
    return Measured(
        ping_cpu_ms=figures["ping, steady"],
        cold_cpu_ms=figures["ping"],
        write_units=figures["steady ping, by UUID: write units"],
        write_units_bare=figures["steady ping, history off: write units"],
        item_bytes=int(figures["item of a typical check"]),
        sweep_cpu_ms_per_wake=figures[f"{checks}: CPU"] / due,
        alarms=SNAPSHOT.read_text().count('"Type": "AWS::CloudWatch::Alarm"'),
        metrics=len({name for entry in FUNCTIONS for name in re.findall(r'add_metric\("(\w+)"', entry.read_text())}),
    )


def ping_cost(measured: Measured, *, history: bool, cold_share: float = 0.002) -> float:
    """Return dollars for one ping, its access log included."""
    calls = 3 if history else 2
    seconds = (
        calls * CALL_MS + measured.ping_cpu_ms * FULL_CPU_MB / PING_MB + cold_share * measured.cold_cpu_ms
    ) / 1000
    units = measured.write_units if history else measured.write_units_bare
    return (
        HTTP_API
        + LAMBDA_REQUEST
        + seconds * PING_MB / 1024 * LAMBDA_GB_SECOND
        + units * WRITE_UNIT
        + READ_UNIT / 2  # one eventual read
        + ANSWER_BYTES / 1e9 * EGRESS_GB
        + ACCESS_LOG_BYTES / 1e9 * LOG_GB
    )


def bill(measured: Measured, *, checks: int, every_minutes: int, history: bool) -> Bill:
    """Return a month's bill for so many checks that ping once each so many minutes."""
    count = checks * MINUTES / every_minutes
    share = next(share for rate, share in COLD_SHARE if checks / every_minutes / 60 <= rate)
    saved = max(0.0, count - HTTP_API_STEP) * (HTTP_API - HTTP_API_ABOVE)
    pings = count * ping_cost(measured, history=history, cold_share=share) - saved
    # With a grace that is longer than the look-ahead, only checks that are late are woken; by the minute, all are.
    woken = checks * (1.0 if every_minutes == 1 else 0.0)
    # Checks that are due in the same second share a message; a message is assumed to be a batch of its own. Ten
    # are sent at once.
    messages = 60 * (1 - math.exp(-woken / 60)) + woken / CHECKS
    sweep_seconds = 0.1 + (woken * measured.sweep_cpu_ms_per_wake / 1000) * FULL_CPU_MB / SWEEP_MB
    per_minute = (
        math.ceil(checks * measured.item_bytes / 4096) / 2 * READ_UNIT
        + SCHEDULER
        + LAMBDA_REQUEST
        + sweep_seconds * SWEEP_MB / 1024 * LAMBDA_GB_SECOND
        + SWEEP_LOG_BYTES / 1e9 * LOG_GB
        + (IDLE_POLLS + messages * 2.1) * SQS_REQUEST
        + messages * (LAMBDA_REQUEST + ALERT_MS / 1000 * ALERT_MB / 1024 * LAMBDA_GB_SECOND)
        + woken * READ_UNIT
    )
    watching = (
        max(0, measured.alarms - ALARMS_FREE) * ALARM
        + max(0, measured.metrics - METRICS_FREE) * METRIC
        + MINUTES * ping_cost(measured, history=history)  # the canary
    )
    return Bill(pings, MINUTES * per_minute, watching)


def sections(measured: Measured) -> list[Section]:
    """Return what a million pings cost, and what a month does."""
    on, off = (ping_cost(measured, history=history) * MILLION for history in (True, False))
    log = ACCESS_LOG_BYTES / 1e9 * LOG_GB * MILLION
    figures = [
        Figure(
            "a million pings, history off", off - log, "$", f"{(off - log) / FLOOR - 1:+.0%} of the floor of ${FLOOR}"
        ),
        Figure("a million pings, history on", on - log, "$"),
        Figure("a million lines of the access log", log, "$"),
    ]
    for checks in (100, 10_000, MILLION):
        for every, word in ((60, "hourly"), (1, "each minute")):
            for history in (True, False):
                month = bill(measured, checks=checks, every_minutes=every, history=history)
                note = f"detection {month.detection / month.total:.1%}, ${month.detection:,.2f}"
                what = f"a month, {checks:,} checks {word}, history {'on' if history else 'off'}"
                figures.append(Figure(what, month.total, "$", note))
    figures.append(Figure("100 CloudWatch alarms on custom metrics", 100 * (ALARM + METRIC), "$", "the usual way"))
    return [Section("Money", tuple(figures))]
