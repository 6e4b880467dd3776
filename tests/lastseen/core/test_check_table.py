"""Every signal in every state with every kind of open run, against plain tables of what the peer does.

The tables are the facts; nothing here is computed from the code. Our own kinder rules are in test_machine.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import product

import pytest

from lastseen.core.check import Check, Filters, Flip, Kind, Outcome, Ping, Reason, Run, Status
from lastseen.core.dues import appearance, deadline, expectation
from lastseen.core.machine import NotPausedError, configured, paused, pinged, resumed
from lastseen.core.moments import woken
from lastseen.core.schedule import Period
from tests.times import T0, minutes, seconds

ID = "6f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
A = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
B = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
RIDS = {"": None, "A": A, "B": B}

PERIOD, GRACE = minutes(60), minutes(10)
LAST_PING, STARTED, NOW = T0, T0 + minutes(30), T0 + minutes(35)
"""A ping at 0 was expected again at 60 and is missed at 70; the open run began at 30 and hangs at 40. It is 35."""

STATES = ("new", "up", "down", "paused", "sticky")
"""sticky: paused, to be resumed by hand."""

RUNS = ("none", "anonymous", "A")
"""Which run is open: none, one without id, one with the id A."""

# What a signal does to the status. "-": nothing; "told": people hear of it.
STATUS = """
            new        up         down       paused     sticky
success     up         -          up told    up         -
fail        down told  down told  -          down told  -
start       -          -          -          -          -
log         -          -          -          -          -
ignored     -          -          -          -          -
"""

# What a signal with or without a run id does to the open runs: which are open then, and "took" if one ended with a
# known length. "!": its clock starts now. The peer has one run: there each start takes the place of the run before.
RUN = """
            none        anonymous              A
success     none        none took              none
success A   none        anonymous              none took
success B   none        anonymous              A
fail        none        none took              none
fail A      none        none                   none took
fail B      none        none                   A
start       anonymous!  anonymous!             A anonymous!
start A     A!          anonymous A!           A
start B     B!          anonymous B!           A B!
log         none        anonymous              A
ignored     none        anonymous              A
"""
UNWATCHED = "anonymous anonymous!"
"""Two starts without id while the check is new or paused: the first has the deadline, the last the run's length."""

# Which signals move last_ping.
LAST = """
            new    up     down   paused  sticky
success     moves  moves  moves  moves   stays
fail        moves  moves  moves  moves   stays
start       stays  stays  stays  stays   stays
log         stays  stays  stays  stays   stays
ignored     stays  stays  stays  stays   stays
"""

# Minutes after T0 at which a check is expected, goes down and wakes, by its state and the start of its open run.
# up: the last ping was at 0. "-": never.
EXPECTED = """
            none   30
new         -      30
up          60     30
down        -      -
paused      -      30
"""
DEADLINE = """
            none   30
new         -      40
up          70     40
down        -      -
paused      -      40
"""

# What the passing of time alone does, and what people are told that it was.
PASSED = """
            none          anonymous    A
new         -             down stuck   down stuck
up          down missed   down stuck   down stuck
down        -             -            -
paused      -             down stuck   down stuck
"""

# What people see at minutes after T0, whether or not anybody has noticed.
SEEN = """
            39      40      60      69      70
new         new     new     new     new     new
new A       new     down    down    down    down
up          up      up      grace   grace   down
up A        up      down    down    down    down
down        down    down    down    down    down
down A      down    down    down    down    down
paused      paused  paused  paused  paused  paused
paused A    paused  down    down    down    down
sticky      paused  paused  paused  paused  paused
"""


def table(text: str) -> dict[tuple[str, str], str]:
    """Read a table whose columns begin where its first line's words begin."""
    head, *rows = text.strip("\n").splitlines()
    names = head.split()
    starts: list[int] = []
    for name in names:
        starts.append(head.index(f" {name}", starts[-1] if starts else 0) + 1)
    ends = [*starts[1:], None]
    cells = {}
    for row in rows:
        for name, start, end in zip(names, starts, ends, strict=True):
            cells[row[: starts[0]].strip(), name] = row[start:end].strip()
    return cells


