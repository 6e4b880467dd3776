"""What Lastseen says about itself: that it cannot hear, that a channel or an address gets no alerts, a test. Pure.

Never here: what it says about checks (message.py), who finds these things out (health/, delivery/).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from shlex import quote
from textwrap import dedent

from lastseen.core.blind import HOLD_LIMIT, Window
from lastseen.core.channel import DEPLOYMENT, EVERY, Channel
from lastseen.text.event import Event, OwnEvent, OwnKind
from lastseen.text.happened import NAME_LIMIT
from lastseen.text.message import BOTH, SMS_LIMIT, SUBJECT_LIMIT, TODO, Attributes, Message, indented
from lastseen.text.wire import to_document
from lastseen.text.words import clock, one_line, plain, span


def deaf(*, since: datetime, now: datetime) -> Message:
    """Return the message that Lastseen itself cannot hear pings."""
    text = (
        f"Lastseen cannot hear pings since {clock(since)}.\n\n"
        "The canary that pings through the public URL each minute was not heard. Pings of your jobs may be getting\n"
        f"lost, so a missing ping is not held against its job, for {span(HOLD_LIMIT)} at most; then alerts go out\n"
        "anyway. Failures that jobs report are alerted as always.\n\n"
        "What to do:\n"
        "  Check the HTTP API and the ping function first."
    )
    subject = f"Lastseen cannot hear pings since {since.astimezone(UTC):%H:%M} UTC"
    begun = _deaf_id(since)
    return _own(OwnKind.DEAF, subject, text, now=now, event_id=begun, incident=begun)


def hearing(*, window: Window, now: datetime) -> Message:
    """Return the message that Lastseen hears pings again: it ends what `deaf` began."""
    length = span(window.end - window.start)
    text = (
        f"Lastseen hears pings again, after {length}: it heard nothing from {clock(window.start)}\n"
        f"to {clock(window.end)}.\n\n"
        "Deadlines in that time are moved by as much. Jobs whose ping was lost may still be reported as down."
    )
    ended = f"{OwnKind.HEARING}:{to_document(window.end)}"
    subject = f"Lastseen hears pings again, after {length}"
    return _own(OwnKind.HEARING, subject, text, now=now, event_id=ended, incident=_deaf_id(window.start))


def channel_lost(
    channel: Channel, *, others: Sequence[str], why: str, refused: Event, now: datetime, incident: str = ""
) -> Message:
    """Return the message to a project's other channels that this one takes no alerts.

    `others`: their ids; `refused`: what it did not take; `incident`: by which they were notified before, which says
    that the channel is given up now.
    """
    name = one_line(channel.name, NAME_LIMIT)
    state = (
        "It refused alerts for a day, and is switched off now."
        if incident
        else "Its alerts are kept for an hour, and it is tried again for a day; then it is switched off."
    )
    text = (
        f"Lastseen cannot reach the channel {name} of the project {channel.project} any more: {why}.\n"
        f"{state} What it did not take: {one_line(refused.title, NAME_LIMIT * 3)}\n\n"
        "What to do:\n"
        f"  Give the channel its present address: lastseen channels update {quote(name)} TARGET\n"
        f"  If it works again as it is, a test says so at once: lastseen channels test {quote(name)}"
    )
    begun = f"{OwnKind.CHANNEL}:{channel.id}:{refused.id}"
    return _own(
        OwnKind.CHANNEL,
        f"LOST: the channel {name} of {channel.project} takes no alerts",
        text,
        now=now,
        event_id=f"{incident}:off" if incident else begun,
        incident=incident or begun,
        channel=channel,
        attributes=_to_channels(channel.project, [*others, DEPLOYMENT], named=[EVERY, *others]),
    )


def channel_back(channel: Channel, *, others: Sequence[str], incident: str, missed: int, now: datetime) -> Message:
    """Return the message to a project's other channels that this one takes alerts again: it ends `channel_lost`."""
    name = one_line(channel.name, NAME_LIMIT)
    text = f"Lastseen reaches the channel {name} of the project {channel.project} again.\n\n{_missed(missed)}"
    return _own(
        OwnKind.CHANNEL_BACK,
        f"BACK: the channel {name} of {channel.project} takes alerts again",
        text,
        now=now,
        event_id=f"{incident}:back:{to_document(now)}",
        incident=incident,
        channel=channel,
        attributes=_to_channels(channel.project, [*others, DEPLOYMENT], named=[EVERY, *others]),
    )


def reached_again(channel: Channel, *, since: datetime, event_id: str, now: datetime) -> Message:
    """Return the message to a channel that refused alerts, to be sent until it takes it."""
    name = one_line(channel.name, NAME_LIMIT)
    text = (
        f"Lastseen reaches this channel ({name}) again. It had refused alerts since {clock(since)}.\n\n"
        "Alerts that were older than an hour by then may be missing here: the dashboard shows what is down now."
    )
    return _own(
        OwnKind.CHANNEL_BACK,
        f"BACK: the channel {name} takes alerts again",
        text,
        now=now,
        event_id=event_id,
        channel=channel,
        attributes=_to_channels(channel.project, [channel.id], named=[channel.id]),
    )


