"""What an alert says: subject, e-mail, SMS and the JSON event, from a flip and the check it is about.

Lives here: every word that people are told of a check, and of Lastseen itself. The subject says which job and what; the
first sentence says it whole, with since when; then what to do; then what is known. Pure.
Never here: who hears it (channel.py), how it is sent (topic.py, chat.py), a ping URL or an id that reveals one.
Read next: markdown.py (the same for chats, from the event).

Limits, of SNS: a subject has fewer than 100 characters, all ASCII; all parts together are under 256 KB.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from lastseen.core.blind import HOLD_LIMIT, Window
from lastseen.core.channel import EVERY, Channel
from lastseen.core.check import Check, Flip, Reason, Status, event_id, unique_key
from lastseen.core.log import FLAP_SPAN
from lastseen.core.schedule import Cron, OnCalendar, Period
from lastseen.core.zones import ZoneError, zone
from lastseen.text.words import clock, cut, harmless, one_line, plain, short_clock, span, tail

EVENT_VERSION = 1
SUBJECT_LIMIT = 99
NAME_LIMIT = 60
SMS_LIMIT = 140
OUTPUT_LIMIT = 2_000
ABOUT_LIMIT = 2_000
ALSO_DOWN_LIMIT = 10
"""Characters, or names, of the parts of an alert."""

DIGEST_BYTES = 60_000
"""Of the list of checks in a digest's text; its event has the list once more. SNS takes 256 KB in all."""

DIGEST_FLIPS_BYTES = 100_000

Attributes = dict[str, str | list[str]]

TODO = "What to do:"

