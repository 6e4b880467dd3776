"""Who should be notified of what: the channels of the simulation, and the rule of routing a second time.

Each project has five channels. A check lists some of them, has a tag or none, or lists one that was deleted. The books
ask here whom an entry of the log concerns, and hold against it what each channel was sent, and what it heard: mail is
heard when SNS takes it, the others when their service does (services.py).
Never here: the program's own rule (core/channel.py), so that it is not its own judge.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.rules import Entry

KINDS: dict[str, dict[str, Any]] = {
    "all": {"name": "all", "via": "chat", "target": "ntfys://example.com/all"},
    "tagged": {"name": "tagged", "via": "chat", "target": "ntfys://example.com/tagged", "tags": ["prod"]},
    "down": {"name": "down", "via": "webhook", "target": "https://example.com/", "statuses": ["down"]},
    "named": {"name": "named", "via": "email", "target": "a@example.com", "default": False},
    "tool": {"name": "tool", "via": "chat", "target": f"pagerduty://{'0123456789abcdef' * 2}@lastseen"},
}
"""The documents of a project's channels, by the end of their ids."""

LISTS = ("*", "*", "*", "named", "all,named", "tagged", "gone", "", "tool")
"""What checks list; `gone` is the id of a channel that was deleted."""

DEPLOYMENT = "deployment"
EVERY = "*"
BY_SNS = frozenset({DEPLOYMENT, "named"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check says of its alerts."""

    project: str = "made"
    channels: str = "*"
    tags: str = ""


def asked(rng: random.Random, project: str) -> Asked:
    """Choose the channels and tags of a check."""
    kinds = rng.choice(LISTS).split(",")
    channels = ",".join(kind if kind in {"*", ""} else f"{project}:{kind}" for kind in kinds)
    return Asked(project, channels, rng.choice(("", "", "prod", "dev", "dev prod")))


@dataclass(slots=True)
class Receivers:
    """What each channel was sent of each check."""

    asked: dict[str, Asked] = field(default_factory=dict)
    heard: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    last: dict[tuple[str, str], int] = field(default_factory=dict)  # the entry that each was sent last, doubles too
    count: Counter[str] = field(default_factory=Counter)

    def concerned(self, check_id: str, entry: Entry, log: Sequence[Entry]) -> frozenset[str]:
        """Return the channels that are to be notified of an entry."""
        mine = self.asked.get(check_id, Asked())
        kinds = {kind for kind in KINDS if _wants(kind, mine, entry)}
        if entry.status == "paused":
            kinds = set()
        elif _is_astray(mine):
            kinds = set(KINDS) - {"named"}
        concerned = {f"{mine.project}:{kind}" for kind in kinds}
        begins = entry.incident == entry.n
        if entry.status != "down" and entry.incident and not begins:
            concerned |= self.concerned(check_id, log[entry.incident - 1], log)
        return frozenset(concerned)

    def sent(self, check_id: str, n: int, ids: Collection[str], concerned: frozenset[str]) -> tuple[str, str] | None:
        """Note whom a message about an entry is for; return what is wrong with that."""
        strangers = set(ids) - concerned - {DEPLOYMENT}
        if strangers:
            return "misdirected", f"flip {n} of {check_id} went to {sorted(strangers)}, it concerns {sorted(concerned)}"
        heard = (self.hears(check_id, n, each) for each in ids if each.rpartition(":")[2] in BY_SNS)
        return next((wrong for wrong in heard if wrong), None)

    def hears(self, check_id: str, n: int, receiver: str) -> tuple[str, str] | None:
        """Note that a receiver has a message about an entry; return what is wrong with that."""
        before = self.heard[receiver, check_id]
        self.last[receiver, check_id] = n
        if n in before:
            self.count["heard twice"] += 1
            return None
        if before and n < before[-1]:
            return "order", f"{receiver} heard of flip {n} of {check_id} after flip {before[-1]}"
        before.append(n)
        self.count["heard"] += 1
        return None

    def misled(self, check_id: str) -> list[str]:
        """Return the receivers whose last word on a check is a double of an earlier one; SNS promises mail no order."""
        channels = (channel for channel in self.asked_of(check_id) if channel.rpartition(":")[2] not in BY_SNS)
        return [
            channel
            for channel in channels
            if (channel, check_id) in self.last and self.last[channel, check_id] != self.heard[channel, check_id][-1]
        ]

    def asked_of(self, check_id: str) -> list[str]:
        """Return the channels of the project of a check."""
        return [f"{self.asked.get(check_id, Asked()).project}:{kind}" for kind in KINDS]

    def missing(self, check_id: str, entry: Entry, log: Sequence[Entry]) -> list[str]:
        """Return the receivers that did not hear of an entry that concerns them."""
        everybody = {*self.concerned(check_id, entry, log), DEPLOYMENT}
        return sorted(each for each in everybody if entry.n not in self.heard[each, check_id])


def _wants(kind: str, mine: Asked, entry: Entry) -> bool:
    if f"{mine.project}:{kind}" not in mine.channels.split(",") and (mine.channels != "*" or kind == "named"):
        return False
    if kind == "tagged":
        return "prod" in mine.tags.split()
    return kind != "down" or entry.status == "down" or entry.flaps or entry.reason == "steady"


def _is_astray(mine: Asked) -> bool:
    """No channel that it lists would hear that it is down: they were deleted, or filter it out. "" is a choice."""
    gone = mine.channels.endswith(":gone")
    filtered = mine.channels.endswith(":tagged") and "prod" not in mine.tags.split()
    return gone or filtered
