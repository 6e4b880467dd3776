"""The route by which many checks are made and changed in one request, each answered for itself."""

from __future__ import annotations

import json
from datetime import timedelta

from lastseen.api.calls import Call, HttpResponse, Needs, Responds, Route
from lastseen.api.checks import Checks
from lastseen.api.documents import BulkResult, BulkResults
from lastseen.api.errors import BadRequestError
from lastseen.api.models import BULK_LIMIT, BulkEntry, BulkEnvelope, BulkRequest, WriteQuery, read_body
from lastseen.api.refusals import FORESEEN, refusal
from lastseen.api.routes.checks import LIST, noted, of

BULK_SECONDS = 20
"""How long entries are begun: the function has 29 seconds, and the last one may wait for others."""

BUSY = 503
_NOT_TRIED = "not tried, since those before took too long or found AWS busy: send it again"


def change_many(call: Call) -> HttpResponse:
    """Make and change many checks, in their order. What one is refused for keeps no other back."""
    envelope, dry = call.read_body(BulkEnvelope), call.read_query(WriteQuery).dry_run == "1"
    checks = of(call)
    latest = call.now + timedelta(seconds=BULK_SECONDS)
    results: list[BulkResult] = []
    is_open = True
    for entry in envelope.checks:
        if is_open and call.deployment.clock() <= latest:
            results.append(_result(call, checks, entry, dry=dry))
            is_open = results[-1].status != BUSY
        else:
            results.append(BulkResult.model_construct({"status", "error"}, status=BUSY, error=_NOT_TRIED))
    return HttpResponse(document=BulkResults(results=results))


def _result(call: Call, checks: Checks, entry: object, *, dry: bool) -> BulkResult:
    """Return how one entry is answered. What somebody has to look at is raised: the request fails, and is logged."""
    try:
        request = _read(entry)
        if request.change:
            described, made = checks.update(request.change, request, version=call.version, dry=dry), False
        else:
            described, made = checks.create(request, version=call.version, dry=dry)
    except FORESEEN as error:
        known = refusal(error)
        if known is None or known.error:
            raise
        return BulkResult.model_construct({"status", "error"}, status=int(known.status), error=known.words)
    return BulkResult.model_construct(
        {"status", "check"}, status=201 if made else 200, check=noted(call, described, request)
    )


def _read(entry: object) -> BulkEntry:
    if not isinstance(entry, dict):
        raise BadRequestError("body must be a JSON object")
    try:
        body = json.dumps(entry).encode()
    except (ValueError, RecursionError) as error:  # a number of thousands of digits
        raise BadRequestError("body has a number that is too long, or is nested too deeply") from error
    return read_body(BulkEntry, body)


ROUTES = (
    Route(
        method="POST",
        path=f"{LIST}bulk",
        handler=change_many,
        needs=Needs.WRITE,
        summary="Create and change many checks",
        description=f"At most {BULK_LIMIT}, one after the other, each answered for itself as if it had come alone.",
        body=BulkRequest,
        query=WriteQuery,
        responses={200: Responds(description="What became of each, in their order.", document=BulkResults)},
    ),
)
