"""What an alert says: subject, e-mail, SMS, chat and the JSON event, from a flip and the check it is about.

Lives here: every word that people are told. First line: which job, what happened, since when. Pure.
Never here: who hears it (channel.py), how it is sent (topic.py, chat.py), a ping URL or an id that reveals one.

Limits, of SNS: a subject has fewer than 100 characters, all ASCII; all parts together are under 256 KB.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lastseen.blind import HOLD_LIMIT, Window
from lastseen.check import Check, Flip, Reason, Status, event_id, unique_key
from lastseen.schedule import Cron, OnCalendar, Period
from lastseen.words import clock, harmless, one_line, plain, span, tail

EVENT_VERSION = 1
SUBJECT_LIMIT = 99
NAME_LIMIT = 60
SMS_LIMIT = 140
OUTPUT_LIMIT = 2_000
ABOUT_LIMIT = 2_000
ALSO_DOWN_LIMIT = 10
DIGEST_LINES = 200
"""Characters, and lines, of the parts of an alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What people are to be told: a flip, and what is known around it."""

    check: Check  # as it is now
    flip: Flip
    about: str = ""  # the check's description: the run-book
    also_down: tuple[str, ...] = ()  # names of other checks of the project that are down


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One publication, in the form of each protocol."""

    subject: str
    email: str
    sms: str
    markdown: str
    event: dict[str, Any]
    attributes: dict[str, str | list[str]] = field(default_factory=dict)  # what filters look at


def flipped(alert: Alert, *, now: datetime, site_url: str) -> Message:
    """Return the message of one flip."""
    check, flip = alert.check, alert.flip
    headline = f"{_shout(flip)}: {title(check)} {_what(flip)}"
    facts = _facts(alert, now, site_url)
    subject = plain(f"{_shout(flip)}: {plain(title(check), NAME_LIMIT)} {_what(flip)}", SUBJECT_LIMIT)
    output = tail(flip.body, OUTPUT_LIMIT)
    about = harmless(alert.about)[:ABOUT_LIMIT].strip()
    email = _email(headline, facts, output, about)
    return Message(
        subject=subject,
        email=email,
        sms=plain(f"{subject}. {_since(flip)}", SMS_LIMIT),
        markdown=_markdown(headline, facts, output, about),
        event=_event(alert, subject, site_url) | {"text": email},
        attributes=_attributes(check, str(flip.status)),
    )


def digest(alerts: Sequence[Alert], *, now: datetime, site_url: str) -> Message:
    """Return one message for many flips that go to the same people: of one project, status and list of channels."""
    check, status = alerts[0].check, alerts[0].flip.status
    counts = Counter(_what(alert.flip, brief=True) for alert in alerts)
    reasons = ", ".join(f"{count} {what}" for what, count in counts.most_common(5))
    checks = len({alert.check.id for alert in alerts})
    subject = plain(f"{str(status).upper()}: {checks} checks of {check.project}: {reasons}", SUBJECT_LIMIT)
    lines = [f"- {title(alert.check)} {_what(alert.flip)}, {_since(alert.flip)}" for alert in alerts]
    named = lines[:DIGEST_LINES]
    if len(lines) > DIGEST_LINES:
        rest = ", ".join(plain(title(alert.check), NAME_LIMIT) for alert in alerts[DIGEST_LINES:])
        named.append(f"- and {len(lines) - DIGEST_LINES} more: {one_line(rest, 60_000)}")
    headline = f"{checks} checks of the project {check.project} are {status}: {reasons}."
    text = "\n".join([headline, "", *named, "", f"All checks: {site_url}/", f"Told at {clock(now)}."])
    return Message(
        subject=subject,
        email=text,
        sms=plain(f"{subject}. {_since(alerts[0].flip)}", SMS_LIMIT),
        markdown="\n".join([f"**{headline}**", "", *named, "", f"[All checks]({site_url}/)"]),
        event={
            "version": EVENT_VERSION,
            "type": "digest",
            "id": event_id(check.id, alerts[0].flip.n),
            "subject": subject,
            "status": str(status),
            "project": check.project,
            "flips": [
                {
                    "id": event_id(alert.check.id, alert.flip.n),
                    "check": plain(title(alert.check), NAME_LIMIT),
                    "reason": str(alert.flip.reason),
                    "at": _iso(alert.flip.at),
                }
                for alert in alerts[:DIGEST_LINES]
            ],
            "count": len(alerts),
            "text": text,
        },
        attributes=_attributes(check, str(status)) | _union_of_tags(alerts),
    )


