"""Routes of channels: list, create, get, change, delete, test, confirm.

The list has the peer's form; all beside `id`, `name` and `kind` is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from lastseen.api import channels
from lastseen.api.calls import API, Call, HttpResponse, Needs, Responds, Route
from lastseen.api.channel_models import (
    ChannelChange,
    ChannelDocument,
    ChannelList,
    ChannelRequest,
    ConfirmRequest,
    DeletedChannelDocument,
    DeleteQuery,
    NewChannelDocument,
    TestDocument,
    channel_document,
    resolved,
    result_of,
)
from lastseen.api.channels import Channels
from lastseen.api.errors import BadRequestError, RefusedError
from lastseen.core.channel import BY_SNS, Channel, Via
from lastseen.delivery.webhook import form_of
from lastseen.storage.fresh import new_webhook_secret
from lastseen.text.event import Event
from lastseen.text.incident import opens_incidents

RESOLVING_LIMIT = timedelta(seconds=15)
"""Of the time in which a deletion closes incidents; a request has less than half a minute."""

LIST = f"{API}/channels/"
ONE = f"{API}/channels/{{channel}}"


def listed(call: Call) -> HttpResponse:
    """Answer with the project's channels."""
    mine = Channels(call)
    return HttpResponse(document=ChannelList(channels=_documents(mine, mine.all())))


def create(call: Call) -> HttpResponse:
    """Make a channel."""
    request = call.read_body(ChannelRequest)
    via, target = _resolved(call, request.via, request.target, webhook="webhook" in request.model_fields_set)
    secret = new_webhook_secret() if via is Via.WEBHOOK else ""
    wanted = Channel(
        id="",
        project=call.project,
        name=request.name,
        via=via,
        target=target,
        default=request.default,
        statuses=tuple(dict.fromkeys(request.statuses)),
        tags=tuple(dict.fromkeys(request.tags)),
        webhook=request.webhook.model_dump() | {"secret": secret} if secret else None,
    )
    channel_document(wanted, note=None, pending=False)  # nothing is stored whose answer cannot be built
    mine = Channels(call)
    made = mine.create(wanted, lambda channel: _checked(call, channel))
    document = _document(mine, made)
    return HttpResponse(status=201, document=NewChannelDocument(**document.model_dump(), secret=secret))


def get(call: Call) -> HttpResponse:
    """Answer with one channel."""
    mine = Channels(call)
    return HttpResponse(document=_document(mine, mine.one(call.path["channel"])))


def update(call: Call) -> HttpResponse:
    """Change what the body names."""
    mine = Channels(call)
    channel = mine.one(call.path["channel"])
    changed = mine.change(
        channel.id,
        _changes(call, call.read_body(ChannelChange), channel),
        check=lambda wanted: _checked(call, wanted),
        probe=lambda wanted: _probed(call, wanted),
    )
    document = _document(mine, changed)
    is_new_webhook = channel.webhook is None and changed.webhook is not None
    secret = str((changed.webhook or {}).get("secret", "")) if is_new_webhook else ""
    return HttpResponse(document=NewChannelDocument(**document.model_dump(), secret=secret))


def patch(call: Call) -> HttpResponse:
    """Change what the body names: the same by another method."""
    return update(call)


def delete(call: Call) -> HttpResponse:
    """Remove a channel; answer with what it was, and which checks have changed."""
    query = call.read_query(DeleteQuery)
    mine = Channels(call)
    document = _document(mine, mine.one(call.path["channel"]))
    deleted = mine.delete(
        document.id,
        lambda channel, ends: _resolve(call, channel, ends),
        replace_by=query.replace_by,
        detach=query.detach == "1",
    )
    names = {each.check.id: each.check.name or each.check.slug or each.check.id for each in deleted.checks}
    without = [names[each.check.id] for each in deleted.checks if not each.check.channels]
    shown = DeletedChannelDocument(**document.model_dump(), changed=list(names.values()), without=without)
    return HttpResponse(document=shown)


def test(call: Call) -> HttpResponse:
    """Send a marked test alert the whole way."""
    mine = Channels(call)
    channel = mine.one(call.path["channel"])
    if mine.unconfirmed([channel]):
        raise RefusedError(
            "nobody has confirmed the mail from AWS yet; until then SNS sends nothing to it. "
            "POST .../ask-again lets AWS mail it again"
        )
    testing = mine.test(channel.id)
    result = TestDocument(test=testing.nonce, result="sent" if channel.via in BY_SNS else "waiting")
    return HttpResponse(status=202, document=result)


