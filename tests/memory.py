"""The store, the queue and the topic in memory: for simulations that need thousands of runs.

Proved equal to the tables by tests/lastseen/test_store_contract.py and test_store_random.py. Every call goes through
`hook`, before and after, so that a simulation can crash there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from lastseen.aws.topic import Subscription, Topic
from lastseen.aws.wakes import Wake, Wakes
from lastseen.core.check import Check, Flip, Outcome
from lastseen.core.history import Recorded
from lastseen.storage.checks import Place, SweepPage, SweptCheck
from lastseen.storage.errors import ConflictError, CorruptError, UncountedError
from lastseen.storage.items import check_to_item
from lastseen.text.message import Message
from tests.sns import ARN, CHANNELS_ARN, SnsAsAws

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

Hook = Callable[[str, str], None]
"""Called with a call's name and "before" or "after"; what it raises, the caller gets."""


def _no_hook(_call: str, _when: str) -> None:
    pass


class _Hooked:
    hook: Hook = staticmethod(_no_hook)

    def __init__(self, hook: Hook = _no_hook) -> None:
        self.hook = hook
        self._one_at_a_time = Lock()

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        self.hook(name, "before")
        with self._one_at_a_time:
            yield
        self.hook(name, "after")


class MemoryStore(_Hooked):
    """The four tables as dictionaries, with the conditions of the real ones: it keeps the contract `Store`."""

    def __init__(self, hook: Hook = _no_hook, *, history_days: int = 90) -> None:
        super().__init__(hook)
        self.history_days = history_days
        self.checks: dict[str, Check] = {}
        self.corrupt: set[str] = set()  # ids of checks that cannot be read
        self.names: dict[tuple[str, str], dict[str, str]] = {}  # -> id: about
        self.created: dict[str, tuple[str, int]] = {}  # project -> day, and checks that pings created on it
        self.pings_of: dict[str, dict[int, Recorded]] = {}
        self.flips_of: dict[str, dict[int, Flip]] = {}
        self.documents: dict[tuple[str, str], dict[str, Any] | None] = {}  # None: it cannot be read

    def get(self, check_id: str, *, strong: bool = False) -> Check | None:  # noqa: ARG002 - memory is never stale
        with self._call("get"):
            return self._read(check_id)

    def get_many(
        self,
        check_ids: Sequence[str],
        *,
        corrupt: list[str] | None = None,
        strong: bool = True,  # noqa: ARG002 - memory is never stale
    ) -> dict[str, Check]:
        with self._call("get_many"):
            wanted = list(dict.fromkeys(check_ids))
            if corrupt is not None:
                corrupt += [check_id for check_id in wanted if check_id in self.corrupt]
                wanted = [check_id for check_id in wanted if check_id not in self.corrupt]
            found = {check_id: self._read(check_id) for check_id in wanted}
            return {check_id: check for check_id, check in found.items() if check}

    def create(self, check: Check, *, about: str = "", sole: bool = False) -> None:
        with self._call("create"):
            bearers = self.names.setdefault((check.project, check.slug or check.id), {})
            if check.id in self.checks or (sole and bearers):
                raise ConflictError("taken")
            self.checks[check.id] = check
            bearers[check.id] = about

    def save(self, seen: Check, outcome: Outcome, *, about: str | None = None) -> None:
        with self._call("save"):
            new = outcome.check
            renamed = _name_of(seen) != _name_of(new)
            changed = seen != new and check_to_item(seen) != check_to_item(new)
            if not changed and not renamed and about is None:
                return
            held = self._unchanged(seen)
            if changed and held.wake_at != seen.wake_at:
                raise ConflictError("a ping came first")
            self._put(seen, new)
            self._log(seen.id, outcome.flips)
            if renamed or about is not None:
                old = self.names[seen.project, _name_of(seen)]
                kept = old.pop(seen.id, "") if renamed else old.get(seen.id, "")
                bearers = self.names.setdefault((new.project, _name_of(new)), {})
                bearers[new.id] = kept if about is None else about

    def save_ping(self, seen: Check, outcome: Outcome) -> int:
        new = outcome.check
        if outcome.flips:
            with self._call("save_flips"):
                if self._no_later_end(seen, new).wake_at != seen.wake_at:
                    raise ConflictError("a ping came first")
                self._put(seen, new)
                self._log(seen.id, outcome.flips)
            with self._call("count"):
                if seen.id not in self.checks:
                    raise UncountedError("deleted")
                return self._count(seen.id)
        with self._call("save_ping"):
            self._no_later_end(seen, new)
            self._put(seen, new)
            return self._count(seen.id)

    def delete(self, seen: Check) -> None:
        with self._call("delete"):
            self._unchanged(seen)
            del self.checks[seen.id]
            self.names[seen.project, _name_of(seen)].pop(seen.id, None)

    def announce(self, check_id: str, *, seen: int, upto: int) -> None:
        with self._call("announce"):
            check = self.checks.get(check_id)
            if check and check.announced == seen:
                self.checks[check_id] = replace(check, announced=upto)

    def note_receivers(self, check_id: str, n: int, channel_ids: Sequence[str]) -> None:
        with self._call("note_receivers"):
            flips = self.flips_of.get(check_id, {})
            if n in flips:
                flips[n] = replace(flips[n], channels=tuple(channel_ids))

    def due(self, until: datetime, *, segment: int = 0, segments: int = 1) -> Iterator[SweepPage]:
        with self._call("due"):
            mine = [check for number, check in enumerate(self.checks.values()) if number % segments == segment]
            dues = tuple(
                SweptCheck(id=check.id, wake_at=check.wake_at, unannounced=check.announced < check.flips)
                for check in mine
                if (check.wake_at and check.wake_at <= until) or check.announced < check.flips
            )
        yield SweepPage(dues=dues, scanned=len(mine), read_units=0.0)

    def ids_of_slug(self, project: str, slug: str, *, strong: bool = False) -> tuple[str, ...]:  # noqa: ARG002 - the same
        with self._call("ids_of_slug"):
            return tuple(sorted(self.names.get((project, slug), {})))

    def about(self, check: Check) -> str:
        with self._call("about"):
            return self.names.get((check.project, _name_of(check)), {}).get(check.id, "")

    def count_created(self, project: str, *, day: str, limit: int) -> bool:
        with self._call("count_created"):
            last, count = self.created.get(project, ("", 0))
            if day < last or (day == last and count >= limit):
                return False
            self.created[project] = day, count + 1 if day == last else 1
            return True

    def project(self, project: str, *, slug: str = "", strong: bool = True) -> dict[str, str]:  # noqa: ARG002 - as above
        with self._call("project"):
            return {check_id: about for (name, check_id), about in self._places(project) if not slug or name == slug}

    def project_page(self, project: str, *, after: Place, limit: int) -> tuple[dict[str, str], Place | None]:
        with self._call("project_page"):
            rest = [(place, about) for place, about in self._places(project) if place > after]
            found = rest[:limit]
            return {place[1]: about for place, about in found}, found[-1][0] if len(rest) > limit else None

    def _places(self, project: str) -> list[tuple[Place, str]]:
        mine = [(name, bearers) for (owner, name), bearers in self.names.items() if owner == project]
        return sorted((Place(name, check_id), about) for name, bearers in mine for check_id, about in bearers.items())

    def record(self, check_id: str, recorded: Recorded) -> None:
        with self._call("record"):
            if self.history_days:
                self.pings_of.setdefault(check_id, {})[recorded.n] = recorded

    def pings(self, check_id: str, *, limit: int, before: int | None = None) -> list[Recorded]:
        with self._call("pings"):
            kept = self.pings_of.get(check_id, {})
            newest = sorted((n for n in kept if before is None or n < before), reverse=True)
            return [kept[n] for n in newest[: max(limit, 0)]]

    def ping(self, check_id: str, n: int) -> Recorded | None:
        with self._call("ping"):
            return self.pings_of.get(check_id, {}).get(n)

    def flips(self, check_id: str, *, after: int = 0, upto: int | None = None) -> list[Flip]:
        with self._call("flips"):
            kept = self.flips_of.get(check_id, {})
            return [kept[n] for n in sorted(kept) if n > after and (upto is None or n <= upto)]

    def flips_back(self, check_id: str) -> Iterator[Flip]:
        with self._call("flips_back"):
            kept = self.flips_of.get(check_id, {})
            return iter([kept[n] for n in sorted(kept, reverse=True)])

    def setting(self, kind: str, name: str) -> dict[str, Any] | None:
        with self._call("setting"):
            document = self.documents.get((kind, name), {})
            if document is None:
                raise CorruptError(f"The setting {kind} {name} cannot be read.")
            return dict(document) if (kind, name) in self.documents else None

    def settings(self, kind: str) -> dict[str, dict[str, Any] | None]:
        with self._call("settings"):
            mine = {name: document for (place, name), document in self.documents.items() if place == kind}
            return {name: None if document is None else dict(document) for name, document in mine.items()}

    def put_setting(
        self, kind: str, name: str, document: dict[str, Any], *, new: bool = False, known: bool = False
    ) -> None:
        with self._call("put_setting"):
            there = (kind, name) in self.documents
            if (new and there) or (known and not there):
                raise ConflictError("there is one" if there else "there is none")
            self.documents[kind, name] = dict(document)

    def drop_setting(self, kind: str, name: str) -> None:
        with self._call("drop_setting"):
            self.documents.pop((kind, name), None)

    def _read(self, check_id: str) -> Check | None:
        if check_id in self.corrupt:
            raise CorruptError("a check cannot be read")
        return self.checks.get(check_id)

    def _unchanged(self, seen: Check) -> Check:
        held = self.checks.get(seen.id)
        if held is None or held.rev != seen.rev:
            raise ConflictError("changed or deleted")
        return held

    def _no_later_end(self, seen: Check, new: Check) -> Check:
        held = self._unchanged(seen)
        if new.last_ping != seen.last_ping and new.last_ping and held.last_ping and held.last_ping > new.last_ping:
            raise ConflictError("a later ping came first")
        opens = bool(new.runs) and new.runs != seen.runs
        if (opens or new.ended != seen.ended) and held.last_ping != seen.last_ping == new.last_ping:
            raise ConflictError("an end came first")
        return held

    def _put(self, seen: Check, new: Check) -> None:
        """Write what differs between `seen` and `new`, as an update does; the count has a way of its own."""
        changed = {
            name: getattr(new, name)
            for name in Check.__slots__
            if name != "n_pings" and getattr(new, name) != getattr(seen, name)
        }
        self.checks[seen.id] = replace(self.checks[seen.id], **changed)

    def _count(self, check_id: str) -> int:
        check = self.checks[check_id]
        self.checks[check_id] = replace(check, n_pings=check.n_pings + 1)
        return check.n_pings + 1

    def _log(self, check_id: str, flips: Sequence[Flip]) -> None:
        for flip in flips:
            self.flips_of.setdefault(check_id, {})[flip.n] = flip


