"""Routes of the dashboard's pages, for people with a browser: who looks, what they may do, and what they are shown.

A session is a sealed cookie that names a key by its hash and an end. The key is looked up at each request, so revoking
it ends all its sessions at once. Forms bear a token that only their own session's page has; what a browser says comes
from another site is refused too. Every answer is HTML or leads to some.
Never here: what a page looks like (page/).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode

from lastseen.api import access
from lastseen.api.calls import Answer, Call, Deployment, Needs, Route
from lastseen.api.checks import Checks
from lastseen.api.errors import ApiError, RefusedError, UnauthorizedError, UnknownError
from lastseen.core import keys
from lastseen.core.check import Check, Flip
from lastseen.core.keys import Key, Scope
from lastseen.core.times import millis, moment
from lastseen.page import render, views
from lastseen.page.views import Visitor
from lastseen.storage.errors import BusyError, ConflictError, CorruptError
from lastseen.storage.store import Store

SESSION = timedelta(hours=12)
PINGS = 25
FLIPS = 25
"""Newest entries of a check's history on its page."""

_SESSION, _FORM = "session", "form"  # purposes of seals
_TAGS_ASKED = 20
_BACK = re.compile(r"/(checks/[0-9a-f]{40})?", re.ASCII)
_PUBLIC = re.compile(r"[0-9a-f]{40}", re.ASCII)
_ELSEWHERE = "cross-site", "same-site"
_WRONG_KEY = "This is no API key of this Lastseen. It begins with lsw_ or lsr_; perhaps it was revoked."
_STALE_FORM = "This form is not of your present session. Go back, load the page anew and try again."

Page = Callable[["_Session"], Answer]


@dataclass(frozen=True, slots=True)
class _Session:
    """A call by somebody who is signed in."""

    call: Call
    key: Key
    visitor: Visitor

    @property
    def checks(self) -> Checks:
        return Checks(self.call.deployment, self.key.project, self.call.now)


# --- Pages ---


def home(session: _Session) -> Answer:
    """Show the checks of the project."""
    call = session.call
    found = session.checks.all()
    listing = views.listing(
        [described.check for described in found.checks],
        call.now,
        tags=call.query.get("tag", [])[:_TAGS_ASKED],
        statuses=call.query.get("status", []),
        unreadable=found.unreadable,
    )
    return _html(render.home(listing, session.visitor, first_ping=views.first_ping(call.deployment.ping_url)))


def check(session: _Session) -> Answer:
    """Show one check."""
    call, found = session.call, session.checks.one(_key_of(session))
    store = call.deployment.store
    flips = store.flips(found.check.id, after=max(0, found.check.flips - FLIPS))
    page = views.page(
        found.check,
        call.now,
        about=found.about,
        pings=store.pings(found.check.id, limit=PINGS),
        flips=flips,
        cause=_cause(store, found.check, flips),
        ping_url=call.deployment.ping_url,
        may_write=session.visitor.may_write,
    )
    return _html(render.check(page, session.visitor))


def _cause(store: Store, check: Check, flips: Sequence[Flip]) -> Flip | None:
    """Return the flip that brought a check down, by its number: reminders are entries too, so it may be an old one."""
    n = check.incident
    if n is None:
        return None
    kept = [flip for flip in flips if flip.n == n] or store.flips(check.id, after=n - 1, upto=n)
    return next(iter(kept), None)


def pause(session: _Session) -> Answer:
    """Stop watching a check."""
    found = session.checks.one(_key_of(session))
    session.checks.pause(found.check.id)
    return _to(f"/checks/{_key_of(session)}")


def resume(session: _Session) -> Answer:
    """Watch a check again. One that somebody else has resumed already is as it should be."""
    found = session.checks.one(_key_of(session))
    with suppress(RefusedError):
        session.checks.resume(found.check.id)
    return _to(f"/checks/{_key_of(session)}")


def sign_out(session: _Session) -> Answer:
    """End the session in this browser."""
    return _to("/sign-in", cookie=_cookie(session.call.deployment, "", timedelta(0)))


def ask_for_key(call: Call) -> Answer:
    """Show the form to sign in."""
    return _html(render.sign_in(back=_back(call.query)))


def sign_in(call: Call) -> Answer:
    """Begin a session, if the form bears a key."""
    form = _form(call)
    back = _back(form)
    if _is_from_elsewhere(call):
        return _html(render.sign_in(back=back, trouble=_STALE_FORM), HTTPStatus.FORBIDDEN)
    try:
        key = access.holder(call.deployment.store, _one(form, "key").strip(), call.now, write=False)
    except UnauthorizedError:
        return _html(render.sign_in(back=back, trouble=_WRONG_KEY), HTTPStatus.UNAUTHORIZED)
    content = f"{key.hash} {millis(call.now + SESSION)}".encode()
    return _to(back, cookie=_cookie(call.deployment, call.deployment.seal.closed(_SESSION, content), SESSION))


def nowhere() -> Answer:
    """Say that there is no such page."""
    return _html(render.trouble("Not found", "There is no such page."), HTTPStatus.NOT_FOUND)


# --- Who looks ---


