"""Lambda: posts to Slack, Teams, Discord, ... Triggers: the alert topic, and the queue of deliveries."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lastseen.aws.deliveries import Deliveries, Delivery, read
from lastseen.aws.fan_out import fan_out, read_notification
from lastseen.aws.topic import Topic, to_channels
from lastseen.core.times import moment
from lastseen.delivery.deliver import Tried, Ways, attempt
from lastseen.delivery.sender import sender
from lastseen.storage.environment import Environment, table_store
from lastseen.text.chat import amazon_q

logger = Logger()

_env = Environment(os.environ)
_sns = boto3.client("sns")
_store = table_store(
    boto3.client("dynamodb"),
    _env,
)
_deliveries = Deliveries(boto3.client("sqs"), _env["DELIVERIES_QUEUE_URL"])
_topic = Topic(_sns, _env["TOPIC_ARN"], _env["CHANNELS_TOPIC_ARN"], to_channels=to_channels(_store, _deliveries))
_ways = Ways(
    store=_store,
    topic=_topic,
    deliveries=_deliveries,
    send=sender(allow_private=_env.get("ALLOW_PRIVATE_TARGETS") == "true", clock=lambda: datetime.now(UTC)),
)
_chatbot_arn = _env.get("CHATBOT_TOPIC_ARN")
_chatbot_topic = Topic(_sns, _chatbot_arn, _chatbot_arn) if _chatbot_arn else None


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Fan out what the topic says, or try the deliveries of the queue; hand back those that failed."""
    failed = []
    for record in event["Records"]:
        if record.get("EventSource") == "aws:sns":
            _fan_out(record["Sns"])
        elif not _deliver(record):
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _fan_out(sns: dict[str, Any]) -> None:
    notification = read_notification(sns)
    if notification is None:
        return
    event = notification.event
    channels = fan_out(event, notification.attributes, store=_store, deliveries=_deliveries)
    if _chatbot_topic and sns["TopicArn"] == _env["TOPIC_ARN"]:  # it gets what the deployment gets
        _chatbot_topic.publish_document(amazon_q(event))
    logger.info("fanned out", channels=channels, event=event.id)


def _deliver(record: dict[str, Any]) -> bool:
    """Try a delivery; return whether it needs no more tries."""
    delivery = read(record["body"])
    queued = record["attributes"]
    tries = int(queued["ApproximateReceiveCount"])
    sent_at = moment(int(queued["SentTimestamp"]))
    receipt = record["receiptHandle"]
    tried = attempt(delivery, receipt=receipt, tries=tries, sent_at=sent_at, ways=_ways, now=datetime.now(UTC))
    _log(delivery, tried, tries)
    return tried.wait is None


def _log(delivery: Delivery, tried: Tried, tries: int) -> None:
    """Log a try, and count what is alarming. By the channel's id, and never its target: that is a secret."""
    names: dict[str, Any] = {"channel": delivery.channel_id, "project": delivery.project, "event": delivery.event.id}
    if not tried.why:
        logger.info("delivery", result=tried.result, tries=tries, **names)
        return
    logger.warning("delivery failed", result=tried.result, tries=tries, why=tried.why, **names)
    if tried.alarming:
        with single_metric(name="DeliveriesFailing", unit=MetricUnit.Count, value=1) as metric:
            for name, value in names.items():
                metric.add_metadata(name, value)
