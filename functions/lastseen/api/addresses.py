"""Addresses of mail and telephone numbers, which SNS delivers to: each subscribed once per deployment.

An address belongs to one channel. Which one is noted before SNS is asked, so that whatever is interrupted can be done
again: the note keeps the channel's id, SNS keeps a subscription for each address and filter, and the filter is the id.
Never here: what a channel is (channels.py), what SNS answers (aws/topic.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from lastseen.api.errors import BadRequestError, RefusedError, TooManyError
from lastseen.aws.topic import SubscribedError, SubscriptionError, Topic, TopicBusyError, TopicFullError
from lastseen.core.channel import Channel, Via, policy
from lastseen.storage.documents import CHANNELS, DocumentKind
from lastseen.storage.errors import ConflictError, CorruptError
from lastseen.storage.store import Store


class AddressNote(NamedTuple):
    """Which channel has an address, or had it."""

    address: str  # protocol and address
    project: str
    channel_id: str


ADDRESSES = DocumentKind(
    "address",
    encode=lambda note: {"id": note.channel_id, "project": note.project},
    decode=lambda _project, name, document: AddressNote(name, str(document["project"]), str(document["id"])),
    name_of=lambda note: note.address,
    is_name_secret=True,
)

_TAKEN = "this address is subscribed already, by another channel or by the deployment itself; SNS takes one once."
_PLUS = " An address with a plus will do: you+jobs@example.com."
_FULL = (
    "AWS takes no more addresses with a filter: 200 for a topic, unless its quota for filter policies is raised. "
    "Delete channels that nobody needs, or use a chat or a webhook"
)
_BUSY = "AWS takes no more of these for the moment; nothing was changed. Try again."


class Addresses:
    """The addresses of the deployment."""

    def __init__(self, store: Store, topic: Topic) -> None:
        self._store = store
        self._topic = topic

    def claim(self, channel: Channel) -> Channel:
        """Note that an address is this channel's; return the channel, with the id under which SNS knows the address.

        Raises RefusedError if it is another channel's, or subscribed by the deployment itself.
        """
        note = ADDRESSES.one(self._store, _name(channel))
        owner = self._owner(channel, note) if note else None
        if owner is not None and owner.id != channel.id:
            raise RefusedError(_taken(channel))
        if note is None and self._is_subscribed(channel):
            raise RefusedError(_taken(channel))
        claimed = replace(channel, id=note.channel_id) if note else channel
        try:
            self.note(claimed, new=note is None)
        except ConflictError as error:
            raise RefusedError(_taken(channel)) from error
        return claimed

    def subscribe(self, channel: Channel) -> Channel:
        """Subscribe an address, or ask its reader for confirmation again; return the channel with its subscription.

        Raises BadRequestError, RefusedError, TooManyError.
        """
        try:
            arn = self._topic.subscribe(channel.via.value, channel.target, policy(channel.id))
        except SubscribedError as error:
            raise RefusedError(_taken(channel)) from error
        except TopicFullError as error:
            raise RefusedError(_FULL) from error
        except TopicBusyError as error:
            raise TooManyError(_BUSY) from error
        except SubscriptionError as error:
            raise BadRequestError(f"SNS does not take this address: {error}") from error
        return replace(channel, subscription=arn)

    def release(self, channel: Channel) -> None:
        """Unsubscribe an address. One that nobody has confirmed stays noted, until SNS forgets it by itself."""
        try:
            if channel.subscription:
                self._topic.unsubscribe(channel.subscription)
        except TopicBusyError as error:
            raise TooManyError(_BUSY) from error
        except SubscriptionError:  # nobody has confirmed it: SNS forgets it by itself after three days
            self.note(channel)
        else:
            self.forget(channel)

    def note(self, channel: Channel, *, new: bool = False) -> None:
        """Note whose an address is. Raises ConflictError if it is to be `new` and is not."""
        note = AddressNote(_name(channel), channel.project, channel.id)
        (ADDRESSES.create if new else ADDRESSES.write)(self._store, note)

    def forget(self, channel: Channel) -> None:
        """Let an address be anybody's again."""
        ADDRESSES.drop(self._store, _name(channel))

    def confirmed(self) -> set[tuple[str, str]]:
        """Return protocol and address of those to which SNS sends."""
        return {(one.protocol, one.endpoint.lower()) for one in self._topic.subscriptions() if one.confirmed}

    def _owner(self, channel: Channel, note: AddressNote) -> Channel | None:
        """Return the channel that a note names, if there still is one of that address."""
        try:
            owner = CHANNELS.one(self._store, note.channel_id, project=note.project)
        except CorruptError:  # it may have the address, so it keeps it
            return replace(channel, id=note.channel_id)
        return owner if owner and _name(owner) == _name(channel) else None

    def _is_subscribed(self, channel: Channel) -> bool:
        wanted = (channel.via.value, channel.target.lower())
        return any((one.protocol, one.endpoint.lower()) == wanted for one in self._topic.subscriptions())


def key_of(channel: Channel) -> tuple[str, str]:
    """Return protocol and address of a channel, as SNS lists them."""
    return channel.via.value, channel.target.lower()


def _name(channel: Channel) -> str:
    return ":".join(key_of(channel))


def _taken(channel: Channel) -> str:
    return _TAKEN + (_PLUS if channel.via is Via.EMAIL else "")