def _session(call: Call) -> _Session | None:
    """Return the session that a call's cookie bears, or None: none, not ours, over, or its key is gone."""
    sealed = _cookies(call).get(_cookie_name(call.deployment), "")
    content = call.deployment.seal.opened(_SESSION, sealed) if sealed else None
    if content is None:
        return None
    key_hash, until = content.decode().split()
    if call.now >= moment(until):
        return None
    document = call.deployment.store.setting(keys.KIND, key_hash)
    if document is None:
        return None
    key = keys.from_document(key_hash, document)
    if key.scope is Scope.PING:
        return None
    token = call.deployment.seal.closed(_FORM, hashlib.sha256(sealed.encode()).digest()[:16])
    visitor = Visitor(project=key.project, may_write=key.scope is Scope.WRITE, token=token)
    return _Session(replace(call, key=key), key, visitor)


def _seen(page: Page) -> Callable[[Call], Answer]:
    """Serve a page to whoever is signed in; send others to sign in."""

    def serve(call: Call) -> Answer:
        session = _session(call)
        return _told(page, session) if session else _sign_in_first(call)

    return serve


def _done(act: Page, *, writes: bool) -> Callable[[Call], Answer]:
    """Do what a form asks for, if it is a form of this session, and the session's key may."""

    def serve(call: Call) -> Answer:
        session = _session(call)
        if session is None:
            return _sign_in_first(call)
        if _is_from_elsewhere(call) or not _bears_token(call, session):
            return _html(render.trouble("Not done", _STALE_FORM, session.visitor), HTTPStatus.FORBIDDEN)
        if writes and not session.visitor.may_write:
            words = "Your key may only read. Sign in with a read-write key to change something."
            return _html(render.trouble("Not done", words, session.visitor), HTTPStatus.FORBIDDEN)
        return _told(act, session)

    return serve


def _told(page: Page, session: _Session) -> Answer:
    """Serve a page, or say in one why it cannot be served."""
    try:
        return page(session)
    except UnknownError:
        words = f"The project {session.key.project} has no such check. Another project's key may show it."
        return _html(render.trouble("Not found", words, session.visitor), HTTPStatus.NOT_FOUND)
    except ApiError as error:
        return _html(render.trouble("Not done", str(error), session.visitor), error.status)
    except (ConflictError, BusyError) as error:
        return _html(render.trouble("Not now", str(error), session.visitor), HTTPStatus.SERVICE_UNAVAILABLE)
    except CorruptError as error:
        return _html(render.trouble("It cannot be read", str(error), session.visitor), HTTPStatus.INTERNAL_SERVER_ERROR)


def _is_from_elsewhere(call: Call) -> bool:
    """Tell whether a page of another site sent this; browsers of today say so."""
    return call.headers.get("sec-fetch-site") in _ELSEWHERE


def _bears_token(call: Call, session: _Session) -> bool:
    return hmac.compare_digest(_one(_form(call), "token").encode(), session.visitor.token.encode())


def _sign_in_first(call: Call) -> Answer:
    path = f"/checks/{call.at['key']}" if "key" in call.at else "/"
    return _to(f"/sign-in?{urlencode({'back': path})}" if path != "/" else "/sign-in")


# --- HTTP's forms ---


def _html(text: str, status: int = HTTPStatus.OK) -> Answer:
    headers = {
        "Content-Security-Policy": render.policy(),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return Answer(status=int(status), body=text, content_type="text/html; charset=utf-8", headers=headers)


def _to(path: str, *, cookie: str = "") -> Answer:
    headers = {"Location": path} | ({"Set-Cookie": cookie} if cookie else {})
    return Answer(status=HTTPStatus.SEE_OTHER, content_type="text/html; charset=utf-8", headers=headers)


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


def _form(call: Call) -> Mapping[str, list[str]]:
    try:
        return parse_qs(call.body.decode(errors="replace"), keep_blank_values=True, max_num_fields=10)
    except ValueError:  # more fields than any form of ours has
        return {}


def _one(fields: Mapping[str, list[str]], name: str) -> str:
    return next(iter(fields.get(name, [])), "")


def _back(fields: Mapping[str, list[str]]) -> str:
    """Return where a sign-in leads: to a page of ours, whatever the link said."""
    asked = _one(fields, "back")
    return asked if _BACK.fullmatch(asked) else "/"


def _key_of(session: _Session) -> str:
    """Return which check the path names. An id would do as well, but it is a ping URL and belongs in no address bar."""
    key = session.call.at["key"]
    if not _PUBLIC.fullmatch(key):
        raise UnknownError("not found")
    return key


_ONE = "/checks/{key}"


def _route(method: str, path: str, does: Callable[[Call], Answer], says: str) -> Route:
    return Route(method=method, path=path, does=does, needs=Needs.NOTHING, says=says)


ROUTES = (
    _route("GET", "/", _seen(home), "The list of checks"),
    _route("GET", _ONE, _seen(check), "One check"),
    _route("POST", f"{_ONE}/pause", _done(pause, writes=True), "Pause a check"),
    _route("POST", f"{_ONE}/resume", _done(resume, writes=True), "Resume a check"),
    _route("GET", "/sign-in", ask_for_key, "The form to sign in"),
    _route("POST", "/sign-in", sign_in, "Sign in"),
    _route("POST", "/sign-out", _done(sign_out, writes=False), "Sign out"),
)
