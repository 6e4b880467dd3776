"""The books of a run: what was written and told, held against the rules, and what is wrong about it.

Names of faults: `lost` (true and never told, or far too late), `false` (told or written though it is not so), `order`
(told out of order), `misdirected` (told to a channel that it does not concern), `incident` (told as the begin or end of
another incident), `stamp` (a wrong time), `words` (wrong status, reason or silence), `dropped` (a ping answered 200
that was never written), `open` (an incident that is over and open at the incident tool), `crash` (an error that no
trouble of the simulation explains).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec

from lastseen.core.check import Flip, unique_key
from lastseen.core.times import millis, moment
from lastseen.text.event import DigestEvent, Event, FlipEvent
from tests.simulation.clockwork import MINUTE, SECOND, Op
from tests.simulation.receivers import EVERY, Receivers
from tests.simulation.rules import SLACK, Asked, Entry, Hearing, Rules, Said, Wish

TIME = frozenset({"missed", "stuck"})

P = ParamSpec("P")


class BrokenBooksError(BaseException):
    """The simulation itself is broken: no fault of the program, and nothing that the program may catch."""


def _sound(keep: Callable[P, None]) -> Callable[P, None]:
    """Let no mistake of the books look like a call that failed: the program would try it again."""

    @wraps(keep)
    def kept(*args: P.args, **named: P.kwargs) -> None:
        try:
            keep(*args, **named)
        except Exception as error:
            raise BrokenBooksError(repr(error)) from error

    return kept


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault that was found."""

    kind: str
    text: str


