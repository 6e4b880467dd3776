"""Routes of channels: list, create, get, delete, test, confirm.

The list has the peer's form; all beside `id`, `name` and `kind` is ours. A channel's address is a secret: it is taken
once and told to nobody, save where people must know it again (mail, telephone) and nobody gains by it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from lastseen.api import channels
from lastseen.api.calls import API, Call, HttpResponse, Needs, Responds, Route
from lastseen.api.channels import ADDRESS, NUMBER, ChannelError, Channels, NoChannelError, TakenError
from lastseen.api.documents import Document, Time, time_or_none
from lastseen.api.errors import BadRequestError, RefusedError, UnknownError
from lastseen.api.models import Line, Model, Name
from lastseen.core.channel import ALL, BY_SNS, Channel, Via
from lastseen.core.times import peer_time
from lastseen.delivery.notes import Note
from lastseen.delivery.webhook import METHODS, form

LIST = f"{API}/channels/"
ONE = f"{API}/channels/{{channel}}"
TARGET_LIMIT = 2_000
BODY_LIMIT = 20_000
HEADERS_LIMIT = 20
TAGS_LIMIT = 10
"""SNS multiplies the values of a filter's parts and takes 150 at most."""


def _a_token(value: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", value):
        raise ValueError("is no name of a header")
    return value


def _a_name(value: str) -> str:
    if not value.strip() or "," in value or value == ALL or not value.isprintable():
        raise ValueError("is needed, without commas, for checks list their channels by comma")
    return value


def _a_word(value: str) -> str:
    if not value or value.split() != [value]:
        raise ValueError("is one word")
    return value


Header = Annotated[str, AfterValidator(_a_token)]
HeaderValue = Annotated[Line, StringConstraints(max_length=1_000)]
Tag = Annotated[Line, StringConstraints(max_length=100), AfterValidator(_a_word)]
Template = Annotated[str, StringConstraints(max_length=BODY_LIMIT)]


class WebhookRequest(Model):
    """How a webhook's request looks. URL, headers and body may hold placeholders such as `$NAME`."""

    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE"] = "POST"
    headers: dict[Header, HeaderValue] = Field(default_factory=dict, max_length=HEADERS_LIMIT)
    body: Template = ""
    """Empty: the event as JSON."""


class ChannelRequest(Model):
    """A channel to be made."""

    name: Annotated[Name, AfterValidator(_a_name)]
    """Given once per project; without commas, for checks list their channels by comma."""
    via: Literal["email", "sms", "chat", "webhook"]
    target: Annotated[Line, StringConstraints(min_length=1, max_length=TARGET_LIMIT)]
    """An address, a number like +491701234567, an Apprise URL (or the https URL that the service shows), or a URL."""
    default: bool = True
    """Whether it takes alerts of checks whose channels are `*`; else only of those that name it."""
    statuses: list[Literal["down", "up"]] = Field(default_factory=list, max_length=2)
    """Only alerts of these; empty: all."""
    tags: list[Tag] = Field(default_factory=list, max_length=TAGS_LIMIT)
    """Only alerts of checks that bear one of these; empty: all."""
    webhook: WebhookRequest = Field(default_factory=WebhookRequest)

    @model_validator(mode="after")
    def _fits(self) -> ChannelRequest:
        if self.via == "email" and not ADDRESS.fullmatch(self.target):
            raise ValueError("needs an address of mail as its target")
        if self.via == "sms" and not NUMBER.fullmatch(self.target):
            raise ValueError("needs a number as its target that begins with + and the country, like +491701234567")
        if self.via != "webhook" and "webhook" in self.model_fields_set:
            raise ValueError("has a webhook only if it is via webhook")
        return self


class ConfirmRequest(Model):
    """The way by which an address of mail is confirmed."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    """The token of AWS's mail, or its whole link."""


class DeliveryDocument(Document):
    """What became of a delivery."""

    event: str
    at: Time
    result: Literal["delivered", "again", "refused"]
    """ "again": it is going to be tried again."""
    why: str
    tries: int


class ChannelDocument(Document):
    """A channel, without its secrets."""

    id: str
    name: str
    kind: str
    """`email`, `sms`, `webhook`, or the service of a chat, such as `slack`."""
    via: Literal["email", "sms", "chat", "webhook"]
    to: str
    """Whom it reaches, as far as that is no secret."""
    default: bool
    statuses: list[str]
    tags: list[str]
    state: Literal["on", "pending", "off"]
    """ "pending": nobody has confirmed the mail from AWS yet. "off": it refused alerts."""
    why: str
    """Why it is off."""
    created: Time | None
    last_delivery: DeliveryDocument | None
    """Not known of mail and SMS, which AWS delivers."""


class NewChannelDocument(ChannelDocument):
    """A channel that was just made."""

    secret: str = ""
    """What signs a webhook's requests: shown now and never again."""


class ChannelList(Document):
    """The channels of a project, by name."""

    channels: list[ChannelDocument]


class TestDocument(Document):
    """A test alert on its way."""

    test: str
    """Its id: ask for what became of it."""
    result: Literal["sent", "waiting", "delivered", "again", "refused"]
    """ "sent": AWS has it, and tells nothing further of mail and SMS. "waiting": it is on its way."""
    why: str = ""


def listed(call: Call) -> HttpResponse:
    """Answer with the project's channels."""
    mine = _of(call)
    found = mine.all()
    pending = _pending(mine, found)
    return HttpResponse(document=ChannelList(channels=[_document(channel, mine, pending) for channel in found]))


def create(call: Call) -> HttpResponse:
    """Make a channel."""
    asked = call.read_body(ChannelRequest)
    webhook = asked.webhook.model_dump() | {"secret": channels.new_secret()} if asked.via == "webhook" else None
    wanted = Channel(
        id="",
        project=call.project,
        name=asked.name,
        via=Via(asked.via),
        target=asked.target,
        default=asked.default,
        statuses=tuple(dict.fromkeys(asked.statuses)),
        tags=tuple(dict.fromkeys(asked.tags)),
        webhook=webhook,
    )
    mine = _of(call)
    made = _tried(lambda: mine.create(wanted, lambda channel: _checked(call, channel)))
    document = _document(made, mine, _pending(mine, [made]))
    shown = NewChannelDocument(**document.model_dump(), secret=str((made.webhook or {}).get("secret", "")))
    return HttpResponse(status=201, document=shown)


def get(call: Call) -> HttpResponse:
    """Answer with one channel."""
    mine, channel = _one(call)
    return HttpResponse(document=_document(channel, mine, _pending(mine, [channel])))


def delete(call: Call) -> HttpResponse:
    """Remove a channel; answer with what it was."""
    mine, channel = _one(call)
    document = _document(channel, mine, _pending(mine, [channel]))
    _tried(lambda: mine.delete(channel.id))
    return HttpResponse(document=document)


def test(call: Call) -> HttpResponse:
    """Send a marked test alert the whole way."""
    mine, channel = _one(call)
    if channel.via in BY_SNS and _pending(mine, [channel]):
        raise RefusedError("nobody has confirmed the mail from AWS yet; until then SNS sends nothing to it")
    testing = mine.test(channel.id)
    return HttpResponse(
        status=202, document=TestDocument(test=testing.nonce, result="sent" if _by_sns(channel) else "waiting")
    )


def tested(call: Call) -> HttpResponse:
    """Answer with what became of a test."""
    mine, channel = _one(call)
    nonce = call.path["test"]
    note = mine.tested(channel, nonce)
    if note is None:
        return HttpResponse(document=TestDocument(test=nonce, result="sent" if _by_sns(channel) else "waiting"))
    return HttpResponse(document=TestDocument(test=nonce, result=_result(note), why=note.why))


def confirm(call: Call) -> HttpResponse:
    """Confirm an address of mail, so that only somebody with AWS credentials can unsubscribe it."""
    mine, channel = _one(call)
    token = call.read_body(ConfirmRequest).token
    confirmed = _tried(lambda: mine.confirm(channel.id, token))
    return HttpResponse(document=_document(confirmed, mine, _pending(mine, [confirmed])))


def _of(call: Call) -> Channels:
    return Channels(call.deployment.store, call.deployment.topic, call.project, call.now)


def _one(call: Call) -> tuple[Channels, Channel]:
    mine = _of(call)
    return mine, _tried(lambda: mine.one(call.path["channel"]))


def _tried(do: Any) -> Any:
    try:
        return do()
    except NoChannelError as error:
        raise UnknownError(str(error)) from error
    except TakenError as error:
        raise RefusedError(str(error)) from error
    except ChannelError as error:
        raise BadRequestError(str(error)) from error


def _checked(call: Call, channel: Channel) -> str:
    """Return a target as it is kept. Raises ChannelError with the reason why it may not be."""
    if channel.via in BY_SNS:
        return channel.target
    from lastseen.delivery import services  # noqa: PLC0415 - Apprise takes its time, and only this needs it

    allow_private = call.deployment.allow_private_targets
    try:
        if channel.via is Via.CHAT:
            return services.checked(channel.target, allow_private=allow_private)
        services.checked_webhook(form(channel), allow_private=allow_private)
    except services.BadTargetError as error:
        raise ChannelError(f"target: {error}") from error
    return channel.target


def _pending(mine: Channels, found: list[Channel]) -> set[str]:
    """Return the ids of channels whose address nobody has confirmed."""
    mails = [channel for channel in found if channel.via is Via.EMAIL]
    confirmed = mine.confirmed() if mails else set()
    return {channel.id for channel in mails if channel.target not in confirmed}


def _document(channel: Channel, mine: Channels, pending: set[str]) -> ChannelDocument:
    note = None if _by_sns(channel) else mine.last(channel)
    return ChannelDocument(
        id=channel.id,
        name=channel.name,
        kind=_kind(channel),
        via=channel.via.value,
        to=_to(channel),
        default=channel.default,
        statuses=list(channel.statuses),
        tags=list(channel.tags),
        state="off" if channel.disabled else "pending" if channel.id in pending else "on",
        why=channel.disabled,
        created=time_or_none(channel.created),
        last_delivery=_delivery(note),
    )


def _delivery(note: Note | None) -> DeliveryDocument | None:
    if note is None:
        return None
    return DeliveryDocument(
        event=note.event, at=peer_time(note.at), result=_result(note), why=note.why, tries=note.tries
    )


def _result(note: Note) -> Literal["delivered", "again", "refused"]:
    return "delivered" if note.result == "delivered" else "refused" if note.result == "refused" else "again"


def _by_sns(channel: Channel) -> bool:
    return channel.via in BY_SNS


def _kind(channel: Channel) -> str:
    return channel.target.partition("://")[0] if channel.via is Via.CHAT else channel.via.value


def _to(channel: Channel) -> str:
    """Return whom a channel reaches: a URL's path and the keys of a chat are secrets."""
    if channel.via in BY_SNS:
        return channel.target
    if channel.via is Via.WEBHOOK:
        parts = urlsplit(channel.target)
        return f"{parts.scheme}://{parts.hostname}"
    return _kind(channel)


_CHANNEL = Responds(description="The channel.", document=ChannelDocument)
_UNKNOWN = Responds(description="There is no such channel.")
_METHODS = ", ".join(METHODS)

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
        description="An address of mail has to be confirmed by whoever reads it: AWS sends it a mail.",
        body=ChannelRequest,
        responses={
            201: Responds(description="The channel was made.", document=NewChannelDocument),
            409: Responds(description="Its name or its address is taken."),
        },
    ),
    Route(method="GET", path=ONE, handler=get, needs=Needs.WRITE, summary="Get a channel by id or name",
          responses={200: _CHANNEL, 404: _UNKNOWN}),
    Route(method="DELETE", path=ONE, handler=delete, needs=Needs.WRITE, summary="Delete a channel",
          responses={200: _CHANNEL, 404: _UNKNOWN}),
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
        responses={200: _CHANNEL, 404: _UNKNOWN},
    ),
)  # fmt: skip
