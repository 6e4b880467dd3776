"""What the emulator leaves out of the template, put right by the API calls that it does honour.

Each fix-up names the gap and is void on AWS, where the template alone does it. Nothing else belongs here: a fault of
the template is fixed in the template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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


def show_throttles(stack: Stack, emulator: Emulator) -> None:
    """Let GetStages show the throttles.

    Gap: ministack 1.5.33 keeps them in CloudFormation's spelling, which no client reads.
    """
    gateway: Any = emulator.client("apigatewayv2")
    [api] = stack.of_type("AWS::ApiGatewayV2::Api")
    for stage in stack.of_type("AWS::ApiGatewayV2::Stage"):
        shown = {name: stage.properties[name] for name in ("DefaultRouteSettings", "RouteSettings")}
        gateway.update_stage(ApiId=api.physical_id, StageName=stage.properties["StageName"], **shown)


def let_batches_be_sent(stack: Stack, emulator: Emulator) -> None:
    """Let a role that may send a message send ten. Gap: ministack 1.5.33 asks for a permission that IAM does not have.

    SQS checks SendMessageBatch as sqs:SendMessage; the emulator, where it checks at all, as sqs:SendMessageBatch.
    """
    iam: Any = emulator.client("iam")
    for role in stack.of_type("AWS::IAM::Role"):
        for policy in iam.list_role_policies(RoleName=role.physical_id)["PolicyNames"]:
            which = {"RoleName": role.physical_id, "PolicyName": policy}
            document = iam.get_role_policy(**which)["PolicyDocument"]
            iam.put_role_policy(**which, PolicyDocument=json.dumps(_with_batches(document)))


def _with_batches(document: Mapping[str, Any]) -> dict[str, Any]:
    statements = []
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        more = ["sqs:SendMessageBatch"] if "sqs:SendMessage" in actions else []
        statements.append({**statement, "Action": [*actions, *more]})
    return {**document, "Statement": statements}
