"""Routes of API keys and ping keys."""

from __future__ import annotations

from typing import Any

from lastseen.api.calls import API, Call, HttpResponse, Needs, Responds, Route
from lastseen.api.documents import Document, Time, time_or_none
from lastseen.api.keyring import KEYS_LIMIT, Keyring, key_id
from lastseen.api.models import KeyRequest
from lastseen.core.keys import Key, Scope


class KeyDocument(Document):
    """A key, without the key."""

    id: str
    project: str
    scope: Scope
    """"rw" may do all in its project, "ro" may read, "ping" is for ping URLs by slug."""
    name: str
    hint: str
    """How the key begins."""
    created: Time | None
    last_used: Time | None
    """To the hour. Pings do not note it: they would have to write for it."""


class NewKeyDocument(KeyDocument):
    """A key that was just made."""

    key: str
    """The key itself: shown now and never again."""


class KeyList(Document):
    """The keys of a project, the oldest first."""

    keys: list[KeyDocument]


def listed(call: Call) -> HttpResponse:
    """Answer with the project's keys."""
    return HttpResponse(document=KeyList(keys=[KeyDocument(**_known(key)) for key in _ring(call).all()]))


def own(call: Call) -> HttpResponse:
    """Answer with the key that the request itself was made with."""
    assert call.key is not None  # the route needs one
    return HttpResponse(document=KeyDocument(**_known(call.key)))


def create(call: Call) -> HttpResponse:
    """Mint a key and show it, this once."""
    request = call.read_body(KeyRequest)
    if request.key:
        word, key = request.key, _ring(call).bring(request.key, request.scope, request.name, call.now)
    else:
        word, key = _ring(call).mint(request.scope, request.name, call.now)
    return HttpResponse(status=201, document=NewKeyDocument(**_known(key), key=word))


def revoke(call: Call) -> HttpResponse:
    """Forget a key."""
    return HttpResponse(document=KeyDocument(**_known(_ring(call).revoke(call.path["id"]))))


def _ring(call: Call) -> Keyring:
    return Keyring(call.deployment.store, call.project)


def _known(key: Key) -> dict[str, Any]:
    return {
        "id": key_id(key),
        "project": key.project,
        "scope": key.scope,
        "name": key.name,
        "hint": key.hint,
        "created": time_or_none(key.created),
        "last_used": time_or_none(key.last_used),
    }


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/keys/",
        handler=listed,
        needs=Needs.WRITE,
        summary="List the project's keys",
        responses={200: Responds(description="The keys, without the keys.", document=KeyList)},
    ),
    Route(
        method="GET",
        path=f"{API}/keys/self",
        handler=own,
        needs=Needs.READ,
        summary="Say which key this is",
        description="Its project and what it may do, for a client that was given a key. Signed with AWS credentials: "
        "the project that the request names, and no id.",
        responses={200: Responds(description="The key of this request, without the key.", document=KeyDocument)},
    ),
    Route(
        method="POST",
        path=f"{API}/keys/",
        handler=create,
        needs=Needs.WRITE,
        summary="Create a key",
        description="It is shown in this answer and never again: only its hash is kept. "
        f"At most {KEYS_LIMIT} for a project.",
        body=KeyRequest,
        responses={
            201: Responds(description="The key.", document=NewKeyDocument),
            409: Responds(description="The project has too many keys, or the `key` exists already."),
        },
    ),
    Route(
        method="DELETE",
        path=f"{API}/keys/{{id}}",
        handler=revoke,
        needs=Needs.WRITE,
        summary="Revoke a key",
        description="At once for this API; a ping key may still ping for up to a minute.",
        responses={
            200: Responds(description="The key as it was.", document=KeyDocument),
            404: Responds(description="There is no such key."),
        },
    ),
)
