"""The resource "badges": who each is for, sealed into its URL, and what it says.

A badge's URL is public. It contains neither a check's id (its ping URL) nor another badge's URL, and one that we did
not make is refused before any check is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from lastseen.api.calls import Call
from lastseen.api.errors import UnknownError
from lastseen.api.remembered import FRESH_SECONDS
from lastseen.core.check import Check, unique_key
from lastseen.core.dues import appearance
from lastseen.text.badge import Summary, summary

ALL = "*"


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says, of what, and for how long it may be shown."""

    label: str
    summary: Summary
    fresh_seconds: int = FRESH_SECONDS


def check_url(call: Call, check_id: str, *, states: int = 2, form: str = "svg") -> str:
    """Return the URL of a check's badge."""
    name = call.remembered.seal.closed("check", UUID(check_id).bytes)
    return f"{call.deployment.site_url}/b/{states}/{name}.{form}"


def tag_url(call: Call, tag: str, *, states: int, form: str) -> str:
    """Return the URL of the badge of a tag of the call's project, or of all its checks for `ALL`."""
    name = call.remembered.seal.closed("tag", f"{call.project}\n{tag}".encode())
    return f"{call.deployment.site_url}/badge/{states}/{name}.{form}"


def of_check(call: Call, name: str, *, states: int) -> Badge:
    """Return the badge of one check. Raises UnknownError."""
    opened = call.remembered.seal.opened("check", name)
    check = call.deployment.store.get(str(UUID(bytes=opened))) if opened else None
    if check is None:
        raise UnknownError("not found: no badge has this URL")
    label = check.name or check.slug or unique_key(check.id)[:8]
    return Badge(label, summary([appearance(check, call.now)], states=states))


def of_tag(call: Call, name: str, *, states: int) -> Badge:
    """Return the badge of a tag, or of all checks. Raises UnknownError."""
    opened = call.remembered.seal.opened("tag", name)
    if opened is None:
        raise UnknownError("not found: no badge has this URL")
    project, _, tag = opened.decode().partition("\n")
    recent = call.remembered.recent_checks.of(project, call.now)
    tagged = [check for check in recent.checks if tag == ALL or tag in check.tags.split()]
    content = summary([appearance(check, call.now) for check in tagged], states=states)
    return Badge("checks" if tag == ALL else tag, content, recent.fresh_seconds)


def tags(checks: Iterable[Check]) -> list[str]:
    """Return all tags of checks, in order."""
    return sorted({tag for check in checks for tag in check.tags.split()})
