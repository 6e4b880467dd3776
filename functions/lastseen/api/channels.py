"""The channels of a project: what making, listing, testing and deleting one comes to.

Lives here: the limits, the subscription that an e-mail or SMS channel is, and the notes of deliveries.
Never here: HTTP (api/routes/channels.py), the rule of routing (channel.py), delivery (chat.py).

Two that one name cannot be told apart by a check that names its channel, so a name is given once per project. SNS takes
an address once per topic, so an address is given once per deployment.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qs, urlparse
from uuid import uuid4

from lastseen.aws.topic import PENDING, SubscriptionError, Topic
from lastseen.core.channel import BY_SNS, Channel, Via, from_document, kind, policy, to_document
from lastseen.delivery.notes import NOTES, Note, last_delivery, read_note, test_name
from lastseen.health.subscriptions import forget
from lastseen.storage.store import Store
from lastseen.text.own import trial

CHANNELS_LIMIT = 100
"""Channels of one project."""

SECRET_BYTES = 32

ADDRESS = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f.]{2,}")
NUMBER = re.compile(r"\+[1-9]\d{6,14}")
"""What an address of mail, and a telephone number, look like."""


class ChannelError(Exception):
    """A channel may not be so; the text says why."""


class TakenError(ChannelError):
    """There is one already."""


class NoChannelError(ChannelError):
    """There is none of that id or name."""


@dataclass(frozen=True, slots=True)
class Testing:
    """A test alert that was published."""

    nonce: str
    channel: Channel


Check = Callable[[Channel], str]
"""Return a channel's target as it is kept, or raise ChannelError: what only a look at Apprise and at the name tells."""


class Channels:
    """The channels of one project."""

    def __init__(self, store: Store, topic: Topic, project: str, now: datetime) -> None:
        self._store = store
        self._topic = topic
        self._project = project
        self._now = now

    def all(self) -> list[Channel]:
        """Return the channels by name; one that cannot be read is left out."""
        found = []
        for channel_id, document in self._store.settings(kind(self._project)).items():
            try:
                found.append(from_document(self._project, channel_id, document))
            except (KeyError, ValueError, TypeError):
                continue
        return sorted(found, key=lambda channel: (channel.name.lower(), channel.id))

    def one(self, key: str) -> Channel:
        """Return a channel by its id or its name. Raises NoChannelError."""
        found = [channel for channel in self.all() if key in {channel.id, channel.name}]
        if not found:
            raise NoChannelError(f"no channel has the id or name {key!r}")
        return found[0]

    def create(self, asked: Channel, checked: Check) -> Channel:
        """Make a channel. `asked` has no id yet. Raises ChannelError, TakenError."""
        present = self.all()
        if len(present) >= CHANNELS_LIMIT:
            raise ChannelError(f"a project has at most {CHANNELS_LIMIT} channels")
        if any(channel.name == asked.name for channel in present):
            raise TakenError(f"a channel is called {asked.name!r} already; delete it first, or choose another name")
        channel = replace(asked, id=str(uuid4()), created=self._now)
        channel = replace(channel, target=checked(channel))
        if channel.via in BY_SNS:
            channel = replace(channel, subscription=self._subscribed(channel))
        self._store.put_setting(kind(self._project), channel.id, to_document(channel), new=True)
        return channel

    def delete(self, key: str) -> Channel:
        """Remove a channel, and its subscription, and return what it was."""
        channel = self.one(key)
        if channel.via in BY_SNS:
            with suppress(SubscriptionError):  # nobody has confirmed it: SNS forgets it by itself after two days
                self._topic.unsubscribe(channel.subscription)
        self._store.drop_setting(kind(self._project), channel.id)
        forget(self._store, channel.target)
        for name in (channel.id, test_name(channel)):
            self._store.drop_setting(f"{NOTES}{self._project}", name)
        return channel

    def test(self, key: str) -> Testing:
        """Publish a marked test alert that goes the whole way to one channel."""
        channel = self.one(key)
        nonce = f"test-{secrets.token_hex(8)}"
        self._topic.publish(trial(channel, now=self._now, nonce=nonce))
        return Testing(nonce, channel)

    def confirm(self, key: str, token: str) -> Channel:
        """Confirm an address by the token, or the whole link, of AWS's mail. Raises ChannelError."""
        channel = self.one(key)
        if channel.via is not Via.EMAIL:
            raise ChannelError("only an address of mail is confirmed")
        try:
            arn = self._topic.confirm(_token(token))
        except SubscriptionError as error:
            raise ChannelError(f"SNS does not take this token: {error}") from error
        confirmed = replace(channel, subscription=arn)
        self._store.put_setting(kind(self._project), channel.id, to_document(confirmed), known=True)
        return confirmed

    def confirmed(self) -> set[str]:
        """Return the addresses that get alerts: those of which SNS knows a confirmed subscription."""
        return {one.endpoint for one in self._topic.subscriptions() if one.arn != PENDING}

    def last(self, channel: Channel) -> Note | None:
        """Return what is known of the last delivery to a channel."""
        return last_delivery(self._store, channel)

    def tested(self, channel: Channel, nonce: str) -> Note | None:
        """Return what became of a test, or None while nothing is known."""
        note = read_note(self._store, self._project, test_name(channel))
        return note if note and note.event == nonce else None

    def _subscribed(self, channel: Channel) -> str:
        held = {(one.protocol, one.endpoint.lower()) for one in self._topic.subscriptions()}
        if (channel.via.value, channel.target.lower()) in held:
            hint = " An address with a plus will do: you+jobs@example.com." if channel.via is Via.EMAIL else ""
            raise TakenError(
                f"this address is subscribed already, by another channel or by the deployment itself; SNS takes one "
                f"once.{hint}"
            )
        try:
            return self._topic.subscribe(channel.via.value, channel.target, policy(channel))
        except SubscriptionError as error:
            raise ChannelError(f"SNS does not take this address: {error}") from error


def new_secret() -> str:
    """Return a secret to sign a webhook's requests with."""
    return f"lss_{secrets.token_urlsafe(SECRET_BYTES)}"


def _token(said: str) -> str:
    """Return the token of a confirmation link, or what was said if it is none."""
    if not said.startswith("http"):
        return said.strip()
    return next(iter(parse_qs(urlparse(said.strip()).query).get("Token", [])), "")