STATUS_OF, RUN_OF, LAST_OF = table(STATUS), table(RUN), table(LAST)
EXPECTED_OF, DEADLINE_OF, PASSED_OF, SEEN_OF = table(EXPECTED), table(DEADLINE), table(PASSED), table(SEEN)


def check_in(state: str, run: str = "none") -> Check:
    check = Check(
        id=ID,
        schedule=Period(PERIOD),
        grace=GRACE,
        manual_resume=state == "sticky",
        filters=Filters(),
        status=Status.PAUSED if state == "sticky" else Status(state),
        since=T0 if state != "new" else None,
        incident=3 if state == "down" else None,
        last_ping=LAST_PING if state != "new" else None,
        n_pings=17,
        flips=3,
        announced=3,
        rev=5,
        runs={"none": (), "anonymous": (Run(STARTED),), "A": (Run(STARTED, A),)}[run],
    )
    return configured(check, NOW).check


def ping_of(signal: str) -> Ping:
    word, _, rid = signal.partition(" ")
    kind = Kind.IGNORED if word == "ignored" else Kind(word)
    return Ping(at=NOW, kind=kind, rid=RIDS[rid])


def minute(moment: datetime | None) -> str:
    return "-" if moment is None else f"{(moment - T0) / minutes(1):g}"


def run_of(outcome: Outcome) -> str:
    names = {None: "anonymous", A: "A", B: "B"}
    runs = [names[run.rid] + ("!" if run.started == NOW else "") for run in outcome.check.runs]
    return " ".join(runs or ["none"]) + (" took" if outcome.duration is not None else "")


def runs_after(signal: str, state: str, run: str) -> str:
    if state == "sticky":
        return "none"
    unwatched = (signal, run) == ("start", "anonymous") and state in {"new", "paused"}
    return UNWATCHED if unwatched else RUN_OF[signal, run]


def words(flip: Flip) -> str:
    return f"{flip.status} told" if flip.notify else str(flip.status)


CASES = [
    pytest.param(signal, state, run, id=f"{signal}-{state}-{run}".replace(" ", ""))
    for signal, state, run in product(dict.fromkeys(signal for signal, _ in RUN_OF), STATES, RUNS)
    if state != "sticky" or run == "none"  # a run cannot be open then
]


@pytest.mark.parametrize(("signal", "state", "run"), CASES)
def test_a_signal_does_what_the_tables_say(signal: str, state: str, run: str) -> None:
    before = check_in(state, run)
    outcome = pinged(before, ping_of(signal))
    after = outcome.check

    word = signal.split(maxsplit=1)[0]
    status = STATUS_OF[word, state]
    assert [words(flip) for flip in outcome.flips] == ([] if status == "-" else [status])
    assert str(after.status) == (str(before.status) if status == "-" else status.split()[0])
    assert run_of(outcome) == runs_after(signal, state, run)
    assert after.last_ping == (NOW if LAST_OF[word, state] == "moves" else before.last_ping)
    assert after.n_pings == 18
    assert outcome.kind == (Kind.IGNORED if state == "sticky" else ping_of(signal).kind)
    assert all(flip.at == NOW for flip in outcome.flips)


@pytest.mark.parametrize(("signal", "state", "run"), CASES)
def test_only_what_another_decision_depends_on_makes_a_new_rev(signal: str, state: str, run: str) -> None:
    outcome = pinged(check_in(state, run), ping_of(signal))
    said = state != "sticky" and runs_after(signal, state, run) != run  # a run opened, ended or began anew
    named = signal in {"success A", "success B", "fail A", "fail B"} and state != "sticky"  # the id of an end is kept
    assert outcome.check.rev == (6 if outcome.flips or said or named else 5)


