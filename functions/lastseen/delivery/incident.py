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

PAGERDUTY = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
OPSGENIE = {"us": "https://api.opsgenie.com", "eu": "https://api.eu.opsgenie.com"}
SUMMARY_LIMIT = 1_000
MESSAGE_LIMIT = 130
TEXT_LIMIT = 14_000

Event = Mapping[str, Any]


def pagerduty(event: Event, *, routing_key: str, region: str) -> Request:
    """Return the request for PagerDuty's events API, version 2."""
    sent: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "resolve" if _is_over(event) else "trigger",
        "dedup_key": _incident(event),
    }
    if not _is_over(event):
        check: Event = event.get("check") or {}
        url = check.get("url") or event.get("url")
        sent["client"] = "Lastseen"
        sent["payload"] = {
            "summary": str(event.get("title") or event.get("subject"))[:SUMMARY_LIMIT],
            "source": str(check.get("name") or event.get("project") or "lastseen"),
            "severity": "critical" if event.get("status") == "down" else "info",
            "timestamp": event.get("at"),
            "group": event.get("project"),
            "class": event.get("reason") or event.get("type"),
            "custom_details": {"text": str(event.get("text", ""))[:TEXT_LIMIT]},
        }
        sent["links"] = [{"href": url, "text": "The check"}] if url else []
    return _post(f"{PAGERDUTY[region]}/v2/enqueue", sent)


def opsgenie(event: Event, *, api_key: str, region: str, responders: list[dict[str, str]]) -> Request:
    """Return the request for Opsgenie's alert API, version 2."""
    authorization = {"Authorization": f"GenieKey {api_key}"}
    alerts = f"{OPSGENIE[region]}/v2/alerts"
    if _is_over(event):
        closing = f"{alerts}/{quote(_incident(event), safe='')}/close?identifierType=alias"
        return _post(closing, {"source": "Lastseen", "note": str(event.get("lead"))[:TEXT_LIMIT]}, authorization)
    check: Event = event.get("check") or {}
    sent = {
        "message": str(event.get("title") or event.get("subject"))[:MESSAGE_LIMIT],
        "alias": _incident(event),
        "description": str(event.get("text", ""))[:TEXT_LIMIT],
        "source": "Lastseen",
        "entity": str(check.get("name") or ""),
        "tags": list(check.get("tags") or ())[:20],
        "responders": responders,
    }
    return _post(alerts, {name: value for name, value in sent.items() if value}, authorization)


def singly(event: Event) -> list[Event]:
    """Return the events that an incident tool is to hear of: of a digest, each flip for itself."""
    if event.get("type") != "digest":
        return [event]
    return [
        {
            "version": event.get("version"),
            "type": "flip",
            "id": flip.get("id"),
            "incident": flip.get("incident"),
            "status": event.get("status"),
            "reason": flip.get("reason"),
            "at": flip.get("at"),
            "project": event.get("project"),
            "title": f"{str(event.get('status')).upper()}: {flip.get('check')} {flip.get('what')}",
            "lead": f"{flip.get('check')} {flip.get('what')}.",
            "check": {"name": flip.get("check")},
            "url": event.get("url"),
        }
        for flip in event.get("flips") or ()
    ]


def _is_over(event: Event) -> bool:
    return event.get("type") == "flip" and event.get("status") == "up"


def _incident(event: Event) -> str:
    """Return what names the incident for ever: the event that began it."""
    return str(event.get("incident") or event.get("id"))


def _post(url: str, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Request:
    sent = {"Content-Type": "application/json", "User-Agent": "Lastseen"} | dict(headers or {})
    return Request(method="POST", url=url, headers=sent, body=json.dumps(document).encode())
