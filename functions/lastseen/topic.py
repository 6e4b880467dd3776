"""The alert topic: from here SNS fans out to e-mail, SMS, queues and the chat function. The only file that speaks SNS.

Never here: what an alert says (message.py), who is to hear it (filter policies on the attributes).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lastseen.message import Message

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class Topic:
    """The topic, as the rest of the program sees it."""

    def __init__(self, client: SNSClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, message: Message) -> None:
        """Publish one alert: text for people, the JSON event for programs. Returns when SNS has taken it."""
        event = json.dumps(message.event)
        parts = {"default": message.email, "email": message.email, "sms": message.sms}
        parts |= dict.fromkeys(("lambda", "sqs", "http", "https"), event)
        self._client.publish(
            TopicArn=self._arn,
            Subject=message.subject,
            Message=json.dumps(parts),
            MessageStructure="json",
            MessageAttributes={name: _attribute(value) for name, value in message.attributes.items()},
        )


def _attribute(value: str | list[str]) -> Any:
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    return {"DataType": "String.Array", "StringValue": json.dumps(value)}
