"""Pings, their bodies and changes of status over the API."""

from __future__ import annotations

from typing import Any

import pytest

from lastseen.core.check import Kind, Reason, Status, unique_key
from lastseen.core.moments import woken
from lastseen.core.schedule import Period
from lastseen.core.zones import rules_version
from tests.lastseen.api.world import ID, OTHER_ID, World
from tests.times import T0, hours, minutes, seconds

ONE = f"/api/v3/checks/{ID}"
RID = "7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80"


def pings(world: World, query: str = "", **options: Any) -> list[dict[str, Any]]:
    reply = world.get(f"{ONE}/pings/{query}", **options)
    assert reply.status == 200, reply.body
    found: list[dict[str, Any]] = reply.json()["pings"]
    return found


def test_pings_are_listed_newest_first_with_all_that_was_heard(world: World) -> None:
    world.check()
    world.ping(kind=Kind.START, rid=RID, method="POST", scheme="http", address="192.0.2.7", agent="curl/8")
    world.now = T0 + seconds(1.2345)
    world.ping(rid=RID, body=b"all fine", exit_status=0)
    assert pings(world) == [
        {
            "type": "success",
            "date": "2026-03-02T12:00:01.234500+00:00",
            "n": 2,
            "scheme": "https",
            "remote_addr": "",
            "method": "GET",
            "ua": "",
            "rid": RID,
            "body_url": f"https://example.org{ONE}/pings/2/body",
            "duration": 1.23,
            "exitstatus": 0,
        },
        {
            "type": "start",
            "date": "2026-03-02T12:00:00.000000+00:00",
            "n": 1,
            "scheme": "http",
            "remote_addr": "192.0.2.7",
            "method": "POST",
            "ua": "curl/8",
            "rid": RID,
            "body_url": None,
        },
    ]


def test_a_run_among_others_has_its_duration_on_the_shortest_page_too(world: World) -> None:
    world.check()
    other = "11111111-94ad-4b1e-8f0e-2d1c5a6b7f80"
    for kind, rid, after in (
        (Kind.START, RID, 0),
        (Kind.START, other, 1),
        (Kind.SUCCESS, other, 3),
        (Kind.FAIL, RID, 5),
    ):
        world.now = T0 + seconds(after)
        world.ping(kind=kind, rid=rid)
    assert [each["duration"] for each in pings(world, "?limit=1")] == [5]
    assert [each["duration"] for each in pings(world, "?limit=1&before=4")] == [2]


def test_an_odd_exit_status_and_an_ignored_ping_are_shown_as_such(world: World) -> None:
    world.check(methods="POST")
    world.ping()
    world.ping(kind=Kind.FAIL, method="POST", note="-11")
    assert [(each["type"], each.get("note")) for each in pings(world)] == [("fail", "-11"), ("ign", None)]


def test_a_hundred_pings_are_listed_unless_more_or_less_is_asked(world: World) -> None:
    world.check()
    for _ in range(120):
        world.ping()
    assert [each["n"] for each in pings(world)] == list(range(120, 20, -1))
    assert [each["n"] for each in pings(world, "?limit=2")] == [120, 119]
    assert len(pings(world, "?limit=1000")) == 120
    assert [each["n"] for each in pings(world, "?limit=2&before=20")] == [19, 18]
    assert pings(world, "?before=1") == []


def test_pings_need_a_key_that_may_write_and_the_uuid(world: World) -> None:
    world.check()
    world.ping(body=b"secret")
    for path in ("pings/", "pings", "pings/1/body"):
        assert world.get(f"{ONE}/{path}", key=world.read).status == 401
        assert world.get(f"/api/v3/checks/{unique_key(ID)}/{path}").status == 404
        assert world.get(f"/api/v3/checks/{OTHER_ID}/{path}").status == 404


@pytest.mark.parametrize("body", [b"all fine", b"\x00\xff\xfe", "Größe".encode(), b"<script>alert(1)</script>"])
def test_a_body_is_answered_to_the_letter_and_never_as_a_page(world: World, body: bytes) -> None:
    world.check()
    world.ping(body=body)
    reply = world.get(f"{ONE}/pings/1/body")
    assert (reply.status, reply.body) == (200, body)
    assert reply.headers["content-type"] == "text/plain"
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("n", ["2", "3", "0", "-1", "1.0", "one", "٣", "9" * 12, "9" * 500])
def test_a_body_that_is_not_kept_is_404(world: World, n: str) -> None:
    world.check()
    world.ping(body=b"x")
    world.ping()
    reply = world.get(f"{ONE}/pings/{n}/body")
    assert reply.status == 404
    assert reply.error.startswith("not found: ")


