"""Routes of the dashboard's pages, for people with a browser: what they are shown, and what they may do.

Every answer is HTML or leads to some. Never here: what a page looks like (page/), who looks (session.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlencode

from lastseen.alerting.routing import reaches_nobody
from lastseen.api import access
from lastseen.api.calls import Call, HttpResponse, Needs, Route
from lastseen.api.errors import RefusedError, UnauthorizedError, UnknownError
from lastseen.api.refusals import FORESEEN, Refusal, refusal
from lastseen.api.web import forms, session
from lastseen.api.web.session import Session
from lastseen.core.check import Check, Flip
from lastseen.page import render, views
from lastseen.storage.projects import channels_of
from lastseen.storage.store import Store

PINGS = 25
FLIPS = 25
"""Newest entries of a check's history on its page."""

_TAGS_LIMIT = 20
_UNIQUE_KEY = re.compile(r"[0-9a-f]{40}", re.ASCII)
_WRONG_KEY = "This is no API key of this Lastseen. It begins with lsw_ or lsr_; perhaps it was revoked."
_STALE_FORM = "This form is not of your present session. Go back, load the page anew and try again."
_READ_ONLY = "Your key may only read. Sign in with a read-write key to change something."

ShowPage = Callable[[Session], HttpResponse]


# --- Pages ---


def home(visit: Session) -> HttpResponse:
    """Show the checks of the project."""
    call = visit.call
    found = visit.checks.all()
    listing = views.listing(
        [described.check for described in found.checks],
        call.now,
        tags=call.query.get("tag", [])[:_TAGS_LIMIT],
        statuses=call.query.get("status", []),
        unreadable=found.unreadable,
    )
    return _html(render.home(listing, visit.visitor, first_ping=views.first_ping(call.deployment.ping_url)))


def check(visit: Session) -> HttpResponse:
    """Show one check."""
    call, found = visit.call, visit.checks.one(_key_of(visit))
    store = call.deployment.store
    flips = store.flips(found.check.id, after=max(0, found.check.flips - FLIPS))
    channels = channels_of(store, found.check.project)
    page = views.check_page(
        found.check,
        call.now,
        about=found.about,
        pings=store.pings(found.check.id, limit=PINGS),
        flips=flips,
        cause=_cause(store, found.check, flips),
        ping_url=call.deployment.ping_url,
        may_write=visit.visitor.may_write,
        reaches_nobody=not channels.unreadable and reaches_nobody(found.check, channels.values),
    )
    return _html(render.check(page, visit.visitor))


def _cause(store: Store, check: Check, flips: Sequence[Flip]) -> Flip | None:
    """Return the flip that brought a check down, by its number: reminders are entries too, so it may be an old one."""
    n = check.incident
    if n is None:
        return None
    kept = [flip for flip in flips if flip.n == n] or store.flips(check.id, after=n - 1, upto=n)
    return next(iter(kept), None)


def pause(visit: Session) -> HttpResponse:
    """Stop watching a check."""
    found = visit.checks.one(_key_of(visit))
    visit.checks.pause(found.check.id)
    return _redirect(f"/checks/{_key_of(visit)}")


def resume(visit: Session) -> HttpResponse:
    """Watch a check again. One that somebody else has resumed already is as it should be."""
    found = visit.checks.one(_key_of(visit))
    with suppress(RefusedError):
        visit.checks.resume(found.check.id)
    return _redirect(f"/checks/{_key_of(visit)}")


def sign_out(visit: Session) -> HttpResponse:
    """End the session, in this browser and wherever else its cookie may be."""
    return _redirect("/sign-in", cookie=session.end(visit))


def ask_for_key(call: Call) -> HttpResponse:
    """Show the form to sign in."""
    return _html(render.sign_in(back=forms.back(call.query)))


def sign_in(call: Call) -> HttpResponse:
    """Begin a session, if the form brings a key."""
    fields = forms.fields_of(call)
    back = forms.back(fields)
    if forms.is_from_elsewhere(call):
        return _html(render.sign_in(back=back, trouble=_STALE_FORM), HTTPStatus.FORBIDDEN)
    try:
        word = forms.first(fields, "key").strip()
        key = access.find_key(call.deployment.store, word, call.now, write=False)
    except UnauthorizedError:
        return _html(render.sign_in(back=back, trouble=_WRONG_KEY), HTTPStatus.UNAUTHORIZED)
    return _redirect(back, cookie=session.begin(call, key))