def tested(call: Call) -> HttpResponse:
    """Answer with what became of a test."""
    mine = Channels(call)
    channel, nonce = mine.one(call.path["channel"]), call.path["test"]
    note = mine.tested(channel, nonce)
    if note is None:
        result = TestDocument(test=nonce, result="sent" if channel.via in BY_SNS else "waiting")
        return HttpResponse(document=result)
    return HttpResponse(document=TestDocument(test=nonce, result=result_of(note), why=note.why))


def confirm(call: Call) -> HttpResponse:
    """Confirm an address of mail, so that only somebody with AWS credentials can unsubscribe it."""
    mine = Channels(call)
    confirmed = mine.confirm(call.path["channel"], call.read_body(ConfirmRequest).token)
    return HttpResponse(document=_document(mine, confirmed))


def ask_again(call: Call) -> HttpResponse:
    """Let AWS mail the reader of an address again."""
    mine = Channels(call)
    return HttpResponse(status=202, document=_document(mine, mine.ask_again(call.path["channel"])))


def _documents(mine: Channels, found: list[Channel]) -> list[ChannelDocument]:
    pending = mine.unconfirmed(found)
    return [
        channel_document(
            channel, note=None if channel.via in BY_SNS else mine.last(channel), pending=channel.id in pending
        )
        for channel in found
    ]


def _document(mine: Channels, channel: Channel) -> ChannelDocument:
    return _documents(mine, [channel])[0]


def _resolved(call: Call, via: str, target: str, *, webhook: bool) -> tuple[Via, str]:
    """Return how a target is reached: an https URL that Apprise knows is a chat's, and any other a webhook."""
    known, bare = resolved(via, target, webhook=webhook)
    if known is None:
        from lastseen.delivery import services  # noqa: PLC0415 - Apprise takes its time, and only this needs it

        try:
            services.checked(bare, allow_private=call.deployment.allow_private_targets)
        except services.BadTargetError:
            known = Via.WEBHOOK
        else:
            known = Via.CHAT
    return known, bare


def _changes(call: Call, request: ChannelChange, channel: Channel) -> dict[str, Any]:
    """Return the fields of a channel that a request changes."""
    sent = request.model_fields_set
    changes: dict[str, Any] = {name: getattr(request, name) for name in ("name", "default") if name in sent}
    changes |= {name: tuple(dict.fromkeys(getattr(request, name))) for name in ("statuses", "tags") if name in sent}
    if "target" in sent:
        via = request.via or (channel.via.value if channel.via in BY_SNS else "")
        webhook = "webhook" in sent or (channel.via is Via.WEBHOOK and not request.via and _is_http(request.target))
        changes["via"], changes["target"] = _resolved(call, via, request.target, webhook=webhook)
    is_webhook = changes.get("via", channel.via) is Via.WEBHOOK
    if "webhook" in sent and not is_webhook:
        raise BadRequestError("webhook: this channel is none")
    if is_webhook and ("webhook" in sent or channel.webhook is None):
        secret = str((channel.webhook or {}).get("secret", "")) or new_webhook_secret()
        changes["webhook"] = request.webhook.model_dump() | {"secret": secret}
    if not is_webhook and channel.webhook is not None:
        changes["webhook"] = None
    return changes


def _is_http(target: str) -> bool:
    return target.lower().startswith(("https://", "http://"))


def _checked(call: Call, channel: Channel) -> str:
    """Return a target as it is kept. Raises BadRequestError with the reason why it may not be."""
    if channel.via in BY_SNS:
        return channel.target
    from lastseen.delivery import services  # noqa: PLC0415 - Apprise takes its time, and only this needs it

    allow_private = call.deployment.allow_private_targets
    try:
        if channel.via is Via.CHAT:
            return services.checked(channel.target, allow_private=allow_private)
        services.checked_webhook(form_of(channel), allow_private=allow_private)
    except services.BadTargetError as error:
        raise BadRequestError(f"target: {error}") from error
    return channel.target


def _probed(call: Call, channel: Channel) -> str:
    """Send a test alert to a channel from here, and return why it was not taken, or ""."""
    from lastseen.delivery.results import MessageForm  # noqa: PLC0415 - Apprise takes its time, and only this needs it
    from lastseen.delivery.sender import sender  # noqa: PLC0415 - as above
    from lastseen.text.own import trial  # noqa: PLC0415 - as above

    send = sender(allow_private=call.deployment.allow_private_targets, clock=call.deployment.clock)
    outcome = send(channel, trial(channel, now=call.now, nonce=channels.new_nonce()).event, MessageForm.FULL)
    return "" if outcome.ok else outcome.why or "it was not delivered"


