"""DynamoDB and SQS as the ping function calls them: the few calls of a ping, without botocore.

A client of botocore takes longer to start, and to make a call, than all the rest of a ping. The methods are named and
answer as a client's do.
Lives here: calls in AWS's JSON protocol, what failure they raise, and when one is made again.
Never here: the environment (entry points hand it over), and what is asked of a table (store.py) or a queue (wakes.py).
Nothing of what is sent is logged or stands in an error.

Errors: CallRefusedError, which has what botocore's ClientError has; SpoiledError, and connections.LostError, where no
answer came.
"""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any
from urllib.parse import SplitResult, urlsplit
from zlib import crc32

from lastseen.aws.answers import Answer
from lastseen.aws.connections import PORTS, Connections, LostError
from lastseen.aws.signature import Credentials, Signer
from lastseen.aws.trust import Trust
from lastseen.storage.decide import Pause, backoff_seconds, sleep
from lastseen.storage.errors import THROTTLE_CODES
from lastseen.storage.fresh import new_id

TRIES = 10
FIRST_WAIT = 0.05
LONGEST_WAIT = 1.0
"""How often a call is made, and seconds before it is made again, doubled from try to try; up to half of them is left to
chance, so that those who failed together do not come back together."""

LAST_TRY_SECONDS = 6.5
"""No try begins later: the caller learns what is wrong before the function's ten seconds are over."""

OK = 200
REDIRECTS = 300
TOO_MANY = 429
SERVER_ERRORS = 500

PASSING = THROTTLE_CODES | {"ReplicatedWriteConflictException", "TransactionInProgressException"}
"""Codes of refusals that pass by themselves. A test holds them against those after which botocore tries again."""


class CallRefusedError(Exception):
    """AWS refuses a call. Looks like botocore's ClientError, for the code that is also used with clients of boto3."""

    def __init__(self, response: dict[str, Any], operation: str) -> None:
        error = response["Error"]
        super().__init__(
            f"An error occurred ({error['Code']}) when calling the {operation} operation: {error['Message']}"
        )
        self.response = response
        self.operation_name = operation


class SpoiledError(LostError):
    """An answer came, but not as it was sent. The call may have been carried out."""


class Exceptions:
    """The errors of a client, where clients of boto3 have theirs."""

    ClientError = CallRefusedError


def utc_stamp() -> str:
    """Return the time as requests to AWS have it."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


class Aws:
    """Where AWS is, and who calls: what the function's environment says, under the names that botocore reads, too.

    URL_SUFFIX alone is ours: the domain of the partition, as the template knows it.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.region = environ["AWS_DEFAULT_REGION"]
        self.trust = Trust(environ.get("AWS_CA_BUNDLE"))
        self._environ = environ
        self._connections: dict[str, Connections] = {}
        self.credentials()  # if a variable is missing, that is said at the start

    def credentials(self) -> Credentials:
        """Return who calls, as the environment says now."""
        return Credentials(
            self._environ["AWS_ACCESS_KEY_ID"],
            self._environ["AWS_SECRET_ACCESS_KEY"],
            self._environ.get("AWS_SESSION_TOKEN"),
        )

    def endpoint(self, service: str) -> str:
        """Return the URL of a service."""
        given = self._environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or self._environ.get("AWS_ENDPOINT_URL")
        suffix = self._environ.get("URL_SUFFIX", "amazonaws.com")
        return (given or f"https://{service}.{self.region}.{suffix}").rstrip("/") + "/"

    def connections(self, service: str) -> Connections:
        """Return the connections to a service, which all that call it share."""
        if service not in self._connections:
            self._connections[service] = Connections(urlsplit(self.endpoint(service)), self.trust)
        return self._connections[service]


