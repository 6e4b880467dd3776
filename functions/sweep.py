"""Lambda: looks for deadlines, and whether Lastseen itself hears pings. Trigger: EventBridge Scheduler, each minute."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lastseen.alerting.sweep import Swept, run, segments_for
from lastseen.aws.deliveries import Deliveries
from lastseen.aws.public import is_answered
from lastseen.aws.topic import Topic, to_channels
from lastseen.aws.wakes import Wakes
from lastseen.health.rounds import check_addresses, ping_canary
from lastseen.storage.environment import Environment, table_store

logger = Logger()
metrics = Metrics()
"""Few on purpose: an account has ten for free. infra/dashboard.py shows each; the rest stands in the one log line."""

_env = Environment(os.environ)
_store = table_store(boto3.client("dynamodb"), _env)
_sqs = boto3.client("sqs")
_wakes = Wakes(_sqs, _env["WAKES_QUEUE_URL"])
_topic = Topic(
    boto3.client("sns"),
    _env["TOPIC_ARN"],
    _env["CHANNELS_TOPIC_ARN"],
    to_channels=to_channels(_store, Deliveries(_sqs, _env["DELIVERIES_QUEUE_URL"])),
)
_seen = {"checks": 0}  # by the last sweep of this environment; says how many readers share the table


def _clock() -> datetime:
    return datetime.now(UTC)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    """Let the canary ping, sweep, check the addresses, and at last tell the monitor elsewhere that we live.

    The canary goes first: a sweep that fails, or is cut off, must not look like time in which nobody could be heard.
    """
    now = _clock()
    urls = {"the API's own ping URL": _env.get("API_PING_URL"), "our public ping URL": _env["PING_URL"]}
    ping_urls = {whose: url for whose, url in urls.items() if url}
    heard = ping_canary(_store, _topic, now, ping_urls=ping_urls, is_answered=is_answered)
    metrics.add_metric("CanaryLost", MetricUnit.Count, 0 if heard else 1)
    swept = run(store=_store, wakes=_wakes, clock=_clock, segments=segments_for(_seen["checks"]))
    _measure(swept)
    check_addresses(_store, _topic, now)
    if _env.get("HEARTBEAT_URL"):
        is_answered(_env["HEARTBEAT_URL"], whose="the monitor outside")


def _measure(swept: Swept) -> None:
    _seen["checks"] = swept.checks
    metrics.add_metric("SweepCompleted", MetricUnit.Count, 1)
    metrics.add_metric("ChecksSwept", MetricUnit.Count, swept.checks)
    metrics.add_metric("WakesSent", MetricUnit.Count, swept.wakes - swept.refused)
    logger.info(
        "swept",
        checks=swept.checks,
        wakes=swept.wakes,
        refused=swept.refused,
        pages=swept.pages,
        read_units=swept.read_units,
    )
