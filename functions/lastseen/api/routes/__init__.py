"""Every route of the API, by resource: the one table that the application and its OpenAPI document are made from."""

from __future__ import annotations

from collections.abc import Mapping

from lastseen.api.calls import Route
from lastseen.api.routes import about, badges, bulk, channels, checks, history, hosts, keys, metrics, projects

GROUPS: Mapping[str, tuple[Route, ...]] = {
    "Checks": (*checks.ROUTES, *bulk.ROUTES),
    "Pings and changes of status": history.ROUTES,
    "Badges": badges.ROUTES,
    "Channels": channels.ROUTES,
    "Metrics": metrics.ROUTES,
    "Keys": keys.ROUTES,
    "Projects": projects.ROUTES,
    "Hosts": hosts.ROUTES,
    "About": about.ROUTES,
}

ROUTES: tuple[Route, ...] = tuple(route for routes in GROUPS.values() for route in routes)
