"""Checks, pings and flips as the API tells them, in the form of each version. Pure.

Source of the forms: Healthchecks' management API, v1 to v3. Ours beyond it: `reminder`, `snoozed_until`, `flap_limit`,
`flapping`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lastseen.check import Check, Flip, Status, appearance, expectation, unique_key
from lastseen.items import Recorded
from lastseen.schedule import Period, ScheduleError

READ_ONLY_LACKS = ("uuid", "ping_url", "update_url", "pause_url", "resume_url", "channels")
"""What a read-only key is not shown: whatever lets its holder ping or change the check."""


def check_document(  # one keyword per thing that the form depends on
    check: Check, *, about: str, version: int, now: datetime, ping_url: str, api_url: str, read_only: bool
) -> dict[str, Any]:
    """Return a check's document; `ping_url` and `api_url` are the public bases."""
    started = check.last_start is not None
    status = appearance(check, now)
    own = f"{api_url}/v{version}/checks/{check.id}"
    document: dict[str, Any] = {
        "name": check.name,
        "slug": check.slug,
        "tags": check.tags,
        "desc": about,
        "grace": int(check.grace.total_seconds()),
        "n_pings": check.n_pings,
        "status": "started" if version == 1 and started else status,
        "started": started,
        "last_ping": iso(check.last_ping),
        "next_ping": iso(_expected(check)),
        "manual_resume": check.manual_resume,
        "methods": check.methods,
        "start_kw": check.filters.start,
        "success_kw": check.filters.success,
        "failure_kw": check.filters.failure,
        "filter_subject": check.filters.subject,
        "filter_body": check.filters.body,
        "filter_http_body": check.filters.http_body,
        "filter_default_fail": check.filters.default_fail,
        "uuid": check.id,
        "unique_key": unique_key(check.id),
        "ping_url": f"{ping_url}/{check.id}",
        "update_url": own,
        "pause_url": f"{own}/pause",
        "resume_url": f"{own}/resume",
        "channels": check.channels,
        "reminder": int(check.reminder.total_seconds()) if check.reminder else 0,
        "snoozed_until": iso(check.snoozed_until),
        "flap_limit": check.flap_limit,
        "flapping": check.flapping,
    }
    if check.last_duration is not None:
        document["last_duration"] = int(check.last_duration.total_seconds())
    if isinstance(check.schedule, Period):
        document["timeout"] = int(check.schedule.period.total_seconds())
    else:
        document |= {"schedule": check.schedule.expression, "tz": check.schedule.tz}
    lacks = READ_ONLY_LACKS if read_only else ("unique_key",)
    return {name: value for name, value in document.items() if name not in lacks}


def ping_document(recorded: Recorded, *, body_url: str | None) -> dict[str, Any]:
    """Return a ping's document."""
    ping = recorded.ping
    document: dict[str, Any] = {
        "type": str(recorded.kind),
        "date": exact(ping.at),
        "n": recorded.n,
        "scheme": ping.scheme,
        "remote_addr": ping.address,
        "method": ping.method,
        "ua": ping.agent,
        "rid": ping.rid,
        "body_url": body_url if ping.body else None,
    }
    if recorded.duration is not None:
        document["duration"] = round(recorded.duration.total_seconds(), 2)
    if ping.exit_status is not None:
        document["exitstatus"] = ping.exit_status
    if ping.note:
        document["note"] = ping.note
    return document


def flip_document(flip: Flip) -> dict[str, Any]:
    """Return a flip's document; whatever is not up counts as down, as at the peer."""
    return {"timestamp": iso(flip.at), "up": int(flip.status is Status.UP)}


def iso(moment: datetime | None) -> str | None:
    """Return an instant in UTC to the second, as the peer writes it."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat() if moment else None


def exact(moment: datetime) -> str:
    """Return an instant in UTC to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _expected(check: Check) -> datetime | None:
    try:
        return expectation(check)
    except ScheduleError:
        return None
