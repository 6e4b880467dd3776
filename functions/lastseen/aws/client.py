"""DynamoDB and SQS as the ping function calls them: the few calls of a ping, without botocore's client.

A client of botocore takes longer to start, and to make a call, than all the rest of a ping. Signature and trust in
certificates are botocore's here too, connections urllib3's; the methods are named and answer as a client's do.
Lives here: calls in AWS's JSON protocol, what failure they raise, and when one is made again.
Never here: the environment (entry points hand it over), and what is asked of a table (store.py) or a queue (wakes.py).
Nothing of what is sent is logged or stands in an error.

Errors: ClientError, as botocore's client raises it; ChecksumError; urllib3's HTTPError where no answer came.
"""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ChecksumError, ClientError
from botocore.httpsession import create_urllib3_context, get_cert_path
from urllib3 import BaseHTTPResponse, Timeout, connection_from_url
from urllib3.exceptions import HTTPError

from lastseen.storage.decide import Pause, backoff_seconds, sleep
from lastseen.storage.errors import THROTTLE_CODES
from lastseen.storage.fresh import new_id

CONNECTIONS = 10
"""Connections to a service that are kept open: as many threads can call at once without opening another."""

CONNECT_SECONDS = 1
READ_SECONDS = 3
"""Until a call that hangs is made again: botocore's own 60 outlive the function."""

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


@dataclass(frozen=True, slots=True)
class Credentials:
    """In the form that botocore's signer reads."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class Aws:
    """Where AWS is, and who calls: what the function's environment says, under the names that botocore reads, too.

    URL_SUFFIX alone is ours: the domain of the partition, as the template knows it.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.region = environ["AWS_DEFAULT_REGION"]
        self.credentials = Credentials(
            environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ.get("AWS_SESSION_TOKEN")
        )
        self._environ = environ
        self._trust: SSLContext | None = None

    def endpoint(self, service: str) -> str:
        """Return the URL of a service."""
        given = self._environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or self._environ.get("AWS_ENDPOINT_URL")
        suffix = self._environ.get("URL_SUFFIX", "amazonaws.com")
        return (given or f"https://{service}.{self.region}.{suffix}").rstrip("/") + "/"

    def trust(self) -> SSLContext:
        """Return what decides which certificates are good: of the authorities that botocore brings, or of one's own.

        Made once for all services and connections: reading the authorities takes longer than all calls of a ping.
        """
        if self._trust is None:
            self._trust = create_urllib3_context()
            self._trust.load_verify_locations(self._environ.get("AWS_CA_BUNDLE") or get_cert_path(True))
        return self._trust


class Service:
    """A service of AWS: makes its calls, again where that helps."""

    def __init__(
        self,
        aws: Aws,
        name: str,
        target: str,
        *,
        pause: Pause = sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = aws.endpoint(name)
        self._path = urlsplit(self._url).path
        self._target = target
        self._signer = SigV4Auth(aws.credentials, name, aws.region)  # type: ignore[arg-type] # it reads their names
        tls = {"ssl_context": aws.trust()} if self._url.startswith("https:") else {}
        timeout = Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        self._pool = connection_from_url(self._url, maxsize=CONNECTIONS, timeout=timeout, retries=False, **tls)
        self._pause = pause
        self._clock = clock

    def _call(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Make a call, and make it again while the failure may pass; the last failure is raised."""
        body = json.dumps(asked, default=_base64).encode()
        give_up = self._clock() + LAST_TRY_SECONDS
        for tried in count(1):
            try:
                return _read(operation, self._send(operation, body))
            except (ClientError, ChecksumError, HTTPError) as failure:
                wait = backoff_seconds(tried, first=FIRST_WAIT, longest=LONGEST_WAIT, least=0.5)
                if not _may_pass(failure) or tried == TRIES or self._clock() + wait > give_up:
                    raise
            self._pause(wait)
        raise AssertionError  # the loop has no end

    def _send(self, operation: str, body: bytes) -> BaseHTTPResponse:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "User-Agent": "lastseen",
            "X-Amz-Target": f"{self._target}.{operation}",
        }
        request = AWSRequest("POST", self._url, headers, body)
        self._signer.add_auth(request)
        # The body comes as it was sent, or its checksum would not be right; without a wish it is never compressed.
        return self._pool.urlopen(
            "POST", self._path, body, dict(request.headers.items()), redirect=False, decode_content=False
        )


class DynamoDB(Service):
    """The calls that a ping makes of its tables."""

    def __init__(self, aws: Aws, **options: Any) -> None:
        super().__init__(aws, "dynamodb", "DynamoDB_20120810", **options)

    def get_item(self, **asked: Any) -> dict[str, Any]:
        """Read an item."""
        return self._call("GetItem", asked)

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


def _read(operation: str, answer: BaseHTTPResponse) -> dict[str, Any]:
    """Return what AWS answers. Raises ClientError if it refuses, ChecksumError if something was lost on the way."""
    promised, found = answer.headers.get("x-amz-crc32"), str(crc32(answer.data))
    if promised not in (None, found):
        raise ChecksumError(checksum_type="crc32", expected_checksum=promised, actual_checksum=found)
    if OK <= answer.status < REDIRECTS:
        return dict(json.loads(answer.data, object_hook=_attribute))
    raise _refusal(operation, answer)


def _refusal(operation: str, answer: BaseHTTPResponse) -> ClientError:
    """Return the error that botocore's client would raise for a refusal."""
    try:
        said = dict(json.loads(answer.data, object_hook=_attribute))
    except (ValueError, TypeError):  # not DynamoDB speaks, but something on the way to it
        said = {"message": answer.data.decode(errors="replace")}
    code = str(said.pop("__type", answer.status)).partition(":")[0].rpartition("#")[2]
    message = said.get("message", said.get("Message", ""))
    about = {"HTTPStatusCode": answer.status, "RequestId": answer.headers.get("x-amzn-requestid", "")}
    response: Any = {**said, "Error": {"Code": code, "Message": message}, "ResponseMetadata": about}
    return ClientError(response, operation)


def _may_pass(failure: Exception) -> bool:
    """Return whether the same call may go well a moment later."""
    if not isinstance(failure, ClientError):
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
