"""Lambda: decides, flips, tells. Trigger: the SQS wake queue, in batches."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ValidationError

from lastseen.alerting.alert import Told, run
from lastseen.aws.topic import ALERT_GAP_SECONDS, Topic
from lastseen.storage.store import TableStore
from lastseen.storage.tables import Tables

AT_ONCE = 8
"""Checks that are written at the same time; below the ten connections that a client keeps."""

logger = Logger()
metrics = Metrics()

_env = os.environ
_store = TableStore(
    boto3.client("dynamodb"),
    Tables(_env["CHECKS_TABLE"], _env["NAMES_TABLE"], _env["HISTORY_TABLE"], _env["SETTINGS_TABLE"]),
    history_days=int(_env["HISTORY_DAYS"]),
)
_topic = Topic(boto3.client("sns"), _env["TOPIC_ARN"], gap_seconds=ALERT_GAP_SECONDS)


class WakeMessage(BaseModel):
    """The body of a message in the wake queue."""

    ids: list[str]


@metrics.log_metrics
@logger.inject_lambda_context
@event_source(data_class=SQSEvent)
def handler(event: SQSEvent, _context: LambdaContext) -> dict[str, Any]:
    """Work through a batch of wakes; hand back only the messages of checks that have to be tried again."""
    wakes, unreadable = _read(event)
    now, site_url = datetime.now(UTC), _env["SITE_URL"]
    told = run(list(wakes), store=_store, topic=_topic, now=now, site_url=site_url, at_once=AT_ONCE)
    _measure(told)
    again = dict.fromkeys(message for check_id in told.failed for message in wakes[check_id])
    return {"batchItemFailures": [{"itemIdentifier": message} for message in (*again, *unreadable)]}


def _read(event: SQSEvent) -> tuple[dict[str, list[str]], list[str]]:
    """Return the messages of each check by its id, and the messages that nobody can read."""
    wakes: dict[str, list[str]] = {}
    unreadable = []
    for record in event.records:
        try:
            wake = WakeMessage.model_validate_json(record.body)
        except ValidationError:
            logger.exception("A wake cannot be read; it goes to the dead letters.", message_id=record.message_id)
            unreadable.append(record.message_id)
        else:
            for check_id in wake.ids:
                wakes.setdefault(check_id, []).append(record.message_id)
    return wakes, unreadable


def _measure(told: Told) -> None:
    metrics.add_metric("Flips", MetricUnit.Count, told.flips)
    metrics.add_metric("Alerts", MetricUnit.Count, told.alerts)
    metrics.add_metric("Messages", MetricUnit.Count, told.messages)
    metrics.add_metric("AlertsFailed", MetricUnit.Count, len(told.failed))
    metrics.add_metric("BrokenChecks", MetricUnit.Count, len(told.broken))
    for lateness in told.lateness:
        metrics.add_metric("AlertLateness", MetricUnit.Seconds, lateness.total_seconds())
    if told.alerts or told.failed or told.broken:
        logger.info(
            "told",
            flips=told.flips,
            alerts=told.alerts,
            messages=told.messages,
            failed=len(told.failed),
            broken=told.broken,
        )
