"""What goes wrong below the API with what is stored: one tree of exceptions, and how AWS's refusals are read.

    StorageError
      ConflictError    what the decision saw has changed. Nothing was written: read again, decide again (decide.py)
      BusyError        DynamoDB takes no more for the moment. Nothing was written: the same call can be made later
      FullError        an item would be larger than DynamoDB allows. Nothing was written, and no retry helps
      DeletedError     the check was deleted meanwhile
      UncountedError   a ping is written, but has no number
      CorruptError     an item or a document cannot be read. Its text names the item, never a ping URL or a secret

Everything else that AWS answers passes through as the client's own `exceptions.ClientError` (botocore's, or that of
aws/client.py, which has the same attributes): Lambda's retry and an alarm handle it.
Errors of other floors stand beside what raises them: a schedule that cannot be read (core/schedule.py), a ping URL that
cannot (pinging/), a subscription that SNS refuses (aws/topic.py). api/errors.py maps all of them to HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


class StorageError(Exception):
    """Something about the tables."""


class ConflictError(StorageError):
    """What the decision saw has changed. Nothing was written; read again and decide again."""


class BusyError(StorageError):
    """DynamoDB takes no more for the moment, after all retries. Nothing was written; try again later."""


class FullError(StorageError):
    """An item would be larger than DynamoDB allows. Nothing was written, and no retry helps."""


class DeletedError(StorageError):
    """The check was deleted between reading and writing."""


class UncountedError(StorageError):
    """A ping and its flips are written, but the ping has no number. It must not be decided again."""


class CorruptError(StorageError):
    """A stored item or document cannot be read. The text names it, so that somebody can look at it and fix it."""


THROTTLE_CODES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
    }
)
"""How AWS says that it takes no more for the moment: the same call can be made again later."""

THROTTLE_REASONS = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError"})
"""How a transaction says so of one of its parts."""

RACE_CODES = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})
RACE_REASONS = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
"""How a write, and a part of a transaction, says that something else was faster."""


def code_of(error: ClientError) -> str:
    """Return AWS's code of a refusal."""
    return error.response["Error"]["Code"]


def throttled(error: ClientError) -> bool:
    """Return whether AWS takes no more for the moment."""
    return code_of(error) in THROTTLE_CODES or any(
        code in THROTTLE_CODES | THROTTLE_REASONS for code, _ in _reasons(error)
    )


def lost_race(error: ClientError) -> bool:
    """Return whether a write failed because something else was faster, and for no other reason."""
    if code_of(error) != "TransactionCanceledException":
        return code_of(error) in RACE_CODES
    codes = {code for code, _ in _reasons(error)}
    return bool(codes) and codes <= RACE_REASONS


def is_busy_with_another(error: ClientError) -> bool:
    """Return whether a write failed only because a transaction on the same item was not over yet."""
    return code_of(error) == "TransactionConflictException"


def too_large(error: ClientError) -> bool:
    """Return whether an item would have been larger than DynamoDB allows. It has no code of its own."""
    messages = [str(error), *(message for _, message in _reasons(error))]
    return any("size" in message and "exceeded" in message for message in messages)


def _reasons(error: ClientError) -> Iterator[tuple[str, str]]:
    """Return code and message of each part of a transaction that was refused."""
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment] # loose stub
    for reason in reasons:
        code = reason.get("Code")
        if code not in {None, "None"}:
            yield str(code), str(reason.get("Message"))
