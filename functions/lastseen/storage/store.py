"""The tables as the rest of the program sees them: what can be read and written, and what each call promises.

Lives here: the contract `Store`, which the tables and the store of the tests (tests/memory.py) keep alike, and
`TableStore`, which keeps it by the three files of the tables.
Never here: encodings (items.py), conditions (conditions.py), rules (core/), the clock.

Four tables, all on demand:
  checks    id                    one compact item per check; the sweep reads it whole each minute        checks.py
  names     project, slug         the ids of a slug (a check without one: its id), with descriptions      checks.py
  history   id, event             ping#<n> and flip#<n>; expires                                          history.py
  settings  kind, name            keys, channels and such, each a small JSON document                     settings.py

A write is conditional on exactly what its decision saw. What goes wrong: errors.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from lastseen.core.check import Check, Flip, Outcome
from lastseen.core.history import Recorded
from lastseen.storage.checks import CheckTables, Place, SweepPage
from lastseen.storage.settings import SettingsTable


class CheckStore(Protocol):
    """The tables `checks` and `names`, with the log of flips that is written with them."""

    def get(self, check_id: str, *, strong: bool = False) -> Check | None:
        """Return a check, or None. An eventual read may be a moment old; the condition of a write finds that out."""

    def get_many(
        self, check_ids: Sequence[str], *, corrupt: list[str] | None = None, strong: bool = True
    ) -> dict[str, Check]:
        """Return those of the checks that exist, by id; strongly consistent unless half the price is worth a moment.

        Ids of checks that cannot be read are added to `corrupt`; without it, the first such raises CorruptError.
        Raises BusyError if DynamoDB leaves keys unread again and again.
        """

    def create(self, check: Check, *, about: str = "", sole: bool = False) -> None:
        """Write a new check and its name at once. `sole`: only if no other check of the project has its slug.

        Raises ConflictError if the id exists, or with `sole` the slug; FullError.
        """

    def save(self, seen: Check, outcome: Outcome, *, about: str | None = None) -> None:
        """Write what a decision changed, and its flips, if the check is still as it was seen.

        `about` None leaves the description as it is. Raises ConflictError if a ping or another change came first;
        FullError.
        """

    def save_ping(self, seen: Check, outcome: Outcome) -> int:
        """Write what a ping changed and count it; return its number.

        Steady pings of one check, however many at once, do not conflict: each condition names only what its decision
        saw. A ping that flips is a transaction; its count follows, since a transaction returns no values.
        Raises ConflictError, and UncountedError where all is written but the number.
        """

    def delete(self, seen: Check) -> None:
        """Remove a check and its name; its history expires. Raises ConflictError if it was changed since."""

    def announce(self, check_id: str, *, seen: int, upto: int) -> None:
        """Note that all flips up to `upto` were announced, if so far those up to `seen` were; else do nothing."""

    def due(self, until: datetime, *, segment: int = 0, segments: int = 1) -> Iterator[SweepPage]:
        """Read every check of a segment, page by page, and return those with something to do by `until`."""

    def ids_of_slug(self, project: str, slug: str, *, strong: bool = False) -> tuple[str, ...]:
        """Return the ids of the checks of a project that have a slug, sorted."""

    def about(self, check: Check) -> str:
        """Return a check's description."""

    def project(self, project: str, *, slug: str = "", strong: bool = True) -> dict[str, str]:
        """Return the ids of all checks of a project, or of a slug, with descriptions; strongly consistent or not."""

    def count_created(self, project: str, *, day: str, limit: int) -> bool:
        """Count a check that a ping is about to create; return False if there were `limit` on that day already.

        `day`: like 2026-03-02; days only go on.
        """

    def project_page(self, project: str, *, after: Place, limit: int) -> tuple[dict[str, str], Place | None]:
        """Return some checks of a project like `project`, in the order of their places, and where they go on.

        `after`: the place of the last one that was seen, FIRST_PLACE to begin. None instead of a place: that was all.
        """


class HistoryStore(Protocol):
    """The table `history`. In lists, an item that cannot be read is logged and left out."""

    def record(self, check_id: str, recorded: Recorded) -> None:
        """Keep a ping; nothing is kept where history is off."""

    def pings(self, check_id: str, *, limit: int, before: int | None = None) -> list[Recorded]:
        """Return the newest pings, newest first; `before`: only those with a smaller number."""

    def ping(self, check_id: str, n: int) -> Recorded | None:
        """Return a check's n-th ping, if it is still kept. Raises CorruptError."""

    def flips(self, check_id: str, *, after: int = 0, upto: int | None = None) -> list[Flip]:
        """Return the flips numbered after+1 .. upto that are still kept, oldest first; strongly consistent."""

    def note_receivers(self, check_id: str, n: int, channel_ids: Sequence[str]) -> None:
        """Keep with a check's n-th flip which channels are notified of it. One that is not kept any more is no harm."""

    def flips_back(self, check_id: str) -> Iterator[Flip]:
        """Return the flips that are still kept, newest first, read only as far as the caller goes."""


class SettingsStore(Protocol):
    """The table `settings`. documents.py makes values of its documents; only it calls these."""

    def setting(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return a document, or None; strongly consistent. Raises CorruptError if it cannot be read."""

    def settings(self, kind: str) -> dict[str, dict[str, Any] | None]:
        """Return all documents of a kind, by name; None for one that cannot be read (documents.py names it)."""

    def put_setting(
        self, kind: str, name: str, document: dict[str, Any], *, new: bool = False, known: bool = False
    ) -> None:
        """Write a document. `new`: only if there is none yet; `known`: only if there is one.

        Raises ConflictError if it is otherwise.
        """

    def drop_setting(self, kind: str, name: str) -> None:
        """Remove a document; one that is not there is no error."""


class Store(CheckStore, HistoryStore, SettingsStore, Protocol):
    """All four tables."""


class TableStore(CheckTables, SettingsTable, Store):
    """The tables in DynamoDB."""
