"""Every kind of alert in the form of every service: for the tests, and for docs/chats.md.

To renew the page: uv run python -m tests.gallery
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lastseen.delivery import discord, gotify, mattermost, ntfy, opsgenie, pagerduty, slack, teams, telegram
from lastseen.delivery.results import MessageForm
from lastseen.text.event import Event
from lastseen.text.message import Message

Write = Callable[[Event, MessageForm], Any]


def _pagerduty(event: Event, form: MessageForm) -> Any:
    return json.loads(pagerduty.requests_by_key(event, form, routing_key="KEY", region="us")[0].body)


def _opsgenie(event: Event, form: MessageForm) -> Any:
    return json.loads(opsgenie.requests_by_key(event, form, api_key="KEY", region="us", responders=[])[0].body)


FORMS: dict[str, Write] = {
    "Slack": slack.message_for,
    "Microsoft Teams": teams.message_for,
    "Discord": discord.message_for,
    "Telegram": telegram.message_for,
    "ntfy": ntfy.message_for,
    "Gotify": gotify.message_for,
    "Mattermost": mattermost.message_for,
    "PagerDuty": _pagerduty,
    "Opsgenie": _opsgenie,
}

LIMITS_BYTES = {"Microsoft Teams": 28_000, "Discord": 8_000, "Telegram": 4_700, "ntfy": 5_000, "PagerDuty": 512_000}
"""What services take, with room for what JSON adds."""

SHOWN = ("The job failed", "Up again")

HEAD = """# What each service gets

Made by the code that sends it; a test keeps this page fresh. The same alerts as mail: [alerts](alerts.md#the-gallery).
"""


def chats_page(messages: dict[str, Message]) -> str:
    """Return the page that shows some alerts in the form of every service."""
    parts = [HEAD]
    for service, write in FORMS.items():
        parts.append(f"## {service}\n")
        for name in SHOWN:
            shown = json.dumps(write(messages[name].event, MessageForm.FULL), indent=1, ensure_ascii=False)
            parts.append(f"{name}:\n\n```json\n{shown}\n```\n")
    return "\n".join(parts)
