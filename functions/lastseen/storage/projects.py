"""A project: checks, keys and channels that belong together, and what new checks of it get.

`default` is there from the start, without a record. Light enough for the ping path, which asks once per new check.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lastseen.core import channel
from lastseen.core.channel import ALL, Channel
from lastseen.core.times import millis, moment
from lastseen.storage.errors import CorruptError
from lastseen.storage.store import Store

log = logging.getLogger(__name__)

KIND = "project"
"""The settings kind under which projects lie, by name."""

DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project and its choices."""

    name: str
    created: datetime | None = None
    channels: str = ALL  # of new checks for which none are named, in the form of a check's


def found(store: Store, name: str) -> Project | None:
    """Return a project, or None."""
    document = store.setting(KIND, name)
    if document is None:
        return Project(name=DEFAULT) if name == DEFAULT else None
    return from_document(name, document)


def default_channels(store: Store, name: str) -> str:
    """Return the channels of a new check for which none are named: better too many than nobody told."""
    try:
        project = found(store, name)
    except CorruptError as error:
        log.error("Project %s cannot be read, its new checks tell every channel: %s", name, error)  # noqa: TRY400 - its text tells all
        return ALL
    return project.channels if project else ALL


def to_document(project: Project) -> dict[str, Any]:
    """Return a project as the settings table holds it, without what its name says."""
    created = {"created": millis(project.created)} if project.created else {}
    return {"channels": project.channels, **created}


def from_document(name: str, document: dict[str, Any]) -> Project:
    """Return the project that a settings document tells of."""
    created = document.get("created")
    channels = str(document.get("channels", ALL))
    return Project(name=name, created=moment(created) if created is not None else None, channels=channels)


def projects(store: Store) -> Sequence[str]:
    """Return the names of all projects."""
    return sorted({DEFAULT, *store.settings(KIND)})


def channels_of(store: Store, project: str) -> list[Channel]:
    """Return a project's channels; one that cannot be read is named in the log and stops no other."""
    found = []
    for channel_id, document in store.settings(channel.kind(project)).items():
        try:
            found.append(channel.from_document(project, channel_id, document))
        except (KeyError, ValueError, TypeError):
            log.exception("The channel %s of the project %s cannot be read.", channel_id, project)
    return found
