"""Every kind of alert in the form of every service: for the tests, for docs/chats.md, and for docs/gallery.md.

To renew the page: uv run python -m tests.gallery
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from lastseen.delivery import discord, gotify, mattermost, ntfy, opsgenie, pagerduty, slack, teams, telegram
from lastseen.delivery.results import MessageForm
from lastseen.text.event import Event
from lastseen.text.incident import singly
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

Made by the code that sends it; a test keeps this page fresh. Every kind of alert, as people read it:
[the gallery](gallery.md).
"""

GALLERY_HEAD = """# The gallery

Every kind of alert as mail and SMS, and folded below it what each service shows: its texts, and in brackets colour,
urgency and link. Made by the code that sends them; a test keeps this page fresh. The requests to the letter:
[chats](chats.md). Of the event of a webhook, what is null or empty is left out here, and `text`, which is the mail.
"""


TARGETS = {
    "Slack": "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    "Microsoft Teams": "workflows://prod-00.westeurope.logic.azure.com:443/643e69f83c8944438d68119179a10a64/KODuebWbDGYFr0z0eu/",
    "Discord": f"https://discord.com/api/webhooks/{'1' * 18}/{'a' * 68}",
    "Telegram": "tgram://123456789:AABBCCDDEEFFGGHHIIJJKKLLMMNNOOPPQQR/-1001234567890",
    "ntfy": "ntfys://ntfy.example.com/alerts",
    "Gotify": "gotifys://gotify.example.com/AbCdEf123456789",
    "Mattermost": "mmosts://mattermost.example.com/3ccdd113474722377935511fc85d3dd4",
    "PagerDuty": "0123456789abcdef0123456789abcdef",
    "Opsgenie": "opsgenie://12345678-90ab-4cde-8f01-234567890abc",
}
"""One target of each service, as `lastseen channels create` takes it."""

_READ = "title text name value description content message summary note what_happened likely_cause what_to_do output"
_MARKS = "event_action severity priority color tags dedup_key alias click client_url title_link url"
READ, MARKS = frozenset(_READ.split()), frozenset(_MARKS.split())
"""Keys of what people read in a request, and of what else they notice: colour, urgency, link."""


def read_by_people(document: Any) -> str:
    """Return what people see of a request: its texts, and below them colour, urgency and link."""
    texts: dict[str, None] = {}
    marks: dict[str, None] = {}

    def walk(value: Any, key: str = "") -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(inner, name)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, key)
        elif key in READ and isinstance(value, str) and value.strip():
            texts[value] = None
        elif key in MARKS and isinstance(value, str | int):
            marks[f"{key} {value}"] = None

    walk(document)
    return "\n".join([*texts, *([f"[{', '.join(marks)}]"] if marks else [])])


def _requests(service: str, event: Event) -> list[Any]:
    """Return what a service is sent: an incident tool gets each check of a digest by itself."""
    if service == "PagerDuty":
        made = [
            pagerduty.requests_by_key(each, MessageForm.FULL, routing_key="KEY", region="us") for each in singly(event)
        ]
        return [json.loads(request.body) for requests in made for request in requests]
    if service == "Opsgenie":
        made = [
            opsgenie.requests_by_key(each, MessageForm.FULL, api_key="KEY", region="us", responders=[])
            for each in singly(event)
        ]
        return [
            {"event_action": "close" if "/close" in request.url else "create", **json.loads(request.body)}
            for requests in made
            for request in requests
        ]
    return [FORMS[service](event, MessageForm.FULL)]


def gallery_page(messages: dict[str, Message]) -> str:
    """Return the page that shows every kind of alert as every service gets it."""
    parts = [GALLERY_HEAD]
    for name, message in messages.items():
        parts += [f"## {name}", f"Subject: **{message.subject}**", _block(message.email.rstrip())]
        parts += [f"SMS: `{message.sms}`"]
        for service in FORMS:
            requests = _requests(service, message.event)
            more = f"\n... and {len(requests) - 2} more" if len(requests) > 2 else ""
            shown = "\n---\n".join(read_by_people(request) for request in requests[:2]) + more
            parts.append(f"<details><summary>{service}</summary>\n\n{_block(shown)}\n\n</details>")
        known = {key: value for key, value in message.document.items() if value not in (None, [], "") and key != "text"}
        event = json.dumps(known, indent=1, ensure_ascii=False)
        parts.append(f"<details><summary>Webhook</summary>\n\n{_block(event, 'json')}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _block(text: str, language: str = "text") -> str:
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def chats_page(messages: dict[str, Message]) -> str:
    """Return the page that shows some alerts in the form of every service."""
    parts = [HEAD]
    for service, write in FORMS.items():
        parts.append(f"## {service}\n\n```console\n$ lastseen channels create team '{TARGETS[service]}'\n```\n")
        for name in SHOWN:
            shown = json.dumps(write(messages[name].event, MessageForm.FULL), indent=1, ensure_ascii=False)
            parts.append(f"{name}:\n\n```json\n{shown}\n```\n")
    return "\n".join(parts)
