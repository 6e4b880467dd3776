"""Which services a chat channel may lead to, and how their addresses are read.

Lives here: the services that are offered, each with a test; the reading of an address, with a reason for each refusal.
Never here: what is sent (slack.py ...), how (sender.py).

Apprise knows many more services, and options that would read files of this function. What is not listed is refused.
Its own log may show parts of an address, which is a secret: it is silenced as soon as this file is imported.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import apprise
from apprise.plugins.base import NotifyBase

from lastseen.delivery import discord, gotify, mattermost, ntfy, opsgenie, pagerduty, slack, teams, telegram
from lastseen.delivery.guarded import PrivateAddressError, public_addresses
from lastseen.delivery.results import HttpRequest, MessageForm
from lastseen.delivery.webhook import Form
from lastseen.text.event import Event

for noisy in ("apprise", "urllib3"):
    logging.getLogger(noisy).setLevel(logging.CRITICAL + 1)

URL_LIMIT = 2_000
PORT_LIMIT = 65_535

Requests = Callable[[NotifyBase, Event, MessageForm], list[HttpRequest]]

OWN_FORM: Mapping[str, Requests] = {
    "NotifySlack": slack.requests_for,
    "NotifyDiscord": discord.requests_for,
    "NotifyWorkflows": teams.requests_for,
    "NotifyTelegram": telegram.requests_for,
    "NotifyNtfy": ntfy.requests_for,
    "NotifyGotify": gotify.requests_for,
    "NotifyMattermost": mattermost.requests_for,
    "NotifyPagerDuty": pagerduty.requests_for,
    "NotifyOpsgenie": opsgenie.requests_for,
}
"""Services whose requests are made here, each in its own form."""

BY_APPRISE = frozenset(
    {
        "NotifyMatrix",
        "NotifyPushover",
        "NotifyRocketChat",
        "NotifyGoogleChat",
        "NotifyZulip",
        "NotifyWebexTeams",
        "NotifyPushBullet",
        "NotifyNextcloudTalk",
        "NotifyProwl",
        "NotifyBark",
        "NotifySIGNL4",
    }
)
"""Services to which Apprise sends."""

NAMES = (
    "Slack, Discord, Microsoft Teams (Workflows), Telegram, ntfy, Gotify, Mattermost, PagerDuty, Opsgenie, Matrix, "
    "Pushover, Rocket.Chat, Google Chat, Zulip, Webex, Pushbullet, Nextcloud Talk, Prowl, Bark, SIGNL4"
)

EXAMPLES: Mapping[str, str] = {
    "slack": "https://hooks.slack.com/services/T.../B.../...",
    "discord": "https://discord.com/api/webhooks/ID/TOKEN",
    "workflow": "the URL that Teams shows for its workflow",
    "workflows": "the URL that Teams shows for its workflow",
    "tgram": "tgram://BOT_TOKEN/CHAT_ID",
    "ntfy": "ntfys://HOST/TOPIC",
    "ntfys": "ntfys://HOST/TOPIC",
    "gotify": "gotifys://HOST/TOKEN",
    "gotifys": "gotifys://HOST/TOKEN",
    "mmost": "mmosts://HOST/TOKEN",
    "mmosts": "mmosts://HOST/TOKEN",
    "pagerduty": "pagerduty://INTEGRATION_KEY@lastseen",
    "opsgenie": "opsgenie://API_KEY",
}
"""How an address is written, by its scheme, for the error of one that cannot be read."""

OPTIONS = frozenset(
    {"region", "thread", "topic", "silent", "mode", "auth", "channel", "to", "pa", "route", "av", "priority", "sound"}
    | {"xtags", "tags", "batch", "action", "version", "msgtype", "discovery", "hsreq", "wrap"}
)
"""Options of an address that may be given: none of them names a file, or weakens the connection."""

_DEFAULTS = frozenset(
    {"image", "footer", "timestamp", "blocks", "overflow", "retry", "wait", "optional", "tts", "avatar", "footer_logo"}
    | {"fields", "format", "detect", "preview", "album", "content", "mdv"}
)
"""Options that Apprise writes by itself, and that change nothing of what is sent."""


class BadTargetError(Exception):
    """A channel cannot have this address; the text says why, without it."""


def checked(url: str, *, allow_private: bool) -> str:
    """Return a channel's address as it is kept. Raises BadTargetError.

    The https URL that a service shows for its webhook will do, where Apprise knows its form.
    """
    plugin = plugin_of(url)
    if "host" in plugin.template_tokens and plugin.host and not _is_cloud(plugin):
        check_host(plugin.host, plugin.port, allow_private=allow_private)
    return str(plugin.url(privacy=False))  # type: ignore[no-untyped-call] # Apprise has no types here


def check_host(host: str, port: int | None, *, allow_private: bool) -> None:
    """Raise BadTargetError if a name leads nowhere, or to a private address."""
    if port is not None and not 0 < port <= PORT_LIMIT:
        raise BadTargetError(f"a port is a number up to {PORT_LIMIT}")
    try:
        public_addresses(host, port, allow_private=allow_private)
    except PrivateAddressError:
        raise BadTargetError(
            "the address leads to a private network, which alerts may not reach; give one of the public internet"
        ) from None
    except (OSError, UnicodeError, ValueError):
        raise BadTargetError("the name in the address cannot be resolved; is it spelt right?") from None


def checked_webhook(form: Form, *, allow_private: bool) -> None:
    """Raise BadTargetError for a webhook whose URL cannot be one."""
    parts = re.fullmatch(
        r"https?://(?:[^/?#@\s\[\]]*@)?(\[[0-9A-Fa-f:.]+\]|[^/:@?#\s\[\]]+)(?::([0-9]{1,5}))?(?:[/?#]\S*)?", form.url
    )
    if not parts or "$" in parts[1] or not form.url.isprintable():
        raise BadTargetError(
            "it is no URL of a webhook: https://host/path, with placeholders in the path or query only"
        )
    host = parts[1]
    if host.startswith("[") and ":" not in host:
        raise BadTargetError("only an IPv6 address stands in brackets")
    check_host(host.strip("[]"), int(parts[2]) if parts[2] else None, allow_private=allow_private)


def plugin_of(url: str) -> NotifyBase:
    """Return Apprise's object for an address of a service that is offered. Raises BadTargetError."""
    if len(url) > URL_LIMIT or not url.isprintable():
        raise BadTargetError(f"an address has at most {URL_LIMIT} characters, none of them a control character")
    asset = apprise.AppriseAsset(
        app_id="Lastseen", app_desc="Lastseen", app_url="", image_url_mask="", image_url_logo="", secure_logging=True
    )
    try:
        plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    except Exception:  # noqa: BLE001 - Apprise's parsers raise what they like; its text may hold the address
        plugin = None
    if plugin is None:
        example = EXAMPLES.get(url.partition("://")[0].lower(), "slack://..., discord://..., ntfys://host/topic")
        raise BadTargetError(
            f"Apprise cannot read this URL. It is written like {example}; see https://appriseit.com/services/"
        )
    name = type(plugin).__name__
    if name not in OWN_FORM and name not in BY_APPRISE:
        raise BadTargetError(
            f"{plugin.service_name} is not offered. These are: {NAMES}. For mail make a channel via email; "
            "for anything else that takes HTTP, via webhook."
        )
    _check_options(plugin)
    _check_use(plugin)
    return plugin


