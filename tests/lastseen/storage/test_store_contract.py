"""What the tables promise, of both stores: the real one over DynamoDB as moto plays it, and the one in memory.

A test that is about the form of items in DynamoDB alone stands at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lastseen.core.check import Check, End, Filters, Kind, Outcome, Ping, Reason, Run, Status, unique_key
from lastseen.core.history import Recorded
from lastseen.core.machine import configured, paused, pinged
from lastseen.core.moments import woken
from lastseen.core.schedule import Cron, Period
from lastseen.storage.checks import BATCH_TRIES, COUNT_TRIES, FIRST_PLACE, SweptCheck
from lastseen.storage.errors import BusyError, ConflictError, CorruptError, FullError, UncountedError
from lastseen.storage.items import CHECK, check_to_item, flip_event, number, ping_event, text
from lastseen.storage.store import Store, TableStore
from lastseen.storage.tables import Tables
from tests.lastseen.conftest import MakeStore
from tests.memory import MemoryStore
from tests.tables import made
from tests.times import T0, hours, minutes, seconds

ID = "6f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
OTHER = "7f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
A = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
B = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
NIGHTLY = Check(id=ID, name="Nightly", slug="nightly", schedule=Period(minutes(60)), grace=minutes(10))


def at(minute: float) -> datetime:
    return T0 + minutes(minute)


def success(minute: float, rid: str | None = None) -> Ping:
    return Ping(at=at(minute), rid=rid)


def start(minute: float) -> Ping:
    return Ping(at=at(minute), kind=Kind.START)


def fail(minute: float) -> Ping:
    return Ping(at=at(minute), kind=Kind.FAIL)


def log(minute: float) -> Ping:
    return Ping(at=at(minute), kind=Kind.LOG)


def held(store: Store, check_id: str = ID) -> Check:
    check = store.get(check_id, strong=True)
    assert check is not None
    return check


def created(store: Store, check: Check = NIGHTLY, *pings: Ping, about: str = "") -> Check:
    """Create a check and send it pings; return it as it is then."""
    store.create(check, about=about)
    for ping in pings:
        seen = held(store, check.id)
        store.save_ping(seen, pinged(seen, ping))
    return held(store, check.id)


# Checks


def test_a_check_is_read_as_it_was_written(store: Store) -> None:
    full = Check(
        id=ID,
        project="shop",
        name="Größe",
        slug="nightly",
        tags="a b",
        schedule=Cron("0 3 * * *", "Europe/Berlin"),
        grace=minutes(5),
        methods="POST",
        filters=Filters(http_body=True, start="s", success="ok, done", failure="err", default_fail=True),
        manual_resume=True,
        channels="",
        early=minutes(2),
        reminder=hours(1),
        snoozed_until=at(1),
        flap_limit=0,
        created=at(2),
        status=Status.DOWN,
        since=at(3),
        incident=7,
        reminded=at(4),
        recent=(at(5), at(6)),
        flapping=True,
        recovered=at(5),
        last_ping=at(7),
        runs=(Run(at(6)), Run(at(8), A)),
        ended=(End(at(7), B),),
        last_duration=timedelta(0),
        n_pings=12,
        schedule_changed=at(3),
        grace_changed=at(4),
        wake_at=at(9) + seconds(0.123),
        rev=13,
        flips=14,
        announced=11,
    )
    store.create(full)
    assert store.get(ID) == store.get(ID, strong=True) == full
    assert store.get_many([ID]) == {ID: full}


def test_a_check_that_is_not_there_is_none(store: Store) -> None:
    assert store.get(ID) is None
    assert store.get(ID, strong=True) is None
    assert store.get_many([ID]) == {}
    assert store.get_many([]) == {}


def test_many_checks_are_read_at_once_whatever_is_asked_twice_or_missing(store: Store) -> None:
    checks = {f"{number:08x}-0000-4000-8000-000000000000": number for number in range(101)}
    for check_id in checks:
        store.create(Check(id=check_id))
    found = store.get_many([*checks, *checks, OTHER])
    assert set(found) == set(checks)
    assert all(check.id == check_id for check_id, check in found.items())


def test_a_check_is_created_once(store: Store) -> None:
    created(store, NIGHTLY, about="first")
    with pytest.raises(ConflictError):
        store.create(replace(NIGHTLY, slug="other", name="second"), about="second")
    assert held(store).name == "Nightly"
    assert store.ids_of_slug("default", "other") == ()
    assert store.project("default") == {ID: "first"}


# Names


def test_a_slug_may_be_borne_by_several_checks(store: Store) -> None:
    store.create(replace(NIGHTLY, id=OTHER), about="second")
    store.create(NIGHTLY, about="first")
    assert (
        store.ids_of_slug("default", "nightly") == store.ids_of_slug("default", "nightly", strong=True) == (ID, OTHER)
    )
    assert store.project("default") == {ID: "first", OTHER: "second"}


def test_of_two_sole_checks_of_a_slug_one_is_made(store: Store) -> None:
    store.create(NIGHTLY, sole=True)
    with pytest.raises(ConflictError):
        store.create(replace(NIGHTLY, id=OTHER), sole=True)
    assert store.get(OTHER) is None
    assert store.ids_of_slug("default", "nightly") == (ID,)


def test_a_sole_check_is_sole_in_its_project(store: Store) -> None:
    store.create(NIGHTLY, sole=True)
    store.create(replace(NIGHTLY, id=OTHER, project="shop"), sole=True)
    assert (store.ids_of_slug("default", "nightly"), store.ids_of_slug("shop", "nightly")) == ((ID,), (OTHER,))


def test_a_slug_is_free_again_when_its_check_is_deleted(store: Store) -> None:
    store.delete(created(store, NIGHTLY))
    store.create(replace(NIGHTLY, id=OTHER), sole=True)
    assert store.ids_of_slug("default", "nightly") == (OTHER,)


def test_a_slug_is_free_again_when_its_check_takes_another(store: Store) -> None:
    seen = created(store, NIGHTLY)
    store.save(seen, configured(seen, at(0), slug="weekly"))
    store.create(replace(NIGHTLY, id=OTHER), sole=True)
    assert (store.ids_of_slug("default", "nightly"), store.ids_of_slug("default", "weekly")) == ((OTHER,), (ID,))


def test_a_check_without_a_slug_is_known_by_its_id(store: Store) -> None:
    created(store, replace(NIGHTLY, slug=""), about="why")
    assert store.ids_of_slug("default", "nightly") == ()
    assert store.project("default") == {ID: "why"}
    assert store.about(held(store)) == "why"


def test_a_project_lists_its_own_checks_alone(store: Store) -> None:
    created(store, NIGHTLY)
    store.create(replace(NIGHTLY, id=OTHER, project="shop"))
    assert (store.project("default"), store.project("shop"), store.project("none")) == ({ID: ""}, {OTHER: ""}, {})


def test_a_project_is_listed_by_slug_and_page_by_page_in_the_order_of_slugs_and_ids(store: Store) -> None:
    for slug, check_id in (("b", ID), ("a", OTHER), ("b", OTHER.replace("7f", "8f")), ("", OTHER.replace("7f", "9f"))):
        store.create(Check(id=check_id, slug=slug), about=f"{slug}!")
    nameless, second = OTHER.replace("7f", "9f"), OTHER.replace("7f", "8f")
    assert store.project("default", slug="b") == {ID: "b!", second: "b!"}
    first, place = store.project_page("default", after=FIRST_PLACE, limit=3)
    assert (list(first.items()), place) == ([(nameless, "!"), (OTHER, "a!"), (ID, "b!")], ("b", ID))
    assert place is not None
    assert store.project_page("default", after=place, limit=3) == ({second: "b!"}, None)
    assert store.project_page("default", after=FIRST_PLACE, limit=4)[1] is None


# Changes


def test_a_change_is_written_if_the_check_is_as_it_was_seen(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    outcome = configured(seen, at(0), name="Weekly", grace=minutes(20), slug="")
    store.save(seen, outcome)
    assert held(store) == outcome.check


def test_a_change_is_refused_if_another_came_first(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.save(seen, configured(seen, at(0), name="first"))
    with pytest.raises(ConflictError):
        store.save(seen, configured(seen, at(0), name="second"))
    assert held(store).name == "first"


def test_a_change_is_refused_if_a_ping_moved_the_deadline(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.save_ping(seen, pinged(seen, success(30)))
    with pytest.raises(ConflictError):
        store.save(seen, woken(seen, at(80)))
    assert (held(store).status, store.flips(ID)[1:]) == (Status.UP, [])


def test_a_change_is_refused_if_a_deadline_came_to_be(store: Store) -> None:
    seen = created(store, NIGHTLY)
    begun = pinged(seen, start(5))
    store.save_ping(seen, begun)
    with pytest.raises(ConflictError):
        store.save(replace(begun.check, wake_at=None), configured(begun.check, at(0), name="second"))


def test_a_ping_that_changes_nothing_else_does_not_disturb_a_change(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.save_ping(seen, pinged(seen, log(1)))
    store.save(seen, configured(seen, at(0), name="Weekly"))
    assert (held(store).name, held(store).n_pings) == ("Weekly", 2)


def test_to_change_nothing_is_to_write_nothing(store: Store) -> None:
    seen = created(store, NIGHTLY)
    store.delete(seen)
    store.save(seen, Outcome(check=seen))
    assert store.get(ID) is None


def test_a_status_and_its_flips_are_written_together_or_not_at_all(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.save(seen, woken(seen, at(80)))
    with pytest.raises(ConflictError):
        store.save(seen, woken(seen, at(90)))
    (up, down) = store.flips(ID)
    assert (up.status, down.status, down.at, down.expected) == (Status.UP, Status.DOWN, at(70), at(60))
    assert (held(store).status, held(store).flips, held(store).announced) == (Status.DOWN, 2, 1)


def test_a_new_name_and_the_check_are_written_together_or_not_at_all(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0), about="why")
    store.save_ping(seen, pinged(seen, success(30)))
    with pytest.raises(ConflictError):
        store.save(seen, configured(seen, at(0), slug="weekly"), about="why not")
    assert (store.ids_of_slug("default", "nightly"), store.ids_of_slug("default", "weekly")) == ((ID,), ())
    assert store.project("default") == {ID: "why"}


def test_a_description_moves_with_its_check_and_changes_alone(store: Store) -> None:
    seen = created(store, NIGHTLY, about="why")
    renamed = configured(seen, at(0), slug="weekly")
    store.save(seen, renamed)
    assert store.about(renamed.check) == "why"
    store.save(renamed.check, Outcome(check=renamed.check), about="why not")
    assert (store.about(renamed.check), store.project("default")) == ("why not", {ID: "why not"})
    store.save(renamed.check, configured(renamed.check, at(0), slug=""), about="")
    assert store.project("default") == {ID: ""}


def test_a_description_alone_is_refused_for_a_check_that_was_changed_or_deleted(store: Store) -> None:
    seen = created(store, NIGHTLY, about="why")
    changed = configured(seen, at(0), name="Weekly")
    store.save(seen, changed)
    with pytest.raises(ConflictError):
        store.save(seen, Outcome(check=seen), about="why not")
    store.delete(changed.check)
    with pytest.raises(ConflictError):
        store.save(changed.check, Outcome(check=changed.check), about="why not")
    assert store.project("default") == {}


def test_a_steady_ping_does_not_disturb_a_description(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.save_ping(seen, pinged(seen, success(30)))
    store.save(seen, Outcome(check=seen), about="why")
    assert (store.about(seen), held(store).last_ping) == ("why", at(30))


# Pings


def test_pings_are_numbered_from_1(store: Store) -> None:
    created(store, NIGHTLY)
    numbers = []
    for ping in (start(0), success(1), fail(2), log(3), success(4)):
        seen = held(store)
        numbers.append(store.save_ping(seen, pinged(seen, ping)))
    assert numbers == [1, 2, 3, 4, 5]
    assert held(store).n_pings == 5


def test_steady_pings_that_saw_the_same_check_all_count(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    numbers = [store.save_ping(seen, pinged(seen, success(30))) for _ in range(5)]
    assert numbers == [2, 3, 4, 5, 6]
    assert (held(store).last_ping, held(store).wake_at, held(store).rev) == (at(30), at(100), seen.rev)


def test_a_ping_never_takes_back_a_later_end(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.save_ping(seen, pinged(seen, success(30)))
    with pytest.raises(ConflictError):
        store.save_ping(seen, pinged(seen, success(29)))
    assert (held(store).last_ping, held(store).wake_at, held(store).n_pings) == (at(30), at(100), 2)


def test_a_ping_that_flips_never_takes_back_a_later_end(store: Store) -> None:
    seen = created(store, NIGHTLY, fail(0))
    store.save_ping(seen, pinged(seen, fail(30)))  # moves last_ping, and nothing that anybody waits for
    with pytest.raises(ConflictError):
        store.save_ping(seen, pinged(seen, success(29)))
    assert (held(store).status, held(store).last_ping, len(store.flips(ID))) == (Status.DOWN, at(30), 1)


def test_an_overtaken_ping_is_counted_when_it_is_decided_anew(store: Store) -> None:
    seen = created(store, NIGHTLY, success(30))
    assert store.save_ping(seen, pinged(seen, success(29))) == 2
    assert held(store) == replace(seen, n_pings=2)


def test_an_end_at_the_time_of_the_last_one_keeps_its_time_when_a_later_one_came_first(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.save_ping(seen, pinged(seen, success(30)))
    own = success(0, rid=A)
    with pytest.raises(ConflictError):
        store.save_ping(seen, pinged(seen, own))
    store.save_ping(held(store), pinged(held(store), own))
    assert held(store).ended == (End(at(0), A),)


@pytest.mark.parametrize("ping", [success(30), start(30), fail(30), log(30)])
def test_a_ping_is_refused_if_a_decision_came_first(store: Store, ping: Ping) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.save(seen, paused(seen, at(20)))
    before = held(store)
    with pytest.raises(ConflictError):
        store.save_ping(seen, pinged(seen, ping))
    assert held(store) == before


def test_a_ping_that_flips_is_refused_if_another_moved_the_deadline(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.save_ping(seen, pinged(seen, success(30)))
    with pytest.raises(ConflictError):
        store.save_ping(seen, pinged(seen, fail(31)))
    assert (held(store).n_pings, len(store.flips(ID))) == (2, 1)


def test_a_ping_that_flips_is_written_with_its_flips_and_counted(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    outcome = pinged(seen, success(80))
    assert store.save_ping(seen, outcome) == 2
    assert held(store) == outcome.check
    assert [(flip.n, flip.reason) for flip in store.flips(ID, after=1)] == [(2, Reason.MISSED), (3, Reason.PINGED)]


def test_an_end_removes_what_its_start_wrote(store: Store) -> None:
    check = created(store, NIGHTLY, success(0, A), Ping(at=at(20), kind=Kind.START, rid=B), success(25, B), success(50))
    assert (check.runs, check.ended, check.last_duration) == ((), (), None)


# Deletion


def test_a_deleted_check_and_its_name_are_gone(store: Store) -> None:
    store.delete(created(store, NIGHTLY, success(0), about="why"))
    assert (store.get(ID), store.ids_of_slug("default", "nightly"), store.project("default")) == (None, (), {})


def test_a_check_that_was_changed_is_not_deleted_unseen(store: Store) -> None:
    seen = created(store, NIGHTLY)
    store.save(seen, configured(seen, at(0), slug="weekly"))
    with pytest.raises(ConflictError):
        store.delete(seen)
    assert store.ids_of_slug("default", "weekly") == (ID,)


def test_a_steady_ping_does_not_hinder_a_deletion(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.save_ping(seen, pinged(seen, success(30)))
    store.delete(seen)
    assert store.get(ID) is None


def test_a_check_is_deleted_once(store: Store) -> None:
    seen = created(store, NIGHTLY)
    store.delete(seen)
    with pytest.raises(ConflictError):
        store.delete(seen)


@pytest.mark.parametrize("ping", [success(30), start(30), fail(30), log(30), success(900)])
def test_no_ping_brings_a_deleted_check_back(store: Store, ping: Ping) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.delete(seen)
    with pytest.raises(ConflictError):
        store.save_ping(seen, pinged(seen, ping))
    assert store.get(ID, strong=True) is None
    assert len(store.flips(ID)) == 1


def test_no_deadline_and_no_telling_brings_a_deleted_check_back(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0))
    store.delete(seen)
    with pytest.raises(ConflictError):
        store.save(seen, woken(seen, at(80)))
    store.announce(ID, seen=1, upto=2)
    assert store.get(ID, strong=True) is None
    assert list(due(store, 1000)) == []


def test_deleting_one_bearer_of_a_slug_leaves_the_other(store: Store) -> None:
    store.create(replace(NIGHTLY, id=OTHER), about="second")
    store.delete(created(store, NIGHTLY, about="first"))
    assert (store.ids_of_slug("default", "nightly"), store.project("default")) == ((OTHER,), {OTHER: "second"})


# Telling


def test_what_was_told_is_noted_from_where_it_was_seen(store: Store) -> None:
    created(store, NIGHTLY, success(0), fail(5))
    store.announce(ID, seen=1, upto=2)
    assert (held(store).announced, held(store).flips) == (2, 2)


def test_whoever_tells_the_same_a_second_time_notes_nothing(store: Store) -> None:
    created(store, NIGHTLY, success(0), fail(5), success(6))
    store.announce(ID, seen=1, upto=3)
    store.announce(ID, seen=1, upto=2)
    assert held(store).announced == 3


def test_noting_what_was_told_disturbs_no_decision(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0), fail(5))
    store.announce(ID, seen=1, upto=2)
    store.save_ping(seen, pinged(seen, success(6)))
    assert (held(store).flips, held(store).announced, held(store).status) == (3, 2, Status.UP)


# The sweep's look


def due(store: Store, minute: float, *, segment: int = 0, segments: int = 1) -> list[SweptCheck]:
    pages = store.due(at(minute), segment=segment, segments=segments)
    return sorted((one for page in pages for one in page.dues), key=lambda one: one.id)


def test_checks_whose_time_comes_are_due(store: Store) -> None:
    created(store, NIGHTLY, success(0))
    assert due(store, 69.999) == []
    assert due(store, 70) == due(store, 900) == [SweptCheck(id=ID, wake_at=at(70), unannounced=False)]


def test_checks_of_which_people_have_to_be_told_are_due_at_any_time(store: Store) -> None:
    created(store, NIGHTLY, success(0), fail(5))
    assert due(store, 0) == [SweptCheck(id=ID, wake_at=None, unannounced=True)]
    store.announce(ID, seen=1, upto=2)
    assert due(store, 900) == []


def test_each_check_is_in_one_segment(store: Store) -> None:
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(20)]
    for check_id in ids:
        created(store, Check(id=check_id, grace=minutes(1)), success(0))
    found = [one.id for segment in range(3) for one in due(store, 10**6, segment=segment, segments=3)]
    assert sorted(found) == ids
    assert sum(page.scanned for segment in range(3) for page in store.due(at(0), segment=segment, segments=3)) == 20


# History


def recorded(n: int, minute: float = 0, **said: Any) -> Recorded:
    return Recorded(n=n, kind=Kind.SUCCESS, ping=Ping(at=at(minute), **said))


def test_a_ping_is_kept_as_it_came(store: Store) -> None:
    full = Recorded(
        n=7,
        kind=Kind.FAIL,
        ping=Ping(
            at=at(1) + seconds(0.123),
            rid=A,
            exit_status=3,
            note="three",
            body=b"\x00\xff out",
            method="POST",
            scheme="http",
            address="192.0.2.1",
            agent="curl/8",
        ),
        duration=timedelta(0),
    )
    store.record(ID, full)
    kept = store.ping(ID, 7)
    assert kept == replace(full, ping=replace(full.ping, kind=Kind.SUCCESS))  # what it said after filters is `kind`
    assert store.pings(ID, limit=1) == [kept]
    assert store.ping(ID, 8) is None
    assert store.ping(OTHER, 7) is None


def test_pings_are_listed_newest_first_as_numbers_sort(store: Store) -> None:
    for n in (1, 2, 9, 10, 11, 100):
        store.record(ID, recorded(n))
    store.record(OTHER, recorded(3))
    assert [one.n for one in store.pings(ID, limit=100)] == [100, 11, 10, 9, 2, 1]
    assert [one.n for one in store.pings(ID, limit=2)] == [100, 11]
    assert [one.n for one in store.pings(ID, limit=2, before=11)] == [10, 9]
    assert [one.n for one in store.pings(ID, limit=5, before=2)] == [1]
    assert store.pings(ID, limit=5, before=1) == store.pings(ID, limit=5, before=0) == store.pings(ID, limit=0) == []


def test_a_deployment_without_history_keeps_flips_alone(make_store: MakeStore) -> None:
    store = make_store(history_days=0)
    created(store, NIGHTLY, success(0))
    store.record(ID, recorded(1))
    assert (store.pings(ID, limit=9), store.ping(ID, 1)) == ([], None)
    assert [flip.n for flip in store.flips(ID)] == [1]


def test_flips_are_listed_oldest_first_between_two_numbers(store: Store) -> None:
    created(store, NIGHTLY, *(ping(minute) for minute, ping in enumerate([success, fail] * 6)))
    assert [flip.n for flip in store.flips(ID)] == list(range(1, 13))
    assert [flip.n for flip in store.flips(ID, after=9)] == [10, 11, 12]
    assert [flip.n for flip in store.flips(ID, after=9, upto=11)] == [10, 11]
    assert store.flips(ID, after=11, upto=11) == store.flips(ID, after=12) == store.flips(OTHER) == []


def test_flips_are_listed_newest_first_as_far_as_they_are_asked_for(store: Store) -> None:
    created(store, NIGHTLY, *(ping(minute) for minute, ping in enumerate([success, fail] * 3)))
    assert [flip.n for flip in store.flips_back(ID)] == [6, 5, 4, 3, 2, 1]
    assert next(store.flips_back(ID)).n == 6
    assert list(store.flips_back(OTHER)) == []


def test_a_flip_is_kept_as_it_was_decided(store: Store) -> None:
    seen = created(store, NIGHTLY, success(0), start(20))
    outcome = pinged(seen, Ping(at=at(25), kind=Kind.FAIL, exit_status=3, note="n", body=b"\xff out"))
    store.save_ping(seen, outcome)
    assert store.flips(ID, after=1) == list(outcome.flips)


# Settings


def test_a_setting_is_read_as_it_was_written_last(store: Store) -> None:
    assert store.setting("key", "a") is None
    store.put_setting("key", "a", {"n": 1, "of": ["ü", None, True]})
    assert store.setting("key", "a") == {"n": 1, "of": ["ü", None, True]}
    store.put_setting("key", "a", {"n": 2})
    assert store.setting("key", "a") == {"n": 2}


def test_settings_are_listed_by_kind(store: Store) -> None:
    for kind, name in (("key", "a"), ("key", "b"), ("channel", "a")):
        store.put_setting(kind, name, {"is": kind + name})
    assert store.settings("key") == {"a": {"is": "keya"}, "b": {"is": "keyb"}}
    assert store.settings("none") == {}


def test_a_setting_can_be_asked_to_be_new_or_known(store: Store) -> None:
    store.put_setting("key", "a", {"n": 1}, new=True)
    store.put_setting("key", "a", {"n": 2}, known=True)
    with pytest.raises(ConflictError):
        store.put_setting("key", "a", {"n": 3}, new=True)
    with pytest.raises(ConflictError):
        store.put_setting("key", "b", {"n": 3}, known=True)
    assert store.settings("key") == {"a": {"n": 2}}


def test_a_dropped_setting_is_gone_and_may_be_dropped_again(store: Store) -> None:
    store.put_setting("key", "a", {})
    store.drop_setting("key", "a")
    store.drop_setting("key", "a")
    assert store.setting("key", "a") is None


# What cannot be read


def spoiled(store: Store, client: Any, check_id: str) -> None:
    if isinstance(store, MemoryStore):
        store.corrupt.add(check_id)
    else:
        assert isinstance(store, TableStore)
        client.update_item(
            TableName=store._tables.checks,  # noqa: SLF001 - behind the store's back is the point
            Key={"id": text(check_id)},
            UpdateExpression="SET st = :st",
            ExpressionAttributeValues={":st": text("?")},
        )


def test_a_check_that_cannot_be_read_is_named_without_its_ping_url(store: Store, dynamodb: Any) -> None:
    created(store, NIGHTLY)
    spoiled(store, dynamodb, ID)
    with pytest.raises(CorruptError) as caught:
        store.get(ID)
    assert ID not in str(caught.value)


def test_a_check_that_cannot_be_read_does_not_hide_others(store: Store, dynamodb: Any) -> None:
    created(store, NIGHTLY)
    other = created(store, replace(NIGHTLY, id=OTHER))
    spoiled(store, dynamodb, ID)
    broken: list[str] = []
    assert store.get_many([ID, OTHER, ID], corrupt=broken) == {OTHER: other}
    assert broken == [ID]
    with pytest.raises(CorruptError):
        store.get_many([ID, OTHER])


# DynamoDB alone


@pytest.fixture
def tables(dynamodb: Any, template: dict[str, Any]) -> Tables:
    return made(dynamodb, template)


@pytest.fixture
def real(dynamodb: Any, tables: Tables) -> Store:
    return TableStore(dynamodb, tables)


def test_an_item_that_cannot_be_read_names_itself_in_the_log_and_hides_no_other(
    real: Store, dynamodb: Any, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    created(real, NIGHTLY, success(0), fail(1))
    for n in (1, 2):
        real.record(ID, recorded(n))
    for event in (flip_event(1), ping_event(1)):
        dynamodb.put_item(TableName=tables.history, Item={"id": text(ID), "event": text(event), "at": text("?")})
    real.put_setting("channel", "b", {})
    dynamodb.put_item(TableName=tables.settings, Item={"kind": text("channel"), "name": text("a"), "doc": text("{")})
    assert [flip.n for flip in real.flips(ID)] == [2]
    assert [one.n for one in real.pings(ID, limit=9)] == [2]
    assert real.settings("channel") == {"a": None, "b": {}}
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 2
    for named in (flip_event(1), ping_event(1), unique_key(ID)):
        assert named in caplog.text
    assert ID not in caplog.text
    with pytest.raises(CorruptError, match="channel a"):
        real.setting("channel", "a")
    with pytest.raises(CorruptError, match=ping_event(1)):
        real.ping(ID, 1)


@pytest.mark.parametrize("broken", [{"w": number(10**30)}, {"a": text("?")}])
def test_a_check_that_the_sweep_cannot_read_is_due_so_that_it_is_named(
    real: Store, dynamodb: Any, tables: Tables, broken: dict[str, Any]
) -> None:
    untold = check_to_item(replace(NIGHTLY, flips=2, announced=1))
    dynamodb.put_item(TableName=tables.checks, Item=untold | {"w": number(0)} | broken)
    assert due(real, 0) == [SweptCheck(id=ID, wake_at=None, unannounced=True)]


def test_a_check_that_is_deleted_while_a_ping_flips_it_stays_deleted(real: Store, dynamodb: Any) -> None:
    seen = created(real, NIGHTLY, success(0))
    outcome = pinged(seen, fail(5))

    def delete(**_event: Any) -> None:
        dynamodb.meta.events.unregister("before-call.dynamodb.UpdateItem", delete)
        real.delete(outcome.check)

    dynamodb.meta.events.register("before-call.dynamodb.UpdateItem", delete)  # the count, after the transaction
    with pytest.raises(UncountedError):
        real.save_ping(seen, outcome)
    assert real.get(ID) is None


def refusing(dynamodb: Any, operation: str, code: str, times: int) -> Callable[[], None]:
    """Let DynamoDB refuse so many calls of an operation; return what lets it answer again."""
    left, name = [times], f"before-call.dynamodb.{operation}"

    def refuse(**_event: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise dynamodb.exceptions.ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    dynamodb.meta.events.register(name, refuse)
    return lambda: dynamodb.meta.events.unregister(name, refuse)


def test_a_flip_that_is_written_is_counted_though_another_write_is_in_progress(dynamodb: Any, tables: Tables) -> None:
    waits: list[float] = []
    store = TableStore(dynamodb, tables, pause=waits.append)
    seen = created(store, NIGHTLY, success(0))
    outcome = pinged(seen, fail(5))
    answering = refusing(dynamodb, "UpdateItem", "TransactionConflictException", times=2)
    try:
        assert store.save_ping(seen, outcome) == 2
    finally:
        answering()
    assert len(waits) == 2
    assert (held(store).status, held(store).n_pings) == (Status.DOWN, 2)


def test_a_flip_that_is_written_but_loses_every_race_to_be_counted_is_not_decided_again(
    dynamodb: Any, tables: Tables
) -> None:
    waits: list[float] = []
    store = TableStore(dynamodb, tables, pause=waits.append)
    seen = created(store, NIGHTLY, success(0))
    answering = refusing(dynamodb, "UpdateItem", "TransactionConflictException", times=100)
    try:
        with pytest.raises(UncountedError):
            store.save_ping(seen, pinged(seen, fail(5)))
    finally:
        answering()
    assert (held(store).status, held(store).n_pings, len(waits)) == (Status.DOWN, 1, COUNT_TRIES - 1)
    assert [flip.status for flip in store.flips(ID)] == [Status.UP, Status.DOWN]


def test_keys_that_dynamodb_leaves_unread_are_read_again_and_nobody_waits_after_the_last_try(
    dynamodb: Any, tables: Tables
) -> None:
    waits: list[float] = []
    store = TableStore(dynamodb, tables, pause=waits.append)
    check = created(store, NIGHTLY)
    left = [2]

    def leave_unread(parsed: dict[str, Any], **_event: Any) -> None:
        if left[0]:
            left[0] -= 1
            parsed["Responses"] = {}
            parsed["UnprocessedKeys"] = {tables.checks: {"Keys": [{"id": text(ID)}]}}

    dynamodb.meta.events.register("after-call.dynamodb.BatchGetItem", leave_unread)
    try:
        assert (store.get_many([ID]), len(waits)) == ({ID: check}, 2)
        left[0] = 100
        with pytest.raises(BusyError):
            store.get_many([ID])
    finally:
        dynamodb.meta.events.unregister("after-call.dynamodb.BatchGetItem", leave_unread)
    assert len(waits) == 2 + BATCH_TRIES - 1


def test_checks_that_pings_create_are_counted_by_project_and_day(store: Store) -> None:
    assert [store.count_created("a", day="2026-03-02", limit=3) for _ in range(5)] == [True] * 3 + [False] * 2
    assert store.count_created("b", day="2026-03-02", limit=3)
    assert [store.count_created("a", day="2026-03-03", limit=1) for _ in range(2)] == [True, False]
    assert store.project("a") == {}
    assert store.project_page("a", after=FIRST_PLACE, limit=10) == ({}, None)


def test_a_sweep_reads_page_by_page(real: Store, dynamodb: Any) -> None:
    for index in range(5):
        created(real, Check(id=f"{index:08x}-0000-4000-8000-000000000000"), success(0))

    def two_a_page(params: dict[str, Any], **_event: Any) -> None:
        params["Limit"] = 2

    dynamodb.meta.events.register("before-parameter-build.dynamodb.Scan", two_a_page)
    try:
        pages = list(real.due(at(10**6)))
    finally:
        dynamodb.meta.events.unregister("before-parameter-build.dynamodb.Scan", two_a_page)
    assert [len(page.dues) for page in pages] == [2, 2, 1]


def test_history_items_expire_and_flips_outlive_a_history_that_is_off(dynamodb: Any, template: dict[str, Any]) -> None:
    def expiries(days: int) -> list[timedelta]:
        tables = made(dynamodb, template)
        store = TableStore(dynamodb, tables, history_days=days)
        created(store, NIGHTLY, success(0))
        store.record(ID, recorded(1))
        items = dynamodb.scan(TableName=tables.history)["Items"]
        return [datetime.fromtimestamp(int(item["ttl"]["N"]), tz=T0.tzinfo) - T0 for item in items]

    assert expiries(30) == [timedelta(days=30)] * 2
    assert expiries(0) == [timedelta(days=90)]


def test_no_attribute_that_an_expression_names_is_a_word_of_dynamodbs_own() -> None:
    from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords  # noqa: PLC0415 - this test's alone

    reserved = set(ReservedKeywords.get_reserved_keywords())
    named = {attribute.name for attribute in CHECK.values()} | {"ids", "event", "kind"}
    assert "NAME" in reserved
    assert not {name.upper() for name in named} & reserved


def test_what_is_no_race_is_not_taken_for_one(real: Store, dynamodb: Any) -> None:
    seen = created(real, NIGHTLY, success(0))
    gone = TableStore(dynamodb, Tables("none", "none", "none", "none"))
    for write in (
        lambda: gone.save_ping(seen, pinged(seen, success(30))),
        lambda: gone.save(seen, woken(seen, at(80))),
        lambda: gone.announce(ID, seen=1, upto=2),
        lambda: gone.put_setting("key", "a", {}, new=True),
    ):
        with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
            write()


def test_descriptions_that_are_too_much_for_one_slug_are_told_as_such(real: Store) -> None:
    real.create(NIGHTLY, about="x" * 400_000)
    with pytest.raises(FullError):
        real.create(replace(NIGHTLY, id=OTHER), about="x" * 12_000)
    assert real.get(OTHER) is None
    with pytest.raises(FullError):
        real.save(held(real), configured(held(real), at(0), name="new"), about="x" * 412_000)
    assert held(real).name == "Nightly"
