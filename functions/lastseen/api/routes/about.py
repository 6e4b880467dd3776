"""Routes about the API itself: whether it works, and what there is."""

from __future__ import annotations

import json

from lastseen.api.calls import API, Call, HttpResponse, Needs, Responds, Route
from lastseen.api.documents import Document
from lastseen.core.zones import rules_version
from lastseen.storage.documents import PROBE

WORKS = "They do. The header `Zone-Rules` is the version of the time zone rules that schedules follow, such as 2026f."


class OpenApiDocument(Document):
    """An OpenAPI document."""

    openapi: str


def status(call: Call) -> HttpResponse:
    """Answer OK if the tables can be read, and say which rules of time zones schedules follow."""
    PROBE.read(call.deployment.store)
    return HttpResponse(body="OK", content_type="text/plain", headers={"Zone-Rules": rules_version()})


def described(call: Call) -> HttpResponse:
    """Answer with the OpenAPI document."""
    from lastseen.api.openapi import document  # noqa: PLC0415 - seldom asked for, and made of all routes
    from lastseen.api.routes import GROUPS  # noqa: PLC0415 - this is one of them

    text = json.dumps(document(GROUPS, call.deployment.site_url))
    return HttpResponse(body=text, headers={"Cache-Control": "public, max-age=3600"})


ROUTES = (
    Route(
        method="GET",
        path="/api/openapi.json",
        handler=described,
        needs=Needs.NOTHING,
        summary="Get this document",
        responses={200: Responds(description="The OpenAPI 3.1 document.", document=OpenApiDocument)},
    ),
    Route(
        method="GET",
        path=f"{API}/status/",
        handler=status,
        needs=Needs.NOTHING,
        summary="Say whether the API and its tables work",
        responses={200: Responds(description=WORKS, content_type="text/plain")},
    ),
)
