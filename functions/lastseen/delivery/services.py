"""Chats: which Apprise URLs a channel may have, and how an event is sent to one. The only file that knows Apprise.

Lives here: the reading of a URL with a reason for each refusal, what each service has room for, the sending.
Never here: which channel hears an event (channel.py), what follows from a failure (chat.py), HTTP itself (line.py).

Apprise's own log may show parts of a URL, which is a secret: it is silenced as soon as this file is imported.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import apprise
import requests
from apprise.plugins.base import NotifyBase

from lastseen.delivery import incident
from lastseen.delivery.guarded import READ_SECONDS, Line, Outcome, PrivateAddressError, public_addresses
from lastseen.delivery.webhook import Form, Request
from lastseen.text.event import DigestEvent, Event
from lastseen.text.markdown import markdown, title

for noisy in ("apprise", "urllib3"):
    logging.getLogger(noisy).setLevel(logging.CRITICAL + 1)

URL_LIMIT = 2_000
ROOM = 4_000
"""Characters of a chat message, where its service has room for them."""

DIGEST_ROOM = 30_000
_ROOM_OF = {"NotifyWorkflows": 8_000}
"""Where a service takes more than Apprise believes: a card in Teams may have 28 kB."""

_KINDS = {"down": apprise.NotifyType.FAILURE, "up": apprise.NotifyType.SUCCESS, "test": apprise.NotifyType.INFO}
_INCIDENTS = frozenset({"NotifyPagerDuty", "NotifyOpsgenie"})


class BadTargetError(Exception):
    """A channel cannot have this address; the text says why, without it."""


def checked(url: str, *, allow_private: bool) -> str:
    """Return a channel's Apprise URL as it is kept. Raises BadTargetError.

    The https URL that a service shows for its webhook will do, where Apprise knows its form.
    """
    plugin = _plugin(url)
    if "requests" not in vars(sys.modules[type(plugin).__module__]):
        raise BadTargetError(
            f"{plugin.service_name} is not reached over HTTP, and nothing else is from here. "
            "For mail make a channel via email."
        )
    if "host" in plugin.template_tokens and plugin.host:
        check_host(plugin.host, plugin.port, allow_private=allow_private)
    return str(plugin.url(privacy=False))  # type: ignore[no-untyped-call] # Apprise has no types here


def check_host(host: str, port: int | None, *, allow_private: bool) -> None:
    """Raise BadTargetError if a name leads nowhere, or to a private address."""
    try:
        public_addresses(host, port, allow_private=allow_private)
    except PrivateAddressError:
        raise BadTargetError(
            "the address leads to a private network, which alerts may not reach; give one of the public internet"
        ) from None
    except (OSError, UnicodeError):
        raise BadTargetError("the name in the address cannot be resolved; is it spelt right?") from None


def is_incident_tool(url: str) -> bool:
    """Tell whether a channel opens and closes incidents, and so wants each flip for itself."""
    return url.startswith(("pagerduty://", "opsgenie://"))


def send(url: str, event: Event, *, allow_private: bool, brief: bool = False) -> Outcome:
    """Send an event to a chat once; `brief`: only its one line, for a service that refused more."""
    plugin = _plugin(url)
    if type(plugin).__name__ in _INCIDENTS:
        return post(_opened(plugin, event), allow_private=allow_private)
    heading = title(event)
    room = _room(plugin, event) - (len(heading) if plugin.title_maxlen <= 0 else 0)
    body = heading if brief else markdown(event, limit=room)
    with Line(allow_private=allow_private) as line:
        accepted = plugin.notify(
            body=body,
            title=heading[: plugin.title_maxlen or None],
            notify_type=_KINDS.get(str(event.status or event.type), apprise.NotifyType.WARNING),
            body_format=apprise.NotifyFormat.MARKDOWN,
        )
    return line.outcome(accepted=bool(accepted))


def post(request: Request, *, allow_private: bool) -> Outcome:
    """Send a request of ours once."""
    with Line(allow_private=allow_private) as line:
        try:
            answer = requests.request(
                request.method,
                request.url,
                headers=request.headers,
                data=request.body,
                timeout=READ_SECONDS,
            )
        except (requests.RequestException, ValueError):
            return line.outcome(accepted=False)
    return line.outcome(accepted=answer.ok)


def checked_webhook(form: Form, *, allow_private: bool) -> None:
    """Raise BadTargetError for a webhook whose URL cannot be one."""
    parts = re.fullmatch(r"https?://(?:[^/@\s]*@)?(\[[^\]/]+\]|[^/:@?#\s]+)(?::(\d{1,5}))?(?:[/?#]\S*)?", form.url)
    if not parts or "$" in parts[1]:
        raise BadTargetError(
            "it is no URL of a webhook: https://host/path, with placeholders in the path or query only"
        )
    check_host(parts[1].strip("[]"), int(parts[2]) if parts[2] else None, allow_private=allow_private)


def _plugin(url: str) -> NotifyBase:
    """Return Apprise's object for a URL. Raises BadTargetError."""
    if len(url) > URL_LIMIT or not url.isprintable():
        raise BadTargetError(f"an Apprise URL has at most {URL_LIMIT} characters, none of them a control character")
    asset = apprise.AppriseAsset(
        app_id="Lastseen", app_desc="Lastseen", app_url="", image_url_mask="", image_url_logo="", secure_logging=True
    )
    plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if plugin is None:
        raise BadTargetError(
            "Apprise cannot read this URL. It is written like slack://..., discord://..., ntfys://host/topic; "
            "see https://appriseit.com/services/"
        )
    return plugin


def _room(plugin: NotifyBase, event: Event) -> int:
    """Return how many characters a message may have; a tenth is left for what conversion adds."""
    room = _ROOM_OF.get(type(plugin).__name__, plugin.body_maxlen) * 9 // 10
    return min(room, DIGEST_ROOM if isinstance(event, DigestEvent) else ROOM)


def _opened(plugin: Any, event: Event) -> Request:
    if type(plugin).__name__ == "NotifyPagerDuty":
        return incident.pagerduty(event, routing_key=plugin.integration_key, region=plugin.region_name)
    return incident.opsgenie(
        event, api_key=plugin.apikey, region=plugin.region_name, responders=list(plugin.targets or ())
    )
