"""Routes of API keys and ping keys."""

from __future__ import annotations

from typing import Any

from lastseen.api.calls import API, Answer, Call, Needs, Route, Told
from lastseen.api.documents import Document, Time, iso
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


def listed(call: Call) -> Answer:
    """Answer with the project's keys."""
    return Answer(document=KeyList(keys=[KeyDocument(**_known(key)) for key in _ring(call).all()]))


def create(call: Call) -> Answer:
    """Mint a key and show it, this once."""
    request = call.read(KeyRequest)
    word, key = _ring(call).mint(request.scope, request.name, call.now)
    return Answer(status=201, document=NewKeyDocument(**_known(key), key=word))


def revoke(call: Call) -> Answer:
    """Forget a key."""
    return Answer(document=KeyDocument(**_known(_ring(call).revoke(call.at["id"]))))


def _ring(call: Call) -> Keyring:
    return Keyring(call.deployment.store, call.project)


def _known(key: Key) -> dict[str, Any]:
    return {
        "id": key_id(key),
        "project": key.project,
        "scope": key.scope,
        "name": key.name,
        "hint": key.hint,
        "created": iso(key.created),
        "last_used": iso(key.last_used),
    }


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/keys/",
        does=listed,
        needs=Needs.WRITE,
        says="List the project's keys",
        answers={200: Told(says="The keys, without the keys.", document=KeyList)},
    ),
    Route(
        method="POST",
        path=f"{API}/keys/",
        does=create,
        needs=Needs.WRITE,
        says="Create a key",
        more=f"It is shown in this answer and never again: only its hash is kept. At most {KEYS_LIMIT} for a project.",
        body=KeyRequest,
        answers={
            201: Told(says="The key.", document=NewKeyDocument),
            409: Told(says="The project has too many keys."),
        },
    ),
    Route(
        method="DELETE",
        path=f"{API}/keys/{{id}}",
        does=revoke,
        needs=Needs.WRITE,
        says="Revoke a key",
        more="At once for this API; a ping key may still ping for up to a minute.",
        answers={200: Told(says="The key as it was.", document=KeyDocument), 404: Told(says="There is no such key.")},
    ),
)
