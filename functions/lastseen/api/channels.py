"""The channels of a project: what making, listing, changing, testing and deleting one comes to.

Lives here: the limits, and the order of steps, so that whatever is interrupted can be done again or deleted.
Never here: HTTP (routes/channels.py), addresses that SNS delivers to (addresses.py), the rule of routing
(core/channel.py), delivery (delivery/).

A check lists its channels by name or id, so a name is given once per project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lastseen.api.addresses import Addresses, key_of
from lastseen.api.calls import Call
from lastseen.api.checks import Checks, Described
from lastseen.api.errors import ApiError, BadRequestError, RefusedError, TooManyError, UnknownError
from lastseen.api.locks import exclusively
from lastseen.api.projects import Projects
from lastseen.api.targets import confirmation_token
from lastseen.aws.topic import SubscriptionError, TopicBusyError, TopicFullError
from lastseen.core.channel import BY_SNS, Channel, Via
from lastseen.core.check import Reason
from lastseen.core.log import noted
from lastseen.delivery.notes import NOTES, Note, last_delivery, last_test, test_name
from lastseen.health.subscriptions import forget_address
from lastseen.storage.documents import CHANNELS
from lastseen.storage.fresh import new_id, new_secret
from lastseen.text.event import Event
from lastseen.text.message import Alert, flipped
from lastseen.text.own import trial

CHANNELS_LIMIT = 100
"""Channels of one project."""

NAMED_CHECKS = 10
"""Checks that a refusal names; more are counted."""

_LOCK = "channels"


@dataclass(frozen=True, slots=True)
class ChannelTest:
    """A test alert that was published."""

    nonce: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class Deleted:
    """A channel as it was, and the checks that listed it, as they are now."""

    channel: Channel
    checks: Sequence[Described] = ()


TargetChecker = Callable[[Channel], str]
"""Return a channel's target as it is kept, or raise BadRequestError: what only Apprise and the network tell."""

TargetProbe = Callable[[Channel], str]
"""Send a test alert to a channel, and return why it was not taken, or ""."""


Resolver = Callable[[Channel, Iterator[Event]], None]
"""Send the ends of incidents to a channel that is about to be deleted, if it is an incident tool."""


