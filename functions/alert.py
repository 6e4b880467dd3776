"""Lambda: decides, flips, notifies. Trigger: the SQS wake queue, in batches."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

from lastseen.alerting.alert import BatchResult, run
from lastseen.aws.deliveries import Deliveries
from lastseen.aws.topic import ALERT_GAP_SECONDS, Topic, to_channels
from lastseen.aws.wakes import read
from lastseen.storage.environment import Environment, table_store

AT_ONCE = 8
"""Checks that are written at the same time; below the ten connections that a client keeps."""

logger = Logger()
metrics = Metrics()

_env = Environment(os.environ)
_store = table_store(boto3.client("dynamodb"), _env)
_topic = Topic(
    boto3.client("sns"),
    _env["TOPIC_ARN"],
    _env["CHANNELS_TOPIC_ARN"],
    to_channels=to_channels(_store, Deliveries(boto3.client("sqs"), _env["DELIVERIES_QUEUE_URL"])),
    gap_seconds=ALERT_GAP_SECONDS,
)


END_RESERVE = timedelta(seconds=15)
"""Before Lambda ends the function nothing new is published: what is under way is finished, the rest handed back."""


@metrics.log_metrics
@logger.inject_lambda_context
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, context: LambdaContext) -> dict[str, Any]:
    """Work through a batch of wakes; hand back only the messages of checks that have to be tried again."""
    wakes, unreadable = _read(event)
    result = run(
        list(wakes),
        store=_store,
        topic=_topic,
        clock=lambda: datetime.now(UTC),
        site_url=_env["SITE_URL"],
        until=datetime.now(UTC) + timedelta(milliseconds=context.get_remaining_time_in_millis()) - END_RESERVE,
        at_once=AT_ONCE,
    )
    _measure(result)
    again = dict.fromkeys(message for check_id in (*result.failed, *result.unfinished) for message in wakes[check_id])
    return {"batchItemFailures": [{"itemIdentifier": message} for message in (*again, *unreadable)]}


def _read(event: SQSEvent) -> tuple[dict[str, list[str]], list[str]]:
    """Return the messages of each check by its id, and the messages that nobody can read."""
    wakes: dict[str, list[str]] = {}
    unreadable = []
    for record in event.records:
        try:
            check_ids = read(record.body)
        except ValueError:
            logger.exception("A wake cannot be read; it goes to the dead letters.", message_id=record.message_id)
            unreadable.append(record.message_id)
        else:
            for check_id in check_ids:
                wakes.setdefault(check_id, []).append(record.message_id)
    return wakes, unreadable


def _measure(result: BatchResult) -> None:
    metrics.add_metric("Flips", MetricUnit.Count, result.flips)
    metrics.add_metric("Alerts", MetricUnit.Count, result.alerts)
    metrics.add_metric("Messages", MetricUnit.Count, result.messages)
    metrics.add_metric("AlertsFailed", MetricUnit.Count, len(result.failed))
    metrics.add_metric("BrokenChecks", MetricUnit.Count, len(result.broken))
    for lateness in result.lateness:
        metrics.add_metric("AlertLateness", MetricUnit.Seconds, lateness.total_seconds())
    if result.alerts or result.failed or result.broken:
        logger.info(
            "alerted",
            flips=result.flips,
            alerts=result.alerts,
            messages=result.messages,
            failed=len(result.failed),
            unfinished=len(result.unfinished),
            broken=result.broken,
        )
