"""Routes of badges: their list, and the badges themselves, which are public."""

from __future__ import annotations

import re

from lastseen.api import badges
from lastseen.api.badges import ALL, Badge
from lastseen.api.calls import API, Answer, Call, Needs, Route, Told
from lastseen.api.documents import BadgeDocument, BadgeList, BadgeUrls, ShieldsDocument
from lastseen.api.errors import UnknownError
from lastseen.text.badge import SHIELDS_COLORS, svg

_FILE = re.compile(r"(?P<name>[A-Za-z0-9_-]{1,500})\.(?P<form>svg|json|shields)", re.ASCII)
_STATES = {"2": 2, "3": 3}
FRESH = {"Cache-Control": "no-cache, max-age=0"}
"""So that no proxy shows a badge of yesterday."""


def listed(call: Call) -> Answer:
    """Answer with the URLs of the project's badges."""
    deployment, project = call.deployment, call.project
    checks = list(deployment.store.get_many(list(deployment.store.project(project)), corrupt=[]).values())

    def urls(tag: str) -> BadgeUrls:
        forms = {
            form + ("3" if states == 3 else ""): badges.tag_url(deployment, project, tag, states=states, form=form)  # noqa: PLR2004 - two or three
            for form in ("svg", "json", "shields")
            for states in (2, 3)
        }
        return BadgeUrls(json_=forms.pop("json"), **forms)

    return Answer(document=BadgeList(badges={tag: urls(tag) for tag in [ALL, *badges.tags(checks)]}))


def of_check(call: Call) -> Answer:
    """Answer with the badge of a check."""
    name, form, states = _asked(call)
    return _answer(badges.of_check(call.deployment, name, call.now, states=states), form)


def of_tag(call: Call) -> Answer:
    """Answer with the badge of a tag, or of all checks."""
    name, form, states = _asked(call)
    return _answer(badges.of_tag(call.deployment, name, call.now, states=states), form)


def _asked(call: Call) -> tuple[str, str, int]:
    match, states = _FILE.fullmatch(call.at["file"]), _STATES.get(call.at["states"])
    if match is None or states is None:
        raise UnknownError("not found: a badge's URL ends with /2/ or /3/ and a name in .svg, .json or .shields")
    return match["name"], match["form"], states


def _answer(badge: Badge, form: str) -> Answer:
    status = badge.said.status
    if form == "svg":
        return Answer(body=svg(badge.label, status), content_type="image/svg+xml", headers=FRESH)
    if form == "shields":
        shields = ShieldsDocument(schemaVersion=1, label=badge.label, message=status, color=SHIELDS_COLORS[status])
        return Answer(document=shields, headers=FRESH)
    said = badge.said
    document = BadgeDocument(status=status, total=said.total, grace=said.grace, down=said.down)
    return Answer(document=document, headers=FRESH)


_BADGE = Told(says="The badge.", document=BadgeDocument, content_type="image/svg+xml")

ROUTES = (
    Route(
        method="GET",
        path=f"{API}/badges/",
        does=listed,
        needs=Needs.READ,
        says="List the URLs of the project's badges",
        answers={200: Told(says="The URLs, by tag.", document=BadgeList)},
    ),
    Route(
        method="GET",
        path="/b/{states}/{file}",
        does=of_check,
        needs=Needs.NOTHING,
        says="Get the badge of a check",
        more="Its URL is the check's `badge_url`. With 3 for 2 it tells late from up; .json and .shields are data.",
        answers={200: _BADGE},
    ),
    Route(
        method="GET",
        path="/badge/{states}/{file}",
        does=of_tag,
        needs=Needs.NOTHING,
        says="Get the badge of a tag, or of all checks",
        more="The URLs are in the list of badges. What it says may be five seconds old.",
        answers={200: _BADGE},
    ),
)
