"""Lambda: records a ping. Trigger: the HTTP API, ANY /ping/...

Holds the clients and the reading of the event; decisions are in lastseen/pinging/. Imports neither Pydantic nor
Powertools nor botocore: a ping is where a cold start costs.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from lastseen.aws.client import SQS, Aws, DynamoDB, DynamoDBReads
from lastseen.aws.gateway import body, is_preflight, plain
from lastseen.aws.wakes import Wakes
from lastseen.core.check import Check, Ping
from lastseen.core.limits import PINGED_CHECKS_PER_DAY
from lastseen.core.machine import pinged
from lastseen.core.schedule import Cron
from lastseen.core.times import moment
from lastseen.pinging.answer import PingAnswer, PingRequest, answer
from lastseen.pinging.keys import PingKeys
from lastseen.storage.environment import Environment, table_store

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

    from lastseen.storage.store import Store

logging.getLogger().setLevel(logging.INFO)

_env = Environment(os.environ)
_aws = Aws(_env)
_store = table_store(
    cast("DynamoDBClient", DynamoDB(_aws)),  # it has those methods of a client that a ping calls, see aws/client.py
    _env,
)
_wakes = Wakes(cast("SQSClient", SQS(_aws)), _env["WAKES_QUEUE_URL"])
_keys = PingKeys(_store)
_body_limit = int(_env["BODY_LIMIT"])
# In an upgrade, AWS runs the new code with the old variables for a moment.
_created_per_day = int(_env.get("PINGED_CHECKS_PER_DAY") or PINGED_CHECKS_PER_DAY)

_NOBODY = "00000000-0000-0000-0000-000000000000"
"""No check has this id: theirs are of version 4 (core/ids.py)."""

_HEADERS = {
    "content-type": "text/plain; charset=utf-8",
    "access-control-allow-origin": "*",
    "cache-control": "max-age=0, no-cache, no-store, must-revalidate, private",
    "ping-body-limit": str(_body_limit),
}
_PREFLIGHT = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "*",
    "access-control-allow-headers": "*",
    "access-control-max-age": "600",
}


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """PingAnswer one request of the HTTP API (payload format 2.0)."""
    if is_preflight(event):
        return {"statusCode": 204, "headers": _PREFLIGHT, "body": ""}
    return _answered(event, _store)


def _answered(event: dict[str, Any], store: Store) -> dict[str, Any]:
    request = _request(event)
    answered = answer(
        request, store=store, wakes=_wakes, keys=_keys, body_limit=_body_limit, created_per_day=_created_per_day
    )
    return _response(request, answered)


def _request(event: dict[str, Any]) -> PingRequest:
    http = event["requestContext"]["http"]
    headers = event.get("headers") or {}
    return PingRequest(
        path=event["rawPath"].partition("/ping/")[2],
        query=plain(event.get("rawQueryString")),
        method=plain(http["method"]),
        body=body(event),
        at=moment(event["requestContext"]["timeEpoch"]),
        scheme=plain(headers.get("x-forwarded-proto", "https")),
        address=plain(http.get("sourceIp")),
        agent=plain(http.get("userAgent") or headers.get("user-agent")),
    )


def _response(request: PingRequest, answer: PingAnswer) -> dict[str, Any]:
    return {
        "statusCode": answer.status,
        "headers": _HEADERS,
        "body": "" if request.method == "HEAD" else answer.text,
    }


def _rehearse() -> None:
    """Decide on a made-up check, and answer a ping of one that cannot be: the first client finds all that made ready.

    Lambda starts a function at full speed, and at 256 MB answers at a seventh of it. The schedule draws in what most
    checks need, too. Two reads that find nothing, over a client that cannot write; no line in the log. A failure ends
    it, and the first ping tries again and says it.
    """
    event = {
        "rawPath": f"/ping/{_NOBODY}",
        "requestContext": {"http": {"method": "GET"}, "timeEpoch": 0},
    }
    with suppress(Exception):
        long_ago = moment(0)
        nightly = Check(id=_NOBODY, created=long_ago, last_ping=long_ago, schedule=Cron("0 2 * * *", "Europe/Berlin"))
        pinged(nightly, Ping(at=long_ago))
        _answered(event, table_store(cast("DynamoDBClient", DynamoDBReads(_aws, tries=1)), _env))


_rehearse()