class MemoryWakes(_Hooked, Wakes):
    """The queue as a list of what was sent; whoever plays SQS takes from it."""

    def __init__(self, hook: Hook = _no_hook) -> None:
        super().__init__(hook)
        self.sent: list[Wake] = []

    def send(self, wakes: Sequence[Wake]) -> int:
        with self._call("send"):
            self.sent += wakes
        return 0

    def taken(self) -> list[Wake]:
        """Return all that was sent since the last call."""
        taken, self.sent = self.sent, []
        return taken


class MemoryTopic(_Hooked, Topic):
    """The topic as a list of what was published."""

    def __init__(self, hook: Hook = _no_hook) -> None:
        _Hooked.__init__(self, hook)
        self.sns = SnsAsAws()
        self.published: list[Message] = []
        Topic.__init__(self, cast("SNSClient", self.sns), ARN, CHANNELS_ARN)

    def publish(self, message: Message) -> None:
        with self._call("publish"):
            self.published.append(message)

    def subscriptions(self) -> list[Subscription]:
        with self._call("subscriptions"):
            return super().subscriptions()

    def subscribe(self, protocol: str, endpoint: str, policy: Mapping[str, list[str]]) -> str:
        with self._call("subscribe"):
            return super().subscribe(protocol, endpoint, policy)

    def confirm(self, token: str) -> str:
        with self._call("confirm"):
            return super().confirm(token)

    def unsubscribe(self, arn: str) -> None:
        with self._call("unsubscribe"):
            super().unsubscribe(arn)

    def subjects(self) -> list[str]:
        return [message.subject for message in self.published]


def _name_of(check: Check) -> str:
    return check.slug or check.id
