"""Routes of metrics: for Prometheus, with a key in a header or, as it is often easier there, in the path."""

from __future__ import annotations

from lastseen.api import access, recent
from lastseen.api.calls import API, Answer, Call, Needs, Route, Told
from lastseen.api.errors import ForbiddenError, UnauthorizedError
from lastseen.core.keys import Scope
from lastseen.text import gauges


def metrics(call: Call) -> Answer:
    """Answer with the gauges of the key's project."""
    return _answer(call, call.project)


def of_project(call: Call) -> Answer:
    """Answer with the gauges of a project that is named, too."""
    if call.at["project"] != call.project:
        raise ForbiddenError("this key is of another project")
    return _answer(call, call.project)


def by_path(call: Call) -> Answer:
    """Answer with the gauges of a project by the read-only key in the path."""
    key = access.holder(call.deployment.store, call.at["key"], call.now, write=False)
    if key.scope is not Scope.READ:
        raise UnauthorizedError("wrong api key: only a read-only key may stand in a path, for paths end up in logs")
    if call.at["project"] != key.project:
        raise ForbiddenError("this key is of another project")
    return _answer(call, key.project)


def _answer(call: Call, project: str) -> Answer:
    checks = recent.checks(call.deployment, project, call.now)
    return Answer(body=gauges.text(checks, call.now), content_type=gauges.CONTENT_TYPE)


_TEXT = Told(says="The gauges, in Prometheus' text format.", content_type="text/plain")
_OTHER = Told(says="The key is of another project.")
PATH = "/projects/{project}/metrics"

ROUTES = (
    Route(
        method="GET",
        path=f"{API}/metrics/",
        does=metrics,
        needs=Needs.READ,
        says="Get the project's checks as gauges for Prometheus",
        more="What they show may be five seconds old.",
        answers={200: _TEXT},
    ),
    Route(
        method="GET",
        path=f"{PATH}/",
        does=of_project,
        needs=Needs.READ,
        says="Get a project's checks as gauges for Prometheus",
        more="The same, where the peer has it; the key in X-Api-Key or as a bearer token.",
        answers={200: _TEXT, 403: _OTHER},
    ),
    Route(
        method="GET",
        path=f"{PATH}/{{key}}",
        does=by_path,
        needs=Needs.NOTHING,
        says="Get a project's checks as gauges for Prometheus, by a read-only key in the path",
        more="Better send the key in a header: paths end up in logs.",
        answers={200: _TEXT, 401: Told(says="The key is none, or not a read-only one."), 403: _OTHER},
    ),
)
