"""The routes: method and path -> authority -> request model -> resource -> document; and the one error map.

Lives here: HTTP. Never here: what a request does (checks.py and its neighbours).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, CORSConfig, Response

from lastseen import gateway, keys
from lastseen.api import access
from lastseen.api.checks import Checks, Described
from lastseen.api.documents import check_document
from lastseen.api.errors import ApiError, UnauthorizedError, UnknownError
from lastseen.api.models import CheckRequest, KeyRequest, read
from lastseen.items import CorruptError
from lastseen.keys import Key, Scope, mint
from lastseen.store import ConflictError, Store
from lastseen.wakes import Wakes

VERSIONS = (1, 2, 3)
CORS = CORSConfig(allow_origin="*", allow_headers=["X-Api-Key", "Content-Type"], max_age=600)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the API works on, and where it is reached."""

    store: Store
    wakes: Wakes
    ping_url: str
    api_url: str
    clock: Callable[[], datetime]


def build(deployment: Deployment, logger: Logger) -> APIGatewayHttpResolver:
    """Return the application: an event of the HTTP API (payload format 2.0) in, a response out."""
    app = APIGatewayHttpResolver(cors=CORS, strip_prefixes=[])
    _Checks(app, deployment).route()
    _Keys(app, deployment).route()
    _map_errors(app, logger)
    return app


class _Room:
    """What the routes of one resource share."""

    def __init__(self, app: APIGatewayHttpResolver, deployment: Deployment) -> None:
        self.app = app
        self.deployment = deployment

    @property
    def body(self) -> bytes:
        """The body of this request."""
        return gateway.body(self.app.current_event.raw_event)

    def holder(self, *, write: bool) -> Key:
        """Return the key of this request; a body's key counts only where there is a body to read."""
        headers = self.app.current_event.headers
        word = headers.get("x-api-key") or (access.in_body(self.body) if write else "")
        return access.holder(self.deployment.store, word, self.deployment.clock(), write=write)


class _Checks(_Room):
    """The routes below /api/v1|v2|v3/checks/."""

    def route(self) -> None:
        app, root = self.app, "/api/v<version>/checks"
        for path in (root, f"{root}/"):
            app.get(path)(self.list)
            app.post(path)(self.create)
        for path in (f"{root}/<key>", f"{root}/<key>/"):
            app.get(path)(self.get)
            app.post(path)(self.update)
            app.delete(path)(self.delete)
        for ending in ("", "/"):
            app.post(f"{root}/<key>/pause{ending}")(self.pause)
            app.post(f"{root}/<key>/resume{ending}")(self.resume)

    def list(self, version: str) -> Response[str]:
        number, key, checks = self._at(version, write=False)
        asked = self.app.current_event.resolved_query_string_parameters
        found = checks.all(slug=next(iter(asked.get("slug", [])), None), tags=asked.get("tag", []))
        return _json(200, {"checks": [self._document(each, number, key) for each in found]})

    def create(self, version: str) -> Response[str]:
        number, key, checks = self._at(version, write=True)
        described, made = checks.create(read(CheckRequest, self.body), version=number)
        return _json(201 if made else 200, self._document(described, number, key))

    def get(self, version: str, key: str) -> Response[str]:
        number, holder, checks = self._at(version, write=False)
        return _json(200, self._document(checks.one(key), number, holder))

    def update(self, version: str, key: str) -> Response[str]:
        number, holder, checks = self._at(version, write=True)
        described = checks.update(key, read(CheckRequest, self.body), version=number)
        return _json(200, self._document(described, number, holder))

    def pause(self, version: str, key: str) -> Response[str]:
        number, holder, checks = self._at(version, write=True)
        return _json(200, self._document(checks.pause(key), number, holder))

    def resume(self, version: str, key: str) -> Response[str]:
        number, holder, checks = self._at(version, write=True)
        return _json(200, self._document(checks.resume(key), number, holder))

    def delete(self, version: str, key: str) -> Response[str]:
        number, holder, checks = self._at(version, write=True)
        return _json(200, self._document(checks.delete(key), number, holder))

    def _at(self, version: str, *, write: bool) -> tuple[int, Key, Checks]:
        if version not in {str(known) for known in VERSIONS}:
            raise UnknownError(f"there is no version {version} of this API; the newest is v{VERSIONS[-1]}")
        holder = self.holder(write=write)
        deployment = self.deployment
        return int(version), holder, Checks(deployment.store, deployment.wakes, holder.project, deployment.clock())

    def _document(self, described: Described, version: int, key: Key) -> dict[str, Any]:
        return check_document(
            described.check,
            about=described.about,
            version=version,
            now=self.deployment.clock(),
            ping_url=self.deployment.ping_url,
            api_url=self.deployment.api_url,
            read_only=key.scope is Scope.READ,
        )


class _Keys(_Room):
    """/iam/keys: the gateway lets only signed requests of permitted AWS identities through."""

    def route(self) -> None:
        self.app.post("/iam/keys")(self.create)

    def create(self) -> Response[str]:
        self._signed()
        request = read(KeyRequest, self.body)
        word, key = mint(request.scope, request.project, request.name, self.deployment.clock())
        self.deployment.store.put_setting(keys.KIND, key.hash, keys.to_document(key), new=True)
        shown = {"key": word, "id": key.hash[:12], "project": key.project, "scope": str(key.scope), "name": key.name}
        return _json(201, shown)

    def _signed(self) -> None:
        """Refuse what did not come through the signed route, should a route ever be added by mistake."""
        context = self.app.current_event.raw_event["requestContext"]
        if "iam" not in context.get("authorizer", {}):
            raise UnauthorizedError("sign this request with AWS credentials")


def _map_errors(app: APIGatewayHttpResolver, logger: Logger) -> None:
    """Turn every exception that a route raises into an answer."""

    def refused(error: ApiError) -> Response[str]:
        return _json(error.status, {"error": str(error)})

    def busy(error: ConflictError) -> Response[str]:
        return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(error)})

    def corrupt(error: CorruptError) -> Response[str]:
        logger.error("A stored item cannot be read.", error=str(error))
        return _json(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "a stored item cannot be read; the log names it"})

    app.exception_handler(ApiError)(refused)
    app.exception_handler(ConflictError)(busy)
    app.exception_handler(CorruptError)(corrupt)

    @app.not_found
    def not_found(_error: Exception) -> Response[str]:
        return _json(HTTPStatus.NOT_FOUND, {"error": "not found"})


def _json(status: int, document: Any) -> Response[str]:
    return Response(status_code=int(status), content_type="application/json", body=json.dumps(document))
