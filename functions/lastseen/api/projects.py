"""The resource "projects": made, listed, changed and removed by those who hold AWS credentials of the account."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from lastseen.api.errors import RefusedError, UnknownError
from lastseen.api.keyring import Keyring, key_id
from lastseen.storage.checks import FIRST_PLACE
from lastseen.storage.documents import CHANNELS, PROJECTS
from lastseen.storage.errors import ConflictError
from lastseen.storage.projects import DEFAULT, find_project, project_names
from lastseen.storage.records import Project
from lastseen.storage.store import Store

PROJECTS_LIMIT = 1_000

SETTLED_SECONDS = 2.0
"""Longer than a first ping takes from reading its project to writing its check."""


class Projects:
    """All projects of the deployment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Project]:
        """Return the projects by name, `default` first."""
        projects = PROJECTS.all(self._store).values
        others = [project for project in projects if project.name != DEFAULT]
        default = [project for project in projects if project.name == DEFAULT] or [Project(name=DEFAULT)]
        return [*default, *others]

    def one(self, name: str) -> Project:
        """Return a project. Raises UnknownError."""
        known = find_project(self._store, name)
        if known is None:
            raise UnknownError(f"there is no project {name}: make it with `lastseen projects create {name}`")
        return known

    def create(self, made: Project) -> Project:
        """Make a project. Raises RefusedError if there is one of that name, or too many."""
        if len(project_names(self._store)) > PROJECTS_LIMIT:  # `default` does not count
            raise RefusedError(f"a deployment has at most {PROJECTS_LIMIT} projects")
        taken = RefusedError(f"there is a project {made.name} already")
        if made.name == DEFAULT:
            raise taken
        try:
            PROJECTS.create(self._store, made)
        except ConflictError as error:
            raise taken from error
        return made

    def change(self, changed: Project) -> Project:
        """Write a project's choices."""
        self.one(changed.name)
        PROJECTS.write(self._store, changed)
        return changed

    def delete(self, name: str, *, pause: Callable[[float], None]) -> Project:
        """Remove a project that is empty, with its keys. Raises RefusedError, UnknownError.

        A first ping that saw the project just before may create a check just after: that check goes too.
        """
        held = self.one(name)
        if name == DEFAULT:
            raise RefusedError("the project default stays")
        checks, _ = self._store.project_page(name, after=FIRST_PLACE, limit=1)
        if checks:
            raise RefusedError(f"the project {name} has checks: delete them first")
        if any(CHANNELS.all(self._store, project=name)):
            raise RefusedError(f"the project {name} has channels: delete them first")
        keyring = Keyring(self._store, name)
        for key in keyring.all():
            keyring.revoke(key_id(key))
        PROJECTS.drop(self._store, name)
        pause(SETTLED_SECONDS)
        self._drop_late_checks(name)
        return held

    def _drop_late_checks(self, name: str) -> None:
        for check in self._store.get_many(list(self._store.project(name)), corrupt=[]).values():
            with suppress(ConflictError):  # it is pinged: the next ping finds its project gone, and it alone is left
                self._store.delete(check)


def made(name: str, channels: str | None, now: datetime) -> Project:
    """Return a new project."""
    return Project(name=name, created=now) if channels is None else Project(name=name, created=now, channels=channels)
