"""Gotify: Markdown, a priority, and the link that a tap opens. Pure."""

from __future__ import annotations

from typing import Any

from lastseen.delivery.results import HttpRequest, MessageForm, json_request
from lastseen.text.chat import Mood, chat_parts, markdown, mood, plain_text
from lastseen.text.event import Event

MESSAGE_LIMIT = 8_000
PRIORITIES = {Mood.BAD: 8, Mood.UNSTEADY: 6, Mood.GOOD: 4, Mood.NEUTRAL: 4}
"""From 8 on Gotify's app makes itself heard; below 4 it is silent."""


def requests_for(plugin: Any, event: Event, form: MessageForm) -> list[HttpRequest]:
    """Return the request for an application of a server."""
    port = f":{plugin.port}" if plugin.port else ""
    url = f"{plugin.schema}://{plugin.host}{port}{plugin.fullpath}message"
    return [json_request(url, message_for(event, form), {"X-Gotify-Key": plugin.token})]


def message_for(event: Event, form: MessageForm) -> dict[str, Any]:
    """Return the message of an event."""
    parts = chat_parts(event, room=MESSAGE_LIMIT)
    texts = {
        MessageForm.FULL: lambda: markdown(event, limit=MESSAGE_LIMIT),
        MessageForm.PLAIN: lambda: plain_text(event, limit=MESSAGE_LIMIT),
        MessageForm.LINE: lambda: parts.title,
    }
    kind = "text/markdown" if form is MessageForm.FULL else "text/plain"
    extras: dict[str, Any] = {"client::display": {"contentType": kind}}
    if parts.url:
        extras["client::notification"] = {"click": {"url": parts.url}}
    return {
        "title": parts.title,
        "message": texts[form](),
        "priority": PRIORITIES[mood(event)],
        "extras": extras,
    }