def deaf(*, since: datetime, now: datetime) -> Message:
    """Return the message that Lastseen itself hears nothing."""
    text = (
        f"Lastseen cannot hear pings since {clock(since)}.\n\n"
        "The canary that pings through the public URL each minute was not heard. Pings of your jobs may be lost\n"
        f"meanwhile, so missing ones are not held against the jobs, for {span(HOLD_LIMIT)} at most; then alerts go\n"
        "out anyway. Failures that jobs report are told as always. Look at the HTTP API and the ping function first."
    )
    return _own("deaf", f"Lastseen cannot hear pings since {since.astimezone(UTC):%H:%M} UTC", text, now)


def hearing(*, window: Window, now: datetime) -> Message:
    """Return the message that Lastseen hears again."""
    length = span(window.end - window.start)
    text = (
        f"Lastseen hears pings again, after {length}: it heard nothing from {clock(window.start)}\n"
        f"to {clock(window.end)}.\n\n"
        "Deadlines in that time are moved by as much. Jobs whose ping was lost may still be told as down."
    )
    return _own("hearing", f"Lastseen hears pings again, after {length}", text, now)


def test_alert(*, project: str, channel_id: str, name: str, now: datetime, nonce: str) -> Message:
    """Return a marked test alert for one channel; `nonce` makes it recognizable at its end."""
    text = (
        f"TEST: this is a test alert for the channel {harmless(name)}. Nothing is down.\n\nTest {nonce}, {clock(now)}."
    )
    attributes: dict[str, str | list[str]] = {"project": project, "status": "down", "channels": [channel_id]}
    event = {"version": EVENT_VERSION, "type": "test", "id": nonce, "project": project, "at": _iso(now), "text": text}
    subject = plain(f"TEST: alert for the channel {name}", SUBJECT_LIMIT)
    event["subject"] = subject
    return Message(
        subject=subject, email=text, sms=plain(text, SMS_LIMIT), markdown=text, event=event, attributes=attributes
    )


def title(check: Check) -> str:
    """Return what a check is called: its name, else its slug, else the start of its public key."""
    return one_line(check.name, NAME_LIMIT) or check.slug or unique_key(check.id)[:12]


# --- The words ---


def _shout(flip: Flip) -> str:
    if flip.reason is Reason.REMINDED:
        return "STILL DOWN"
    if flip.flapping:
        return "FLAPPING"
    return "STEADY" if flip.reason is Reason.STEADY else str(flip.status).upper()


def _what(flip: Flip, *, brief: bool = False) -> str:
    """Return what happened, as the end of a sentence that begins with the check."""
    if flip.reason is Reason.MISSED:
        return "started but did not finish in time" if flip.started else "did not start in time"
    if flip.reason is Reason.STUCK:
        return "got stuck"
    if flip.reason is Reason.FAILED:
        return "failed" if brief else "failed" + _how(flip)
    if flip.reason is Reason.REMINDED:
        return "is still down" if brief else f"is down for {_lasted(flip)}"
    if flip.reason is Reason.STEADY:
        return f"is steady again: {flip.status}"
    return "is back" if brief or flip.since is None else f"is back after {_lasted(flip)}"


def _how(flip: Flip) -> str:
    if flip.note:
        return f", {one_line(flip.note, 40)}"
    return f", exit status {flip.exit_status}" if flip.exit_status is not None else ""


def _lasted(flip: Flip) -> str:
    return span(flip.at - flip.since) if flip.since else "an unknown time"


