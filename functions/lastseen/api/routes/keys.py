"""Routes of API keys and ping keys."""

from __future__ import annotations

from lastseen import keys
from lastseen.api.calls import SIGNED, Answer, Call, Needs, Route, Told
from lastseen.api.documents import Document
from lastseen.api.models import KeyRequest
from lastseen.keys import Scope

ID_CHARS = 12


class NewKeyDocument(Document):
    """A key that was just made."""

    key: str
    """The key itself: shown now and never again."""
    id: str
    project: str
    scope: Scope
    name: str


def create(call: Call) -> Answer:
    """Mint a key and show it, this once."""
    request = call.read(KeyRequest)
    word, key = keys.mint(request.scope, request.project, request.name, call.now)
    call.deployment.store.put_setting(keys.KIND, key.hash, keys.to_document(key), new=True)
    shown = NewKeyDocument(key=word, id=key.hash[:ID_CHARS], project=key.project, scope=key.scope, name=key.name)
    return Answer(status=201, document=shown)


ROUTES = (
    Route(
        method="POST",
        path=f"{SIGNED}/keys/",
        does=create,
        needs=Needs.SIGNATURE,
        says="Create a key",
        body=KeyRequest,
        answers={201: Told(says="The key, shown this once.", document=NewKeyDocument)},
    ),
)
