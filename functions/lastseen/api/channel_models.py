"""What a request may say of a channel, and what the API answers of one: models and documents.

A channel's address is a secret: it is taken once and shown to nobody, save where people must know it again (mail,
telephone) and nobody gains by it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from lastseen.api.documents import Document, Time, time_or_none
from lastseen.api.models import Line, Model, Name
from lastseen.api.targets import TargetError, checked_target, read_target, webhook_site
from lastseen.core.channel import ALL_CHANNELS, BY_SNS, Channel, Via
from lastseen.core.times import peer_time
from lastseen.delivery.notes import Note

TARGET_CHARS = 2_000
TEMPLATE_CHARS = 20_000
HEADERS_LIMIT = 20
TAGS_LIMIT = 10
"""SNS multiplies the values of a filter's parts and takes 150 at most."""

UNFINISHED = "its subscription was interrupted: ask for it again with POST .../ask-again, or create it once more"

_NO_PATH = re.compile(r"[/?#%\\]")


def _is_header_name(value: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", value):
        raise ValueError("is no name of a header")
    return value


def _is_channel_name(value: str) -> str:
    if not value.strip() or "," in value or value == ALL_CHANNELS or not value.isprintable():
        raise ValueError("is needed, without commas, for checks list their channels by comma")
    if _NO_PATH.search(value) or value in {".", ".."}:
        raise ValueError("must have no / ? # % or backslash, for no URL can hold it")
    return value


def _is_word(value: str) -> str:
    if not value or value.split() != [value]:
        raise ValueError("is one word")
    return value


ChannelName = Annotated[Name, AfterValidator(_is_channel_name)]
Header = Annotated[str, AfterValidator(_is_header_name)]
HeaderValue = Annotated[Line, StringConstraints(max_length=1_000)]
Tag = Annotated[Line, StringConstraints(max_length=100), AfterValidator(_is_word)]
Target = Annotated[Line, StringConstraints(min_length=1, max_length=TARGET_CHARS)]
Template = Annotated[Line, StringConstraints(max_length=TEMPLATE_CHARS)]


class WebhookRequest(Model):
    """How a webhook's request looks. URL, headers and body may hold placeholders such as `$NAME`."""

    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE"] = "POST"
    headers: dict[Header, HeaderValue] = Field(default_factory=dict, max_length=HEADERS_LIMIT)
    body: Template = ""
    """Empty: the event as JSON."""


class _ChannelSettings(Model):
    """What a new channel and a changed one have in common."""

    api_key: str = ""
    via: Literal["", "email", "sms", "chat", "webhook"] = ""
    """How it is reached; what is not said follows from `target`."""
    default: bool = True
    """Whether it takes alerts of checks whose channels are `*`; else only of those that list it."""
    statuses: list[Literal["down", "up"]] = Field(default_factory=list, max_length=2)
    """Only alerts of these; empty: all."""
    tags: list[Tag] = Field(default_factory=list, max_length=TAGS_LIMIT)
    """Only alerts of checks that have one of these; empty: all."""
    webhook: WebhookRequest = Field(default_factory=WebhookRequest)
    """Of a webhook only."""


class ChannelRequest(_ChannelSettings):
    """A channel to be made."""

    name: ChannelName
    """Given once per project; without commas, for checks list their channels by comma."""
    target: Target
    """Where alerts go, whatever it is: an address of mail, a number like +491701234567, the https URL that a chat shows
    for its webhook, a URL of your own, an Apprise URL, or a PagerDuty integration key."""

    @model_validator(mode="after")
    def _fits(self) -> ChannelRequest:
        if self.via or self.target:
            _read(self.via, self.target, webhook="webhook" in self.model_fields_set)
        return self


class ChannelChange(_ChannelSettings):
    """What is to change of a channel; only what is sent counts."""

    name: ChannelName = ""
    target: Annotated[Line, StringConstraints(max_length=TARGET_CHARS)] = ""
    """A new address: it replaces the old one only if it takes a test alert. Mail and SMS keep theirs."""

    @model_validator(mode="after")
    def _fits(self) -> ChannelChange:
        if "target" in self.model_fields_set:
            _read(self.via, self.target, webhook="webhook" in self.model_fields_set)
        elif self.via:
            raise ValueError("via: is changed with a target only")
        return self


class DeleteQuery(Model):
    """What becomes of the checks that list a channel."""

    replace_by: Annotated[str, StringConstraints(max_length=200)] = ""
    """The channel, by id or name, that takes its place."""
    detach: Literal["0", "1"] = "0"
    """1: they go without."""


class ConfirmRequest(Model):
    """The way by which an address of mail is confirmed."""

    api_key: str = ""
    token: Annotated[Line, StringConstraints(min_length=1, max_length=2_000)]
    """The token of AWS's mail, or its whole link."""


def resolved(via: str, target: str, *, webhook: bool) -> tuple[Via | None, str]:
    """Return how a channel is reached, and its target. None: a chat, if Apprise knows the URL, else a webhook.

    Raises TargetError.
    """
    if via:
        known, bare = Via(via), target
        if known in BY_SNS:
            found, rest = _read_or_none(target)
            bare = rest if found is known else target
        return known, bare
    found, bare = read_target(target)
    return (Via.WEBHOOK if found is None and webhook else found), bare


def _read_or_none(target: str) -> tuple[Via | None, str]:
    try:
        return read_target(target)
    except TargetError:
        return None, target


def _read(via: str, target: str, *, webhook: bool) -> None:
    known, bare = resolved(via, target, webhook=webhook)
    checked_target(known or Via.WEBHOOK, bare)
    if webhook and known is not Via.WEBHOOK:
        raise ValueError("has a webhook only if it is via webhook")


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
    """Why it is off, or not on yet."""
    created: Time | None
    last_delivery: DeliveryDocument | None
    """Not known of mail and SMS, which AWS delivers."""


class NewChannelDocument(ChannelDocument):
    """A channel that was just made."""

    secret: str = ""
    """What signs a webhook's requests: shown now and never again."""


class DeletedChannelDocument(ChannelDocument):
    """A channel as it was, and what its deletion has changed."""

    changed: list[str]
    """Names of the checks that listed it."""
    without: list[str]
    """Those of them that list no channel any more: they alert nobody but the addresses of the deployment."""


class ChannelList(Document):
    """The channels of a project, by name."""

    channels: list[ChannelDocument]


class TestDocument(Document):
    """A test alert on its way."""

    test: str
    """Its id: ask for what became of it."""
    result: Literal["sent", "waiting", "delivered", "again", "refused"]
    """ "sent": AWS has it, and says nothing further of mail and SMS. "waiting": it is on its way."""
    why: str = ""


def channel_document(channel: Channel, *, note: Note | None, pending: bool) -> ChannelDocument:
    """Return a channel's document. It can be built of whatever is stored."""
    unfinished = channel.via in BY_SNS and not channel.subscription
    return ChannelDocument(
        id=channel.id,
        name=channel.name,
        kind=service_of(channel),
        via=channel.via.value,
        to=_to(channel),
        default=channel.default,
        statuses=list(channel.statuses),
        tags=list(channel.tags),
        state="off" if channel.disabled else "pending" if pending else "on",
        why=channel.disabled or (UNFINISHED if unfinished else ""),
        created=time_or_none(channel.created),
        last_delivery=_delivery(note),
    )


def result_of(note: Note) -> Literal["delivered", "again", "refused"]:
    """Return what a note says of a delivery."""
    return "delivered" if note.result == "delivered" else "refused" if note.result == "refused" else "again"


def service_of(channel: Channel) -> str:
    """Return the service of a chat, or how the channel is reached."""
    return channel.target.partition("://")[0] if channel.via is Via.CHAT else channel.via.value


def _delivery(note: Note | None) -> DeliveryDocument | None:
    if note is None:
        return None
    return DeliveryDocument(
        event=note.event, at=peer_time(note.at), result=result_of(note), why=note.why, tries=note.tries
    )


def _to(channel: Channel) -> str:
    """Return whom a channel reaches: a URL's path and the keys of a chat are secrets."""
    if channel.via in BY_SNS:
        return channel.target
    if channel.via is Via.WEBHOOK:
        return webhook_site(channel.target)
    return service_of(channel)
