"""Lastseen as a job sees it: the ping API over a store in memory, one project, one ping key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lastseen.core.check import Check, Status
from lastseen.core.history import Recorded
from lastseen.core.keys import Key, Scope, hashed
from lastseen.core.limits import PINGED_CHECKS_PER_DAY
from lastseen.pinging.answer import PingAnswer, PingRequest, answer
from lastseen.pinging.keys import PingKeys
from lastseen.storage.documents import KEYS
from tests.memory import MemoryStore, MemoryWakes
from tests.times import T0, hours

PING_KEY = "pIn-g_Key"
UUID = "7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80"
RUN = "11111111-2222-4333-8444-555555555555"
BODY_LIMIT = 10_000


def key_document(project: str = "default", scope: Scope = Scope.PING) -> dict[str, Any]:
    return KEYS.document(Key(hash="", project=project, scope=scope))


@dataclass
class Pinging:
    """A store with a ping key, and what it takes to ping."""

    store: MemoryStore = field(default_factory=MemoryStore)
    wakes: MemoryWakes = field(default_factory=MemoryWakes)
    body_limit: int = BODY_LIMIT
    created_per_day: int = PINGED_CHECKS_PER_DAY
    waits: list[float] = field(default_factory=list)  # seconds waited before deciding anew

    def __post_init__(self) -> None:
        self.keys = PingKeys(self.store)
        self.store.put_setting(KEYS.kind, hashed(PING_KEY), key_document())

    def check(self, check_id: str = UUID, **fields: Any) -> Check:
        """Put a check in the store; by default one that was made an hour ago and is new."""
        check = Check(**{"id": check_id, "slug": "nightly", "name": "nightly", "created": T0 - hours(1), **fields})
        self.store.create(check)
        return check

    def up(self, **fields: Any) -> Check:
        """Put a check in the store that had a ping an hour ago."""
        up = {"status": Status.UP, "last_ping": T0 - hours(1), "wake_at": T0 + hours(24), "n_pings": 1}
        return self.check(UUID, **(up | fields))

    def ping(self, path: str = UUID, query: str = "", at: datetime = T0, **said: Any) -> PingAnswer:
        request = PingRequest(path=path, query=query, at=at, **said)
        return answer(
            request,
            store=self.store,
            wakes=self.wakes,
            keys=self.keys,
            body_limit=self.body_limit,
            created_per_day=self.created_per_day,
            pause=self.waits.append,
        )

    @property
    def now(self) -> Check:
        """The one check, as it is."""
        (check,) = self.store.checks.values()
        return check

    @property
    def last(self) -> Recorded:
        """The newest ping in the history of the one check."""
        return self.store.pings(self.now.id, limit=1)[0]
