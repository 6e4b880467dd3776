"""Lambda: looks for deadlines. Trigger: EventBridge Scheduler, each minute."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lastseen.store import Store, Tables
from lastseen.sweep import run, segments_for
from lastseen.wakes import Wakes

logger = Logger()
metrics = Metrics()

_env = os.environ
_store = Store(
    boto3.client("dynamodb"),
    Tables(_env["CHECKS_TABLE"], _env["NAMES_TABLE"], _env["HISTORY_TABLE"], _env["SETTINGS_TABLE"]),
)
_wakes = Wakes(boto3.client("sqs"), _env["WAKES_QUEUE_URL"])
_seen = {"checks": 0}  # by the last sweep of this environment; says how many readers share the table


@metrics.log_metrics
@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    """Sweep once."""
    swept = run(store=_store, wakes=_wakes, now=datetime.now(UTC), segments=segments_for(_seen["checks"]))
    _seen["checks"] = swept.checks
    metrics.add_metric("SweepCompleted", MetricUnit.Count, 1)
    metrics.add_metric("ChecksSwept", MetricUnit.Count, swept.checks)
    metrics.add_metric("WakesSent", MetricUnit.Count, swept.wakes - swept.refused)
    metrics.add_metric("WakesRefused", MetricUnit.Count, swept.refused)
    metrics.add_metric("SweepReadUnits", MetricUnit.Count, swept.read_units)
    logger.info(
        "swept",
        checks=swept.checks,
        wakes=swept.wakes,
        refused=swept.refused,
        pages=swept.pages,
        read_units=swept.read_units,
    )
