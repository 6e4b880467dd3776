"""What the emulator leaves out of the template, put right by the API calls that it does honour.

Each fix-up names the gap and is void on AWS, where the template alone does it. Nothing else belongs here: a fault of
the template is mended in the template.
"""

from __future__ import annotations

from typing import Any

from lastseen_cli.local.deploy import Stack
from lastseen_cli.local.emulator import Emulator


def expire_items(stack: Stack, emulator: Emulator) -> None:
    """Turn on each table's TTL. Gap: ministack 1.5.33 ignores a table's TimeToLiveSpecification in CloudFormation."""
    dynamodb: Any = emulator.client("dynamodb")
    for table in stack.of_type("AWS::DynamoDB::Table"):
        asked = table.properties.get("TimeToLiveSpecification")
        if not asked:
            continue
        now = dynamodb.describe_time_to_live(TableName=table.physical_id)["TimeToLiveDescription"]
        if now["TimeToLiveStatus"] == "DISABLED":
            dynamodb.update_time_to_live(TableName=table.physical_id, TimeToLiveSpecification=asked)


def subscribe_by_http(stack: Stack, emulator: Emulator) -> None:
    """Subscribe the template's http(s) endpoints anew. Gap: those made by CloudFormation are sent no confirmation."""
    sns: Any = emulator.client("sns")
    topics = stack.of_type("AWS::SNS::Topic")
    for subscription in stack.of_type("AWS::SNS::Subscription"):
        protocol = subscription.properties.get("Protocol")
        if protocol in {"http", "https"} and len(topics) == 1:
            sns.subscribe(
                TopicArn=topics[0].physical_id, Protocol=protocol, Endpoint=subscription.properties["Endpoint"]
            )


ALL = (expire_items, subscribe_by_http)


def mend(stack: Stack, emulator: Emulator) -> None:
    """Apply every fix-up."""
    for fix in ALL:
        fix(stack, emulator)
