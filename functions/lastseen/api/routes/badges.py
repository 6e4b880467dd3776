"""Routes of badges: their list, and the badges themselves, which are public."""

from __future__ import annotations

import re

from lastseen.api import badges
from lastseen.api.badges import ALL, Badge
from lastseen.api.calls import API, Call, HttpResponse, Needs, Responds, Route
from lastseen.api.documents import BadgeDocument, BadgeList, BadgeUrls, ShieldsDocument
from lastseen.api.errors import UnknownError
from lastseen.text.badge import SHIELDS_COLORS, svg

_FILE = re.compile(r"(?P<name>[A-Za-z0-9_-]{1,500})\.(?P<form>svg|json|shields)", re.ASCII)
_STATES = {"2": 2, "3": 3}


def listed(call: Call) -> HttpResponse:
    """Answer with the URLs of the project's badges."""
    store = call.deployment.store
    checks = store.get_many(list(store.project(call.project)), corrupt=[]).values()

    def urls(tag: str) -> BadgeUrls:
        forms = {
            form + ("3" if states == 3 else ""): badges.tag_url(call, tag, states=states, form=form)  # noqa: PLR2004 - two or three
            for form in ("svg", "json", "shields")
            for states in (2, 3)
        }
        return BadgeUrls(json_=forms.pop("json"), **forms)

    return HttpResponse(document=BadgeList(badges={tag: urls(tag) for tag in [ALL, *badges.tags(checks)]}))


def of_check(call: Call) -> HttpResponse:
    """Answer with the badge of a check."""
    name, form, states = _asked(call)
    return _answer(badges.of_check(call, name, states=states), form)


def of_tag(call: Call) -> HttpResponse:
    """Answer with the badge of a tag, or of all checks."""
    name, form, states = _asked(call)
    return _answer(badges.of_tag(call, name, states=states), form)


def _asked(call: Call) -> tuple[str, str, int]:
    match, states = _FILE.fullmatch(call.path["file"]), _STATES.get(call.path["states"])
    if match is None or states is None:
        raise UnknownError("not found: a badge's URL ends with /2/ or /3/ and a name in .svg, .json or .shields")
    return match["name"], match["form"], states


def _answer(badge: Badge, form: str) -> HttpResponse:
    status = badge.summary.status
    headers = {"Cache-Control": f"public, max-age={badge.fresh_seconds}"}  # so that no proxy shows one of yesterday
    if form == "svg":
        return HttpResponse(body=svg(badge.label, status), content_type="image/svg+xml", headers=headers)
    if form == "shields":
        shields = ShieldsDocument(schemaVersion=1, label=badge.label, message=status, color=SHIELDS_COLORS[status])
        return HttpResponse(document=shields, headers=headers)
    counts = badge.summary
    document = BadgeDocument(status=status, total=counts.total, grace=counts.grace, down=counts.down)
    return HttpResponse(document=document, headers=headers)


_BADGE = Responds(description="The badge.", document=BadgeDocument, content_type="image/svg+xml")

ROUTES = (
    Route(
        method="GET",
        path=f"{API}/badges/",
        handler=listed,
        needs=Needs.READ,
        summary="List the URLs of the project's badges",
        responses={200: Responds(description="The URLs, by tag.", document=BadgeList)},
    ),
    Route(
        method="GET",
        path="/b/{states}/{file}",
        handler=of_check,
        needs=Needs.NOTHING,
        summary="Get the badge of a check",
        description="Its URL is the check's `badge_url`. With 3 for 2 it distinguishes late from up; "
        ".json and .shields are data.",
        responses={200: _BADGE},
    ),
    Route(
        method="GET",
        path="/badge/{states}/{file}",
        handler=of_tag,
        needs=Needs.NOTHING,
        summary="Get the badge of a tag, or of all checks",
        description="The URLs are in the list of badges. It may be five seconds old, of many checks up to a minute; "
        "`Cache-Control` says how long.",
        responses={200: _BADGE},
    ),
)
