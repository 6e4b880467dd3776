"""The application: the table of routes as a resolver of Powertools: an event of the HTTP API in, a response out.

Lives here: HTTP's own forms: methods, CORS, HEAD and OPTIONS, the final slash, the turning of events into calls and of
answers into what Lambda takes.
Never here: what a call does (routes/, web/ and the resources behind them), which error is which answer (refusals.py).
"""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import groupby
from typing import Any
from urllib.parse import parse_qs

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from lastseen.api import access
from lastseen.api.calls import (
    API,
    NEWEST,
    SIGNED,
    VERSIONS,
    Call,
    Deployment,
    HttpResponse,
    Needs,
    Route,
    encoded_bytes,
)
from lastseen.api.documents import ErrorDocument
from lastseen.api.errors import UnknownError
from lastseen.api.refusals import FORESEEN, refusal
from lastseen.api.remembered import Remembered
from lastseen.api.routes import ROUTES
from lastseen.api.web import routes as web
from lastseen.aws import gateway

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "X-Api-Key, Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}

COMPRESSED_FROM_BYTES = 100_000
"""From here on an answer is compressed for clients that accept that."""

ANSWER_LIMIT_BYTES = 6_000_000
"""Of a body as Lambda's runtime encodes it; Lambda takes 6,291,556 for all of an answer."""

__all__ = ["Deployment", "build"]

Serve = Callable[..., Response[Any]]


def build(deployment: Deployment, logger: Logger) -> APIGatewayHttpResolver:
    """Return the application: an event of the HTTP API (payload format 2.0) in, a response out."""
    return _Application(deployment, logger).resolver


