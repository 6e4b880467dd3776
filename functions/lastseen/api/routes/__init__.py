"""Every route of the API, by resource: the one table that the application and its OpenAPI document are made from."""

from __future__ import annotations

from lastseen.api.calls import Route
from lastseen.api.routes import checks, keys

ROUTES: tuple[Route, ...] = (*checks.ROUTES, *keys.ROUTES)
