"""Who may do what: keys, in the header or the body of a request, and requests with an AWS signature."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from lastseen.api.calls import Call, Needs
from lastseen.api.errors import UnauthorizedError
from lastseen.api.models import ProjectQuery, checked_size
from lastseen.api.projects import Projects
from lastseen.core.keys import Key, Scope, hashed
from lastseen.storage.documents import KEYS
from lastseen.storage.errors import ConflictError
from lastseen.storage.store import Store

USE_NOTED = timedelta(hours=1)
"""How exactly the last use of a key is kept: a write an hour at most."""

BEARER = "bearer "


def authorized(call: Call, needs: Needs, event: dict[str, Any]) -> Call:
    """Return the call with its key. Raises UnauthorizedError if that does not open the route."""
    if needs is Needs.NOTHING:
        return call
    if needs is Needs.SIGNATURE:
        return replace(call, key=signed(call, event))
    reading = event["requestContext"]["http"]["method"] in {"GET", "HEAD"}
    word = in_headers(call)
    if not word and not reading:
        word = in_body(checked_size(call.body))
    return replace(call, key=find_key(call.deployment.store, word, call.now, write=needs is Needs.WRITE))


def find_key(store: Store, word: str, now: datetime, *, write: bool) -> Key:
    """Return what is known of the key of a request.

    Raises UnauthorizedError for no key, a wrong one, a ping key, or a read-only one where `write` is needed.
    """
    key = KEYS.one(store, hashed(word)) if word else None
    if key is None:
        raise UnauthorizedError("wrong api key" if word else "missing api key: send it in the header X-Api-Key")
    if key.scope is Scope.PING:
        raise UnauthorizedError("wrong api key: this is a ping key; it pings, and does nothing else")
    if write and key.scope is not Scope.WRITE:
        raise UnauthorizedError("wrong api key: this key is read-only")
    if key.last_used is None or now - key.last_used > USE_NOTED:
        with suppress(ConflictError):  # it was revoked meanwhile; its note must not bring it back
            KEYS.replace(store, replace(key, last_used=now))
    return key


def signed(call: Call, event: dict[str, Any]) -> Key:
    """Return a key to everything of the project that a signed request names.

    The gateway lets only signed requests of permitted AWS identities through to these paths; refuse here what did not
    come that way, should a route ever be added by mistake.
    """
    authorizer = event["requestContext"].get("authorizer") or {}
    if not isinstance(authorizer, dict) or not authorizer.get("iam"):
        raise UnauthorizedError("sign this request with AWS credentials")
    project = Projects(call.deployment.store).one(call.read_query(ProjectQuery).project)
    return Key(hash="", project=project.name, scope=Scope.WRITE, name="AWS credentials")


def in_headers(call: Call) -> str:
    """Return the key in a request's headers, or ""."""
    word = call.headers.get("x-api-key", "").strip()
    authorization = call.headers.get("authorization", "")
    if not word and authorization.lower().startswith(BEARER):
        word = authorization[len(BEARER) :].strip()
    return word


def in_body(body: bytes) -> str:
    """Return the key in a request's body, or ""."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    word = document.get("api_key") if isinstance(document, dict) else None
    return word if isinstance(word, str) else ""