BOTH = [str(Status.DOWN), str(Status.UP)]
"""The status of messages that concern whoever is told of either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What people are to be told: a flip, and what is known around it."""

    check: Check  # as it is now
    flip: Flip
    about: str = ""  # the check's description: the run-book
    cause: Flip | None = None  # what began the incident that this flip repeats or ends
    also_down: tuple[str, ...] = ()  # names of other checks of the project that are down


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One publication, in the form of each protocol."""

    subject: str
    email: str
    sms: str
    event: dict[str, Any]
    attributes: Attributes = field(default_factory=dict)  # what filters look at


def flipped(alert: Alert, *, now: datetime, site_url: str) -> Message:
    """Return the message of one flip."""
    check, flip = alert.check, alert.flip
    headline = _headline(alert)
    subject = plain(f"{_shout(flip)}: {plain(title(check), NAME_LIMIT)}{headline}", SUBJECT_LIMIT)
    lead = _lead(alert, now)
    facts = _facts(alert, site_url)
    output = tail(flip.body, OUTPUT_LIMIT)
    todo = _todo(alert)
    email = _email(lead, facts, output, todo, output_first=flip.reason is Reason.FAILED)
    told = {
        "subject": subject,
        "title": f"{_shout(flip)}: {title(check)}{headline}",
        "lead": lead,
        "todo": todo or None,
        "text": email,
    }
    return Message(
        subject=subject,
        email=email,
        sms=_sms(subject, flip),
        event=_event(alert, site_url) | told,
        attributes=_attributes(check, _concerned(flip)),
    )


def digest(alerts: Sequence[Alert], *, now: datetime, site_url: str) -> Message:
    """Return one message for many flips that go to the same people: of one project, status and list of channels."""
    check, status = alerts[0].check, alerts[0].flip.status
    counts = Counter(_what(alert.check, alert.flip, brief=True) for alert in alerts)
    reasons = ", ".join(f"{count} {what}" for what, count in counts.most_common(5))
    checks = len({alert.check.id for alert in alerts})
    subject = plain(f"{str(status).upper()}: {checks} checks of {check.project}: {reasons}", SUBJECT_LIMIT)
    lead = f"{checks} checks of the project {check.project} are {status}: {reasons}."
    lines = [f"- {title(alert.check)} {_what(alert.check, alert.flip)}, {_since(alert.flip)}" for alert in alerts]
    named = _within(lines, [title(alert.check) for alert in alerts])
    text = "\n".join([lead, "", *named, "", f"All checks: {site_url}/", f"Told at {clock(now)}."])
    event = {
        "version": EVENT_VERSION,
        "type": "digest",
        "id": _digest_id(alerts),
        "subject": subject,
        "title": subject,
        "lead": lead,
        "status": str(status),
        "project": check.project,
        "at": _iso(alerts[0].flip.at),
        "count": len(alerts),
        "flips": _listed(alerts),
        "url": f"{site_url}/",
        "text": text,
    }
    attributes = _attributes(check, [str(status)]) | _union_of_tags(alerts)
    return Message(
        subject=subject,
        email=text,
        sms=_sms(subject, alerts[0].flip),
        event=event,
        attributes=attributes,
    )


def _digest_id(alerts: Sequence[Alert]) -> str:
    """Name a digest by all that it tells: told again with other checks in it, it is another one."""
    told = ",".join(event_id(alert.check.id, alert.flip.n) for alert in alerts)
    return f"digest:{hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()}"


def deaf(*, since: datetime, now: datetime) -> Message:
    """Return the message that Lastseen itself hears nothing."""
    text = (
        f"Lastseen cannot hear pings since {clock(since)}.\n\n"
        "The canary that pings through the public URL each minute was not heard. Pings of your jobs may be lost\n"
        f"meanwhile, so missing ones are not held against the jobs, for {span(HOLD_LIMIT)} at most; then alerts go\n"
        "out anyway. Failures that jobs report are told as always. Look at the HTTP API and the ping function first."
    )
    subject = f"Lastseen cannot hear pings since {since.astimezone(UTC):%H:%M} UTC"
    return _own("deaf", subject, text, now, since=since)


def hearing(*, window: Window, now: datetime) -> Message:
    """Return the message that Lastseen hears again."""
    length = span(window.end - window.start)
    text = (
        f"Lastseen hears pings again, after {length}: it heard nothing from {clock(window.start)}\n"
        f"to {clock(window.end)}.\n\n"
        "Deadlines in that time are moved by as much. Jobs whose ping was lost may still be told as down."
    )
    return _own("hearing", f"Lastseen hears pings again, after {length}", text, now, since=window.end)


def channel_lost(
    channel: Channel, *, others: Sequence[str], why: str, untold: Mapping[str, Any], now: datetime
) -> Message:
    """Return the word to a project's other channels that this one takes no alerts; `untold`: the event it refused."""
    name = one_line(channel.name, NAME_LIMIT)
    text = (
        f"Lastseen cannot reach the channel {name} of the project {channel.project} any more: {why}.\n"
        f"It is switched off. What it did not take: {untold.get('subject') or untold.get('title')}\n\n"
        "What to do:\n"
        "  Make the channel anew with its present address: lastseen channels create; then delete this one.\n"
        f"  If it works again as it is, this switches it on: lastseen channels test '{name}'"
    )
    attributes: Attributes = {"project": channel.project, "status": BOTH, "channels": [EVERY, *others]}
    subject = f"LOST: the channel {name} of {channel.project} takes no alerts"
    message = _own("channel", subject, text, now, attributes)
    message.event["id"] = f"channel:{channel.id}:{untold.get('id')}"
    return message


def subscriptions_lost(lost: Sequence[str], pending: Sequence[str], *, now: datetime) -> Message:
    """Return the word on addresses that get no alerts: subscriptions that are gone, and those never confirmed."""
    parts = []
    if lost:
        parts.append("These addresses were subscribed to alerts and are not any more:\n" + _indented("\n".join(lost)))
    if pending:
        parts.append(
            "These addresses get no alerts, for nobody has confirmed the mail from AWS:\n"
            + _indented("\n".join(pending))
        )
    parts.append(
        "What to do:\n"
        "  A mail scanner that opens links can unsubscribe an address. Delete its channel, make it anew, and confirm\n"
        "  it by `lastseen channels confirm`: then only somebody with AWS credentials can unsubscribe it."
    )
    total = len(lost) + len(pending)
    what = "address gets" if total == 1 else "addresses get"
    return _own("subscription", f"LOST: {total} {what} no alerts", "\n\n".join(parts), now)


