"""A ping: how many calls and units it takes, how much it weighs, and the CPU of one on a warm function."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

from lastseen.core.check import Check, Ping
from lastseen.core.history import Recorded
from lastseen.core.keys import Scope
from lastseen.pinging.answer import PingRequest, answer
from lastseen.pinging.keys import PingKeys
from lastseen.storage.documents import KEYS
from lastseen.storage.fresh import new_key
from lastseen.storage.items import ping_to_item
from tests.bench import aws
from tests.bench.counted import Counted, counted
from tests.bench.laboratory import Case as Invoked
from tests.bench.laboratory import Laboratory
from tests.bench.table import Figure, Section
from tests.bench.typical import RUN, check, item_bytes, typical_item
from tests.memory import MemoryStore, MemoryWakes
from tests.times import T0, minutes

KIBIBYTE = 1024
BODY_LIMIT = 10_000
OWN_PINGS = 2_000
PLAIN = "a plain boto3 function with the same three calls"
PING = "ping, steady"


@dataclass(frozen=True, slots=True)
class Case:
    """What a client sends, in order; the units are those of all its requests together."""

    title: str
    paths: tuple[str, ...]
    body: bytes = b""
    history_days: int = 90
    by_slug: bool = False


CASES = (
    Case("steady ping, by UUID", ("",)),
    Case("steady ping, by slug", ("",), by_slug=True),
    Case("steady ping, 1 KiB body", ("",), body=b"x" * KIBIBYTE),
    Case("steady ping, history off", ("",), history_days=0),
    Case("start and success", (f"/start?rid={RUN}", f"?rid={RUN}")),
    Case("failure that flips", ("/fail",)),
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a case took."""

    calls: tuple[str, ...]
    write_units: float
    read_units: float


def measure(laboratory: Laboratory) -> list[Section]:
    """Count on the emulator, weigh, and measure CPU in the real bundle."""
    figures = []
    for case, taken in taken_by(CASES):
        calls = " + ".join(f"{n} {name}" for name, n in Counter(taken.calls).items())
        figures.append(Figure(f"{case.title}: calls", len(taken.calls), "", calls))
        figures.append(Figure(f"{case.title}: write units", taken.write_units, ""))
    weights = [
        Figure("item of a typical check", item_bytes(typical_item()), "bytes", "1 write unit up to 1,024"),
        Figure("item of a ping in the history", item_bytes(_history_item()), "bytes", "plus its body"),
    ]
    return [Section("A ping, in calls and write units", (*figures, *weights)), _cpu(laboratory)]


def taken_by(cases: tuple[Case, ...]) -> list[tuple[Case, Taken]]:
    """Send each case to the real ping code and the real store on the emulator, warmed up; count the last time."""
    with counted() as aws_side:
        return [(case, _taken(case, aws_side)) for case in cases]


def _taken(case: Case, aws_side: Counted) -> Taken:
    store = aws_side.store(history_days=case.history_days)
    watched = check(str(uuid5(NAMESPACE_URL, case.title)), name=_slug(case))
    store.create(watched)
    word, key = new_key(Scope.PING, "default", "bench", T0)
    KEYS.write(store, key)
    keys = PingKeys(store)
    base = f"{word}/{watched.slug}" if case.by_slug else watched.id

    def send(at: timedelta) -> None:
        for step, path in enumerate(case.paths):
            suffix, _, query = path.partition("?")
            sent = PingRequest(path=base + suffix, query=query, body=case.body, at=T0 + at + timedelta(seconds=step))
            told = answer(sent, store=store, wakes=aws_side.wakes, keys=keys, body_limit=BODY_LIMIT)
            assert told.status == 200, told

    if "flips" not in case.title:
        send(minutes(1))
    aws_side.count.clear()
    send(minutes(1.5))
    return Taken(tuple(aws_side.count.calls), aws_side.count.write_units, aws_side.count.read_units)


def _slug(case: Case) -> str:
    return "-".join(word.strip(",").lower() for word in case.title.split())


def _history_item() -> dict[str, dict[str, str]]:
    ping = Ping(at=T0, rid=RUN, method="GET", scheme="https", address="203.0.113.9", agent="curl/8.5")
    return ping_to_item(aws.CHECK_ID, Recorded(n=4711, kind=ping.kind, ping=ping)) | {"ttl": {"N": "1780228800"}}


def _cpu(laboratory: Laboratory) -> Section:
    plain, body = laboratory.plain, aws.request("POST", body="x" * KIBIBYTE)
    spent = laboratory.warm_cpu_ms(
        {
            "an empty function": Invoked("bare.handler", aws.request(), plain),
            PLAIN: Invoked("plain.handler", aws.request(), plain),
            PING: Invoked("ping.handler", aws.request()),
            "ping, 1 KiB body": Invoked("ping.handler", body),
        }
    )
    figures = [Figure(name, cpu, "CPU ms") for name, cpu in spent.items()]
    figures.append(Figure("ping, our own code alone", own_cpu_ms(), "CPU ms", "the store cut out"))
    figures.append(Figure("ping, against the plain boto3 function", spent[PING] / spent[PLAIN], "x"))
    return Section("A warm ping, in CPU; AWS answers at once", tuple(figures))


def own_cpu_ms() -> float:
    """Return the CPU of a steady ping with the store cut out: the least of five stretches."""
    store, wakes = MemoryStore(), MemoryWakes()
    watched: Check = check()
    store.create(watched)
    keys = PingKeys(store)
    stretches = []
    for stretch in range(5):
        began = time.process_time()
        for n in range(OWN_PINGS // 5):
            at = T0 + timedelta(seconds=stretch * OWN_PINGS + n)
            answer(PingRequest(path=watched.id, at=at), store=store, wakes=wakes, keys=keys, body_limit=BODY_LIMIT)
        stretches.append((time.process_time() - began) * 1000 / (OWN_PINGS // 5))
    return min(stretches)
