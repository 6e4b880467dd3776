"""PagerDuty, by its events API version 2: an alert opens an incident, its end resolves the same one. Pure."""

from __future__ import annotations

from typing import Any

from lastseen.delivery.results import HttpRequest, MessageForm, json_request
from lastseen.text.chat import Mood, mood
from lastseen.text.event import Event, FlipEvent, OwnEvent
from lastseen.text.incident import incident_of
from lastseen.text.wire import to_document
from lastseen.text.words import cut

HOSTS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
SUMMARY_LIMIT = 1_000
DETAIL_LIMIT = 4_000
SEVERITIES = {Mood.BAD: "critical", Mood.UNSTEADY: "warning", Mood.GOOD: "info", Mood.NEUTRAL: "info"}


def requests_for(plugin: Any, event: Event, form: MessageForm) -> list[HttpRequest]:
    """Return what opens or resolves an incident; what begins and ends at once does both."""
    return requests_by_key(event, form, routing_key=plugin.integration_key, region=plugin.region_name)


def requests_by_key(event: Event, form: MessageForm, *, routing_key: str, region: str) -> list[HttpRequest]:
    """Return the same for an integration's key."""
    url = f"{HOSTS[region]}/v2/enqueue"
    head = {"routing_key": routing_key, "dedup_key": incident_of(event)}
    resolve = json_request(url, head | {"event_action": "resolve"})
    if event.ends:
        return [resolve]
    trigger = json_request(url, head | {"event_action": "trigger"} | _described(event, form))
    return [trigger, resolve] if event.momentary else [trigger]


def _described(event: Event, form: MessageForm) -> dict[str, Any]:
    check = event.check if isinstance(event, FlipEvent) else None
    payload: dict[str, Any] = {
        "summary": cut(event.title, SUMMARY_LIMIT),
        "source": check.name if check else event.project or "lastseen",
        "severity": SEVERITIES[mood(event)],
        "timestamp": to_document(event.at),
        "group": event.project,
        "class": str(event.reason if isinstance(event, FlipEvent) else event.type),
    }
    if form is MessageForm.FULL:
        more = event.more if isinstance(event, OwnEvent) else None
        details = {"what_happened": "\n\n".join(filter(None, [event.lead, more])), "what_to_do": event.todo}
        if isinstance(event, FlipEvent):
            details |= {
                "likely_cause": event.hint,
                "output": cut(event.output or "", DETAIL_LIMIT),
                "also_down": ", ".join(event.also_down),
                "tags": " ".join(event.check.tags),
            }
        payload["custom_details"] = {name: value for name, value in details.items() if value}
    links = [{"href": event.url, "text": "The check"}] if event.url else []
    return {"client": "Lastseen", "payload": payload, "links": links} | ({"client_url": event.url} if event.url else {})
