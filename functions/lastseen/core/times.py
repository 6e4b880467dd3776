"""Instants as tables and clients hold them: milliseconds since 1970, and the forms of text of the wire. Pure."""

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


def peer_time(instant: datetime) -> str:
    """Return an instant in UTC to the second, as Healthchecks writes most times."""
    return instant.astimezone(UTC).replace(microsecond=0).isoformat()


def peer_time_exact(instant: datetime) -> str:
    """Return an instant in UTC to the microsecond, as Healthchecks writes the time of a ping."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")
