"""Routes that tell of the API itself: whether it works."""

from __future__ import annotations

from lastseen.api.calls import API, Answer, Call, Needs, Route, Told


def status(call: Call) -> Answer:
    """Answer OK if the tables can be read."""
    call.deployment.store.setting("status", "probe")
    return Answer(body="OK", content_type="text/plain")


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/status/",
        does=status,
        needs=Needs.NOTHING,
        says="Tell whether the API and its tables work",
        answers={200: Told(says="They do.", content_type="text/plain")},
    ),
)
