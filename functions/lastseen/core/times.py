"""Instants as whole milliseconds since 1970 in UTC: the form in which tables and events hold them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def millis(instant: datetime) -> int:
    """Return whole milliseconds since 1970. `instant` is aware."""
    return (instant - EPOCH) // MILLISECOND


def moment(milliseconds: int | str) -> datetime:
    """Return the instant, in UTC, of whole milliseconds since 1970. Raises ValueError, OverflowError."""
    return EPOCH + int(milliseconds) * MILLISECOND