def trial(channel: Channel, *, now: datetime, nonce: str) -> Message:
    """Return a marked test alert for one channel; `nonce` makes it recognizable at its end."""
    name = one_line(channel.name, NAME_LIMIT)
    text = f"This is a test alert for the channel {name} of the project {channel.project}. Nothing is down.\n\n"
    text += f"Sent at {clock(now)}, test {nonce}."
    attributes: Attributes = {"project": channel.project, "status": BOTH, "channels": [channel.id]}
    if channel.tags:
        attributes["tags"] = list(channel.tags)
    message = _own("test", f"TEST: alert for the channel {name}", text, now, attributes)
    message.event.update(id=nonce, project=channel.project, channel=channel.id)
    return message


def title(check: Check) -> str:
    """Return what a check is called: its name, else its slug, else the start of its public key."""
    return one_line(check.name, NAME_LIMIT) or check.slug or unique_key(check.id)[:12]


# --- The words ---


def _shout(flip: Flip) -> str:
    if flip.reason is Reason.REMINDED:
        return f"STILL DOWN for {_lasted(flip)}"
    return "FLAPPING" if flip.flapping else str(flip.status).upper()


def _headline(alert: Alert) -> str:
    """Return the end of the subject, which begins with the check's name. A reminder says again what had happened."""
    if alert.flip.reason is not Reason.REMINDED:
        return f" {_what(alert.check, alert.flip)}"
    known = alert.cause and not alert.cause.flapping
    return f" {_what(alert.check, alert.cause)}" if alert.cause and known else ""


def _what(check: Check, flip: Flip, *, brief: bool = False) -> str:
    """Return what happened, as the end of a sentence that begins with the check."""
    if flip.flapping and not brief:
        return f"changed more than {check.flap_limit} times in an hour, now {flip.status}"
    if flip.reason is Reason.MISSED:
        return "started but did not finish in time" if flip.started else "did not start in time"
    if flip.reason is Reason.STUCK:
        return "got stuck"
    if flip.reason is Reason.FAILED:
        return "failed" if brief else "failed" + _how(flip)
    if flip.reason is Reason.REMINDED:
        return "is still down"
    if flip.reason is Reason.STEADY:
        return f"stays {flip.status}" if brief else f"stays {flip.status}, it flaps no more"
    return "is back" if brief or flip.since is None else f"is back after {_lasted(flip)}"


def _how(flip: Flip) -> str:
    if flip.note:
        return f", {one_line(flip.note, 40)}"
    return f", exit status {flip.exit_status}" if flip.exit_status is not None else ""


def _lasted(flip: Flip) -> str:
    return span(flip.at - flip.since) if flip.since else "an unknown time"


def _since(flip: Flip) -> str:
    word, moment = "at", flip.at
    if flip.reason is Reason.STUCK and flip.started:
        word, moment = "running since", flip.started
    elif flip.reason is Reason.MISSED and flip.expected:
        word, moment = "expected", flip.expected
    elif flip.reason is Reason.REMINDED and flip.since:
        word, moment = "since", flip.since
    return f"{word} {moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _sms(subject: str, flip: Flip) -> str:
    since = _since(flip)
    return plain(f"{subject}. {since[0].upper()}{since[1:]}", SMS_LIMIT)


