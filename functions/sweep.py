"""Lambda: looks for deadlines, and whether Lastseen itself can hear. Trigger: EventBridge Scheduler, each minute."""

from __future__ import annotations

import os
import urllib.request
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lastseen.message import deaf, hearing
from lastseen.store import Store, Tables
from lastseen.sweep import run, segments_for
from lastseen.topic import Topic
from lastseen.wakes import Wakes
from lastseen.watch import Voice, listen

KNOCK_SECONDS = 5
"""How long we wait for an answer to a ping of our own."""

logger = Logger()
metrics = Metrics()

_env = os.environ
_store = Store(
    boto3.client("dynamodb"),
    Tables(_env["CHECKS_TABLE"], _env["NAMES_TABLE"], _env["HISTORY_TABLE"], _env["SETTINGS_TABLE"]),
)
_wakes = Wakes(boto3.client("sqs"), _env["WAKES_QUEUE_URL"])
_topic = Topic(boto3.client("sns"), _env["TOPIC_ARN"])
_seen = {"checks": 0}  # by the last sweep of this environment; says how many readers share the table


@metrics.log_metrics
@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    """Sweep once; then let the canary ping through the public URL, and at last tell the outside that we live."""
    now = datetime.now(UTC)
    swept = run(store=_store, wakes=_wakes, now=now, segments=segments_for(_seen["checks"]))
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
    _listen(now)
    if _env.get("HEARTBEAT_URL"):
        _knock(_env["HEARTBEAT_URL"], "HeartbeatLost")


def _listen(now: datetime) -> None:
    """Look whether the canary was heard. Whatever fails here holds back no alert."""
    voice = Voice(
        deaf=lambda since: _topic.publish(deaf(since=since, now=now)),
        hearing=lambda window: _topic.publish(hearing(window=window, now=now)),
    )
    try:
        canary = listen(_store, now, voice)
    except Exception:
        logger.exception("Whether Lastseen hears could not be looked at.")
        metrics.add_metric("ListenFailed", MetricUnit.Count, 1)
        return
    _knock(f"{_env['PING_URL']}/{canary}", "CanaryLost")


def _knock(url: str, lost: str) -> None:
    """Ping a URL. It is a secret: neither it nor an error that may hold it is logged."""
    try:
        with urllib.request.urlopen(url, timeout=KNOCK_SECONDS):  # noqa: S310 - both URLs are set by the deployment
            metrics.add_metric(lost, MetricUnit.Count, 0)
    except (OSError, HTTPException, ValueError) as error:
        metrics.add_metric(lost, MetricUnit.Count, 1)
        logger.warning("A ping was not heard.", what=lost, error=type(error).__name__)
