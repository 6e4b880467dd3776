"""Every route of the API, by resource: the one table that the application and its OpenAPI document are made from."""

from __future__ import annotations

from lastseen.api.calls import Route
from lastseen.api.routes import about, badges, channels, checks, history, keys, metrics, projects

ROUTES: tuple[Route, ...] = (
    *checks.ROUTES,
    *history.ROUTES,
    *badges.ROUTES,
    *channels.ROUTES,
    *metrics.ROUTES,
    *keys.ROUTES,
    *projects.ROUTES,
    *about.ROUTES,
)