def not_found() -> HttpResponse:
    """Say that there is no such page."""
    return _html(render.trouble("Not found", "There is no such page."), HTTPStatus.NOT_FOUND)


# --- Who may see and do what ---


def _shown(page: ShowPage) -> Callable[[Call], HttpResponse]:
    """Serve a page to a user who is signed in; send others to sign in."""

    def serve(call: Call) -> HttpResponse:
        visit = session.of(call)
        return _or_refusal(page, visit) if visit else _sign_in_first(call)

    return serve


def _done(act: ShowPage, *, writes: bool) -> Callable[[Call], HttpResponse]:
    """Do what a form asks for, if it is a form of this session, and the session's key may."""

    def serve(call: Call) -> HttpResponse:
        visit = session.of(call)
        if visit is None:
            return _sign_in_first(call)
        if forms.is_from_elsewhere(call) or not forms.has_token(visit):
            return _html(render.trouble("Not done", _STALE_FORM, visit.visitor), HTTPStatus.FORBIDDEN)
        if writes and not visit.visitor.may_write:
            return _html(render.trouble("Not done", _READ_ONLY, visit.visitor), HTTPStatus.FORBIDDEN)
        return _or_refusal(act, visit)

    return serve


def _or_refusal(page: ShowPage, visit: Session) -> HttpResponse:
    """Serve a page, or say in one why it cannot be served."""
    try:
        return page(visit)
    except FORESEEN as error:
        known = refusal(error)
        if known is None:
            raise
        return _html(render.trouble(*_heading_and_words(known, visit), visit.visitor), known.status)


def _heading_and_words(known: Refusal, visit: Session) -> tuple[str, str]:
    if known.status == HTTPStatus.NOT_FOUND:
        words = f"The project {visit.key.project} has no such check. Another project's key may show it."
        return "Not found", words
    if known.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return "Not now", known.words
    if known.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return "It cannot be read", known.words
    return "Not done", known.words


def _sign_in_first(call: Call) -> HttpResponse:
    path = f"/checks/{call.path['key']}" if "key" in call.path else "/"
    return _redirect(f"/sign-in?{urlencode({'back': path})}" if path != "/" else "/sign-in")


def _key_of(visit: Session) -> str:
    """Return which check the path names. An id would do as well, but it is a ping URL and belongs in no address bar."""
    key = visit.call.path["key"]
    if not _UNIQUE_KEY.fullmatch(key):
        raise UnknownError("not found")
    return key


# --- HTTP's forms ---


def _html(text: str, status: int = HTTPStatus.OK) -> HttpResponse:
    headers = {
        "Content-Security-Policy": render.policy(),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    return HttpResponse(status=int(status), body=text, content_type="text/html; charset=utf-8", headers=headers)


def _redirect(path: str, *, cookie: str = "") -> HttpResponse:
    headers = {"Location": path} | ({"Set-Cookie": cookie} if cookie else {})
    return HttpResponse(status=HTTPStatus.SEE_OTHER, content_type="text/html; charset=utf-8", headers=headers)


_ONE = "/checks/{key}"


def _route(method: str, path: str, handler: Callable[[Call], HttpResponse], summary: str) -> Route:
    return Route(method=method, path=path, handler=handler, needs=Needs.NOTHING, summary=summary)


ROUTES = (
    _route("GET", "/", _shown(home), "The list of checks"),
    _route("GET", _ONE, _shown(check), "One check"),
    _route("POST", f"{_ONE}/pause", _done(pause, writes=True), "Pause a check"),
    _route("POST", f"{_ONE}/resume", _done(resume, writes=True), "Resume a check"),
    _route("GET", "/sign-in", ask_for_key, "The form to sign in"),
    _route("POST", "/sign-in", sign_in, "Sign in"),
    _route("POST", "/sign-out", _done(sign_out, writes=False), "Sign out"),
)