@pytest.mark.parametrize(("state", "run"), list(product(("new", "up", "down", "paused"), ("none", "A"))))
def test_the_deadline_is_the_earlier_of_schedule_and_open_run(state: str, run: str) -> None:
    check = check_in(state, run)
    column = "none" if run == "none" else "30"
    assert minute(expectation(check)) == EXPECTED_OF[state, column]
    assert minute(deadline(check)) == DEADLINE_OF[state, column]
    assert minute(check.wake_at) == DEADLINE_OF[state, column]


@pytest.mark.parametrize(("state", "run"), list(product(("new", "up", "down", "paused"), RUNS)))
def test_time_alone_does_what_the_table_says(state: str, run: str) -> None:
    before = check_in(state, run)
    outcome = woken(before, T0 + minutes(200))
    expected = PASSED_OF[state, run]
    if expected == "-":
        assert outcome == Outcome(check=before)
        return
    (flip,) = outcome.flips
    assert f"{flip.status} {flip.reason}" == expected
    assert flip.notify
    assert minute(flip.at) == DEADLINE_OF[state, "none" if run == "none" else "30"]
    assert outcome.check.status is Status.DOWN
    assert outcome.check.runs == before.runs
    assert outcome.check.wake_at is None


@pytest.mark.parametrize("row", dict.fromkeys(row for row, _ in SEEN_OF))
def test_people_see_the_right_status_at_any_time(row: str) -> None:
    state, _, run = row.partition(" ")
    check = check_in(state, run or "none")
    seen = {at: appearance(check, T0 + minutes(int(at))) for at in ("39", "40", "60", "69", "70")}
    assert seen == {at: SEEN_OF[row, at] for at in seen}
    assert appearance(check, T0 + minutes(60) - seconds(0.001)) != "grace"
    assert appearance(check, T0 + minutes(70) - seconds(0.001)) == SEEN_OF[row, "69"]


@pytest.mark.parametrize(("state", "run"), list(product(("new", "up", "down"), RUNS)))
def test_a_pause_is_silent_unless_it_ends_an_incident_and_forgets_the_open_run(state: str, run: str) -> None:
    outcome = paused(check_in(state, run), NOW)
    (flip,) = outcome.flips
    assert (flip.status, flip.reason, flip.notify, flip.at) == (Status.PAUSED, Reason.PAUSED, state == "down", NOW)
    assert (outcome.check.status, outcome.check.runs) == (Status.PAUSED, ())
    assert outcome.check.wake_at is None
    assert outcome.check.last_ping == check_in(state).last_ping


@pytest.mark.parametrize("state", ["paused", "sticky"])
@pytest.mark.parametrize("run", RUNS)
def test_pausing_a_paused_check_changes_nothing(state: str, run: str) -> None:
    before = check_in(state, "none" if state == "sticky" else run)
    assert paused(before, NOW) == Outcome(check=before)


@pytest.mark.parametrize(("state", "run"), [("paused", "none"), ("paused", "A"), ("sticky", "none")])
def test_a_resumed_check_is_as_new(state: str, run: str) -> None:
    outcome = resumed(check_in(state, run), NOW)
    (flip,) = outcome.flips
    after = outcome.check
    assert (flip.status, flip.reason, flip.notify, flip.at) == (Status.NEW, Reason.RESUMED, False, NOW)
    assert (after.status, after.last_ping, after.runs) == (Status.NEW, None, ())
    assert after.wake_at is None


@pytest.mark.parametrize("state", ["new", "up", "down"])
def test_only_a_paused_check_can_be_resumed(state: str) -> None:
    with pytest.raises(NotPausedError, match=state):
        resumed(check_in(state), NOW)


@pytest.mark.parametrize(("state", "run"), list(product(("new", "up", "down", "paused"), RUNS)))
def test_a_new_schedule_never_changes_the_status(state: str, run: str) -> None:
    before = check_in(state, run)
    outcome = configured(before, NOW, schedule=Period(minutes(1)), grace=minutes(1))
    assert outcome.flips == ()
    same = replace(outcome.check, schedule=before.schedule, grace=GRACE, schedule_changed=None, grace_changed=None)
    assert replace(same, wake_at=before.wake_at, rev=5) == before
    assert outcome.check.rev == 6
