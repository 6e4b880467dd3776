"""The form of checks, pings and flips in the tables: nothing is lost, nothing is bigger than it must be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lastseen.core.check import Check, End, Filters, Flip, Kind, Ping, Reason, Run, Status
from lastseen.core.history import Recorded
from lastseen.core.schedule import Cron, OnCalendar, Period
from lastseen.core.times import millis, moment
from lastseen.storage.errors import CorruptError
from lastseen.storage.items import (
    CHECK,
    COMPARED,
    FILTERS,
    FLIP,
    PING,
    Attributes,
    Item,
    changed_attributes,
    check_from_item,
    check_to_item,
    flip_event,
    flip_from_item,
    flip_to_item,
    ping_event,
    ping_from_item,
    ping_to_item,
)
from tests.times import T0, hours, minutes

ID = "6f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b"

moments = st.integers(-(10**12), 10**13).map(moment)
spans = st.integers(0, 10**11).map(lambda count: timedelta(milliseconds=count))
rids = st.uuids().map(str)
counts = st.integers(0, 10**12)
seconds = st.integers(0, 10**8).map(lambda count: timedelta(seconds=count))
schedules = st.one_of(
    st.builds(Period, seconds, st.sampled_from(["UTC", "Europe/Berlin"])),
    st.builds(Cron, st.text(), st.text(), st.sampled_from(["run", "skip"])),
    st.builds(OnCalendar, st.text(), st.text()),
)
checks = st.builds(
    Check,
    id=rids,
    project=st.text(),
    name=st.text(),
    slug=st.text(),
    tags=st.text(),
    schedule=schedules,
    grace=spans,
    methods=st.text(),
    filters=st.builds(Filters),
    channels=st.text(),
    early=st.none() | spans,
    reminder=st.none() | spans,
    snoozed_until=st.none() | moments,
    created=st.none() | moments,
    since=st.none() | moments,
    incident=st.none() | counts,
    reminded=st.none() | moments,
    recent=st.lists(moments, max_size=7).map(tuple),
    recovered=st.none() | moments,
    last_ping=st.none() | moments,
    runs=st.lists(st.builds(Run, moments, st.none() | rids), max_size=8).map(tuple),
    ended=st.lists(st.builds(End, moments, rids), max_size=8).map(tuple),
    last_duration=st.none() | spans,
    schedule_changed=st.none() | moments,
    grace_changed=st.none() | moments,
    wake_at=st.none() | moments,
)
flips = st.builds(
    Flip,
    n=st.integers(1, 10**12 - 1),
    at=moments,
    held=st.none() | spans,
    since=st.none() | moments,
    expected=st.none() | moments,
    last_ping=st.none() | moments,
    started=st.none() | moments,
    duration=st.none() | spans,
)
overs = st.sampled_from(["", "1", "again"])
pings = st.builds(Ping, at=moments, kind=st.just(Kind.SUCCESS), rid=st.none() | rids, over=overs)
recorded = st.builds(Recorded, n=st.integers(1, 10**12 - 1), ping=pings, duration=st.none() | spans)


@given(checks)
@example(Check(id=ID))
def test_a_check_comes_back_as_it_was(check: Check) -> None:
    assert check_from_item(check_to_item(check)) == check


@given(flips)
def test_a_flip_comes_back_as_it_was(flip: Flip) -> None:
    assert flip_from_item(flip_to_item(ID, flip)) == flip


@given(recorded)
def test_a_ping_comes_back_as_it_was(one: Recorded) -> None:
    assert ping_from_item(ping_to_item(ID, one)) == one


def test_what_a_ping_said_after_filters_is_what_is_kept() -> None:
    item = ping_to_item(ID, Recorded(n=1, kind=Kind.IGNORED, ping=Ping(at=T0, kind=Kind.FAIL)))
    assert ping_from_item(item).kind is Kind.IGNORED


def test_every_field_has_a_place() -> None:
    assert set(CHECK) == set(Check.__slots__)
    assert set(FLIP) == set(Flip.__slots__)
    assert set(PING) == set(Ping.__slots__) - {"kind"}
    assert set(FILTERS) == set(Filters.__slots__)


@pytest.mark.parametrize("attributes", [CHECK, FLIP, PING, FILTERS])
def test_no_two_fields_share_an_attribute(attributes: Attributes) -> None:
    names = [attribute.name for attribute in attributes.values()]
    assert len(names) == len(set(names))


def test_no_attribute_of_a_flip_or_a_ping_is_one_of_the_table() -> None:
    assert not {attribute.name for attribute in {**FLIP, **PING}.values()} & {"id", "event", "ttl", "kind"}


def test_what_has_its_default_is_left_out_unless_a_condition_looks_at_it() -> None:
    assert set(check_to_item(Check(id=ID))) == {CHECK[name].name for name in COMPARED}


def test_the_form_in_the_table_is_this_one_for_ever() -> None:
    """Stored items outlive the program that wrote them: to change this, read the old form too."""
    check = Check(
        id=ID,
        name="Nightly",
        schedule=Cron("0 3 * * *", "Europe/Berlin"),
        grace=minutes(10),
        status=Status.UP,
        recent=(T0,),
        manual_resume=True,
        runs=(Run(T0, "00000000-0000-0000-0000-0000000000ff"), Run(T0)),
        ended=(End(T0, "00000000-0000-0000-0000-0000000000ff"),),
        filters=Filters(http_body=True, failure="err"),
    )
    assert check_to_item(check) == {
        "id": {"S": ID},
        "nm": {"S": "Nightly"},
        "sc": {"L": [{"S": "cron"}, {"S": "0 3 * * *"}, {"S": "Europe/Berlin"}]},
        "g": {"N": "600000"},
        "fi": {"M": {"hb": {"BOOL": True}, "fa": {"S": "err"}}},
        "mr": {"BOOL": True},
        "st": {"S": "u"},
        "rc": {"L": [{"N": "1772452800000"}]},
        "ls": {"L": [{"B": b"\0\0\x01\x9c\xaekf\0" + bytes(15) + b"\xff"}, {"B": b"\0\0\x01\x9c\xaekf\0"}]},
        "er": {"L": [{"B": b"\0\0\x01\x9c\xaekf\0" + bytes(15) + b"\xff"}]},
        "n": {"N": "0"},
        "rv": {"N": "0"},
        "f": {"N": "0"},
        "a": {"N": "0"},
    }
    assert check_from_item(check_to_item(check)) == check
    assert check_to_item(Check(id=ID, schedule=Period(hours(1))))["sc"] == {"N": "3600"}
    assert check_to_item(Check(id=ID, schedule=OnCalendar("daily", "UTC")))["sc"]["L"][0] == {"S": "calendar"}
    assert [check_to_item(Check(id=ID, status=status))["st"]["S"] for status in Status] == ["n", "u", "d", "p"]


def test_filters_that_were_stored_by_their_places_are_read() -> None:
    flags, words = [{"BOOL": flag} for flag in (True, False, True, False)], [{"S": word} for word in ("go", "", "err")]
    check = check_from_item(check_to_item(Check(id=ID)) | {"fi": {"L": [*flags, *words]}})
    assert check.filters == Filters(http_body=True, body=True, start="go", failure="err")
    assert check_to_item(check)["fi"] == {
        "M": {"hb": {"BOOL": True}, "bo": {"BOOL": True}, "sa": {"S": "go"}, "fa": {"S": "err"}}
    }


def test_an_item_of_a_later_program_is_read_without_what_is_not_known() -> None:
    assert check_from_item(check_to_item(Check(id=ID)) | {"zz": {"S": "?"}}) == Check(id=ID)


BROKEN: list[Item] = [
    {"st": {"S": "x"}},
    {"st": {"N": "1"}},
    {"lp": {"N": "soon"}},
    {"lp": {"N": "1.5"}},
    {"lp": {"N": "1" + "0" * 30}},
    {"lp": {"S": "2026"}},
    {"g": {"N": "1" + "0" * 40}},
    {"sc": {"L": [{"S": "cron"}]}},
    {"sc": {"S": "daily"}},
    {"fi": {"L": [{"BOOL": True}] * 9}},
    {"fi": {"L": [{"BOOL": True}] * 6}},
    {"fi": {"M": {"hb": {"S": "yes"}}}},
    {"ls": {"L": [{"B": b"short"}]}},
    {"ls": {"N": "1"}, "sr": {"B": b"short"}},
    {"rc": {"L": [{"S": "x"}]}},
    {"n": {"NULL": True}},
]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_a_check_that_cannot_be_read_is_named_by_its_public_key(broken: Item) -> None:
    with pytest.raises(CorruptError, match=r"^The check b39022940654028e4da4d5c9eed1e2204f97e45d cannot be read: \w+"):
        check_from_item(check_to_item(Check(id=ID)) | broken)


def test_an_item_without_an_id_is_corrupt_too() -> None:
    with pytest.raises(CorruptError):
        check_from_item({})


def test_an_event_that_cannot_be_read_is_named_with_its_check() -> None:
    flip = flip_to_item(ID, Flip(n=7, at=T0, was=Status.UP, status=Status.DOWN, reason=Reason.FAILED, notify=True))
    ping = ping_to_item(ID, Recorded(n=8, kind=Kind.SUCCESS, ping=Ping(at=T0)))
    with pytest.raises(CorruptError, match=r"flip#000000000007 of the check b3902294"):
        flip_from_item(flip | {"reason": {"S": "bored"}})
    with pytest.raises(CorruptError, match=r"ping#000000000008 of the check b3902294"):
        ping_from_item(ping | {"kind": {"S": "bored"}})
    with pytest.raises(CorruptError):
        ping_from_item(ping | {"event": {"S": "ping#x"}})
    with pytest.raises(CorruptError, match=r"history item \? "):
        flip_from_item({})


def test_instants_are_whole_milliseconds_rounded_down() -> None:
    assert millis(T0 + timedelta(microseconds=1999)) == 1772452800001
    assert millis(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == -1
    assert moment(1772452800001) == T0 + timedelta(milliseconds=1)
    assert moment("0") == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("event", [flip_event, ping_event])
def test_events_sort_as_their_numbers_do(event: Any) -> None:
    numbers = [1, 2, 9, 10, 11, 99, 100, 10**6, 10**12 - 1]
    assert sorted(event(n) for n in numbers) == [event(n) for n in numbers]


def test_no_attribute_of_a_check_is_longer_than_two_letters() -> None:
    assert max(len(attribute.name) for attribute in CHECK.values()) == 2


def test_an_end_that_is_the_last_ping_is_stored_by_its_id_alone() -> None:
    check = Check(id=ID, last_ping=T0, ended=(End(T0, RID),))
    assert check_to_item(check)["er"] == {"B": bytes(15) + b"\xff"}
    later = replace(check, last_ping=T0 + hours(1))  # by a ping without id: the end keeps its time
    assert set(changed_attributes(check, later)) == {"er", "lp"}
    for each in (check, later):
        assert check_from_item(check_to_item(each)) == each


RID = "00000000-0000-0000-0000-0000000000ff"
ONE_RUN = {"ls": {"N": "1772452800000"}, "sr": {"B": bytes(15) + b"\xff"}, "er": {"B": bytes(15) + b"\xff"}}
"""The open run, its id, and the id of the last end, as they were stored before runs were kept by id."""


def test_a_check_that_was_stored_with_one_run_is_read_with_its_run_and_its_last_end() -> None:
    stored = check_to_item(Check(id=ID, last_ping=T0 + hours(1))) | ONE_RUN
    check = check_from_item(stored)
    assert (check.runs, check.ended) == ((Run(T0, RID),), (End(T0 + hours(1), RID),))
    anonymous = {name: value for name, value in stored.items() if name not in {"sr", "er"}}
    assert (check_from_item(anonymous).runs, check_from_item(anonymous).ended) == ((Run(T0),), ())
    without_ping = {name: value for name, value in stored.items() if name != "lp"}
    assert check_from_item(without_ping).ended == ()


def test_the_end_of_a_run_that_was_stored_the_old_way_removes_it() -> None:
    check = check_from_item(check_to_item(Check(id=ID, last_ping=T0)) | ONE_RUN)
    ended = replace(check, runs=(), ended=(*check.ended, End(T0 + hours(2), ID)))
    changes = changed_attributes(check, ended)
    assert changes["ls"] is None
    stored = check_to_item(check) | ONE_RUN | changes
    assert check_from_item({name: value for name, value in stored.items() if value is not None}) == ended
