"""What the emulator leaves out of the template, put right by the API calls that it does honour.

Each fix-up names the gap and is void on AWS, where the template alone does it. Nothing else belongs here: a fault of
the template is mended in the template.
"""

from __future__ import annotations

from typing import Any

from lastseen_cli.local.deploy import Stack
from lastseen_cli.local.emulator import Emulator

TABLE_TYPES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")


def expire_items(stack: Stack, emulator: Emulator) -> None:
    """Turn on each table's TTL. Gap: ministack 1.5.33 ignores a table's TimeToLiveSpecification in CloudFormation."""
    dynamodb: Any = emulator.client("dynamodb")
    for table in (table for kind in TABLE_TYPES for table in stack.of_type(kind)):
        asked = table.properties.get("TimeToLiveSpecification")
        if not asked:
            continue
        now = dynamodb.describe_time_to_live(TableName=table.physical_id)["TimeToLiveDescription"]
        if now["TimeToLiveStatus"] == "DISABLED":
            dynamodb.update_time_to_live(TableName=table.physical_id, TimeToLiveSpecification=asked)
