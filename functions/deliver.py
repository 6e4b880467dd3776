"""Lambda: posts to Slack, Teams, Discord, ... Triggers: the alert topic, and the queue of deliveries."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lastseen.aws.deliveries import Deliveries, Delivery, read
from lastseen.aws.topic import Topic, as_json
from lastseen.delivery import services
from lastseen.delivery.deliver import LASTING, Tried, deliver, fan_out, sender
from lastseen.delivery.guarded import SILENT, Outcome
from lastseen.storage.store import TableStore
from lastseen.storage.tables import Tables
from lastseen.text.event import read_event
from lastseen.text.markdown import amazon_q

DELIVERY_SECONDS = 25.0
"""For one request, whatever a receiver does. A try may make two, which together stay below this function's own time."""

logger = Logger()

_env = os.environ
_sns = boto3.client("sns")
_store = TableStore(
    boto3.client("dynamodb"),
    Tables(_env["CHECKS_TABLE"], _env["NAMES_TABLE"], _env["HISTORY_TABLE"], _env["SETTINGS_TABLE"]),
)
_topic = Topic(_sns, _env["TOPIC_ARN"])
_deliveries = Deliveries(boto3.client("sqs"), _env["DELIVERIES_QUEUE_URL"])
_send = sender(
    services.send,
    services.post,
    allow_private=_env.get("ALLOW_PRIVATE_TARGETS") == "true",
    clock=lambda: datetime.now(UTC),
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Fan out what the topic says, or try the deliveries of the queue; hand back those that failed."""
    failed = []
    for record in event["Records"]:
        if record.get("EventSource") == "aws:sns":
            _heard(record["Sns"])
        elif not _tried(record):
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _heard(notification: dict[str, Any]) -> None:
    try:
        attributes = {name: _attribute(held) for name, held in notification["MessageAttributes"].items()}
        document = json.loads(notification["Message"])
        known = bool(document["type"] and attributes["project"])
    except (KeyError, TypeError, ValueError):
        known = False
    if not known:  # an alarm of CloudWatch, which knows no projects: it is for those who take everything
        return
    event = read_event(document)
    channels = fan_out(
        event, attributes, store=_store, deliveries=_deliveries, opens_incidents=services.is_incident_tool
    )
    if _env.get("CHATBOT_TOPIC_ARN"):
        _sns.publish(TopicArn=_env["CHATBOT_TOPIC_ARN"], Message=as_json(amazon_q(event)))
    logger.info("fanned out", channels=channels, event=event.id)


def _attribute(held: dict[str, str]) -> str | list[str]:
    return json.loads(held["Value"]) if held["Type"] == "String.Array" else held["Value"]


def _tried(record: dict[str, Any]) -> bool:
    """Try a delivery; return whether it needs no more tries."""
    delivery = read(record["body"])
    tries = int(record["attributes"]["ApproximateReceiveCount"])
    tried = deliver(delivery, tries=tries, store=_store, topic=_topic, send=_in_time, now=datetime.now(UTC))
    _tell(delivery, tried, tries)
    if tried.wait is None:
        return True
    _deliveries.postpone(record["receiptHandle"], tried.wait)
    return False


def _tell(delivery: Delivery, tried: Tried, tries: int) -> None:
    """Log a try, and count what fails for long. By the channel's id, and never its target: that is a secret."""
    what: dict[str, Any] = {
        "channel": delivery.channel_id,
        "project": delivery.project,
        "event": delivery.event.id,
    }
    if not tried.why:
        logger.info("delivery", result=tried.result, tries=tries, **what)
        return
    logger.warning("delivery failed", result=tried.result, tries=tries, why=tried.why, **what)
    if tries >= LASTING:
        with single_metric(name="DeliveriesFailing", unit=MetricUnit.Count, value=1) as metric:
            for name, value in what.items():
                metric.add_metadata(name, value)


def _in_time(*what: Any) -> Outcome:
    """Send, and give up on a receiver that neither answers nor hangs up."""
    outcomes: list[Outcome] = []

    def send() -> None:
        try:
            outcomes.append(_send(*what))
        except Exception as error:  # noqa: BLE001 - of Apprise; its text may hold the channel's URL
            outcomes.append(Outcome(why=f"it could not be sent ({type(error).__name__})"))

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(DELIVERY_SECONDS)
    return outcomes[0] if outcomes else Outcome(why=SILENT)
