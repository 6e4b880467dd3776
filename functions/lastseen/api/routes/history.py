"""Routes of what was: pings, their bodies, and changes of status."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import islice, takewhile

from lastseen.api.calls import Call, HttpResponse, Needs, Responds, Route
from lastseen.api.documents import BareFlipList, FlipList, PingList, flip_document, ping_document
from lastseen.api.errors import UnknownError
from lastseen.api.models import FlipQuery, PingQuery
from lastseen.api.routes import checks
from lastseen.core.check import Check
from lastseen.core.history import timed
from lastseen.core.times import EPOCH

FLIPS_LIMIT = 1_000
"""Changes of status in one answer: the newest."""

WRITTEN_FROM_THE_MANUAL = "py-healthchecks.io/"
"""The user agent of healthchecks-io, from PyPI: it wants a bare list, as the peer's manual prints it."""

_LAST_UNIX_SECOND = 253_402_300_799  # of the year 9999
_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)


def pings(call: Call) -> HttpResponse:
    """Answer with a check's newest pings."""
    asked = call.read_query(PingQuery)
    check = _check(call)
    found = timed(call.deployment.store.pings(check.id, limit=asked.limit, before=asked.before))
    base = f"{call.deployment.api_url}/v{call.version}/checks/{check.id}/pings"
    return HttpResponse(
        document=PingList(pings=[ping_document(each, body_url=f"{base}/{each.n}/body") for each in found])
    )


def body(call: Call) -> HttpResponse:
    """Answer with a ping's body to the letter."""
    check = _check(call)
    n = call.path["n"]
    found = call.deployment.store.ping(check.id, int(n)) if _NUMBER.fullmatch(n) else None
    if found is None or not found.ping.body:
        raise UnknownError("not found: no such ping is kept, or it had no body")
    return HttpResponse(body=found.ping.body, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})


def flips(call: Call) -> HttpResponse:
    """Answer with a check's changes of status."""
    asked = call.read_query(FlipQuery)
    check = checks.of(call).one(call.path["key"]).check
    starts = [_instant(asked.start)] if asked.start is not None else []
    starts += [call.now - timedelta(seconds=asked.seconds)] if asked.seconds is not None else []
    start = max(starts, default=EPOCH)
    end = _instant(asked.end) if asked.end is not None else None
    back = takewhile(lambda flip: flip.at >= start, call.deployment.store.flips_back(check.id))
    found = (flip for flip in back if flip.was is not flip.status and (end is None or flip.at < end))
    listed = [flip_document(flip) for flip in islice(found, FLIPS_LIMIT)]
    bare = call.headers.get("user-agent", "").startswith(WRITTEN_FROM_THE_MANUAL)
    return HttpResponse(document=BareFlipList(listed) if bare else FlipList(flips=listed))


def _instant(unix_seconds: int) -> datetime:
    """Return an instant; one that is later than any clock goes is the last of all."""
    return EPOCH + timedelta(seconds=min(unix_seconds, _LAST_UNIX_SECOND))


def _check(call: Call) -> Check:
    return checks.of(call).one(call.path["key"], by_unique_key=False).check


ROUTES = (
    Route(
        method="GET",
        path=f"{checks.ONE}/pings/",
        handler=pings,
        needs=Needs.WRITE,
        summary="List a check's pings",
        description="Newest first, as long as the deployment keeps them.",
        query=PingQuery,
        responses={200: Responds(description="The pings.", document=PingList)},
    ),
    Route(
        method="GET",
        path=f"{checks.ONE}/pings/{{n}}/body",
        handler=body,
        needs=Needs.WRITE,
        summary="Get the body of a ping",
        description="To the letter, as far as it was kept.",
        responses={200: Responds(description="The body.", content_type="text/plain")},
    ),
    Route(
        method="GET",
        path=f"{checks.ONE}/flips/",
        handler=flips,
        needs=Needs.READ,
        summary="List a check's changes of status",
        description=f"Newest first, at most {FLIPS_LIMIT:,}; ask with `end` for older ones.",
        query=FlipQuery,
        responses={200: Responds(description="The changes.", document=FlipList)},
    ),
)
