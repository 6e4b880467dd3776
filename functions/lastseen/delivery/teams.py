"""Microsoft Teams, by a workflow: an adaptive card. Pure.

A text run is shown as it is, letter for letter; a text block is Markdown of a kind, without code blocks and with lost
line ends. So foreign text stands in text runs, the output one run a line in a monospaced font.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from lastseen.delivery.results import HttpRequest, MessageForm, json_request
from lastseen.text.chat import LEAST, MARKDOWN, ChatParts, Mood, chat_parts, mood
from lastseen.text.event import DigestEvent, Event

CARD_LIMIT_BYTES = 27_000
"""Teams takes 28 kB."""

ROOM = 8_000
DIGEST_ROOM = 16_000
COLOURS = {Mood.BAD: "Attention", Mood.UNSTEADY: "Warning", Mood.GOOD: "Good", Mood.NEUTRAL: "Default"}


def requests_for(plugin: Any, event: Event, form: MessageForm) -> list[HttpRequest]:
    """Return the request for a workflow."""
    path = "/powerautomate/automations/direct" if plugin.power_automate else ""
    if path and plugin.routing_id:
        path += f"/cu/{quote(plugin.routing_id, safe='')}"
    port = f":{plugin.port}" if plugin.port else ""
    query = urlencode(
        {"api-version": plugin.api_version, "sp": "/triggers/manual/run", "sv": "1.0", "sig": plugin.signature}
    )
    url = f"https://{plugin.host}{port}{path}/workflows/{plugin.workflow}/triggers/manual/paths/invoke?{query}"
    return [json_request(url, message_for(event, form))]


def message_for(event: Event, form: MessageForm) -> dict[str, Any]:
    """Return the message of an event: a card that is made smaller until it fits."""
    room = DIGEST_ROOM if isinstance(event, DigestEvent) else ROOM
    message = _message(event, form, room)
    while len(json.dumps(message).encode()) > CARD_LIMIT_BYTES and room > LEAST:
        room = room * 2 // 3
        message = _message(event, form, room)
    return message


def _message(event: Event, form: MessageForm, room: int) -> dict[str, Any]:
    parts = chat_parts(event, room=room)
    body = [_runs(parts.title, weight="Bolder", size="Medium", color=COLOURS[mood(event)])]
    if form is not MessageForm.LINE:
        body += [_runs(line) for text in (parts.lead, parts.more) if text for line in text.split("\n")]
    if form is MessageForm.FULL:
        body += _below(parts)
    card: dict[str, Any] = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": parts.title,
        "body": body,
    }
    if parts.url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": parts.url_text, "url": parts.url}]
    content = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "summary": parts.title, "attachments": [content]}


def _below(parts: ChatParts) -> list[dict[str, Any]]:
    body: list[dict[str, Any]] = []
    if parts.todo:
        body.append(_runs("What to do", weight="Bolder"))
        body += [_runs(line, spacing="None") for line in parts.todo.split("\n")]
    body += [
        _runs(line, spacing="Medium" if n == 0 else "None", font="Monospace")
        for n, line in enumerate(parts.output.split("\n") if parts.output else ())
    ]
    for what, names in parts.groups:
        body += [_runs(what, weight="Bolder"), _runs(", ".join(names), spacing="None")]
    if parts.unnamed:
        body.append(_runs(parts.unnamed_words))
    facts = [{"title": name, "value": MARKDOWN.text(", ".join(values))} for name, values in parts.facts]
    return [*body, *([{"type": "FactSet", "facts": facts}] if facts else [])]


def _runs(
    text: str, *, weight: str = "", size: str = "", color: str = "", spacing: str = "", font: str = ""
) -> dict[str, Any]:
    """Return one line of text as it is. An empty text run is not allowed: a line without text is a blank."""
    style = {"weight": weight, "size": size, "color": color, "fontType": font}
    run = {"type": "TextRun", "text": text or " "} | {name: value for name, value in style.items() if value}
    return {"type": "RichTextBlock", "inlines": [run]} | ({"spacing": spacing} if spacing else {})
