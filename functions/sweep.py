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

from lastseen.alerting.sweep import run, segments_for
from lastseen.aws.topic import Topic
from lastseen.aws.wakes import Wakes
from lastseen.health.canary import CanaryMessages, check_canary
from lastseen.health.subscriptions import SubscriptionReport, check_subscriptions
from lastseen.storage.environment import Environment, table_store
from lastseen.text.own import deaf, hearing, subscriptions_lost

KNOCK_SECONDS = 5
"""How long we wait for an answer to a ping of our own."""

logger = Logger()
metrics = Metrics()
"""Few on purpose: an account has ten for free. infra/dashboard.py shows each; the rest stands in the one log line."""

_env = Environment(os.environ)
_store = table_store(
    boto3.client("dynamodb"),
    _env,
)
_wakes = Wakes(boto3.client("sqs"), _env["WAKES_QUEUE_URL"])
_topic = Topic(boto3.client("sns"), _env["TOPIC_ARN"], _env["CHANNELS_TOPIC_ARN"])
_seen = {"checks": 0}  # by the last sweep of this environment; says how many readers share the table


def _clock() -> datetime:
    return datetime.now(UTC)


@metrics.log_metrics
@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    """Sweep once; then let the canary ping through the public URL, and at last notify the outside that we live."""
    now = _clock()
    swept = run(store=_store, wakes=_wakes, clock=_clock, segments=segments_for(_seen["checks"]))
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
    metrics.add_metric("CanaryLost", MetricUnit.Count, 0 if _listen(now) else 1)
    _care(now)
    if _env.get("HEARTBEAT_URL"):
        _knock(_env["HEARTBEAT_URL"], "the monitor outside")


def _listen(now: datetime) -> bool:
    """Let the canary ping, and return whether that was answered. Whatever fails here holds back no alert.

    With a custom domain it pings the API's own address too: as long as one of the two is heard, jobs may be, and only
    the alarm says that the other is not.
    """
    voice = CanaryMessages(
        silent=lambda since: _topic.publish(deaf(since=since, now=now)),
        back=lambda window: _topic.publish(hearing(window=window, now=now)),
    )
    try:
        canary = check_canary(_store, now, voice)
    except Exception:
        logger.exception("Whether Lastseen hears could not be looked at.")
        return False
    addresses = {"the API's own ping URL": _env.get("API_PING_URL"), "our public ping URL": _env["PING_URL"]}
    answered = [_knock(f"{url}/{canary}", whose) for whose, url in addresses.items() if url]
    return all(answered)


def _care(now: datetime) -> None:
    """Look once a day whether every address still gets alerts. Whatever fails here holds back no alert."""

    def tell(cared: SubscriptionReport) -> None:
        _topic.publish(subscriptions_lost(cared.lost, cared.pending, now=now))

    try:
        check_subscriptions(_store, now, subscriptions=_topic.subscriptions, notify=tell)
    except Exception:
        logger.exception("Whether every address still gets alerts could not be looked at.")


def _knock(url: str, whose: str) -> bool:
    """Ping a URL, and return whether it answered. It is secret: neither it nor an error that may hold it is logged."""
    try:
        with urllib.request.urlopen(url, timeout=KNOCK_SECONDS):  # noqa: S310 - both URLs are set by the deployment
            return True
    except (OSError, HTTPException, ValueError) as error:
        logger.warning("A ping was not answered.", whose=whose, error=type(error).__name__)
        return False
