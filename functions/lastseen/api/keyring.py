"""The resource "keys": the API keys and ping keys of one project, of which only hashes are kept."""

from __future__ import annotations

from datetime import datetime

from lastseen.api.errors import BadRequestError, RefusedError, UnknownError
from lastseen.core.keys import Key, Scope, ping_key_fault
from lastseen.storage.documents import KEYS
from lastseen.storage.errors import ConflictError
from lastseen.storage.fresh import kept_of, new_key
from lastseen.storage.store import Store

ID_CHARS = 12
"""Characters of a key's hash that name it."""

KEYS_LIMIT = 100
"""Keys of a project."""


def key_id(key: Key) -> str:
    """Return the name of a key, which is of no use without the key."""
    return key.hash[:ID_CHARS]


class Keyring:
    """The keys of one project."""

    def __init__(self, store: Store, project: str) -> None:
        self._store = store
        self._project = project

    def all(self) -> list[Key]:
        """Return the keys, the oldest first."""
        mine = [key for key in KEYS.all(self._store).values if key.project == self._project]
        return sorted(mine, key=lambda key: (key.created is not None, key.created, key.hash))

    def mint(self, scope: Scope, name: str, now: datetime) -> tuple[str, Key]:
        """Make a key; return it, to be shown once, and what is kept of it. Raises RefusedError for one too many."""
        self._refuse_one_too_many()
        word, key = new_key(scope, self._project, name, now)
        KEYS.create(self._store, key)
        return word, key

    def bring(self, word: str, scope: Scope, name: str, now: datetime) -> Key:
        """Take a ping key that was made elsewhere; return what is kept of it.

        Raises BadRequestError for what cannot be one, RefusedError for one that exists in any project.
        """
        if scope is not Scope.PING:
            raise BadRequestError('key: only a key of the scope "ping" may come from elsewhere; leave it out')
        if fault := ping_key_fault(word):
            raise BadRequestError(f"key {fault}")
        self._refuse_one_too_many()
        key = kept_of(word, scope, self._project, name, now)
        try:
            KEYS.create(self._store, key)
        except ConflictError as error:
            raise RefusedError("key: there is this key already") from error
        return key

    def _refuse_one_too_many(self) -> None:
        if len(self.all()) >= KEYS_LIMIT:
            raise RefusedError(f"a project has at most {KEYS_LIMIT} keys: revoke some that are used no more")

    def revoke(self, wanted: str) -> Key:
        """Forget a key by its id; return what it was. Raises UnknownError."""
        key = next((key for key in self.all() if key_id(key) == wanted), None)
        if key is None:
            raise UnknownError(f"no key of this project has the id {wanted}" if wanted.isalnum() else "no such key")
        KEYS.drop(self._store, key.hash)
        return key
