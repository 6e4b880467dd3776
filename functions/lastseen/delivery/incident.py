"""Incident tools: an alert opens an incident, its recovery closes the same one. Pure.

Apprise speaks to PagerDuty and Opsgenie too, but gives PagerDuty a whole message as its one line, which that refuses
when it is long, and can close in Opsgenie only what the same process opened. So their requests are made here; the
address stays an Apprise URL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lastseen.delivery.webhook import Request
from lastseen.text.event import DigestEvent, Event, EventCheck, FlipEvent
from lastseen.text.message import SUBJECT_LIMIT
from lastseen.text.wire import to_document
from lastseen.text.words import plain

PAGERDUTY = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
OPSGENIE = {"us": "https://api.opsgenie.com", "eu": "https://api.eu.opsgenie.com"}
SUMMARY_LIMIT = 1_000
MESSAGE_LIMIT = 130
TEXT_LIMIT = 14_000


def pagerduty(event: Event, *, routing_key: str, region: str) -> Request:
    """Return the request for PagerDuty's events API, version 2."""
    sent: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "resolve" if event.ends else "trigger",
        "dedup_key": _incident(event),
    }
    if not event.ends:
        sent["client"] = "Lastseen"
        sent["payload"] = {
            "summary": event.title[:SUMMARY_LIMIT],
            "source": _source(event),
            "severity": "critical" if event.status == "down" else "info",
            "timestamp": to_document(event.at),
            "group": event.project,
            "class": event.reason if isinstance(event, FlipEvent) else event.type,
            "custom_details": {"text": event.text[:TEXT_LIMIT]},
        }
        sent["links"] = [{"href": event.url, "text": "The check"}] if event.url else []
    return _post(f"{PAGERDUTY[region]}/v2/enqueue", sent)


def opsgenie(event: Event, *, api_key: str, region: str, responders: list[dict[str, str]]) -> Request:
    """Return the request for Opsgenie's alert API, version 2."""
    authorization = {"Authorization": f"GenieKey {api_key}"}
    alerts = f"{OPSGENIE[region]}/v2/alerts"
    if event.ends:
        closing = f"{alerts}/{quote(_incident(event), safe='')}/close?identifierType=alias"
        return _post(closing, {"source": "Lastseen", "note": event.lead[:TEXT_LIMIT]}, authorization)
    check = event.check if isinstance(event, FlipEvent) else None
    sent = {
        "message": event.title[:MESSAGE_LIMIT],
        "alias": _incident(event),
        "description": event.text[:TEXT_LIMIT],
        "source": "Lastseen",
        "entity": check.name if check else "",
        "tags": list(check.tags)[:20] if check else [],
        "responders": responders,
    }
    return _post(alerts, {name: value for name, value in sent.items() if value}, authorization)


def singly(event: Event) -> list[Event]:
    """Return the events that an incident tool gets: of a digest, each flip on its own."""
    if not isinstance(event, DigestEvent):
        return [event]
    site = (event.url or "").rstrip("/")
    singles: list[Event] = []
    for flip in event.flips:
        status = flip.status or event.status
        project = event.project or ""
        url = f"{site}/checks/{flip.key}"
        title = f"{str(status).upper()}: {flip.check} {flip.what}"
        lead = f"{flip.check} {flip.what}."
        singles.append(
            FlipEvent(
                id=flip.id,
                incident=flip.incident,
                status=status,
                reason=flip.reason,
                flapping=flip.flapping,
                at=flip.at,
                project=project,
                check=EventCheck(key=flip.key, name=flip.check, slug="", project=project, tags=(), url=url),
                subject=plain(title, SUBJECT_LIMIT),
                title=title,
                lead=lead,
                text=f"{lead}\n\n{url}\n",
                channels=event.channels,
            )
        )
    return singles


def _source(event: Event) -> str:
    return event.check.name if isinstance(event, FlipEvent) else event.project or "lastseen"


def _incident(event: Event) -> str:
    """Return what names the incident for ever: the event that began it."""
    return event.incident or event.id


def _post(url: str, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Request:
    sent = {"Content-Type": "application/json", "User-Agent": "Lastseen"} | dict(headers or {})
    return Request(method="POST", url=url, headers=sent, body=json.dumps(document).encode())
