"""The application: the table of routes as a resolver of Powertools, and the one map from errors to answers.

Lives here: HTTP's own forms: methods, CORS, HEAD and OPTIONS, the final slash, the turning of events into calls.
Never here: what a call does (routes/ and the resources behind them).
"""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any
from urllib.parse import parse_qs

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from botocore.exceptions import ClientError

from lastseen.api import access
from lastseen.api.calls import API, NEWEST, SIGNED, VERSIONS, Answer, Call, Deployment, Needs, Route, encoded_bytes
from lastseen.api.documents import ErrorDocument
from lastseen.api.errors import ApiError, UnknownError
from lastseen.api.routes import ROUTES, pages
from lastseen.aws import gateway
from lastseen.storage.errors import BusyError, ConflictError, CorruptError, FullError, throttled

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "X-Api-Key, Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}

RETRY = {"Retry-After": "1"}

COMPRESSED_FROM_BYTES = 100_000
"""From here on an answer is compressed for clients that accept that."""

ANSWER_LIMIT_BYTES = 6_000_000
"""Of a body as Lambda's runtime encodes it; Lambda takes 6,291,556 for all of an answer."""

__all__ = ["Deployment", "build"]


def build(deployment: Deployment, logger: Logger) -> APIGatewayHttpResolver:
    """Return the application: an event of the HTTP API (payload format 2.0) in, a response out."""
    app = APIGatewayHttpResolver(strip_prefixes=[])
    everywhere = sorted([*_signed_too(ROUTES), *pages.ROUTES], key=lambda route: route.path)
    allowed = {
        re.compile(re.sub(r"{\w+}", "[^/]+", path.rstrip("/")) + "/?"): _add(app, deployment, path, list(routes))
        for path, routes in groupby(everywhere, key=lambda route: route.path)
    }
    _map_errors(app, logger)
    _map_unknown(app, allowed)
    return app


def _signed_too(routes: Iterable[Route]) -> Iterable[Route]:
    """Return each route, and for whoever signs with AWS credentials each that takes an API key below /iam as well."""
    for route in routes:
        yield route
        if route.path.startswith(API) and route.needs in {Needs.READ, Needs.WRITE}:
            yield Route(
                method=route.method,
                path=SIGNED + route.path.removeprefix(API),
                does=route.does,
                needs=Needs.SIGNATURE,
                says=route.says,
                query=route.query,
            )


def _add(app: APIGatewayHttpResolver, deployment: Deployment, path: str, routes: list[Route]) -> str:
    """Add the routes of one path, with and without a final slash, HEAD beside GET; return the methods that it takes."""
    served = {route.method: _server(app, deployment, route) for route in routes}
    if "GET" in served:
        served["HEAD"] = served["GET"]
    allowed = ", ".join([*served, "OPTIONS"])
    served["OPTIONS"] = _preflight(allowed)
    bare = re.sub(r"{(\w+)}", r"<\1>", path).rstrip("/")
    for rule in dict.fromkeys((bare or "/", f"{bare}/")):
        for method, serve in served.items():
            app.route(rule, method=method)(serve)
    return allowed


def _server(app: APIGatewayHttpResolver, deployment: Deployment, route: Route) -> Callable[..., Response[Any]]:
    def serve(**at: str) -> Response[Any]:
        event: dict[str, Any] = app.current_event.raw_event
        call = Call(
            deployment=deployment,
            now=deployment.clock(),
            version=_version(at.pop("version", str(NEWEST))),
            at=at,
            query=parse_qs(gateway.plain(event.get("rawQueryString")), keep_blank_values=True, errors="replace"),
            headers=_headers(event),
            body=gateway.body(event),
        )
        answer = route.does(access.admitted(call, route.needs, event))
        bare = event["requestContext"]["http"]["method"] == "HEAD"
        compress = "gzip" in call.headers.get("accept-encoding", "")
        return _response(answer, bare=bare, compress=compress, pages=route.pages)

    return serve


