"""Every error that AWS's models know of, for every call that a function may make: handled, or left on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from lastseen.api.refusals import refusal
from lastseen.aws import topic
from lastseen.storage.errors import lost_race
from tests.infra.test_stack import GRANTS

LEFT_TO_LAMBDA = {
    "InternalError": "AWS's own fault: botocore tries again, then Lambda does, and an alarm rings",
    "InternalServerError": "as above",
    "AuthorizationError": "our permissions: a fault of the deployment",
    "InvalidSecurity": "as above",
    "InvalidAddress": "our queue's URL: a fault of the deployment",
    "QueueDoesNotExist": "as above",
    "ResourceNotFoundException": "our table: a fault of the deployment",
    "UnsupportedOperation": "our request: a fault of the program",
    "ValidationException": "as above",
    "ParameterValueInvalid": "as above",
    "IdempotentParameterMismatchException": "as above",
    "TransactionInProgressException": "a try of ours whose answer was lost is still going on; the next one knows",
    "ItemCollectionSizeLimitExceededException": "tables with local indexes only; ours have none",
    "ReplicatedWriteConflictException": "tables in several regions with strong consistency only; ours are in one",
    "ReplayLimitExceeded": "FIFO topics that are replayed; ours is none",
    "EndpointDisabled": "telephones with an app, which have no place on our topic",
    "PlatformApplicationDisabled": "as above",
    "KMSDisabled": "topics with a key of their own; ours has none",
    "KMSInvalidState": "as above",
    "KMSNotFound": "as above",
    "KMSOptInRequired": "as above",
    "KMSThrottling": "as above",
    "KMSAccessDenied": "as above",
    "KmsDisabled": "queues with a key of their own; ours have none",
    "KmsInvalidState": "as above",
    "KmsNotFound": "as above",
    "KmsOptInRequired": "as above",
    "KmsThrottled": "as above",
    "KmsAccessDenied": "as above",
    "KmsInvalidKeyUsage": "as above",
    "InvalidMessageContents": "a message with characters that SQS does not take: none of ours has them (text/words.py)",
    "MessageNotInflight": "a delivery that another function has finished meanwhile",
    "ReceiptHandleIsInvalid": "as above",
    "BatchEntryIdsNotDistinct": "our request: a fault of the program",
    "BatchRequestTooLong": "as above",
    "EmptyBatchRequest": "as above",
    "InvalidBatchEntryId": "as above",
    "TooManyEntriesInBatchRequest": "as above",
}
"""Codes, and why nobody but Lambda's retry and an alarm has to do with them."""

OPERATIONS_OF = {
    "dynamodb:PutItem": ["PutItem", "TransactWriteItems"],
    "dynamodb:ConditionCheckItem": ["TransactWriteItems"],
    "sqs:SendMessage": ["SendMessage", "SendMessageBatch"],
}
"""Grants that are not called as the operation is."""

BY_LAMBDA = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
"""Grants that Lambda's own feed uses."""


def operations() -> Iterator[tuple[str, str]]:
    actions = {action for grants in GRANTS.values() for action, _ in grants} - BY_LAMBDA
    for action in sorted(actions):
        service, operation = action.split(":")
        if service in {"dynamodb", "sqs", "sns"}:
            for name in OPERATIONS_OF.get(action, [operation]):
                yield service, name


def codes(service: str, operation: str) -> list[str]:
    """Return the codes of an operation's errors, as botocore hands them over."""
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    return [str(shape.metadata.get("error", {}).get("code") or shape.name) for shape in model.error_shapes]


def is_handled(service: str, operation: str, code: str) -> bool:
    parts = [{"Code": "ConditionalCheckFailed"}] if code == "TransactionCanceledException" else []
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "CancellationReasons": parts}
    error = ClientError(answer, operation)
    if service == "sns":
        return isinstance(topic.refusal(error), topic.SubscriptionError)
    return refusal(error) is not None or lost_race(error)


@pytest.mark.parametrize(("service", "operation"), sorted(set(operations())))
def test_every_error_of_aws_is_handled_or_left_on_purpose(service: str, operation: str) -> None:
    known = codes(service, operation)
    assert known
    for code in known:
        handled = is_handled(service, operation, code)
        assert handled or code in LEFT_TO_LAMBDA, code
        assert not (handled and code in LEFT_TO_LAMBDA), code


def test_nothing_is_left_that_no_call_can_meet() -> None:
    assert set(LEFT_TO_LAMBDA) <= {code for service, operation in operations() for code in codes(service, operation)}
