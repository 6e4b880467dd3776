"""Where a channel leads: any address or URL in one field, what kind it is, and whether it can be one.

No text of a client is given to a parser that raises, and what is accepted here is what is parsed later.
Never here: Apprise and the network, which delivery/ knows; routes hand both in.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import urlsplit

from lastseen.core.channel import Via

ADDRESS = re.compile(r"[^@\s:/]{1,64}@[^@\s:/]+\.[^@\s.:/]{2,}")
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
"""What an address of mail, and a telephone number, look like."""

PORTS = range(1, 65_536)

_WEBHOOK = re.compile(
    r"(?P<scheme>https?)://(?:[^/?#@\s\\]*@)?(?P<host>\[[^\]/\s]+\]|[^/:@?#\s\[\]\\]+)(?::(?P<port>[0-9]{1,5}))?(?:[/?#]\S*)?",
    re.ASCII | re.IGNORECASE,
)
_PAGERDUTY_KEY = re.compile(r"[0-9A-Za-z]{32}", re.ASCII)
_TOKEN = re.compile(r"[?&]Token=([^&#\s]+)", re.ASCII)


class TargetError(ValueError):
    """An address cannot be one; the text says why, without it."""


def read_target(target: str) -> tuple[Via | None, str]:
    """Return how a target is reached, and the target without the prefix that says so.

    None: an http or https URL, which may be a chat's or a webhook of its own. Raises TargetError.
    """
    scheme, _, rest = target.partition(":")
    scheme = scheme.lower()
    if scheme == "mailto":
        return Via.EMAIL, rest.partition("?")[0]
    if ADDRESS.fullmatch(target):
        return Via.EMAIL, target
    if NUMBER.fullmatch(_bare(target)):
        return Via.SMS, _bare(target)
    if scheme in {"tel", "sms"}:
        return Via.SMS, _bare(rest)
    if _PAGERDUTY_KEY.fullmatch(target):
        return Via.CHAT, f"pagerduty://{target}@lastseen"
    if scheme in {"http", "https"}:
        return None, target
    if rest.startswith("//"):
        return Via.CHAT, target
    raise TargetError(
        "is no address that alerts can go to: give an address of mail, a number like +491701234567, an https URL, an "
        "Apprise URL like slack://..., or a PagerDuty integration key"
    )


def checked_target(via: Via, target: str) -> None:
    """Raise TargetError for a target that cannot be one, as far as that is seen without the network."""
    if not target.isprintable():
        raise TargetError("must have no control characters")
    if via is Via.EMAIL and not ADDRESS.fullmatch(target):
        raise TargetError("needs an address of mail as its target")
    if via is Via.SMS and not NUMBER.fullmatch(target):
        raise TargetError("needs a number as its target that begins with + and the country, like +491701234567")
    if via is Via.WEBHOOK:
        _checked_webhook(target)


def webhook_site(url: str) -> str:
    """Return scheme and host of a webhook, the part of it that is no secret; "" for a URL that cannot be read."""
    parts = _WEBHOOK.fullmatch(url)
    return f"{parts['scheme']}://{parts['host']}".lower() if parts else ""


def confirmation_token(text: str) -> str:
    """Return the token of AWS's confirmation link, or the text itself if it is no link."""
    link = text.strip()
    if not link.startswith("http"):
        return link
    match = _TOKEN.search(link)
    return match[1] if match else ""


def _checked_webhook(url: str) -> None:
    parts = _WEBHOOK.fullmatch(url)
    if parts is None or "$" in parts["host"]:
        raise TargetError("is no URL of a webhook: https://host/path, with placeholders in the path or query only")
    if parts["port"] and int(parts["port"]) not in PORTS:
        raise TargetError(f"has a port that is none: {parts['port']}")
    if parts["host"].startswith("["):
        try:
            IPv6Address(parts["host"].strip("[]"))
        except AddressValueError:
            raise TargetError("has no IPv6 address between its brackets") from None
    try:
        urlsplit(url)
    except ValueError:  # its text may quote the URL, which is a secret
        raise TargetError("is no URL: some character in its host stands for others") from None


def _bare(number: str) -> str:
    """Return a telephone number without what people put between its digits."""
    return re.sub(r"[ ()./-]", "", number)
