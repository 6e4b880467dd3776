"""Projects: checks, keys and channels that belong together, and what new checks of one get.

`default` is there from the start, without a document. Light enough for the ping path, which asks once per new check.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lastseen.core.channel import ALL_CHANNELS, Channel
from lastseen.storage.documents import CHANNELS, PROJECTS, DocumentList
from lastseen.storage.errors import CorruptError
from lastseen.storage.records import Project
from lastseen.storage.store import Store

log = logging.getLogger(__name__)

DEFAULT = "default"


def find_project(store: Store, name: str) -> Project | None:
    """Return a project, or None. Raises CorruptError."""
    return PROJECTS.one(store, name) or (Project(name=DEFAULT) if name == DEFAULT else None)


def default_channels(store: Store, name: str) -> str:
    """Return the channels of a new check for which none are named: better too many than nobody notified."""
    try:
        project = find_project(store, name)
    except CorruptError as error:
        log.error("The new checks of project %s notify every channel: %s", name, error)  # noqa: TRY400 - its text says everything
        return ALL_CHANNELS
    return project.channels if project else ALL_CHANNELS


def is_gone(store: Store, name: str) -> bool:
    """Return whether a project was deleted, or never made. One that cannot be read is there."""
    try:
        return find_project(store, name) is None
    except CorruptError:
        return False


def channels_of(store: Store, project: str) -> DocumentList[Channel]:
    """Return a project's channels; one that cannot be read is named, also in the log, and stops no other."""
    return CHANNELS.all(store, project=project)


def project_names(store: Store) -> Sequence[str]:
    """Return the names of all projects, also of those whose document cannot be read: their channels still work."""
    projects, unreadable = PROJECTS.all(store)
    return sorted({DEFAULT, *(project.name for project in projects), *unreadable})
