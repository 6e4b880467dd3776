"""Moments for tests: everything is told from T0."""

from datetime import UTC, datetime, timedelta

T0 = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)