def _lead(alert: Alert, now: datetime) -> str:
    """Return what happened in whole sentences: the first that somebody reads who was just woken."""
    check, flip = alert.check, alert.flip
    name, at = title(check), _short(check)
    if flip.flapping:
        return (
            f"{name} went up and down more than {check.flap_limit} times within an hour. Now it is {flip.status}, "
            f"since {at(flip.at)}. You will hear no more of it until it has not changed for {span(FLAP_SPAN)}."
        )
    if flip.reason is Reason.MISSED:
        return _missed(check, flip, now)
    if flip.reason is Reason.STUCK:
        had = f"and had {span(check.grace)} to finish"
        return f"{name} started at {at(flip.started)} {had}. It still runs, or it died without a word."
    if flip.reason is Reason.FAILED:
        ran = f", after running for {span(flip.duration)}" if flip.duration is not None else ""
        return f"{name} reported at {at(flip.at)} that it failed{_how(flip)}{ran}."
    if flip.reason is Reason.REMINDED:
        again = f" You will be told every {span(check.reminder)}." if check.reminder else ""
        return f"{name} is down since {at(flip.since)}{_because(alert)}.{again}"
    if flip.reason is Reason.STEADY:
        return f"{name} flapped, and has not changed for {span(FLAP_SPAN)}: it is {flip.status} since {at(flip.since)}."
    back = f"{name} reported success at {at(flip.at)}."
    return f"{back} It was down for {_lasted(flip)}{_because(alert)}." if flip.since else back


def _missed(check: Check, flip: Flip, now: datetime) -> str:
    name, at = title(check), _short(check)
    late = f" It is {span(now - flip.expected)} late." if flip.expected else ""
    grace = f"with {span(check.grace)} of grace"
    if flip.started:
        done = f"was expected to be done by {at(flip.expected)}, {grace}"
        return f"{name} started at {at(flip.started)}, but {done}.{late}"
    heard = f"It was last heard at {at(flip.last_ping)}." if flip.last_ping else "It was never heard."
    return f"{name} was expected at {at(flip.expected)}, {grace}.{late} {heard}"


def _short(check: Check) -> Callable[[datetime | None], str]:
    """Return how to write an instant in a sentence about a check: in its zone, and in UTC."""
    zone, zone_name = _zone(check)
    return lambda moment: short_clock(moment, zone, zone_name=zone_name) if moment else "an unknown time"


def _because(alert: Alert) -> str:
    return f": it {_what(alert.check, alert.cause)}" if alert.cause and not alert.cause.flapping else ""


def _todo(alert: Alert) -> str:
    """Return the description, or what to do where nobody wrote one; "" where there is nothing to do."""
    flip = alert.flip
    if flip.status is Status.UP:
        return ""
    about = cut(harmless(alert.about).strip(), ABOUT_LIMIT)
    if about or flip.flapping:
        return about
    first = {
        Reason.MISSED: "Look whether its scheduler started it, and whether its host is up and reaches Lastseen.",
        Reason.STUCK: "Look whether it still runs. If it will finish, wait; if it hangs, end it and run it again.",
        Reason.FAILED: "Read its output, mend the cause, and run it again.",
    }.get(flip.reason, "Mend the cause, and run it again.")
    return f"{first}\nIts next success ends this alert."


def _facts(alert: Alert, site_url: str) -> list[tuple[str, str]]:
    """Return the lines below the sentences, most useful first; those of which nothing is known are left out."""
    check, flip = alert.check, alert.flip
    zone, zone_name = _zone(check)

    def at(moment: datetime | None) -> str:
        return clock(moment, zone, zone_name=zone_name) if moment else ""

    late = flip.reason in {Reason.MISSED, Reason.STUCK}
    ended = flip.reason in {Reason.FAILED, Reason.PINGED}
    deaf_for = f"Lastseen heard no pings for {span(flip.held)} of the wait" if flip.held else ""
    facts = [
        ("Also down", _also_down(alert)),
        ("Expected", at(flip.expected) if flip.reason is Reason.MISSED else ""),
        ("Started", at(flip.started)),
        ("Deadline" if late else "Time", at(flip.at)),
        ("Down since", at(flip.since) if flip.was is Status.DOWN else ""),
        ("Schedule", _schedule(check)),
        ("Last ping", at(flip.last_ping) or ("never" if late else "")),
        ("Run took" if ended else "Last run took", span(flip.duration) if flip.duration is not None else ""),
        ("Exit status", str(flip.exit_status) if flip.exit_status else one_line(flip.note, NAME_LIMIT)),
        ("Caution", deaf_for),
        ("Project", check.project),
        ("Tags", one_line(check.tags, 200)),
        ("Check", f"{site_url}/checks/{unique_key(check.id)}"),
        ("Event", event_id(check.id, flip.n) + _refers(check, flip)),
    ]
    return [(name, value) for name, value in facts if value]


