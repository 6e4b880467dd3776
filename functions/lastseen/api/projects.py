"""The resource "projects": made, listed, changed and removed by whoever holds AWS credentials of the account."""

from __future__ import annotations

from datetime import datetime

from lastseen.api.errors import RefusedError, UnknownError
from lastseen.api.keyring import Keyring, key_id
from lastseen.core import channel
from lastseen.storage import projects as project
from lastseen.storage.checks import FIRST_PLACE
from lastseen.storage.errors import ConflictError
from lastseen.storage.projects import DEFAULT, KIND, Project, from_document, to_document
from lastseen.storage.store import Store

PROJECTS_LIMIT = 1_000


class Projects:
    """All projects of the deployment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Project]:
        """Return the projects by name, `default` first."""
        documents = self._store.settings(KIND)
        known = [from_document(name, documents[name]) for name in sorted(documents) if name != DEFAULT]
        return [self.one(DEFAULT), *known]

    def one(self, name: str) -> Project:
        """Return a project. Raises UnknownError."""
        known = project.found(self._store, name)
        if known is None:
            raise UnknownError(f"there is no project {name}: make it with `lastseen projects create {name}`")
        return known

    def create(self, made: Project) -> Project:
        """Make a project. Raises RefusedError if there is one of that name, or too many."""
        if len(self._store.settings(KIND)) >= PROJECTS_LIMIT:
            raise RefusedError(f"a deployment has at most {PROJECTS_LIMIT} projects")
        taken = RefusedError(f"there is a project {made.name} already")
        if made.name == DEFAULT:
            raise taken
        try:
            self._store.put_setting(KIND, made.name, to_document(made), new=True)
        except ConflictError as error:
            raise taken from error
        return made

    def change(self, changed: Project) -> Project:
        """Write a project's choices."""
        self.one(changed.name)
        self._store.put_setting(KIND, changed.name, to_document(changed))
        return changed

    def delete(self, name: str) -> Project:
        """Remove a project that is empty, with its keys. Raises RefusedError, UnknownError."""
        held = self.one(name)
        if name == DEFAULT:
            raise RefusedError("the project default stays")
        checks, _ = self._store.project_page(name, after=FIRST_PLACE, limit=1)
        if checks:
            raise RefusedError(f"the project {name} has checks: delete them first")
        if self._store.settings(channel.kind(name)):
            raise RefusedError(f"the project {name} has channels: delete them first")
        keyring = Keyring(self._store, name)
        for key in keyring.all():
            keyring.revoke(key_id(key))
        self._store.drop_setting(KIND, name)
        return held


def made(name: str, channels: str | None, now: datetime) -> Project:
    """Return a new project."""
    return Project(name=name, created=now) if channels is None else Project(name=name, created=now, channels=channels)
