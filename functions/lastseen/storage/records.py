"""Values that exist only as documents in the table `settings` (documents.py): a project, and records about Lastseen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lastseen.core.blind import Window
from lastseen.core.channel import ALL_CHANNELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project and its choices."""

    name: str
    created: datetime | None = None
    channels: str = ALL_CHANNELS  # of new checks for which none are named, in the form of a check's


@dataclass(frozen=True, slots=True)
class CanaryRecord:
    """What is known of the canary, and of the times in which it was silent."""

    check_id: str
    silent_since: datetime | None = None
    noticed: datetime | None = None  # when that silence was first written down
    windows: tuple[Window, ...] = ()  # past silences
    is_notified: bool = False  # whether people were notified of `silent_since`


@dataclass(frozen=True, slots=True)
class SubscriptionsRecord:
    """Which addresses of e-mail had a subscription when Lastseen last looked."""

    looked_at: datetime
    states: Mapping[str, str] = field(default_factory=dict)  # address -> "confirmed" or "pending"
    open: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # incident -> the addresses that it is about
