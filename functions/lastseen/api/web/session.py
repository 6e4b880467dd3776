"""Sessions of the dashboard: who looks, for how long, and the cookie that says so.

A session is a sealed cookie that names a key by its hash, and an end. The key is looked up at each request, so revoking
it ends all its sessions at once. A session that was signed out is kept as ended until its time is over.
Never here: what a page shows (routes.py), what a form brings (forms.py).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from lastseen.api.calls import Call, Deployment
from lastseen.api.checks import Checks
from lastseen.core.keys import Key, Scope
from lastseen.core.times import millis, moment
from lastseen.page.views import Visitor
from lastseen.storage.documents import KEYS, DocumentKind
from lastseen.storage.store import Store

SESSION = timedelta(hours=12)


class EndedSession(NamedTuple):
    """A session that was signed out, and when it would have ended anyway."""

    id: str
    until: datetime


ENDED = DocumentKind(
    "ended-session",
    encode=lambda session: {"until": millis(session.until)},
    decode=lambda _project, name, document: EndedSession(name, moment(document["until"])),
    name_of=lambda session: session.id,
)

_SESSION, _FORM = "session", "form"  # purposes of seals


@dataclass(frozen=True, slots=True)
class Session:
    """A call by somebody who is signed in."""

    call: Call
    key: Key
    visitor: Visitor
    id: str
    until: datetime

    @property
    def checks(self) -> Checks:
        """The checks that this session's key opens."""
        return Checks(self.call)


def begin(call: Call, key: Key) -> str:
    """Return the cookie of a new session."""
    content = f"{key.hash} {millis(call.now + SESSION)}".encode()
    return _cookie(call.deployment, call.remembered.seal.closed(_SESSION, content), SESSION)


def of(call: Call) -> Session | None:
    """Return the session of a call's cookie, or None: there is none, it is not ours, it is over, or its key is gone."""
    seal = call.remembered.seal
    sealed = _cookies(call).get(_cookie_name(call.deployment), "")
    content = seal.opened(_SESSION, sealed) if sealed else None
    if content is None:
        return None
    key_hash, milliseconds = content.decode().split()
    until, session_id = moment(milliseconds), hashlib.sha256(sealed.encode()).hexdigest()
    if call.now >= until or ENDED.one(call.deployment.store, session_id) is not None:
        return None
    key = KEYS.one(call.deployment.store, key_hash)
    if key is None or key.scope is Scope.PING:
        return None
    token = seal.closed(_FORM, bytes.fromhex(session_id)[:16])
    visitor = Visitor(project=key.project, may_write=key.scope is Scope.WRITE, token=token)
    return Session(replace(call, key=key), key, visitor, session_id, until)


def end(session: Session) -> str:
    """End a session wherever its cookie may be; return the cookie that makes this browser forget it."""
    store = session.call.deployment.store
    _forget_old(store, session.call.now)
    ENDED.write(store, EndedSession(session.id, session.until))
    return _cookie(session.call.deployment, "", timedelta(0))


def _forget_old(store: Store, now: datetime) -> None:
    """Remove what is kept of sessions whose time is over."""
    for session in ENDED.all(store).values:
        if now >= session.until:
            ENDED.drop(store, session.id)


def _cookie(deployment: Deployment, value: str, age: timedelta) -> str:
    secure = "; Secure" if _is_https(deployment) else ""
    seconds = int(age.total_seconds())
    return f"{_cookie_name(deployment)}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def _cookie_name(deployment: Deployment) -> str:
    """Return the cookie's name; browsers let no other host set one that begins with __Host-, and it must be secure."""
    return "__Host-lastseen" if _is_https(deployment) else "lastseen"


def _is_https(deployment: Deployment) -> bool:
    return deployment.ping_url.startswith("https://")


def _cookies(call: Call) -> dict[str, str]:
    pairs = (part.partition("=") for part in call.headers.get("cookie", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}
