"""The judge of requests: what it lets pass, and that it finds what AWS would refuse, by each way to AWS."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lastseen.aws.client import Aws, DynamoDB
from tests import judge
from tests.moto_server import running
from tests.sns import ARN, SnsAsAws
from tests.tables import on_this_machine

ENVIRONMENT = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
KEY = {"id": {"S": "1"}}
PUT = {"Put": {"TableName": "table", "Item": KEY}}


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "verdict"),
    [
        ("dynamodb", "GetItem", {"TableName": "table", "Key": KEY}, ""),
        ("dynamodb", "PutItem", {"TableName": "table", "Item": {"b": {"B": b"\0"}, "l": {"L": [{"S": ""}]}}}, ""),
        ("dynamodb", "TransactWriteItems", {"TransactItems": [PUT] * 100}, ""),
        ("dynamodb", "TransactWriteItems", {"TransactItems": [PUT] * 101}, "TransactItems: 101 is more than 100"),
        ("dynamodb", "TransactWriteItems", {"TransactItems": []}, "valid min length: 1"),
        ("dynamodb", "BatchGetItem", {"RequestItems": {"table": {"Keys": [KEY] * 101}}}, "101 is more than 100"),
        (
            "dynamodb",
            "BatchWriteItem",
            {"RequestItems": {f"t-{n}": [{"PutRequest": {"Item": KEY}}] for n in range(26)}},
            "26 is more than 25",
        ),
        ("dynamodb", "Query", {"TableName": "table", "IndexName": "a b"}, "'a b' is not of the form [a-zA-Z0-9_.-]+"),
        ("dynamodb", "UpdateItem", {"TableName": "t", "Key": KEY, "ReturnValues": "ALL"}, "'ALL' is none of ['NONE'"),
        ("dynamodb", "Scan", {"TableName": "t", "TotalSegments": 1_000_001}, "1000001 is more than 1000000"),
        ("dynamodb", "GetItem", {"TableName": "table"}, 'Missing required parameter in input: "Key"'),
        ("dynamodb", "GetItem", {"TableName": "t", "Key": KEY, "Strong": True}, 'Unknown parameter in input: "Strong"'),
        ("dynamodb", "GetItem", {"TableName": "t", "Key": {"id": {"N": 1}}}, "Invalid type for parameter Key.id.N"),
        ("sqs", "SendMessageBatch", {"QueueUrl": "q", "Entries": [{"Id": "0"}]}, '"MessageBody"'),
        ("sns", "ListTagsForResource", {"ResourceArn": "x" * 1012}, "1012 is more than 1011"),
    ],
)
def test_it_says_what_aws_would(service: str, operation: str, parameters: dict[str, Any], verdict: str) -> None:
    model = judge.model(service).operation_model(operation)
    against = list(judge.faults(parameters, model))
    assert len(against) == bool(verdict)
    assert verdict in "".join(against)


def of_botocore() -> None:
    with mock_aws():
        boto3.client("sns", "eu-west-1").list_tags_for_resource(ResourceArn="x" * 1012)


def of_our_own(**asked: Any) -> Callable[[], None]:
    def call() -> None:
        with running() as aws:
            DynamoDB(Aws({**ENVIRONMENT, "AWS_ENDPOINT_URL": aws.url})).get_item(**asked)

    return call


def of_a_stand_in() -> None:
    SnsAsAws().subscribe(TopicArn=ARN, Protocol="email", Endpoint="a@example.com", Attributes={}, Filter="{}")


@pytest.mark.parametrize(
    ("call", "verdict"),
    [
        (of_botocore, "sns ListTagsForResource.ResourceArn: 1012 is more than 1011"),
        (of_our_own(TableName="table"), 'dynamodb GetItem: Missing required parameter in input: "Key"'),
        (of_our_own(TableName="t", Key=KEY, AttributesToGet=["x" * 65_536]), "65536 is more than 65535"),
        (of_our_own(TableName="t", Key=KEY, ReturnConsumedCapacity="ALL"), "'ALL' is none of"),
        (of_a_stand_in, 'sns Subscribe: Unknown parameter in input: "Filter"'),
    ],
)
def test_it_hears_every_way_to_aws_though_the_program_survives_the_refusal(
    call: Callable[[], None], verdict: str
) -> None:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in ENVIRONMENT.items():
            environment.setenv(name, value)
        with suppress(Exception):  # as a program that goes on whatever AWS says
            call()
    [said] = judge.verdicts()
    assert verdict in said


def test_it_compares_what_goes_over_the_wire_with_what_botocore_makes() -> None:
    dynamodb = judge.model("dynamodb").operation_model("GetItem")
    headers = {"x-amz-target": "DynamoDB_20120810.GetItem", "content-type": "application/json"}
    body = b'{"TableName": "table", "Key": {"id": {"S": "1"}}}'
    said = list(judge._request_faults("GET", "/x", body, headers, dynamodb))  # noqa: SLF001 - as above
    compared = [line.partition(" is ")[0] for line in said]
    assert compared == ["GetItem: its method", "GetItem: its path", "GetItem: its type"]


def test_it_compares_how_an_answer_is_read_with_how_botocore_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastseen.aws.client._attribute", lambda found: found)  # bytes stay text
    with running() as aws:
        aws.app = lambda _, start: (start("200 OK", []), [b'{"Item": {"b": {"B": "AA=="}}}'])[1]
        DynamoDB(Aws({**ENVIRONMENT, "AWS_ENDPOINT_URL": aws.url})).get_item(TableName="table", Key=KEY)
    [said_of_the_answer] = judge.verdicts()
    assert "its answer is read as" in said_of_the_answer


@pytest.mark.parametrize("url", ["https://dynamodb.eu-west-1.amazonaws.com", "http://127.0.0.1.example.com", "8000"])
def test_no_dynamodb_elsewhere_gets_the_tables_of_tests(url: str) -> None:
    on_this_machine("http://127.0.0.1:8000")
    with pytest.raises(pytest.UsageError, match="on this machine"):
        on_this_machine(url)