def _resolve(call: Call, channel: Channel, ends: Iterator[Event]) -> None:
    """Close what is open in an incident tool, from here: its queue would find no channel any more.

    Only as long as the tool takes it: one that does not answer must not keep its channel from being deleted.
    """
    if not opens_incidents(channel.target):
        return
    from lastseen.delivery.results import MessageForm  # noqa: PLC0415 - Apprise takes its time, and only this needs it
    from lastseen.delivery.sender import sender  # noqa: PLC0415 - as above

    send = sender(allow_private=call.deployment.allow_private_targets, clock=call.deployment.clock)
    until = call.deployment.clock() + RESOLVING_LIMIT
    for event in ends:
        if call.deployment.clock() > until or not send(channel, event, MessageForm.FULL).ok:
            return


_CHANNEL = Responds(description="The channel.", document=ChannelDocument)
_UNKNOWN = Responds(description="There is no such channel.")
_BUSY = Responds(description="AWS takes no more subscriptions for the moment. Try again.")


def _changed_by(method: str, handler: Callable[[Call], HttpResponse]) -> Route:
    return Route(
        method=method,
        path=ONE,
        handler=handler,
        needs=Needs.WRITE,
        summary="Change a channel",
        description="What the body names. A new target replaces the old one only if it takes a test alert; checks go "
        "on to list the channel.",
        body=ChannelChange,
        responses={
            200: Responds(description="The channel as it is now.", document=NewChannelDocument),
            404: _UNKNOWN,
            409: Responds(description="Its name is taken, or it is mail or SMS, whose address stays."),
        },
    )


ROUTES = (
    Route(
        method="GET",
        path=LIST,
        handler=listed,
        needs=Needs.WRITE,
        summary="List the project's channels",
        responses={200: Responds(description="The channels, by name.", document=ChannelList)},
    ),
    Route(
        method="POST",
        path=LIST,
        handler=create,
        needs=Needs.WRITE,
        summary="Create a channel",
        description="An address of mail has to be confirmed by its reader: AWS sends it a mail. A request that "
        "was interrupted is finished by the same request.",
        body=ChannelRequest,
        responses={
            201: Responds(description="The channel was made.", document=NewChannelDocument),
            409: Responds(description="Its name or its address is taken, or there are too many."),
            429: _BUSY,
        },
    ),
    Route(
        method="GET",
        path=ONE,
        handler=get,
        needs=Needs.WRITE,
        summary="Get a channel by id or name",
        responses={200: _CHANNEL, 404: _UNKNOWN},
    ),
    _changed_by("POST", update),
    _changed_by("PATCH", patch),
    Route(
        method="DELETE",
        path=ONE,
        handler=delete,
        needs=Needs.WRITE,
        summary="Delete a channel",
        description="One that checks list is deleted only with `replace_by` or `detach`.",
        query=DeleteQuery,
        responses={
            200: Responds(description="The channel as it was.", document=DeletedChannelDocument),
            404: _UNKNOWN,
            409: Responds(description="It is in use; the text names the checks."),
            429: _BUSY,
        },
    ),
    Route(
        method="POST",
        path=f"{ONE}/test",
        handler=test,
        needs=Needs.WRITE,
        summary="Send a marked test alert the whole way to a channel",
        description="A channel that is off is tried too, and is on again if it takes the test.",
        responses={
            202: Responds(description="The test is on its way.", document=TestDocument),
            404: _UNKNOWN,
            409: Responds(description="The address is not confirmed."),
        },
    ),
    Route(
        method="GET",
        path=f"{ONE}/tests/{{test}}",
        handler=tested,
        needs=Needs.WRITE,
        summary="Ask what became of a test",
        responses={200: Responds(description="What is known of it.", document=TestDocument), 404: _UNKNOWN},
    ),
    Route(
        method="POST",
        path=f"{ONE}/confirm",
        handler=confirm,
        needs=Needs.WRITE,
        summary="Confirm an address of mail",
        description="By the link in AWS's mail. Confirmed so, only AWS credentials can unsubscribe it, and "
        "no mail scanner.",
        body=ConfirmRequest,
        responses={200: _CHANNEL, 404: _UNKNOWN, 409: Responds(description="AWS takes no more."), 429: _BUSY},
    ),
    Route(
        method="POST",
        path=f"{ONE}/ask-again",
        handler=ask_again,
        needs=Needs.WRITE,
        summary="Let AWS send the mail for the confirmation again",
        description="Also finishes a channel of mail or SMS whose creation was interrupted.",
        responses={
            202: Responds(description="The channel; the mail is on its way.", document=ChannelDocument),
            404: _UNKNOWN,
            409: Responds(description="It is confirmed already, or AWS waits for the answer to its first mail."),
            429: _BUSY,
        },
    ),
)
