"""Routes of checks: list, create, get, update, pause, resume, delete."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from lastseen.alerting.routing import reaches_nobody
from lastseen.api import badges
from lastseen.api.calls import API, Call, HttpResponse, Needs, Responds, Route, encoded_bytes
from lastseen.api.checks import Checks, Described, Listed
from lastseen.api.documents import CheckDocument, CheckList, check_document
from lastseen.api.models import CheckQuery, CheckRequest, WriteQuery
from lastseen.core.channel import Channel
from lastseen.page.phrases import taken
from lastseen.storage.projects import channels_of

LIST = f"{API}/checks/"
ONE = f"{API}/checks/{{key}}"
PAGE = 500
"""Checks on a page for which no limit is asked."""
PAGE_LIMIT_BYTES = 5_500_000
"""Of the documents of a page; an answer may have half a million more for the rest."""


def of(call: Call) -> Checks:
    """Return the checks that a call may touch."""
    return Checks(call)


def document(call: Call, described: Described, channels: Sequence[Channel] | None = None) -> CheckDocument:
    """Return a check's document in the form that the call asks for; `channels`: the project's, where they are read."""
    answer = check_document(
        described.check,
        about=described.about,
        version=call.version,
        now=call.now,
        ping_url=call.deployment.ping_url,
        api_url=call.deployment.api_url,
        badge_url=badges.check_url(call, described.check.id),
        read_only=call.read_only,
    )
    if channels is not None and not call.read_only and reaches_nobody(described.check, channels):
        answer.reaches_nobody = True
    return answer


def _channels(call: Call) -> Sequence[Channel] | None:
    """Return the project's channels; None where nobody is told of them, or one cannot be read."""
    if call.read_only:
        return None
    found = channels_of(call.deployment.store, call.project)
    return None if found.unreadable else found.values


def listed(call: Call) -> HttpResponse:
    """Answer with the checks of the project."""
    asked = call.read_query(CheckQuery)
    if asked.limit or asked.cursor:
        found, documents = _page(call, asked)
    else:
        found = of(call).all(slug=asked.slug, tags=asked.tag)
        channels = _channels(call)
        documents = [document(call, each, channels) for each in found.checks]
    answer = CheckList(checks=documents)
    if found.cursor:
        answer.next = found.cursor
    if found.unreadable:
        answer.unreadable = list(found.unreadable)
    return HttpResponse(document=answer)


def _page(call: Call, asked: CheckQuery) -> tuple[Listed, list[CheckDocument]]:
    """Return a page of checks and their documents: fewer than asked for if all of them would not fit into an answer."""
    limit, channels = asked.limit or PAGE, _channels(call)
    while True:
        found = of(call).page(cursor=asked.cursor, limit=limit, slug=asked.slug, tags=asked.tag)
        documents = [document(call, each, channels) for each in found.checks]
        sizes = accumulate(encoded_bytes(each.model_dump_json(exclude_unset=True)) for each in documents)
        fitting = sum(size <= PAGE_LIMIT_BYTES for size in sizes)
        if fitting == len(documents):
            return found, documents
        assert fitting, "the largest check fits into an answer"
        limit = max(1, limit * fitting // len(documents))


def create(call: Call) -> HttpResponse:
    """Make a check, or update the one that `unique` matches."""
    request, dry = call.read_body(CheckRequest), call.read_query(WriteQuery).dry_run == "1"
    described, made = of(call).create(request, version=call.version, dry=dry)
    return HttpResponse(status=201 if made else 200, document=noted(call, described, request))


def noted(call: Call, described: Described, request: CheckRequest) -> CheckDocument:
    """Return the check's document, with what the sender of a schedule should know of it."""
    answer = document(call, described)
    if request.schedule and (note := taken(request.schedule, described.check.schedule, call.now)):
        answer.schedule_note = note
    return answer


def get(call: Call) -> HttpResponse:
    """Answer with one check."""
    return HttpResponse(document=document(call, of(call).one(call.path["key"]), _channels(call)))


def update(call: Call) -> HttpResponse:
    """Change the settings that the body names."""
    request, dry = call.read_body(CheckRequest), call.read_query(WriteQuery).dry_run == "1"
    described = of(call).update(call.path["key"], request, version=call.version, dry=dry)
    return HttpResponse(document=noted(call, described, request))


def pause(call: Call) -> HttpResponse:
    """Stop watching."""
    return HttpResponse(document=document(call, of(call).pause(call.path["key"])))


def resume(call: Call) -> HttpResponse:
    """Watch again."""
    return HttpResponse(document=document(call, of(call).resume(call.path["key"])))


def delete(call: Call) -> HttpResponse:
    """Remove a check; answer with what it was."""
    return HttpResponse(document=document(call, of(call).delete(call.path["key"])))


_CHECK = Responds(description="The check.", document=CheckDocument)
_FULL = Responds(description="Too many checks share the slug for their descriptions to be kept.")
_NOT_MADE = Responds(
    description="Too many checks share the slug for their descriptions to be kept, the project has too many checks, or "
    "the `uuid` is taken."
)
_NOT_PAUSED = Responds(description="The check is not paused.")

ROUTES = (
    Route(
        method="GET",
        path=LIST,
        handler=listed,
        needs=Needs.READ,
        summary="List the project's checks",
        description="Complete and by name. With `limit` or `cursor`: page by page, in an order of their own.",
        query=CheckQuery,
        responses={200: Responds(description="The checks, by name.", document=CheckList)},
    ),
    Route(
        method="POST",
        path=LIST,
        handler=create,
        needs=Needs.WRITE,
        summary="Create a check, or update the one that `unique` matches",
        body=CheckRequest,
        query=WriteQuery,
        responses={
            200: Responds(description="A check matched `unique` and was updated.", document=CheckDocument),
            201: Responds(description="The check was made.", document=CheckDocument),
            409: _NOT_MADE,
        },
    ),
    Route(method="GET", path=ONE, handler=get, needs=Needs.READ, summary="Get a check", responses={200: _CHECK}),
    Route(
        method="POST",
        path=ONE,
        handler=update,
        needs=Needs.WRITE,
        summary="Change the settings that the body names",
        body=CheckRequest,
        query=WriteQuery,
        responses={200: _CHECK, 409: _FULL},
    ),
    Route(
        method="DELETE",
        path=ONE,
        handler=delete,
        needs=Needs.WRITE,
        summary="Delete a check",
        description="If it is down, those who were notified of that are notified of the end first, within seconds.",
        responses={200: Responds(description="The check as it was.", document=CheckDocument)},
    ),
    Route(
        method="POST",
        path=f"{ONE}/pause",
        handler=pause,
        needs=Needs.WRITE,
        summary="Stop watching a check",
        responses={200: _CHECK},
    ),
    Route(
        method="POST",
        path=f"{ONE}/resume",
        handler=resume,
        needs=Needs.WRITE,
        summary="Watch a paused check again, as if new",
        responses={200: _CHECK, 409: _NOT_PAUSED},
    ),
)
