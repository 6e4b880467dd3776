"""A digest: one message about many checks, in the form of each protocol.

Lives here: what is said of many checks at once, and what is left out where there is no room.
Never here: which alerts go together (alerting), one check (message.py). Pure.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from lastseen.core.channel import concerned
from lastseen.core.check import Status, event_id
from lastseen.text.event import DigestEvent, DigestFlip
from lastseen.text.happened import check_name, shown_status
from lastseen.text.message import (
    SUBJECT_LIMIT,
    Alert,
    Attributes,
    Message,
    attributes,
    error_of,
    in_short,
    since,
    sms,
    what_happened,
)
from lastseen.text.words import clock, cut, harmless, one_line, plain

DIGEST_BYTES = 60_000
"""Of the list of checks in a digest's text; its event has the list once more. SNS takes 256 KB in all."""

DIGEST_FLIPS_BYTES = 120_000
FLIP_BYTES = 360
"""Of all flips in a digest's event, and of one of them beside its name and error. `CHUNK_LIMIT` of alerting is so that
all have room, since incident tools get each of them: what is not listed here would open no incident."""

ERROR_LIMIT = 60
"""Characters of an error beside its check; the mail and each page have more of it."""

COMMON_LIMIT = 5
TAG_LIMIT = 40
"""Tags that are named as what all checks have in common, and characters of each."""


def digest(
    alerts: Sequence[Alert], *, now: datetime, site_url: str, channels: Sequence[str] | None = None, address: str = ""
) -> Message:
    """Return one message for many flips of one status that go to the same people; of one project or of several.

    `address`: from which all of them were last heard, if that is one.
    """
    status, flapping = shown_status(alerts[0].flip), alerts[0].flip.flapping
    projects = sorted({alert.check.project for alert in alerts})
    of_all = projects[0] if len(projects) == 1 else f"{len(projects)} projects"
    of_all_long = f"the project {of_all}" if len(projects) == 1 else of_all
    counts = Counter(what_happened(alert.check, alert.flip, brief=True) for alert in alerts)
    reasons = ", ".join(f"{count} {what}" for what, count in counts.most_common(5))
    checks = len({alert.check.id for alert in alerts})
    shout = "FLAPPING" if flapping else str(status).upper()
    subject = plain(f"{shout}: {checks} checks of {of_all}" + ("" if flapping else f": {reasons}"), SUBJECT_LIMIT)
    common = common_tags(alerts)
    lead = f"{checks} checks of {of_all_long} {_are(alerts, reasons)}.{_in_common(common, address)}"
    url = _page(site_url, status, common)
    lines = [
        f"- {check_name(alert.check)} {in_short(alert.check, alert.flip)}, {since(alert.flip)}" for alert in alerts
    ]
    named = _within(lines, [check_name(alert.check) for alert in alerts])
    text = "\n".join([lead, "", *named, "", f"These checks: {url}", f"Sent at {clock(now)}."])
    event = DigestEvent(
        id=_digest_id(alerts),
        subject=subject,
        title=subject,
        lead=lead,
        status=status,
        flapping=flapping,
        project=projects[0] if len(projects) == 1 else None,
        at=alerts[0].flip.at,
        count=len(alerts),
        flips=_listed(alerts),
        common_tags=common,
        common_address=address or None,
        url=url,
        text=text,
        channels=None if channels is None else tuple(channels),
    )
    statuses = sorted({str(each) for alert in alerts for each in concerned(alert.flip)})
    return Message(
        subject=subject,
        email=text,
        sms=sms(subject, alerts[0].flip),
        event=event,
        attributes=attributes(alerts[0].check, statuses, channels) | _united(alerts, projects),
    )


def _are(alerts: Sequence[Alert], reasons: str) -> str:
    """Return what is common to many flips, as the end of a sentence that begins with them."""
    flip = alerts[0].flip
    if flip.flapping:
        return (
            f"go up and down too often; now they are {flip.status}, and there are no more alerts until they are steady"
        )
    if shown_status(flip) in {Status.UP, Status.DOWN}:
        return f"are {flip.status}: {reasons}"
    return f"have an incident that is over here: {reasons}"


def common_tags(alerts: Sequence[Alert]) -> tuple[str, ...]:
    """Return the tags that all checks of a digest have: the host or the team that they have in common."""
    first, *others = [harmless(alert.check.tags).split() for alert in alerts]
    return tuple(tag for tag in dict.fromkeys(first) if all(tag in tags for tags in others))


def _in_common(tags: Sequence[str], address: str) -> str:
    shown = ", ".join(one_line(tag, TAG_LIMIT) for tag in tags[:COMMON_LIMIT])
    have = [f"have the tag{'s' if len(tags) > 1 else ''} {shown}"] if tags else []
    heard = [f"last pinged from {address}"] if address else []
    return f" All of them {' and '.join([*have, *heard])}." if have or heard else ""


def _page(site_url: str, status: Status, tags: Sequence[str]) -> str:
    """Return the dashboard's address, filtered to what is down with these tags."""
    filters = [("tag", tag) for tag in tags[:COMMON_LIMIT]]
    filters += [("status", "down")] if status is Status.DOWN else []
    return f"{site_url}/" + (f"?{urlencode(filters)}" if filters else "")


def _digest_id(alerts: Sequence[Alert]) -> str:
    """Name a digest by all that it says: sent again with other checks in it, it is another one."""
    ids = ",".join(event_id(alert.check.id, alert.flip.n) for alert in alerts)
    return f"digest:{hashlib.sha1(ids.encode(), usedforsecurity=False).hexdigest()}"


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


def _listed(alerts: Sequence[Alert]) -> tuple[DigestFlip, ...]:
    """Return the flips of a digest as its event has them, as many as fit."""
    listed: list[DigestFlip] = []
    room = DIGEST_FLIPS_BYTES
    for alert in alerts:
        check, flip = alert.check, alert.flip
        part = DigestFlip(
            id=event_id(check.id, flip.n),
            incident=event_id(check.id, flip.incident) if flip.incident else None,
            check=check_name(check),
            status=shown_status(flip),
            reason=flip.reason,
            flapping=flip.flapping,
            what=what_happened(check, flip, brief=True),
            error=cut(error_of(flip), ERROR_LIMIT) or None,
            at=flip.at,
        )
        room -= FLIP_BYTES + len(part.check.encode()) + len((part.error or "").encode())
        if room < 0:
            break
        listed.append(part)
    return tuple(listed)


def _united(alerts: Sequence[Alert], projects: list[str]) -> Attributes:
    """Return the attributes in which the flips of a digest differ, a hundred values at most.

    Only users' own subscriptions filter by them; channels are listed by id.
    """
    tags = sorted({tag for alert in alerts for tag in alert.check.tags.split()})[:100]
    channels = sorted({each.strip() for alert in alerts for each in alert.check.channels.split(",")} - {""})[:100]
    united: Attributes = {"check": "digest", "project": projects[0] if len(projects) == 1 else projects[:100]}
    return united | ({"tags": tags} if tags else {}) | ({"channels": channels} if channels else {})
