"""Addresses of mail and telephone numbers, which SNS delivers to: each subscribed once per deployment.

An address belongs to one channel. Which one is noted before SNS is asked, so that whatever is interrupted can be done
again: the note keeps the channel's id, SNS keeps a subscription for each address and filter, and the filter is the id.
Never here: what a channel is (channels.py), what SNS answers (aws/topic.py).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from lastseen.api.errors import BadRequestError, RefusedError, TooManyError
from lastseen.aws.topic import SubscribedError, SubscriptionError, Topic, TopicBusyError, TopicFullError
from lastseen.core.channel import Channel, Via, from_document, kind, policy
from lastseen.storage.errors import ConflictError
from lastseen.storage.store import Store

KIND = "address"
"""The settings kind of the notes: by protocol and address, which channel has it, or had it."""

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
        note = self._store.setting(KIND, _name(channel))
        owner = self._owner(channel, note or {})
        if owner is not None and owner.id != channel.id:
            raise RefusedError(_taken(channel))
        if note is None and self._is_subscribed(channel):
            raise RefusedError(_taken(channel))
        claimed = replace(channel, id=str(note["id"])) if note else channel
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
        document = {"id": channel.id, "project": channel.project}
        self._store.put_setting(KIND, _name(channel), document, new=new)

    def forget(self, channel: Channel) -> None:
        """Let an address be anybody's again."""
        self._store.drop_setting(KIND, _name(channel))

    def confirmed(self) -> set[tuple[str, str]]:
        """Return protocol and address of those to which SNS sends."""
        return {(one.protocol, one.endpoint.lower()) for one in self._topic.subscriptions() if one.confirmed}

    def _owner(self, channel: Channel, note: dict[str, str]) -> Channel | None:
        """Return the channel that a note names, if there still is one of that address."""
        document = self._store.setting(kind(note["project"]), note["id"]) if note else None
        if document is None:
            return None
        with suppress(KeyError, ValueError, TypeError):
            owner = from_document(note["project"], note["id"], document)
            return owner if _name(owner) == _name(channel) else None
        return channel if note["id"] == channel.id else replace(channel, id=note["id"])

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
