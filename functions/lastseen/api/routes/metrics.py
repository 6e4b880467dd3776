"""Routes of metrics: for Prometheus, with a key in a header or, as it is often easier there, in the path."""

from __future__ import annotations

from lastseen.api import access
from lastseen.api.calls import API, Call, HttpResponse, Needs, Responds, Route
from lastseen.api.errors import ForbiddenError, UnauthorizedError
from lastseen.core.keys import Scope
from lastseen.text import gauges


def metrics(call: Call) -> HttpResponse:
    """Answer with the gauges of the key's project."""
    return _answer(call, call.project)


def of_project(call: Call) -> HttpResponse:
    """Answer with the gauges of a project that is named, too."""
    if call.path["project"] != call.project:
        raise ForbiddenError("this key is of another project")
    return _answer(call, call.project)


def by_path(call: Call) -> HttpResponse:
    """Answer with the gauges of a project by the read-only key in the path."""
    key = access.find_key(call.deployment.store, call.path["key"], call.now, write=False)
    if key.scope is not Scope.READ:
        raise UnauthorizedError("wrong api key: only a read-only key may stand in a path, for paths end up in logs")
    if call.path["project"] != key.project:
        raise ForbiddenError("this key is of another project")
    return _answer(call, key.project)


def _answer(call: Call, project: str) -> HttpResponse:
    checks = call.remembered.recent_checks.of(project, call.now).checks
    return HttpResponse(body=gauges.text(checks, call.now), content_type=gauges.CONTENT_TYPE)


_TEXT = Responds(description="The gauges, in Prometheus' text format.", content_type="text/plain")
_OTHER = Responds(description="The key is of another project.")
PATH = "/projects/{project}/metrics"

ROUTES = (
    Route(
        method="GET",
        path=f"{API}/metrics/",
        handler=metrics,
        needs=Needs.READ,
        summary="Get the project's checks as gauges for Prometheus",
        description="What they show may be five seconds old, of a project of many checks up to a minute.",
        responses={200: _TEXT},
    ),
    Route(
        method="GET",
        path=f"{PATH}/",
        handler=of_project,
        needs=Needs.READ,
        summary="Get a project's checks as gauges for Prometheus",
        description="The same, where the peer has it; the key in X-Api-Key or as a bearer token.",
        responses={200: _TEXT, 403: _OTHER},
    ),
    Route(
        method="GET",
        path=f"{PATH}/{{key}}",
        handler=by_path,
        needs=Needs.NOTHING,
        summary="Get a project's checks as gauges for Prometheus, by a read-only key in the path",
        description="Better send the key in a header: paths end up in logs.",
        responses={200: _TEXT, 401: Responds(description="The key is none, or not a read-only one."), 403: _OTHER},
    ),
)
