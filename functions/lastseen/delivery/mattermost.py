"""Mattermost, by an incoming webhook: an attachment with colour and link, in Markdown. Pure."""

from __future__ import annotations

from typing import Any

from lastseen.delivery.results import HttpRequest, MessageForm, json_request
from lastseen.delivery.slack import COLOURS
from lastseen.text.chat import MARKDOWN, PLAIN, Markup, chat_parts, fitted, mood, written
from lastseen.text.event import DigestEvent, Event

TEXT_LIMIT = 4_000
DIGEST_LIMIT = 12_000


def requests_for(plugin: Any, event: Event, form: MessageForm) -> list[HttpRequest]:
    """Return the requests for each channel that an address names."""
    port = f":{plugin.port}" if plugin.port else ""
    url = f"{plugin.schema}://{plugin.host}{port}{(plugin.fullpath or '').rstrip('/')}/hooks/{plugin.token}"
    message = message_for(event, form)
    names = [name if sign == "#" else f"{sign}{name}" for sign, name in plugin.targets or ()]
    return [json_request(url, message | ({"channel": name} if name else {})) for name in names or [""]]


def message_for(event: Event, form: MessageForm) -> dict[str, Any]:
    """Return the message of an event."""
    limit = DIGEST_LIMIT if isinstance(event, DigestEvent) else TEXT_LIMIT
    parts, markup = chat_parts(event, room=limit), MARKDOWN
    message: dict[str, Any] = {"username": "Lastseen", "text": markup.text(parts.title)}
    if form is MessageForm.LINE:
        return message
    style: Markup = markup if form is MessageForm.FULL else PLAIN
    attachment: dict[str, Any] = {
        "fallback": parts.title,
        "color": COLOURS[mood(event)],
        "title": markup.text(parts.subject),
        "text": fitted(lambda room: written(chat_parts(event, room=room), style, with_link=False), limit),
    }
    if parts.url:
        attachment["title_link"] = parts.url
    return message | {"attachments": [attachment]}
