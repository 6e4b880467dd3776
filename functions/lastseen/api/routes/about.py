"""Routes that tell of the API itself: whether it works, and what there is."""

from __future__ import annotations

import json

from lastseen.api.calls import API, Answer, Call, Needs, Route, Told
from lastseen.api.documents import Document
from lastseen.core.zones import rules_version

WORKS = "They do. The header `Zone-Rules` is the version of the time zone rules that schedules follow, such as 2026f."


class OpenApiDocument(Document):
    """An OpenAPI document."""

    openapi: str


def status(call: Call) -> Answer:
    """Answer OK if the tables can be read, and say which rules of time zones schedules follow."""
    call.deployment.store.setting("status", "probe")
    return Answer(body="OK", content_type="text/plain", headers={"Zone-Rules": rules_version()})


def described(call: Call) -> Answer:
    """Answer with the OpenAPI document."""
    from lastseen.api.openapi import document  # noqa: PLC0415 - seldom asked for, and made of all routes
    from lastseen.api.routes import GROUPS  # noqa: PLC0415 - this is one of them

    text = json.dumps(document(GROUPS, call.deployment.site_url))
    return Answer(body=text, headers={"Cache-Control": "public, max-age=3600"})


ROUTES = (
    Route(
        method="GET",
        path="/api/openapi.json",
        does=described,
        needs=Needs.NOTHING,
        says="Get this document",
        answers={200: Told(says="The OpenAPI 3.1 document.", document=OpenApiDocument)},
    ),
    Route(
        method="GET",
        path=f"{API}/status/",
        does=status,
        needs=Needs.NOTHING,
        says="Tell whether the API and its tables work",
        answers={200: Told(says=WORKS, content_type="text/plain")},
    ),
)
