"""What decides whether a text message arrives: SNS's sandbox, its spend limit, the identity of the sender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lastseen.core.channel import Via
from lastseen.storage.projects import channels_of, project_names
from lastseen.storage.store import Store

DEFAULT_LIMIT_USD = 1.0
"""What a fresh account may spend on messages in a month; beyond it AWS drops them without a word."""


@dataclass(frozen=True, slots=True)
class SmsSettings:
    """The account's settings in one region."""

    sandbox: bool
    limit_usd: float
    has_sender: bool


def settings(sns: Any) -> SmsSettings:
    """Read them. Raises ClientError."""
    attributes = sns.get_sms_attributes().get("attributes", {})
    return SmsSettings(
        sandbox=bool(sns.get_sms_sandbox_account_status()["IsInSandbox"]),
        limit_usd=float(attributes.get("MonthlySpendLimit") or DEFAULT_LIMIT_USD),
        has_sender=bool(attributes.get("DefaultSenderID")),
    )


def is_used(store: Store) -> bool:
    """Return whether any project has a channel of SMS."""
    return any(channel.via is Via.SMS for name in project_names(store) for channel in channels_of(store, name).values)