class Channels:
    """The channels of one project."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._store = call.deployment.store
        self._topic = call.deployment.topic
        self._addresses = Addresses(self._store, self._topic)
        self._project = call.project
        self._now = call.now

    def all(self) -> list[Channel]:
        """Return the channels by name; one that cannot be read is left out."""
        channels = CHANNELS.all(self._store, project=self._project).values
        return sorted(channels, key=lambda channel: (channel.name.lower(), channel.id))

    def one(self, key: str) -> Channel:
        """Return a channel by its id or its name. Raises UnknownError."""
        found = [channel for channel in self.all() if key in {channel.id, channel.name}]
        if not found:
            raise UnknownError(f"no channel has the id or name {key!r}")
        return found[0]

    def create(self, wanted: Channel, check: TargetChecker) -> Channel:
        """Make a channel, or finish one that was interrupted. `wanted` has no id yet.

        Raises BadRequestError, RefusedError, TooManyError.
        """
        wanted = replace(wanted, target=check(wanted))
        with self._alone():
            present = self.all()
            unfinished = [each for each in present if _is_unfinished(each, wanted)]
            if not unfinished:
                self._check_room(present, wanted.name)
            channel_id = unfinished[0].id if unfinished else new_id()
            channel = replace(wanted, id=channel_id, created=self._now)
            if channel.via in BY_SNS:
                return self._subscribed(channel)
            CHANNELS.create(self._store, channel)
            return channel

    def change(self, key: str, changes: Mapping[str, Any], check: TargetChecker, probe: TargetProbe) -> Channel:
        """Change a channel. A new target, or form of a webhook, replaces the old one only if it takes a test alert.

        Raises UnknownError, BadRequestError, RefusedError.
        """
        with self._alone():
            channel = self.one(key)
            changed = replace(channel, **changes)
            if changed.name != channel.name:
                self._check_name(self.all(), changed.name)
            if (changed.via, changed.target, changed.webhook) != (channel.via, channel.target, channel.webhook):
                changed = self._redirected(channel, changed, check, probe)
            CHANNELS.replace(self._store, changed)
        return changed

    def delete(self, key: str, resolve: Resolver, *, replace_by: str = "", detach: bool = False) -> Deleted:
        """Remove a channel, and its subscription; what is open in an incident tool is closed there first.

        Checks that list it get `replace_by` in its place, or with `detach` go without. Raises UnknownError, and
        RefusedError if there are any and neither is said.
        """
        channel = self.one(key)
        successor = self.one(replace_by) if replace_by else None
        if successor and successor.id == channel.id:
            raise BadRequestError("replace_by: a channel cannot take its own place")
        checks = self._detached(channel, successor, allowed=bool(successor) or detach)
        if channel.via in BY_SNS:
            self._addresses.release(channel)
        if channel.via is Via.CHAT and not channel.disabled:
            resolve(channel, self._open_in(channel))
        CHANNELS.drop(self._store, channel.id, project=self._project)
        forget_address(self._store, channel.target)
        for name in (channel.id, test_name(channel)):
            NOTES.drop(self._store, name, project=self._project)
        return Deleted(channel, checks)

    def test(self, key: str) -> ChannelTest:
        """Publish a marked test alert that goes the whole way to one channel."""
        channel = self.one(key)
        nonce = new_nonce()
        self._topic.publish(trial(channel, now=self._now, nonce=nonce))
        return ChannelTest(nonce, channel)

    def confirm(self, key: str, token: str) -> Channel:
        """Confirm an address by the token, or the whole link, of AWS's mail. Raises BadRequestError."""
        channel = self.one(key)
        if channel.via is not Via.EMAIL:
            raise BadRequestError("only an address of mail is confirmed")
        try:
            arn = self._topic.confirm(confirmation_token(token))
        except TopicBusyError as error:
            raise TooManyError("AWS takes no more of these for the moment. Try again.") from error
        except TopicFullError as error:
            raise RefusedError(f"AWS takes no more confirmed addresses: {error}") from error
        except SubscriptionError as error:
            raise BadRequestError(f"SNS does not take this token: {error}") from error
        confirmed = replace(channel, subscription=arn)
        CHANNELS.replace(self._store, confirmed)
        return confirmed

    def ask_again(self, key: str) -> Channel:
        """Let AWS mail a reader again who has not confirmed; finish what was interrupted. Raises RefusedError."""
        channel = self.one(key)
        if channel.via not in BY_SNS:
            raise BadRequestError("only mail and SMS are subscribed; nobody confirms this channel")
        if channel.subscription and key_of(channel) in self._addresses.confirmed():
            raise RefusedError("it is confirmed already: alerts go there")
        self._addresses.note(channel)
        subscribed = self._addresses.subscribe(channel)
        CHANNELS.replace(self._store, subscribed)
        return subscribed

    def unconfirmed(self, channels: Sequence[Channel]) -> set[str]:
        """Return the ids of those channels to whose address SNS sends nothing."""
        by_sns = [channel for channel in channels if channel.via in BY_SNS]
        confirmed = self._addresses.confirmed() if by_sns else set()
        return {channel.id for channel in by_sns if not channel.subscription or key_of(channel) not in confirmed}

    def last(self, channel: Channel) -> Note | None:
        """Return what is known of the last delivery to a channel."""
        return last_delivery(self._store, channel)

    def tested(self, channel: Channel, nonce: str) -> Note | None:
        """Return what became of a test, or None while nothing is known."""
        note = last_test(self._store, channel)
        return note if note and note.event == nonce else None

    def _open_in(self, channel: Channel) -> Iterator[Event]:
        """Return the end of each incident whose beginning a channel was notified of, as it would see it."""
        for described in Checks(self._call).all().checks:
            check = described.check
            if check.incident is None:
                continue
            opening = self._store.flips(check.id, after=check.incident - 1, upto=check.incident)
            if opening and channel.id in opening[0].channels:
                _, flip = noted(check, Reason.UNASSIGNED, self._now)
                alert = Alert(check=check, flip=flip)
                yield flipped(alert, now=self._now, site_url=self._call.deployment.site_url).event

    def _alone(self) -> Any:
        return exclusively(self._store, _LOCK, now=self._now, pause=self._call.deployment.pause)

    def _check_room(self, present: Sequence[Channel], name: str) -> None:
        if len(present) >= CHANNELS_LIMIT:
            raise RefusedError(f"a project has at most {CHANNELS_LIMIT} channels: delete some that nobody needs")
        self._check_name(present, name)

    def _check_name(self, present: Sequence[Channel], name: str) -> None:
        if any(channel.name == name for channel in present):
            raise RefusedError(f"a channel is called {name!r} already: change that one, or choose another name")

    def _subscribed(self, channel: Channel) -> Channel:
        """Write a channel, then subscribe its address, then fill that in: a crash leaves what can be finished."""
        channel = self._addresses.claim(channel)
        CHANNELS.write(self._store, channel)
        try:
            subscribed = self._addresses.subscribe(channel)
        except ApiError:
            CHANNELS.drop(self._store, channel.id, project=self._project)
            self._addresses.forget(channel)
            raise
        CHANNELS.replace(self._store, subscribed)
        return subscribed

    def _redirected(self, channel: Channel, changed: Channel, check: TargetChecker, probe: TargetProbe) -> Channel:
        """Return a channel with its new target, if that takes a test alert."""
        if {channel.via, changed.via} & BY_SNS:
            raise RefusedError(
                "an address of mail or a telephone number is not changed, for its reader has to confirm it: make a "
                "channel for the new one, then delete this one with replace_by=NEW"
            )
        changed = replace(changed, target=check(changed), disabled="")
        if why := probe(changed):
            raise BadRequestError(f"target: it did not take a test alert: {why}. Nothing was changed")
        NOTES.drop(self._store, channel.id, project=self._project)
        return changed

    def _detached(self, channel: Channel, successor: Channel | None, *, allowed: bool) -> list[Described]:
        """Take a channel out of the lists of all checks, and of the project's for new ones. Raises RefusedError."""
        project = Projects(self._store).one(self._project)
        checks = Checks(self._call)
        users = [each for each in checks.all().checks if channel.id in each.check.channels.split(",")]
        in_project = channel.id in project.channels.split(",")
        if (users or in_project) and not allowed:
            raise RefusedError(_in_use(users, in_project=in_project))
        changed = [
            checks.list_channels(each.check.id, lambda listed: _without(listed, channel, successor)) for each in users
        ]
        if in_project:
            channels = _without(project.channels, channel, successor)
            Projects(self._store).change(replace(project, channels=channels))
        return changed


