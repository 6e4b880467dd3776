"""Telegram: HTML, so that every character of foreign text can be escaped; or plain text. Pure."""

from __future__ import annotations

import json
from typing import Any

from lastseen.delivery.results import HttpAnswer, HttpRequest, MessageForm, json_request
from lastseen.text.chat import HTML, PLAIN, Markup, chat_parts, fitted, written
from lastseen.text.event import Event

TEXT_LIMIT = 4_000


def requests_for(plugin: Any, event: Event, form: MessageForm) -> list[HttpRequest]:
    """Return a request for each chat that an address names."""
    url = f"{plugin.notify_url}{plugin.bot_token}/sendMessage"
    message = message_for(event, form)
    if plugin.silent:
        message["disable_notification"] = True
    return [
        json_request(url, message | {"chat_id": chat} | ({"message_thread_id": topic} if topic else {}))
        for chat, topic in plugin.targets
    ]


def message_for(event: Event, form: MessageForm) -> dict[str, Any]:
    """Return the message of an event."""
    markup: Markup = HTML if form is MessageForm.FULL else PLAIN

    def text(room: int) -> str:
        parts = chat_parts(event, room=room)
        heading = f"<b>{markup.text(parts.title)}</b>" if form is MessageForm.FULL else parts.title
        return heading if form is MessageForm.LINE else f"{heading}\n\n{written(parts, markup)}"

    message: dict[str, Any] = {"text": fitted(text, TEXT_LIMIT), "link_preview_options": {"is_disabled": True}}
    return message | ({"parse_mode": "HTML"} if form is MessageForm.FULL else {})


def moved_to(target: str, request: HttpRequest, answer: HttpAnswer) -> str:
    """Return the address of a channel whose group became a supergroup, "" if it did not."""
    try:
        parameters = json.loads(answer.body).get("parameters") or {}
        new, old = parameters.get("migrate_to_chat_id"), json.loads(request.body)["chat_id"]
    except (ValueError, KeyError, AttributeError, TypeError):
        return ""
    if not isinstance(new, int) or isinstance(new, bool):
        return ""
    base, mark, options = target.partition("?")
    head, *chats = base.split("/")
    moved = [chat.replace(str(old), str(new), 1) if chat.partition(":")[0] == str(old) else chat for chat in chats]
    return "/".join([head, *moved]) + mark + options