@pytest.fixture
def flipped(world: World) -> World:
    """A check that came up at 12:00, was missed at 13:10, came back at 14:00, paused at 15:00, resumed at 16:00."""
    world.check(schedule=Period(hours(1)), grace=minutes(10))
    world.ping()
    late = woken(world.store.checks[ID], T0 + minutes(71))
    world.store.save(world.store.checks[ID], late)
    world.now = T0 + hours(2)
    world.ping()
    world.now = T0 + hours(3)
    world.post(f"{ONE}/pause")
    world.now = T0 + hours(4)
    world.post(f"{ONE}/resume")
    return world


def flips(world: World, query: str = "", **options: Any) -> list[tuple[str, int]]:
    reply = world.get(f"{ONE}/flips/{query}", **options)
    assert reply.status == 200, reply.body
    return [(each["timestamp"][11:16], each["up"]) for each in reply.json()["flips"]]


ALL = [("16:00", 0), ("15:00", 0), ("14:00", 1), ("13:10", 0), ("12:00", 1)]


def test_changes_of_status_are_listed_newest_first_with_pause_and_resume(flipped: World) -> None:
    assert flips(flipped) == ALL


def test_a_change_tells_its_status_and_reason(flipped: World) -> None:
    documents = flipped.get(f"{ONE}/flips/").json()["flips"]
    assert documents[3] == {"timestamp": "2026-03-02T13:10:00+00:00", "up": 0, "status": "down", "reason": "missed"}
    assert [each["reason"] for each in documents] == ["resumed", "paused", "pinged", "missed", "pinged"]


@pytest.mark.parametrize("key", ["write", "read"])
@pytest.mark.parametrize("name", [ID, unique_key(ID)])
def test_changes_are_found_by_uuid_and_unique_key_with_both_keys(flipped: World, name: str, key: str) -> None:
    reply = flipped.get(f"/api/v2/checks/{name}/flips", key=getattr(flipped, key))
    assert len(reply.json()["flips"]) == 5


def unix(hour: int, minute: int = 0) -> int:
    return int((T0 + hours(hour - 12) + minutes(minute)).timestamp())


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"?start={unix(14)}", ALL[:3]),
        (f"?start={unix(14) + 1}", ALL[:2]),
        (f"?end={unix(14)}", ALL[3:]),
        (f"?end={unix(14) + 1}", ALL[2:]),
        (f"?start={unix(13)}&end={unix(15)}", ALL[2:4]),
        (f"?start={unix(15)}&end={unix(13)}", []),
        ("?seconds=3600", ALL[:2]),
        ("?seconds=3599", ALL[:1]),
        ("?seconds=0", ALL[:1]),
        (f"?seconds=3600&start={unix(12)}", ALL[:2]),
        ("?start=0&seconds=31536000&end=7258118400", ALL),
    ],
)
def test_changes_are_asked_for_by_time(flipped: World, query: str, found: list[tuple[str, int]]) -> None:
    assert flips(flipped, query) == found


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?seconds=-1", "seconds must be a whole number"),
        ("?seconds=31536001", "seconds must be at most 31536000"),
        ("?start=2026-03-02", "start must be a whole number"),
        ("?start=1e9", "start must be a whole number"),
        ("?end=" + "9" * 5000, "end must be a whole number"),
        ("?end=", "end must be a whole number"),
    ],
)
def test_a_wrong_time_is_400_in_words(flipped: World, query: str, words: str) -> None:
    reply = flipped.get(f"{ONE}/flips/{query}")
    assert (reply.status, reply.error) == (400, words)


def test_words_on_a_status_that_lasts_are_no_changes(world: World) -> None:
    world.check(reminder=minutes(5))
    world.ping(kind=Kind.FAIL)
    world.store.save(world.store.checks[ID], woken(world.store.checks[ID], T0 + minutes(6)))
    assert [flip.reason for flip in world.store.flips(ID)] == [Reason.FAILED, Reason.REMINDED]
    assert flips(world) == [("12:00", 0)]


def test_changes_of_another_project_are_403(world: World) -> None:
    world.check(project="shop", status=Status.DOWN)
    assert world.get(f"{ONE}/flips/").status == 403


def test_the_client_that_wants_a_bare_list_gets_one(flipped: World) -> None:
    reply = flipped.get(f"{ONE}/flips/", headers={"user-agent": "py-healthchecks.io/0.4.4"})
    assert [each["up"] for each in reply.json()] == [0, 0, 1, 0, 1]


def test_the_api_says_whether_it_works_without_a_key(world: World) -> None:
    reply = world.get("/api/v3/status/", key=None)
    assert (reply.status, reply.body) == (200, b"OK")
    assert reply.headers["zone-rules"] == rules_version()