def _headers(event: dict[str, Any]) -> dict[str, str]:
    """Return the headers, names in lower case; the gateway hands cookies over beside them."""
    cookies = {"cookie": "; ".join(event["cookies"])} if event.get("cookies") else {}
    return {name.lower(): gateway.plain(value) for name, value in ((event.get("headers") or {}) | cookies).items()}


def _version(asked: str) -> int:
    if asked not in {str(version) for version in VERSIONS}:
        raise UnknownError(f"there is no version {asked} of this API; the newest is v{NEWEST}")
    return int(asked)


def _preflight(allowed: str) -> Callable[..., Response[Any]]:
    def preflight(**_at: str) -> Response[Any]:
        return Response(status_code=204, headers={**CORS, "Access-Control-Allow-Methods": allowed})

    return preflight


def _map_errors(app: APIGatewayHttpResolver, logger: Logger) -> None:
    """Turn every exception that a route foresees into an answer; others are Lambda's to count."""

    def refused(error: ApiError) -> Response[Any]:
        return _response(Answer(status=error.status, document=ErrorDocument(error=str(error))))

    def busy(error: ConflictError | BusyError) -> Response[Any]:
        document = ErrorDocument(error=str(error))
        return _response(Answer(status=503, document=document, headers=RETRY))

    def full(error: FullError) -> Response[Any]:
        return _response(Answer(status=409, document=ErrorDocument(error=str(error))))

    def refused_by_aws(error: ClientError) -> Response[Any]:
        if not throttled(error):
            raise error
        logger.warning("AWS takes no more just now.", error=str(error))
        document = ErrorDocument(error="too much at once; nothing was changed. Try again.")
        return _response(Answer(status=503, document=document, headers=RETRY))

    def corrupt(error: CorruptError) -> Response[Any]:
        logger.error("A stored item cannot be read.", error=str(error))
        document = ErrorDocument(error="a stored item cannot be read; the log names it")
        return _response(Answer(status=500, document=document))

    app.exception_handler(ApiError)(refused)
    app.exception_handler([ConflictError, BusyError])(busy)
    app.exception_handler(FullError)(full)
    app.exception_handler(ClientError)(refused_by_aws)
    app.exception_handler(CorruptError)(corrupt)


def _map_unknown(app: APIGatewayHttpResolver, allowed: Mapping[re.Pattern[str], str]) -> None:
    """Answer 405 where the path is right and the method is not, and else 404."""

    @app.not_found
    def not_found(_error: Exception) -> Response[Any]:
        event = app.current_event
        methods = next((methods for pattern, methods in allowed.items() if pattern.fullmatch(event.path)), "")
        if methods and event.http_method not in methods.split(", "):
            document = ErrorDocument(error=f"method not allowed: use {methods}")
            return _response(Answer(status=405, document=document, headers={"Allow": methods}))
        if "text/html" in _headers(event.raw_event).get("accept", ""):
            return _response(pages.nowhere())
        return _response(Answer(status=404, document=ErrorDocument(error="not found: there is no such path")))


def _response(answer: Answer, *, bare: bool = False, compress: bool = False, pages: bool = False) -> Response[Any]:
    body = answer.body if answer.document is None else answer.document.model_dump_json(exclude_unset=True)
    cors = {} if answer.content_type.startswith("text/html") else CORS  # no other site reads a person's pages
    headers = {**cors, "Cache-Control": "no-store", **answer.headers}
    if compress and len(body) > COMPRESSED_FROM_BYTES:
        body = gzip.compress(body.encode() if isinstance(body, str) else body, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    binary = isinstance(body, bytes)
    text = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    if not bare and encoded_bytes(text) > ANSWER_LIMIT_BYTES:
        advice = "accept gzip, or ask for pages with ?limit=500" if pages else "accept gzip"
        document = ErrorDocument(error=f"this answer would be too large: {advice}")
        return _response(Answer(status=400, document=document))
    response: Response[Any] = Response(
        status_code=int(answer.status), content_type=answer.content_type, body="" if bare else text, headers=headers
    )
    response.base64_encoded = binary and not bare
    return response