class Service:
    """A service of AWS: makes its calls, again where that helps."""

    exceptions = Exceptions

    def __init__(
        self,
        aws: Aws,
        name: str,
        target: str,
        *,
        tries: int = TRIES,
        pause: Pause = sleep,
        clock: Callable[[], float] = time.monotonic,
        stamp: Callable[[], str] = utc_stamp,
    ) -> None:
        url = urlsplit(aws.endpoint(name))
        self._path = url.path
        self._target = target
        self._credentials = aws.credentials
        self._signer = Signer(name, aws.region, host=_host(url), path=url.path)
        self._connections = aws.connections(name)
        self._tries = tries
        self._pause = pause
        self._clock = clock
        self._stamp = stamp

    def _call(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Make a call, and make it again while the failure may pass; the last failure is raised."""
        body = json.dumps(asked, default=_base64).encode()
        give_up = self._clock() + LAST_TRY_SECONDS
        for tried in count(1):
            try:
                return _read(operation, self._connections.exchange(self._request(operation, body)))
            except (CallRefusedError, LostError) as failure:
                wait = backoff_seconds(tried, first=FIRST_WAIT, longest=LONGEST_WAIT, least=0.5)
                if not _may_pass(failure) or tried == self._tries or self._clock() + wait > give_up:
                    raise
            self._pause(wait)
        raise AssertionError  # the loop has no end

    def _request(self, operation: str, body: bytes) -> bytes:
        """Return a request as it goes over the wire, signed for this moment."""
        headers = self._signer.headers(
            body,
            stamp=self._stamp(),
            credentials=self._credentials(),
            about={"content-type": "application/x-amz-json-1.0", "x-amz-target": f"{self._target}.{operation}"},
        )
        # "identity": the body comes as it was sent, or its checksum would not be right.
        unsigned = {"accept-encoding": "identity", "content-length": str(len(body)), "user-agent": "lastseen"}
        lines = [f"{name}: {value}\r\n" for name, value in (headers | unsigned).items()]
        return f"POST {self._path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body


class DynamoDBReads(Service):
    """The call of a ping that changes nothing."""

    def __init__(self, aws: Aws, **options: Any) -> None:
        super().__init__(aws, "dynamodb", "DynamoDB_20120810", **options)

    def get_item(self, **asked: Any) -> dict[str, Any]:
        """Read an item."""
        return self._call("GetItem", asked)


class DynamoDB(DynamoDBReads):
    """The calls that a ping makes of its tables."""

    def put_item(self, **asked: Any) -> dict[str, Any]:
        """Write an item."""
        return self._call("PutItem", asked)

    def update_item(self, **asked: Any) -> dict[str, Any]:
        """Change an item."""
        return self._call("UpdateItem", asked)

    def transact_write_items(self, **asked: Any) -> dict[str, Any]:
        """Write several items or none. The token lets DynamoDB know a call that is made again, and do it once."""
        return self._call("TransactWriteItems", {"ClientRequestToken": new_id(), **asked})


class SQS(Service):
    """The call that a ping makes of the queue."""

    def __init__(self, aws: Aws, **options: Any) -> None:
        super().__init__(aws, "sqs", "AmazonSQS", **options)

    def send_message_batch(self, **asked: Any) -> dict[str, Any]:
        """Send messages; the answer names those that were not taken."""
        return self._call("SendMessageBatch", asked)


def _host(url: SplitResult) -> str:
    """Return the header of that name: with the port only where it is not the usual one of the scheme."""
    host = url.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if url.port in (None, PORTS[url.scheme]) else f"{host}:{url.port}"


def _read(operation: str, answer: Answer) -> dict[str, Any]:
    """Return what AWS answers. Raises CallRefusedError if it refuses, SpoiledError if something was lost on the way."""
    promised, found = answer.headers.get("x-amz-crc32"), str(crc32(answer.data))
    if promised not in (None, found):
        raise SpoiledError(f"The answer should have the checksum {promised}, and has {found}.")
    if not OK <= answer.status < REDIRECTS:
        raise _refusal(operation, answer)
    document = _document(answer)
    if document is None:
        raise SpoiledError("The answer is no JSON object.")
    return document


def _refusal(operation: str, answer: Answer) -> CallRefusedError:
    """Return the error for a refusal, with what botocore's client would read in it."""
    said = _document(answer)
    if said is None:  # not DynamoDB speaks, but something on the way to it
        said = {"message": answer.data.decode(errors="replace")}
    code = str(said.pop("__type", answer.status)).partition(":")[0].rpartition("#")[2]
    message = said.get("message", said.get("Message", ""))
    about = {"HTTPStatusCode": answer.status, "RequestId": answer.headers.get("x-amzn-requestid", "")}
    return CallRefusedError({**said, "Error": {"Code": code, "Message": message}, "ResponseMetadata": about}, operation)


def _document(answer: Answer) -> dict[str, Any] | None:
    """Return the JSON object of an answer, or None if it has none."""
    try:
        document = json.loads(answer.data, object_hook=_attribute)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _may_pass(failure: CallRefusedError | LostError) -> bool:
    """Return whether the same call may go well a moment later."""
    if not isinstance(failure, CallRefusedError):
        return True  # it was lost on the way, there or back
    status = failure.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= SERVER_ERRORS or status == TOO_MANY or failure.response["Error"]["Code"] in PASSING


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def _attribute(found: dict[str, Any]) -> dict[str, Any]:
    """Return bytes as bytes; {"B": text} is nothing else, for an attribute of that name holds an object."""
    if len(found) == 1 and isinstance(found.get("B"), str):
        return {"B": b64decode(found["B"])}
    return found