@dataclass
class Books:
    """All that the simulation knows."""

    patience: int  # the most that a flip may take to be told
    prompt: int  # the same where a wake was sent for it in time
    hearing: Hearing = field(default_factory=Hearing)
    rules: dict[str, Rules] = field(default_factory=dict)
    wrong: list[Wrong] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)
    lateness: list[int] = field(default_factory=list)  # from deadline to publication
    held: list[int] = field(default_factory=list)  # the same where the deadline was moved, or was past when it was set
    own: list[tuple[int, str]] = field(default_factory=list)  # words on our own hearing
    canary: str = ""
    stand_ins: set[str] = field(default_factory=set)  # checks whose log cannot be read: told of their status only
    receivers: Receivers = field(default_factory=Receivers)
    _keys: dict[str, str] = field(default_factory=dict)
    _untold: dict[str, deque[tuple[Entry, int, bool]]] = field(default_factory=dict)
    _announced: dict[str, int] = field(default_factory=dict)
    _changed: dict[str, int] = field(default_factory=dict)
    _set: dict[str, int] = field(default_factory=dict)  # when the present deadline came to be
    _mended: dict[str, int] = field(default_factory=dict)

    def opened(self, check_id: str, wish: Wish) -> None:
        self.rules[check_id] = Rules(wish)
        self._keys[unique_key(check_id)] = check_id
        self._untold[check_id] = deque()

    def closed(self, check_id: str) -> None:
        """A check was deleted: what was not told of it need not be told."""
        self._untold[check_id].clear()

    def mended(self, check_id: str, now: int) -> None:
        """A check that could not be read can be from now on: what it had to tell waited for that."""
        self._mended[check_id] = now

    # What was written

    @_sound
    def wrote(self, op: Op, check_id: str, flips: Sequence[Flip], now: int) -> None:
        """Hold what an operation wrote against what it should have written."""
        rules = self.rules[check_id]
        missed = next((millis(flip.at) for flip in flips if flip.reason in TIME), None)
        due = rules.deadline()
        if isinstance(op.said, Said):
            should = rules.ping(op.said, self.hearing, missed)
            if check_id == self.canary:
                self.hearing.heard(op.said.at)
        elif isinstance(op.said, Asked):
            should = rules.asked(op.said, self.hearing, missed)
            self._changed[check_id] = now
        else:
            should = rules.looked_at(op.now, self.hearing, missed)
        if flips or should:
            self._compare(check_id, op, flips, should, now)
            self._keep(check_id, flips, should, due, now)
        if rules.deadline() != due:
            self._set[check_id] = now

    def _compare(self, check_id: str, op: Op, flips: Sequence[Flip], should: Sequence[Entry], now: int) -> None:
        did = [_entry(flip) for flip in flips]
        if did == list(should):
            return
        time_did, time_should = ([e for e in entries if e.reason in TIME] for entries in (did, should))
        kind = "words"
        if len(time_did) > len(time_should):
            kind = "false"
        elif len(time_did) < len(time_should) or len(did) < len(should):
            kind = "lost"
        elif [e.at for e in did] != [e.at for e in should]:
            kind = "stamp"
        self.fault(
            kind,
            now,
            f"{op.name} {op.said} at {op.now} wrote\n  {did}, should be\n  {list(should)}\n  {self.rules[check_id]}",
        )

    def _keep(
        self, check_id: str, flips: Sequence[Flip], should: Sequence[Entry], due: tuple[int, int, str] | None, now: int
    ) -> None:
        self.count["flips"] += len(should)
        for flip, entry in zip(flips, should, strict=False):
            self.count[f"flips {entry.reason}"] += 1
            if not entry.told:
                continue
            known, odd = now, True
            if entry.reason in TIME:
                changed = self._changed.get(check_id, 0)
                if (
                    due and self._set.get(check_id, 0) > due[1] - MINUTE
                ):  # no sweep need have seen it before it was over
                    changed = max(changed, self._set[check_id] + MINUTE)
                known, odd = max(entry.at, changed), flip.held is not None or bool(due and changed > due[1])
            self._untold[check_id].append((entry, known, odd))

    # What was told

    @_sound
    def told(self, event: dict[str, Any], ids: Sequence[str], now: int) -> None:
        """Hold a publication against what was written before."""
        self.count["messages"] += 1
        if event["type"] == "flip":
            self._one(event, ids, now)
        elif event["type"] == "digest":
            self.count["digests"] += 1
            for flip in event["flips"]:
                self._one(flip, ids, now)
        elif EVERY in ids:
            self.own.append((now, event["type"]))

    @_sound
    def delivered(self, channel_id: str, event: Event, now: int) -> None:
        """Hold what a channel's service took against what concerns the channel."""
        self.count["deliveries taken"] += 1
        flips = event.flips if isinstance(event, DigestEvent) else [event] if isinstance(event, FlipEvent) else []
        for flip in flips:
            key, _, number = flip.id.rpartition(":")
            check_id, n = self._keys[key], int(number)
            log = self.rules[check_id].log
            if check_id in self.stand_ins:
                continue
            concerned = self.receivers.concerned(check_id, log[n - 1], log)
            wrong = self.receivers.hears(check_id, n, channel_id)
            if channel_id not in concerned:
                wrong = "misdirected", f"{channel_id} heard of flip {n} of {check_id}, for {sorted(concerned)}"
            if wrong:
                self.fault(wrong[0], now, wrong[1])

    def announced(self, check_id: str, told: int) -> None:
        """Note that the program takes flips for told; strike out what cannot be told, as the log cannot be read."""
        self._announced[check_id] = told
        untold = self._untold[check_id]
        while check_id in self.stand_ins and untold and untold[0][0].n <= told:
            untold.popleft()

    def _one(self, event: dict[str, Any], ids: Sequence[str], now: int) -> None:
        key, _, number = event["id"].rpartition(":")
        check_id, n = self._keys[key], int(number)
        untold, log = self._untold[check_id], self.rules[check_id].log
        self.count["alerts"] += 1
        if check_id in self.stand_ins and n <= len(log):
            return  # of what it is now, since its log cannot be read
        if n > len(log) or not log[n - 1].told:
            self.fault(
                "false",
                now,
                f"told of flip {n} of {check_id}, which is not so: {event['subject' if 'subject' in event else 'id']}",
            )
            return
        entry = log[n - 1]
        if event["reason"] != entry.reason or millis(datetime.fromisoformat(event["at"])) != entry.at:
            self.fault("words", now, f"told {event}, should be {entry}")
        self._routed(check_id, event, entry, ids, now)
        if not untold or n < untold[0][0].n:
            self.count["doubles"] += 1
        elif n > untold[0][0].n:
            kind = "lost" if self._announced.get(check_id, 0) >= untold[0][0].n else "order"
            self.fault(kind, now, f"told flip {n} of {check_id} before flip {untold[0][0].n}")
        else:
            _, known, odd = untold.popleft()
            mended = self._mended.get(check_id, 0)
            odd, late = odd or known < mended, now - max(known, mended)
            if entry.reason in TIME:
                (self.held if odd else self.lateness).append(late)
            if late > (self.patience if entry.reason in TIME and odd else min(self.patience, self.prompt)):
                self.fault("lost", now, f"{entry} of {check_id} was told {late / SECOND} s late")

    def _routed(self, check_id: str, event: dict[str, Any], entry: Entry, ids: Sequence[str], now: int) -> None:
        """Hold the receivers of a message, and the incident that it speaks of, against the rules."""
        log = self.rules[check_id].log
        incident = event["incident"] and int(event["incident"].rpartition(":")[2])
        if incident != entry.incident:
            self.fault("incident", now, f"{entry} of {check_id} was told as of incident {incident}")
        wrong = self.receivers.sent(check_id, entry.n, ids, self.receivers.concerned(check_id, entry, log))
        if wrong:
            self.fault(wrong[0], now, wrong[1])

    # The end

    def left_open(self, readable: set[str], tool: str, incidents: Sequence[str], now: int) -> None:
        """Look whether an incident tool has an incident open that is over."""
        for incident in incidents:
            key, _, number = incident.rpartition(":")
            check_id = self._keys.get(key)
            if check_id is None:
                self.fault("open", now, f"{incident} is open at {tool}")
            elif check_id in readable - self.stand_ins and self.rules[check_id].incident != int(number):
                self.fault("open", now, f"incident {number} of {check_id} is open at {tool}\n  {self.rules[check_id]}")

    def settle(self, readable: set[str], refused: Collection[tuple[str, str]], now: int) -> None:
        """Look at the end, some minutes after the last trouble, whether anything is left to be told.

        `refused`: receivers and the ids of events that they took in no form.
        """
        for check_id in readable:
            rules = self.rules[check_id]
            if self._untold[check_id]:
                self.fault("lost", now, f"never told of {check_id}: {self._untold[check_id][0][0]}")
            for entry in rules.log:
                if entry.told and check_id not in self.stand_ins and entry.n <= self._announced.get(check_id, 0):
                    missing = [
                        each
                        for each in self.receivers.missing(check_id, entry, rules.log)
                        if (each, f"{unique_key(check_id)}:{entry.n}") not in refused
                    ]
                    if missing:
                        self.fault("lost", now, f"{missing} never heard of {entry} of {check_id}")
            if check_id not in self.stand_ins and (misled := self.receivers.misled(check_id)):
                self.fault("order", now, f"{misled} heard last what was over, of {check_id}")
            due = rules.deadline()
            if due:
                _, most = self.hearing.moved(due[1], due[0], now)
                if now > most + SLACK + 2 * MINUTE:
                    self.fault("lost", now, f"nobody noticed that {check_id} missed {moment(due[1])}")

    def fault(self, kind: str, now: int, text: str) -> None:
        self.wrong.append(Wrong(kind, f"{moment(now)} {kind}: {text}"))


def _entry(flip: Flip) -> Entry:
    incident = flip.incident if flip.notify else None
    return Entry(flip.n, millis(flip.at), flip.status.value, flip.reason.value, flip.notify, flip.flapping, incident)