def alert_refused(channel: Channel, *, others: Sequence[str], why: str, refused: Event, now: datetime) -> Message:
    """Return the message to a project's other channels that this one did not take one alert, in no form."""
    name = one_line(channel.name, NAME_LIMIT)
    text = (
        f"The channel {name} of the project {channel.project} did not take an alert: {why}.\n"
        f"This alert is not sent to it again; others are. It was: {one_line(refused.title, NAME_LIMIT * 3)}\n\n"
        "What to do:\n"
        "  If it happens often, look at the channel's template (lastseen channels update) or its limits. A test shows\n"
        f"  what it takes: lastseen channels test {quote(name)}"
    )
    return _own(
        OwnKind.CHANNEL,
        f"LOST: an alert that the channel {name} of {channel.project} did not take",
        text,
        now=now,
        event_id=f"{OwnKind.CHANNEL}:{channel.id}:{refused.id}:refused",
        channel=channel,
        attributes=_to_channels(channel.project, [*others, DEPLOYMENT], named=[EVERY, *others]),
    )


def _missed(count: int) -> str:
    if not count:
        return "It has missed nothing."
    return (
        f"{count} alert{'s' if count > 1 else ''} for it could not be kept so long; the dashboard shows what is down."
    )


def subscription_incident(now: datetime) -> str:
    """Return the name of an incident that begins with addresses that get no alerts."""
    return f"{OwnKind.SUBSCRIPTION}:{to_document(now)}"


def subscriptions_lost(lost: Sequence[str], pending: Sequence[str], *, now: datetime, incident: str) -> Message:
    """Return the message about addresses that get no alerts: subscriptions that are gone, and those never confirmed."""
    parts = []
    if lost:
        parts.append("These addresses were subscribed to alerts and are not any more:\n" + indented("\n".join(lost)))
    if pending:
        parts.append(
            "These addresses get no alerts, because nobody has confirmed the mail from AWS:\n"
            + indented("\n".join(pending))
        )
    parts.append(
        "What to do:\n"
        "  Let AWS mail each of them again: lastseen channels ask-again NAME\n"
        "  Then confirm it by `lastseen channels confirm`, and do not open the link: a mail scanner that opens links\n"
        "  can unsubscribe an address that was confirmed by its link. An address of the deployment itself\n"
        "  (alert_emails) is subscribed again in the console of SNS."
    )
    total = len(lost) + len(pending)
    what = "address gets" if total == 1 else "addresses get"
    return _own(
        OwnKind.SUBSCRIPTION,
        f"LOST: {total} {what} no alerts",
        "\n\n".join(parts),
        now=now,
        incident=incident,
    )


def subscriptions_back(addresses: Sequence[str], *, now: datetime, incident: str) -> Message:
    """Return the message that addresses get alerts again: it ends what `subscriptions_lost` began.

    None are left if all of them were deleted meanwhile.
    """
    what = "address gets" if len(addresses) == 1 else "addresses get"
    names = indented("\n".join(addresses))
    return _own(
        OwnKind.SUBSCRIPTION_BACK,
        f"BACK: {len(addresses)} {what} alerts again"
        if addresses
        else "BACK: the addresses without alerts are deleted",
        f"These addresses get alerts again:\n{names}"
        if addresses
        else "The addresses that got no alerts were deleted.",
        now=now,
        event_id=f"{incident}:back",
        incident=incident,
    )


def trial(channel: Channel, *, now: datetime, nonce: str) -> Message:
    """Return a marked test alert for one channel; `nonce` makes it recognizable at its end."""
    name = one_line(channel.name, NAME_LIMIT)
    text = f"This is a test alert for the channel {name} of the project {channel.project}. Nothing is down.\n\n"
    text += f"Sent at {clock(now)}, test {nonce}."
    tags: Attributes = {"tags": list(channel.tags)} if channel.tags else {}
    return _own(
        OwnKind.TEST,
        f"TEST: alert for the channel {name}",
        text,
        now=now,
        event_id=nonce,
        channel=channel,
        attributes=_to_channels(channel.project, [channel.id], named=[channel.id]) | tags,
    )


def _deaf_id(since: datetime) -> str:
    return f"{OwnKind.DEAF}:{to_document(since)}"


def _to_channels(project: str, channel_ids: Sequence[str], *, named: list[str]) -> Attributes:
    """Return the attributes of a message to some channels of a project, whatever status they are for.

    `named`: the same for subscriptions whose filter is of the older form.
    """
    return {"project": project, "status": BOTH, "channels": named, "channel_ids": list(channel_ids)}


def _own(
    kind: OwnKind,
    subject: str,
    text: str,
    *,
    now: datetime,
    event_id: str = "",
    incident: str | None = None,
    channel: Channel | None = None,
    attributes: Attributes | None = None,
) -> Message:
    """Return a message about Lastseen itself: to every channel that takes all alerts, unless `attributes` say else.

    The text is one sentence, then further words, then what to do; the event has the three apart.
    """
    words, _, todo = text.partition(f"\n\n{TODO}\n")
    lead, _, more = words.partition("\n\n")
    subject = plain(subject, SUBJECT_LIMIT)
    everybody: Attributes = {"project": EVERY, "status": str(kind), "channels": [EVERY], "channel_ids": [EVERY]}
    receivers = (attributes or {}).get("channel_ids")  # every channel: none is listed
    event = OwnEvent(
        type=kind,
        id=event_id or f"{kind}:{to_document(now)}",
        incident=incident,
        subject=subject,
        title=subject,
        lead=" ".join(lead.split()),
        more=more or None,
        todo=dedent(todo).strip() or None,
        at=now,
        text=text,
        project=channel.project if channel else None,
        channel=channel.id if channel else None,
        channels=tuple(each for each in receivers if each != DEPLOYMENT) if isinstance(receivers, list) else None,
    )
    return Message(
        subject=subject,
        email=text + "\n",
        sms=plain(subject, SMS_LIMIT),
        event=event,
        attributes=attributes or everybody,
    )