class _Resolver(APIGatewayHttpResolver):
    """Powertools' resolver, for which a parameter of a path is whatever stands between two slashes.

    Its own pattern lacks characters that names may have, such as accents that are written apart.
    """

    @staticmethod
    def _compile_regex(rule: str, base_regex: str = "^{}$") -> re.Pattern[str]:
        return re.compile(base_regex.replace("{}", re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", rule)))


class _Application:
    """The resolver, and what its routes share."""

    def __init__(self, deployment: Deployment, logger: Logger) -> None:
        self.resolver = _Resolver(strip_prefixes=[])
        self._deployment = deployment
        self._remembered = Remembered(deployment.store)
        self._logger = logger
        self._methods: list[tuple[re.Pattern[str], str]] = []  # a path's form -> the methods that it takes
        everywhere = sorted([*_signed_too(ROUTES), *web.ROUTES], key=lambda route: route.path)
        for path, routes in groupby(everywhere, key=lambda route: route.path):
            self._add(path, list(routes))
        self.resolver.exception_handler(list(FORESEEN))(self._refused)
        self.resolver.not_found(self._not_found)

    def _add(self, path: str, routes: list[Route]) -> None:
        """Add the routes of one path, with and without a final slash, HEAD beside GET."""
        served = {route.method: self._server(route) for route in routes}
        if "GET" in served:
            served["HEAD"] = served["GET"]
        served["OPTIONS"] = self._preflight
        pattern = re.compile(re.sub(r"{\w+}", "[^/]+", path.rstrip("/")) + "/?")
        self._methods.append((pattern, ", ".join(served)))
        bare = re.sub(r"{(\w+)}", r"<\1>", path).rstrip("/")
        for rule in dict.fromkeys((bare or "/", f"{bare}/")):
            for method, serve in served.items():
                self.resolver.route(rule, method=method)(serve)

    def _server(self, route: Route) -> Serve:
        def serve(**path: str) -> Response[Any]:
            version = _version(path.pop("version", str(NEWEST)))
            call = self._call(path, version)
            event = self._event
            response = route.handler(access.authorized(call, route.needs, event))
            return self._response(
                response, compress="gzip" in call.headers.get("accept-encoding", ""), pages=route.pages
            )

        return serve

    @property
    def _event(self) -> dict[str, Any]:
        event: dict[str, Any] = self.resolver.current_event.raw_event
        return event

    def _call(self, path: dict[str, str], version: int) -> Call:
        event = self._event
        query = parse_qs(gateway.plain(event.get("rawQueryString")), keep_blank_values=True, errors="replace")
        return Call(
            deployment=self._deployment,
            remembered=self._remembered,
            now=self._deployment.clock(),
            version=version,
            path=path,
            query=query,
            headers=_headers(event),
            body=gateway.body(event),
        )

    def _preflight(self, **_path: str) -> Response[Any]:
        return Response(status_code=204, headers=self._cors())

    def _refused(self, error: Exception) -> Response[Any]:
        """Answer to an exception that a route foresees; others are Lambda's to count."""
        known = refusal(error)
        if known is None:
            raise error
        if known.warning:
            self._logger.warning(known.warning, error=str(error))
        if known.error:
            self._logger.error(known.error, error=str(error))
        document = ErrorDocument(error=known.words)
        return self._response(HttpResponse(status=known.status, document=document, headers=known.headers))

    def _not_found(self, _error: Exception) -> Response[Any]:
        """Answer 405 where the path is right and the method is not, and else 404."""
        event = self.resolver.current_event
        methods = self._allowed()
        if methods and event.http_method not in methods.split(", "):
            document = ErrorDocument(error=f"method not allowed: use {methods}")
            return self._response(HttpResponse(status=405, document=document, headers={"Allow": methods}))
        if "text/html" in _headers(event.raw_event).get("accept", ""):
            return self._response(web.not_found())
        document = ErrorDocument(error="not found: there is no such path")
        return self._response(HttpResponse(status=404, document=document))

    def _allowed(self) -> str:
        """Return the methods that the present request's path takes, "" for a path that is none."""
        path = self.resolver.current_event.path
        return next((methods for pattern, methods in self._methods if pattern.fullmatch(path)), "")

    def _cors(self) -> dict[str, str]:
        methods = self._allowed()
        return {**CORS, "Access-Control-Allow-Methods": methods} if methods else CORS

    def _response(self, answer: HttpResponse, *, compress: bool = False, pages: bool = False) -> Response[Any]:
        """Return an answer as Lambda takes it."""
        body = answer.body if answer.document is None else answer.document.model_dump_json(exclude_unset=True)
        is_page = answer.content_type.startswith("text/html")  # no other site reads a person's pages
        headers = {**({} if is_page else self._cors()), "Cache-Control": "no-store", **answer.headers}
        if compress and len(body) > COMPRESSED_FROM_BYTES:
            body = gzip.compress(body.encode() if isinstance(body, str) else body, mtime=0)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        text = base64.b64encode(body).decode() if isinstance(body, bytes) else body
        bare = self.resolver.current_event.http_method == "HEAD"
        if not bare and encoded_bytes(text) > ANSWER_LIMIT_BYTES:
            advice = "accept gzip, or ask for pages with ?limit=500" if pages else "accept gzip"
            document = ErrorDocument(error=f"this answer would be too large: {advice}")
            return self._response(HttpResponse(status=400, document=document))
        response: Response[Any] = Response(
            status_code=int(answer.status), content_type=answer.content_type, body="" if bare else text, headers=headers
        )
        response.base64_encoded = isinstance(body, bytes) and not bare
        return response


def _signed_too(routes: Iterable[Route]) -> Iterable[Route]:
    """Return each route, and for requests signed with AWS credentials each that takes an API key below /iam as well."""
    for route in routes:
        yield route
        if route.path.startswith(API) and route.needs in {Needs.READ, Needs.WRITE}:
            path = SIGNED + route.path.removeprefix(API)
            yield replace(route, path=path, needs=Needs.SIGNATURE)


def _headers(event: dict[str, Any]) -> dict[str, str]:
    """Return the headers, names in lower case; the gateway hands cookies over beside them."""
    cookies = {"cookie": "; ".join(event["cookies"])} if event.get("cookies") else {}
    return {name.lower(): gateway.plain(value) for name, value in ((event.get("headers") or {}) | cookies).items()}


def _version(text: str) -> int:
    if text not in {str(version) for version in VERSIONS}:
        raise UnknownError(f"there is no version {text} of this API; the newest is v{NEWEST}")
    return int(text)