def _also_down(alert: Alert) -> str:
    others = ", ".join(one_line(name, NAME_LIMIT) for name in alert.also_down[:ALSO_DOWN_LIMIT])
    more = len(alert.also_down) - ALSO_DOWN_LIMIT
    return others + (f" and {more} more" if more > 0 else "")


def _refers(check: Check, flip: Flip) -> str:
    if flip.incident is None or flip.incident == flip.n:
        return ""
    word = "ends" if flip.status is Status.UP else "about"
    return f", {word} {event_id(check.id, flip.incident)}"


def _schedule(check: Check) -> str:
    schedule = check.schedule
    if isinstance(schedule, Period):
        return f"every {span(schedule.period)}"
    kind = "cron" if isinstance(schedule, Cron) else "OnCalendar"
    return one_line(f"{kind} {schedule.expression}, {schedule.tz}", 200)


def _zone(check: Check) -> tuple[tzinfo, str]:
    """Return the zone of a check's clocks; UTC if it has none, or one that is broken."""
    if isinstance(check.schedule, Cron | OnCalendar):
        try:
            return zone(check.schedule.tz), check.schedule.tz
        except ZoneError:
            pass
    return UTC, "UTC"


# --- The parts ---


def _email(lead: str, facts: Sequence[tuple[str, str]], output: str, todo: str, *, output_first: bool) -> str:
    """Return the mail's body. Its subject stands right above it, so it begins with the sentences, not with that."""
    width = max(len(name) for name, _ in facts)
    said = f"Its last output:\n{_indented(output)}" if output else ""
    parts = [
        lead,
        said if output_first else "",
        f"{TODO}\n{_indented(todo)}" if todo else "",
        "\n".join(f"{name + ':':<{width + 2}}{value}" for name, value in facts),
        "" if output_first else said,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.split("\n"))


