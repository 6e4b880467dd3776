"""Routes from which a host gets the wrapper for its jobs, with one curl and nothing installed. They hold no secret."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from lastseen.api.calls import Call, HttpResponse, Needs, Responds, Route
from lastseen.api.documents import ErrorDocument
from lastseen.api.errors import UnknownError

KINDS = {
    "lastseen.sh": "text/x-shellscript; charset=utf-8",
    "lastseen.pyz": "application/zip",
    "SHA256SUMS": "text/plain; charset=utf-8",
}


def script(call: Call) -> HttpResponse:
    """Answer with the script."""
    return _sent(call, "lastseen.sh")


def zipped(call: Call) -> HttpResponse:
    """Answer with the file of Python."""
    return _sent(call, "lastseen.pyz")


def checksums(call: Call) -> HttpResponse:
    """Answer with the checksums."""
    return _sent(call, "SHA256SUMS")


def _sent(call: Call, name: str) -> HttpResponse:
    folder = call.deployment.host_files
    if folder is None or not (folder / name).is_file():
        raise UnknownError(f"this deployment was built without {name}")
    content = (folder / name).read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=300"}
    if call.headers.get("if-none-match") == etag:
        return HttpResponse(status=304, content_type=KINDS[name], headers=headers)
    return HttpResponse(body=content, content_type=KINDS[name], headers=headers)


def _route(name: str, handler: Callable[[Call], HttpResponse], summary: str) -> Route:
    return Route(
        method="GET",
        path=f"/{name}",
        handler=handler,
        needs=Needs.NOTHING,
        summary=summary,
        responses={
            200: Responds(description="The file; its ETag is its SHA-256.", content_type=KINDS[name].partition(";")[0]),
            304: Responds(description="It is the one that the caller has.", content_type="text/plain"),
            404: Responds(description="The deployment was built without it.", document=ErrorDocument),
        },
    )


ROUTES = (
    _route("lastseen.sh", script, "Get the wrapper as one POSIX script"),
    _route("lastseen.pyz", zipped, "Get the wrapper as one file of Python 3.9 or later"),
    _route("SHA256SUMS", checksums, "Get the checksums of both"),
)
