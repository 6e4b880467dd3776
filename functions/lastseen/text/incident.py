"""What incident tools have in common: one incident for each check, and a digest taken apart. Pure.

Apprise speaks to PagerDuty and Opsgenie too, but gives PagerDuty a whole message as its one line, which that refuses
when it is long, and can close in Opsgenie only what the same process opened. So their requests are made by us
(delivery/pagerduty.py, opsgenie.py); the address stays an Apprise URL.
"""

from __future__ import annotations

from lastseen.text.event import DigestEvent, DigestFlip, Event, EventCheck, FlipEvent
from lastseen.text.message import SUBJECT_LIMIT
from lastseen.text.words import clock, plain


def opens_incidents(address: str) -> bool:
    """Return whether a channel of this address opens and closes incidents, and so wants each flip on its own."""
    return address.startswith(("pagerduty://", "opsgenie://"))


def incident_of(event: Event) -> str:
    """Return what names the incident for ever: the event that began it."""
    return event.incident or event.id


def singly(event: Event) -> list[Event]:
    """Return the events that an incident tool gets: of a digest, each flip on its own."""
    return [_single(event, flip) for flip in event.flips] if isinstance(event, DigestEvent) else [event]


def _single(event: DigestEvent, flip: DigestFlip) -> FlipEvent:
    status = flip.status or event.status
    project = event.project or ""
    url = f"{(event.url or '').partition('?')[0].rstrip('/')}/checks/{flip.key}"
    what = f"{flip.what}: {flip.error}" if flip.error and not flip.flapping else flip.what
    title = f"{'FLAPPING' if flip.flapping else str(status).upper()}: {flip.check} {what}"
    lead = f"{flip.check} {flip.what} at {clock(flip.at)}."
    return FlipEvent(
        id=flip.id,
        incident=flip.incident,
        status=status,
        reason=flip.reason,
        flapping=flip.flapping,
        at=flip.at,
        error=flip.error,
        project=project,
        check=EventCheck(key=flip.key, name=flip.check, slug="", project=project, tags=(), url=url),
        subject=plain(title, SUBJECT_LIMIT),
        title=title,
        lead=lead,
        text=f"{lead}\n\n{url}\n",
        channels=event.channels,
    )