def _within(lines: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return as many lines as fit into `DIGEST_BYTES`; then the other names alone; then how many are left out."""
    kept: list[str] = []
    room = DIGEST_BYTES
    for line in lines:
        room -= len(line.encode()) + 1
        if room < DIGEST_BYTES // 2 and len(kept) < len(lines) - 1:
            break
        kept.append(line)
    rest = list(names[len(kept) :])
    if not rest:
        return kept
    fitting = []
    for name in rest:
        room -= len(name.encode()) + 2
        if room < 0:
            break
        fitting.append(name)
    left = len(rest) - len(fitting)
    return [*kept, f"- and {', '.join(fitting)}" + (f" and {left} more" if left else "")]


def _listed(alerts: Sequence[Alert]) -> list[dict[str, Any]]:
    """Return the flips of a digest as its event has them, as many as fit."""
    listed: list[dict[str, Any]] = []
    room = DIGEST_FLIPS_BYTES
    for alert in alerts:
        flip = {
            "id": event_id(alert.check.id, alert.flip.n),
            "incident": event_id(alert.check.id, alert.flip.incident) if alert.flip.incident else None,
            "check": title(alert.check),
            "reason": str(alert.flip.reason),
            "what": _what(alert.check, alert.flip, brief=True),
            "at": _iso(alert.flip.at),
        }
        room -= sum(len(str(value).encode()) for value in flip.values()) + 60
        if room < 0:
            break
        listed.append(flip)
    return listed


def _event(alert: Alert, site_url: str) -> dict[str, Any]:
    """Return the JSON event; docs/alerts.md tells each field. Absent values are null."""
    check, flip = alert.check, alert.flip
    return {
        "version": EVENT_VERSION,
        "type": "flip",
        "id": event_id(check.id, flip.n),
        "incident": event_id(check.id, flip.incident) if flip.incident else None,
        "status": str(flip.status),
        "was": str(flip.was),
        "reason": str(flip.reason),
        "flapping": flip.flapping,
        "at": _iso(flip.at),
        "since": _iso(flip.since),
        "expected": _iso(flip.expected),
        "started": _iso(flip.started),
        "last_ping": _iso(flip.last_ping),
        "held_seconds": flip.held.total_seconds() if flip.held else None,
        "duration_seconds": flip.duration.total_seconds() if flip.duration is not None else None,
        "exit_status": flip.exit_status,
        "note": flip.note or None,
        "output": tail(flip.body, OUTPUT_LIMIT) or None,
        "about": cut(harmless(alert.about).strip(), ABOUT_LIMIT) or None,
        "also_down": [one_line(name, NAME_LIMIT) for name in alert.also_down[:ALSO_DOWN_LIMIT]],
        "also_down_count": len(alert.also_down),
        "project": check.project,
        "check": {
            "key": unique_key(check.id),
            "name": title(check),
            "slug": check.slug,
            "project": check.project,
            "tags": check.tags.split(),
            "url": f"{site_url}/checks/{unique_key(check.id)}",
        },
    }


def _concerned(flip: Flip) -> list[str]:
    """Return whom a flip concerns, by status: flapping and its end concern those who hear of either alone."""
    return BOTH if flip.flapping or flip.reason is Reason.STEADY else [str(flip.status)]


def _attributes(check: Check, statuses: list[str]) -> Attributes:
    """Return what filters of subscriptions look at. SNS takes no empty value, so what is empty is left out."""
    attributes: Mapping[str, str | list[str]] = {
        "project": check.project,
        "status": statuses,
        "check": plain(title(check), NAME_LIMIT),
        "tags": check.tags.split(),
        "channels": [channel.strip() for channel in check.channels.split(",") if channel.strip()],
    }
    return {name: value for name, value in attributes.items() if value}


def _union_of_tags(alerts: Sequence[Alert]) -> Attributes:
    tags = sorted({tag for alert in alerts for tag in alert.check.tags.split()})[:100]
    named: Attributes = {"check": "digest"}
    return named | ({"tags": tags} if tags else {})


def _own(  # one part of a message each
    kind: str,
    subject: str,
    text: str,
    now: datetime,
    attributes: Attributes | None = None,
    *,
    since: datetime | None = None,
) -> Message:
    """Return a message about Lastseen itself: to every channel that takes all alerts, unless `attributes` say else.

    `since`: what makes its id, so that a message told twice can be known by it.
    """
    said, _, todo = text.partition(f"\n\n{TODO}\n")
    lead, _, more = said.partition("\n\n")
    subject = plain(subject, SUBJECT_LIMIT)
    event = {
        "version": EVENT_VERSION,
        "type": kind,
        "id": f"{kind}:{_iso(since or now)}",
        "subject": subject,
        "title": subject,
        "lead": " ".join(lead.split()),
        "more": more or None,
        "todo": todo or None,
        "at": _iso(now),
        "text": text,
    }
    everybody: Attributes = {"project": EVERY, "status": kind, "channels": [EVERY]}
    return Message(
        subject=subject,
        email=text + "\n",
        sms=plain(subject, SMS_LIMIT),
        event=event,
        attributes=attributes or everybody,
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
