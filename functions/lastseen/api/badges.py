"""The resource "badges": who each is for, sealed into its URL, and what it says.

A badge's URL is public. It tells neither a check's id (its ping URL) nor another badge's URL, and one that we did not
make is refused before any check is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lastseen.api import recent
from lastseen.api.calls import Deployment
from lastseen.api.errors import UnknownError
from lastseen.core.check import Check, unique_key
from lastseen.core.dues import appearance
from lastseen.text.badge import Summary, summary

ALL = "*"


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says, and of what."""

    label: str
    said: Summary


def check_url(deployment: Deployment, check_id: str, *, states: int = 2, form: str = "svg") -> str:
    """Return the URL of a check's badge."""
    return f"{deployment.site_url}/b/{states}/{deployment.seal.closed('check', UUID(check_id).bytes)}.{form}"


def tag_url(deployment: Deployment, project: str, tag: str, *, states: int, form: str) -> str:
    """Return the URL of the badge of a project's tag, or of all its checks for `ALL`."""
    name = deployment.seal.closed("tag", f"{project}\n{tag}".encode())
    return f"{deployment.site_url}/badge/{states}/{name}.{form}"


def of_check(deployment: Deployment, name: str, now: datetime, *, states: int) -> Badge:
    """Return the badge of one check. Raises UnknownError."""
    opened = deployment.seal.opened("check", name)
    check = deployment.store.get(str(UUID(bytes=opened))) if opened else None
    if check is None:
        raise UnknownError("not found: no badge has this URL")
    label = check.name or check.slug or unique_key(check.id)[:8]
    return Badge(label, summary([appearance(check, now)], states=states))


def of_tag(deployment: Deployment, name: str, now: datetime, *, states: int) -> Badge:
    """Return the badge of a tag, or of all checks. Raises UnknownError."""
    opened = deployment.seal.opened("tag", name)
    if opened is None:
        raise UnknownError("not found: no badge has this URL")
    project, _, tag = opened.decode().partition("\n")
    bearers = [check for check in recent.checks(deployment, project, now) if tag == ALL or tag in check.tags.split()]
    said = summary([appearance(check, now) for check in bearers], states=states)
    return Badge("checks" if tag == ALL else tag, said)


def tags(checks: Sequence[Check]) -> list[str]:
    """Return all tags of checks, in order."""
    return sorted({tag for check in checks for tag in check.tags.split()})
