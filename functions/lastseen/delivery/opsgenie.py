"""Opsgenie, by its alert API version 2: an alert opens one there, its end closes the same one. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from lastseen.delivery.results import HttpRequest, MessageForm, json_request
from lastseen.text.chat import Mood, mood
from lastseen.text.event import Event, FlipEvent
from lastseen.text.incident import incident_of
from lastseen.text.words import cut

HOSTS = {"us": "https://api.opsgenie.com", "eu": "https://api.eu.opsgenie.com"}
MESSAGE_LIMIT = 130
DESCRIPTION_LIMIT = 14_000
TAGS_LIMIT = 20
TAG_CHARACTERS = 50
PRIORITIES = {Mood.BAD: "P1", Mood.UNSTEADY: "P3", Mood.GOOD: "P5", Mood.NEUTRAL: "P5"}


def requests_for(plugin: Any, event: Event, form: MessageForm) -> list[HttpRequest]:
    """Return what opens or closes an alert; what begins and ends at once does both."""
    responders = list(plugin.targets or ())
    return requests_by_key(event, form, api_key=plugin.apikey, region=plugin.region_name, responders=responders)


def requests_by_key(
    event: Event, form: MessageForm, *, api_key: str, region: str, responders: list[dict[str, str]]
) -> list[HttpRequest]:
    """Return the same for an integration's key."""
    authorization = {"Authorization": f"GenieKey {api_key}"}
    alerts = f"{HOSTS[region]}/v2/alerts"
    alias = quote(incident_of(event), safe="")
    note = {"source": "Lastseen", "note": cut(event.lead, DESCRIPTION_LIMIT)}
    close = json_request(f"{alerts}/{alias}/close?identifierType=alias", note, authorization)
    if event.ends:
        return [close]
    opened = json_request(alerts, _described(event, form) | {"responders": responders}, authorization)
    return [opened, close] if event.momentary else [opened]


def _described(event: Event, form: MessageForm) -> dict[str, Any]:
    check = event.check if isinstance(event, FlipEvent) else None
    alert: dict[str, Any] = {
        "message": cut(event.title, MESSAGE_LIMIT),
        "alias": incident_of(event),
        "source": "Lastseen",
        "priority": PRIORITIES[mood(event)],
    }
    if form is MessageForm.LINE:
        return alert
    reason = str(event.reason) if isinstance(event, FlipEvent) else None
    details = {"project": event.project, "reason": reason, "url": event.url} if form is MessageForm.FULL else {}
    more: dict[str, Any] = {
        "description": cut(event.text, DESCRIPTION_LIMIT),
        "entity": check.name if check else "",
        "tags": [tag[:TAG_CHARACTERS] for tag in check.tags[:TAGS_LIMIT]] if check else [],
        "details": {name: value for name, value in details.items() if value},
    }
    return alert | {name: value for name, value in more.items() if value}
