"""Discord: an embed with colour and link; nothing in it calls anybody (`allowed_mentions`). Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from lastseen.delivery.results import HttpRequest, MessageForm, json_request
from lastseen.text.chat import DISCORD, PLAIN, Mood, chat_parts, fitted, mood, written
from lastseen.text.event import Event
from lastseen.text.wire import to_document
from lastseen.text.words import cut

DESCRIPTION_LIMIT = 4_000
TITLE_LIMIT = 250
CONTENT_LIMIT = 1_900
COLOURS = {Mood.BAD: 0xC62828, Mood.UNSTEADY: 0xEF6C00, Mood.GOOD: 0x2E7D32, Mood.NEUTRAL: 0x546E7A}


def requests_for(plugin: Any, event: Event, form: MessageForm) -> list[HttpRequest]:
    """Return the request for a webhook."""
    url = f"{plugin.notify_url}/{plugin.webhook_id}/{plugin.webhook_token}?wait=true"
    if plugin.thread_id:
        url += f"&thread_id={quote(str(plugin.thread_id), safe='')}"
    return [json_request(url, message_for(event, form))]


def message_for(event: Event, form: MessageForm) -> dict[str, Any]:
    """Return the message of an event."""
    markup = DISCORD
    title = chat_parts(event, room=DESCRIPTION_LIMIT).title
    message: dict[str, Any] = {
        "username": "Lastseen",
        "content": cut(markup.text(title), CONTENT_LIMIT),
        "allowed_mentions": {"parse": []},
    }
    if form is MessageForm.LINE:
        return message
    style = markup if form is MessageForm.FULL else PLAIN

    def description(room: int) -> str:
        return written(chat_parts(event, room=room), style, with_link=False)

    parts = chat_parts(event, room=DESCRIPTION_LIMIT)
    embed: dict[str, Any] = {
        "title": cut(markup.text(parts.subject), TITLE_LIMIT),
        "description": fitted(description, DESCRIPTION_LIMIT),
        "color": COLOURS[mood(event)],
        "timestamp": to_document(event.at),
    }
    if parts.url:
        embed["url"] = parts.url
    return message | {"embeds": [embed]}