def _check_options(plugin: NotifyBase) -> None:
    query = str(plugin.url(privacy=False)).partition("?")[2]  # type: ignore[no-untyped-call] # no types here
    given = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True) if not name.startswith(":")}
    refused = sorted(given - OPTIONS - _DEFAULTS)
    if refused or not plugin.verify_certificate:
        name = refused[0] if refused and refused[0].isalnum() else "verify" if not refused else "..."
        raise BadTargetError(f"the option {name} of the address is not offered; leave it out")


def _check_use(plugin: Any) -> None:
    """Raise BadTargetError for ways to use a service that are not offered."""
    name = type(plugin).__name__
    if name == "NotifySlack" and plugin.mode != "hook" and not (plugin.mode == "bot" and any(plugin.channels)):
        raise BadTargetError("Slack takes an incoming webhook, or a bot with the channel: slack://TOKEN/#ops")
    if name == "NotifyTelegram" and not plugin.targets:
        raise BadTargetError("the chat is missing: tgram://BOT_TOKEN/CHAT_ID")
    if name == "NotifyMattermost" and plugin.mode != "webhook":
        raise BadTargetError("Mattermost is reached by an incoming webhook: mmosts://HOST/TOKEN")
    if name == "NotifyNtfy" and not plugin.topics:
        raise BadTargetError("the topic is missing: ntfys://HOST/TOPIC")


def _is_cloud(plugin: Any) -> bool:
    """Return whether what stands for a host in an address is something else: ntfy's topic."""
    return type(plugin).__name__ == "NotifyNtfy" and plugin.mode == "cloud"
