"""The program, broken on purpose in one place: each way must be caught by the simulation, or the simulation is blind.

Each variant is a way to lose an alert or to raise a false one that has been seen elsewhere, or was once here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any
from unittest.mock import patch

from lastseen.alerting import alert, publishing, routing
from lastseen.alerting.publishing import DueCheck, Published, Publisher
from lastseen.alerting.routing import Parcel, Routed
from lastseen.aws.deliveries import Deliveries
from lastseen.core import blind, dues, expressions, machine, moments, runs, zones
from lastseen.core.blind import Window
from lastseen.core.check import Check, Kind, Outcome, Ping, Reason, Run, Status
from lastseen.core.schedule import next_due
from lastseen.delivery import pagerduty
from lastseen.delivery.deliver import Tried, _Attempt
from lastseen.health import canary as watch
from lastseen.pinging import answer as ping
from lastseen.storage.checks import SweepPage
from lastseen.storage.decide import Pause
from lastseen.storage.documents import CHANNELS
from lastseen.storage.errors import ConflictError
from lastseen.storage.store import Store
from lastseen.text.message import Alert, flipped
from tests.memory import MemoryStore
from tests.simulation import post, receivers, world
from tests.simulation.clockwork import MINUTE, SECOND
from tests.simulation.world import CALM, STORM, Tables, Weather


@dataclass(frozen=True, slots=True)
class Variant:
    """What is broken, and the fault that must be found."""

    name: str
    faults: frozenset[str]
    changes: tuple[tuple[Any, str, Any], ...]  # of what, which, to what
    weather: Weather = STORM
    seed: int = 1  # one that finds it soon, today

    @contextmanager
    def on(self) -> Iterator[None]:
        """Break it for a while."""
        with ExitStack() as stack:
            for owner, attribute, value in self.changes:
                stack.enter_context(patch.object(owner, attribute, value))
            yield


_MOVES = machine._MOVES  # noqa: SLF001 - to break it
_started, _given_up = runs.started, runs.given_up
_succeeded, _failed = _MOVES[Kind.SUCCESS], _MOVES[Kind.FAIL]
_publish, _parcels = Publisher._publish, routing.parcels  # noqa: SLF001 - to break it
_zone = zones.zone
_settle, _woken, _pinged = alert._settle, moments.woken, machine.pinged  # noqa: SLF001 - to break it
_save, _due = MemoryStore.save, MemoryStore.due
_message_refused, _send = _Attempt.message_refused, Deliveries._send  # noqa: SLF001 - to break it


def _told_before_written(
    seen: Check, store: Store, now: datetime, blind: Sequence[Window], pause: Pause
) -> Outcome | None:
    assert isinstance(store, Tables)
    outcome = _woken(seen, now, blind)
    for flip in outcome.flips:
        if flip.notify:
            message = flipped(Alert(check=outcome.check, flip=flip), now=now, site_url="https://x.test")
            store.world.topic.publish(publishing.addressed(message, frozenset({receivers.DEPLOYMENT})))
    return _settle(seen, store, now, blind, pause)


def _noted_before_published(self: Publisher, chunk: Sequence[DueCheck], published: Published) -> None:
    self.announce([due.check for due in chunk])
    _publish(self, chunk, published)


def _counted_as_told(self: MemoryStore, check_id: str, *, seen: int, upto: int) -> None:
    held = self.checks.get(check_id)
    if held:
        self.checks[check_id] = replace(held, announced=min(held.announced + upto - seen, held.flips))


def _saved_whatever_wake_at(self: MemoryStore, seen: Check, outcome: Outcome, *, about: str | None = None) -> None:
    held = self.checks.get(seen.id)
    _save(self, replace(seen, wake_at=held.wake_at) if held else seen, outcome, about=about)


def _there(self: MemoryStore, seen: Check) -> Check:
    if seen.id not in self.checks:
        raise ConflictError("deleted")
    return self.checks[seen.id]


def _unchanged(self: MemoryStore, seen: Check, _new: Check) -> Check:
    return self._unchanged(seen)


def _no_windows(_store: Store, _now: datetime) -> tuple[Window, ...]:
    return ()


def _always_deaf(start: datetime, _noticed: datetime | None, end: datetime) -> tuple[Window, ...]:
    return (Window(start, end),)


def _stamped_when_noticed(seen: Check, now: datetime, blind: Sequence[Window] = ()) -> Outcome:
    outcome = _woken(seen, now, blind)
    flips = tuple(replace(flip, at=now) if flip.reason is Reason.MISSED else flip for flip in outcome.flips)
    return replace(outcome, flips=flips)


def _past_forgotten(seen: Check, said: Ping, blind: Sequence[Window] = ()) -> Outcome:
    with patch.object(machine, "passed", lambda seen, _now, _blind, _rules: (seen, [])):
        return _pinged(seen, said, blind)


def _changed_without_a_look(change: Callable[..., Outcome]) -> Callable[..., Outcome]:
    def changed(seen: Check, now: datetime, blind: Sequence[Window] = (), **asked: Any) -> Outcome:
        with patch.object(machine, "passed", lambda seen, _now, _blind, _rules: (seen, [])):
            return change(seen, now, blind, **asked)

    return changed


def _expected_since_ever(seen: Check, last_ping: datetime) -> datetime | None:
    return next_due(seen.schedule, last_ping)


def _never_early(_check: Check, _began: datetime, due: datetime) -> datetime:
    return due


OLD_FILES = {"Asia/Kolkata": "Asia/Kathmandu", "Europe/Berlin": "Asia/Kolkata"}
"""Zone files of a machine that are wrong by more than whole hours, which a job of each hour would not notice."""


def _zone_of_the_machine(name: str) -> tzinfo:
    return _zone(OLD_FILES.get(name, name))


def _grace_since_ever(seen: Check, _since: datetime) -> timedelta:
    return seen.grace


def _last_start_wins(seen: Check, said: Ping) -> Check:
    return replace(_started(replace(seen, runs=()), said), runs=(Run(said.at, said.rid),))


def _retry_not_awaited(seen: Check, said: Ping) -> Check:
    return _given_up(seen, replace(said, over="1"))


def _clock_runs_on(seen: Check, _said: Ping) -> Check:
    return seen


def _down_while_a_run_hangs(seen: Check, said: Ping) -> machine.Move:
    after, duration = runs.ended(seen, said, failed=False)
    if seen.status is Status.DOWN and runs.hangs(after, said.at):
        return after, (), duration
    return _succeeded(seen, said)


def _what_hung_goes_on(seen: Check, _at: datetime) -> Check:
    return seen


def _any_end_ends_all(_end: Ping, _other: Run, *, failed: bool) -> bool:  # noqa: ARG001 - as the one in its place
    return True


def _failed_before_it_was_up(seen: Check, said: Ping) -> machine.Move:
    return _failed(replace(seen, recovered=seen.since), said)


@contextmanager
def _no_net(_self: Any, _check_id: str) -> Iterator[None]:
    yield


def _untold_ignored(self: MemoryStore, until: datetime, *, segment: int = 0, segments: int = 1) -> Iterator[SweepPage]:
    for page in _due(self, until, segment=segment, segments=segments):
        yield replace(page, dues=tuple(due for due in page.dues if due.wake_at and due.wake_at <= until))


def _untold_where_broken(
    seen: Check, store: Store, now: datetime, blind: Sequence[Window], pause: Pause
) -> Outcome | None:
    outcome = _settle(seen, store, now, blind, pause)
    if outcome and outcome.fault:
        raise alert.FaultError(outcome.fault)
    return outcome


def _later_flips_first(batch: Sequence[Routed]) -> list[Parcel]:
    return _parcels(batch)[::-1]


def _digests_without_their_first(batch: Sequence[Routed]) -> list[Parcel]:
    return [replace(each, alerts=each.alerts[1:] or each.alerts) for each in _parcels(batch)]


def _one_set_of_receivers_for_all(batch: Sequence[Routed]) -> list[Parcel]:
    everybody = frozenset().union(*(each.receivers for each in batch))
    return _parcels([replace(each, receivers=everybody) for each in batch])


def _beginning_forgotten(_store: MemoryStore, _check_id: str, _n: int, _channel_ids: Sequence[str]) -> None:
    pass


def _readers_of_the_first_tag(batch: Sequence[Routed]) -> list[Parcel]:
    cut = []
    for parcel in _parcels(batch):
        tags = [tag for alert in parcel.alerts for tag in alert.check.tags.split()]
        has_tag = len(parcel.alerts) == 1 or "prod" in tags[:1]
        readers = (each for each in parcel.receivers if has_tag or not each.endswith(":tagged"))
        cut.append(replace(parcel, receivers=frozenset(readers)))
    return cut


def _switched_off_by_a_form(self: Any) -> Tried:
    CHANNELS.replace(self.ways.store, replace(self.channel, disabled=self.outcome.why))
    return _message_refused(self)


def _grouped_by_kind(self: Deliveries, batch: list[Any]) -> None:
    for entry in batch:
        entry["MessageGroupId"] += ":" + json.loads(entry["MessageBody"])["event"]["type"]
    _send(self, batch)


def _by_way_of_sns(*_: Any) -> None:
    return None


def _eventually(read: Callable[..., Any]) -> Callable[..., Any]:
    """Return a strong read of the world's tables as an eventual one.

    Of the strong reads three may be dropped without a fault, tried with nine of ten reads a second behind: one check
    (what was decided on an old one fails its condition and is decided again), the names of a slug (a check is created
    on the condition that the name is free), one setting (an old note on a channel costs a try, and not the alert).
    """

    def eventual(self: Tables, *place: Any, **asked: Any) -> Any:
        return read(self, *place, **asked | {"strong": False})

    return eventual


def _log_eventually(self: Tables, check_id: str, *, after: int = 0, upto: int | None = None) -> list[Any]:
    log = self.world.lagging(("log", check_id), self.flips_of.get(check_id, {}))
    return [log[n] for n in sorted(log) if n > after and (upto is None or n <= upto)]


FALSE, LOST, STAMP, ORDER = map(frozenset, (["false"], ["lost"], ["stamp"], ["order"]))
MISDIRECTED, OPEN, WORDS = frozenset(["misdirected"]), frozenset(["open"]), frozenset(["words", "incident"])
DEAF = replace(STORM, deafness=0.02)
TWO_BATCHES = replace(STORM, wake_twice=0.5, held_up=0.5, repeated=0, killed=0, refused=0, unanswered=0)
POISONED = replace(STORM, poison=0.3)
LATE = replace(STORM, no_sweeps=0.03, sweep_skipped=0.4, wake_lost=0.4, patience=20 * MINUTE)
ASLEEP = replace(STORM, no_sweeps=0.03, deafness=0)
TENDED = replace(STORM, changes=0.1, deafness=0, no_sweeps=0)
OVERTAKEN = replace(TENDED, ping_late=0.4)
MOODY = replace(LATE, moods=0.1, killed=0, refused=0, unanswered=0)
STALE = replace(CALM, stale=0.9, held_up=0.2, wake_twice=0.05, moods=0.02, prompt=20 * SECOND)
WAKES_LOST = replace(STORM, wake_lost=0.5, poison=0, no_sweeps=0, patience=20 * MINUTE)

VARIANTS = (
    Variant("flip told before it is written", FALSE, ((alert, "_settle", _told_before_written),)),
    Variant("announced set before publish", LOST, ((Publisher, "_publish", _noted_before_published),)),
    Variant(
        "two batches both count it as told",
        LOST,
        ((MemoryStore, "announce", _counted_as_told),),
        TWO_BATCHES,
    ),
    Variant("no condition on wake_at", FALSE, ((MemoryStore, "save", _saved_whatever_wake_at),)),
    Variant("no condition on rev", FALSE | LOST, ((MemoryStore, "_unchanged", _there),)),
    Variant("a start does not look for its end", FALSE, ((MemoryStore, "_no_later_end", _unchanged),), seed=32),
    Variant(
        "no blind window", FALSE, ((alert, "blind_windows", _no_windows), (watch, "blind_windows", _no_windows)), DEAF
    ),
    Variant("held for as long as we are deaf", LOST, ((blind, "HOLD_LIMIT", timedelta(days=1)),), DEAF, seed=5),
    Variant("sleep is taken for deafness", FALSE, ((watch, "_silence", _always_deaf),), ASLEEP, seed=11),
    Variant("no slack for a ping on its way", FALSE, ((moments, "SLACK", timedelta(0)),)),
    Variant("stamped when noticed", STAMP, ((alert, "woken", _stamped_when_noticed),)),
    Variant("a ping forgets what passed before", LOST, ((ping, "pinged", _past_forgotten),)),
    Variant(
        "a change forgets what passed before",
        LOST,
        tuple((world, name, _changed_without_a_look(getattr(machine, name))) for name in ("configured", "paused")),
        TENDED,
        seed=5,
    ),
    Variant(
        "a change is judged backwards",
        FALSE,
        (
            (dues, "expected_after", _expected_since_ever),
            (dues, "grace_from", _grace_since_ever),
            (runs, "grace_from", _grace_since_ever),
        ),
        TENDED,
    ),
    Variant(
        "a failure that its retry overtook on a new check is not told",
        LOST,
        ((machine, "_MOVES", {**_MOVES, Kind.FAIL: _failed_before_it_was_up}),),
        OVERTAKEN,
    ),
    Variant("the last start wins", LOST, ((machine, "started", _last_start_wins),)),
    Variant("a retry that never comes is not awaited", LOST, ((machine, "given_up", _retry_not_awaited),), seed=2),
    Variant("an attempt that is over keeps its clock", FALSE, ((machine, "given_up", _clock_runs_on),), seed=2),
    Variant("an end of one run ends all", LOST, ((runs, "_ends", _any_end_ends_all),)),
    Variant(
        "a run that hung holds the check down",
        LOST,
        ((machine, "_MOVES", {**_MOVES, Kind.SUCCESS: _down_while_a_run_hangs}),),
    ),
    Variant("a run that hung is told again", FALSE, ((machine, "hung_forgotten", _what_hung_goes_on),)),
    Variant("zone files of the machine are read", FALSE | LOST, ((expressions, "zone", _zone_of_the_machine),)),
    Variant("a success just before its time is not of it", FALSE, ((dues, "counted_early", _never_early),), seed=31),
    Variant("one broken check stops the others", LOST, ((alert._Troubles, "of", _no_net),), POISONED),  # noqa: SLF001 - to break it
    Variant("the sweep looks at deadlines only", LOST, ((MemoryStore, "due", _untold_ignored),), WAKES_LOST, seed=4),
    Variant("a broken schedule hides what was before", LOST, ((alert, "_settle", _untold_where_broken),), POISONED),
    Variant("digests in any order", ORDER, ((publishing, "parcels", _later_flips_first),), LATE),
    Variant(
        "first alert of each digest dropped",
        LOST,
        ((publishing, "parcels", _digests_without_their_first),),
        LATE,
        seed=3,
    ),
    Variant("union of receivers", MISDIRECTED, ((publishing, "parcels", _one_set_of_receivers_for_all),), LATE),
    Variant("end without its beginning", LOST, ((MemoryStore, "note_receivers", _beginning_forgotten),)),
    Variant("union of tags cut", LOST, ((publishing, "parcels", _readers_of_the_first_tag),), LATE, seed=2),
    Variant(
        "a form's refusal switches the channel off", LOST, ((_Attempt, "message_refused", _switched_off_by_a_form),)
    ),
    Variant("group by kind of event", ORDER, ((Deliveries, "_send", _grouped_by_kind),), MOODY),
    Variant("what is for channels goes by way of SNS", ORDER | OPEN, ((post, "to_channels", _by_way_of_sns),)),
    Variant("a batch is read eventually", LOST, ((Tables, "get_many", _eventually(Tables.get_many)),), STALE),
    Variant("the log is read eventually", WORDS, ((Tables, "flips", _log_eventually),), STALE),
    Variant("an end resolves an id that nothing opened", OPEN, ((pagerduty, "incident_of", lambda event: event.id),)),
)