def _since(flip: Flip) -> str:
    if flip.reason is Reason.STUCK and flip.started:
        return f"running since {flip.started.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if flip.reason is Reason.MISSED and flip.expected:
        return f"expected {flip.expected.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"at {flip.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _facts(alert: Alert, now: datetime, site_url: str) -> list[tuple[str, str]]:
    """Return the lines below the headline, most useful first; those of which nothing is known are left out."""
    check, flip = alert.check, alert.flip
    zone, zone_name = _zone(check)

    def at(moment: datetime | None) -> str:
        return clock(moment, zone, zone_name=zone_name) if moment else ""

    missed = flip.reason in {Reason.MISSED, Reason.STUCK}
    late = f", {span(now - flip.expected)} ago" if missed and flip.expected else ""
    deaf_for = f"Lastseen heard no pings for {span(flip.held)} of the wait" if flip.held else ""
    flapping = "no more alerts until it has not changed for an hour" if flip.flapping else ""
    others = ", ".join(one_line(name, NAME_LIMIT) for name in alert.also_down[:ALSO_DOWN_LIMIT])
    more = len(alert.also_down) - ALSO_DOWN_LIMIT
    facts = [
        ("Expected", at(flip.expected) + late if missed and flip.reason is Reason.MISSED else ""),
        ("Started", at(flip.started)),
        ("Deadline" if missed else "Since" if flip.reason is Reason.STEADY else "Time", at(flip.at)),
        ("Grace", span(check.grace) if missed else ""),
        ("Schedule", _schedule(check)),
        ("Last ping", at(flip.last_ping) or ("never" if missed else "")),
        ("Last run took", span(flip.duration) if flip.duration is not None else ""),
        ("Exit status", str(flip.exit_status) if flip.exit_status else one_line(flip.note, NAME_LIMIT)),
        ("Flapping", flapping),
        ("Caution", deaf_for),
        ("Also down", others + (f" and {more} more" if more > 0 else "")),
        ("Project", check.project),
        ("Tags", one_line(check.tags, 200)),
        ("Check", f"{site_url}/checks/{unique_key(check.id)}"),
        ("Event", event_id(check.id, flip.n) + _refers(check, flip)),
    ]
    return [(name, value) for name, value in facts if value]


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
            return ZoneInfo(check.schedule.tz), check.schedule.tz
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    return UTC, "UTC"


def _email(headline: str, facts: Sequence[tuple[str, str]], output: str, about: str) -> str:
    width = max(len(name) for name, _ in facts)
    parts = [headline, "\n".join(f"{name + ':':<{width + 2}}{value}" for name, value in facts)]
    if about:
        parts.insert(1, f"What to do:\n{_indented(about)}")
    if output:
        parts.append(f"Its last output:\n{_indented(output)}")
    return "\n\n".join(parts) + "\n"


def _markdown(headline: str, facts: Sequence[tuple[str, str]], output: str, about: str) -> str:
    parts = [f"**{headline}**", "\n".join(f"- {name}: {value}" for name, value in facts)]
    if about:
        parts.insert(1, about)
    if output:
        fenced = output.replace("```", "'''")
        parts.append(f"```\n{fenced}\n```")
    return "\n\n".join(parts)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


def _event(alert: Alert, subject: str, site_url: str) -> dict[str, Any]:
    """Return the JSON event; docs/alerts.md tells each field. Absent values are null."""
    check, flip = alert.check, alert.flip
    return {
        "version": EVENT_VERSION,
        "type": "flip",
        "id": event_id(check.id, flip.n),
        "incident": event_id(check.id, flip.incident) if flip.incident else None,
        "subject": subject,
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
        "about": harmless(alert.about)[:ABOUT_LIMIT] or None,
        "check": {
            "key": unique_key(check.id),
            "name": title(check),
            "slug": check.slug,
            "project": check.project,
            "tags": check.tags.split(),
            "url": f"{site_url}/checks/{unique_key(check.id)}",
        },
    }


def _attributes(check: Check, status: str) -> dict[str, str | list[str]]:
    """Return what filters of subscriptions look at. SNS takes no empty value, so what is empty is left out."""
    attributes: dict[str, str | list[str]] = {
        "project": check.project,
        "status": status,
        "check": plain(title(check), NAME_LIMIT),
        "tags": check.tags.split(),
        "channels": [channel.strip() for channel in check.channels.split(",") if channel.strip()],
    }
    return {name: value for name, value in attributes.items() if value}


def _union_of_tags(alerts: Sequence[Alert]) -> dict[str, str | list[str]]:
    tags = sorted({tag for alert in alerts for tag in alert.check.tags.split()})[:100]
    named: dict[str, str | list[str]] = {"check": "digest"}
    return named | ({"tags": tags} if tags else {})


def _own(kind: str, subject: str, text: str, now: datetime) -> Message:
    """Return a message about Lastseen itself; it bears no project, so that only unfiltered subscriptions get it."""
    event = {"version": EVENT_VERSION, "type": kind, "subject": subject, "at": _iso(now), "text": text}
    return Message(
        subject=plain(subject, SUBJECT_LIMIT),
        email=text + "\n",
        sms=plain(subject, SMS_LIMIT),
        markdown=text,
        event=event,
        attributes={"status": kind},
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