def new_nonce() -> str:
    """Return the id of a test alert."""
    return f"test-{new_secret(8)}"


def _is_unfinished(channel: Channel, wanted: Channel) -> bool:
    """Return whether a channel is what an interrupted request for the same one has left."""
    same = (channel.name, channel.via, channel.target.lower()) == (wanted.name, wanted.via, wanted.target.lower())
    return same and channel.via in BY_SNS and not channel.subscription


def _without(listed: str, channel: Channel, successor: Channel | None) -> str:
    """Return a list of channels with one taken out, or another in its place."""
    ids = [successor.id if successor and each == channel.id else each for each in listed.split(",")]
    return ",".join(dict.fromkeys(each for each in ids if each != channel.id))


def _in_use(users: Sequence[Described], *, in_project: bool) -> str:
    names = [each.check.name or each.check.slug or each.check.id for each in users]
    shown = ", ".join(repr(name) for name in names[:NAMED_CHECKS])
    more = f" and {len(names) - NAMED_CHECKS} more" if len(names) > NAMED_CHECKS else ""
    checks = [f"the checks {shown}{more}"] if names else []
    new = ["the project gives it to new checks"] if in_project else []
    return (
        f"this channel is in use by {' and '.join([*checks, *new])}: delete it with replace_by=CHANNEL to put another "
        "in its place, or with detach=1 to let them go without"
    )
