"""Gauges for Prometheus, read by its own parser."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lastseen.core.check import Kind, Status, unique_key
from lastseen.core.keys import Scope
from lastseen.core.schedule import Cron, Period
from tests.lastseen.api.world import ID, OTHER_ID, Reply, World
from tests.times import T0, hours, minutes, seconds

METRICS = "/api/v3/metrics/"


def samples(reply: Reply) -> dict[tuple[str, str], float]:
    """Return the value of each gauge by its name and the check's name or the tag."""
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(reply.body.decode()))
    assert {family.type for family in families} == {"gauge"}
    assert all(family.documentation for family in families)
    return {
        (sample.name, sample.labels.get("name") or sample.labels.get("tag", "")): sample.value
        for family in families
        for sample in family.samples
    }


def test_each_check_has_its_gauges_as_of_now(world: World) -> None:
    world.check(schedule=Period(hours(1)), grace=minutes(10), tags="prod db")
    world.ping(kind=Kind.START)
    world.now = T0 + seconds(90.5)
    world.ping()
    world.now = T0 + minutes(65)
    assert samples(world.get(METRICS)) == {
        ("hc_check_up", "backup"): 1,
        ("hc_check_started", "backup"): 0,
        ("hc_check_grace", "backup"): 1,
        ("hc_check_paused", "backup"): 0,
        ("lastseen_check_seconds_to_deadline", "backup"): 390.5,
        ("lastseen_check_last_ping_timestamp_seconds", "backup"): T0.timestamp() + 90.5,
        ("lastseen_check_last_duration_seconds", "backup"): 90.5,
        ("hc_tag_up", "db"): 1,
        ("hc_tag_up", "prod"): 1,
        ("hc_checks_total", ""): 1,
        ("hc_checks_down_total", ""): 0,
    }


def test_what_is_not_known_has_no_sample(world: World) -> None:
    world.check(id=OTHER_ID, name="new")
    found = samples(world.get(METRICS))
    assert {name for name, check in found if check == "new"} == {
        "hc_check_up",
        "hc_check_started",
        "hc_check_grace",
        "hc_check_paused",
    }


def test_a_deadline_that_is_over_is_negative_and_the_check_is_down(world: World) -> None:
    world.check(schedule=Period(hours(1)), grace=minutes(10))
    world.ping()
    world.now = T0 + minutes(80)
    found = samples(world.get(METRICS))
    assert found["lastseen_check_seconds_to_deadline", "backup"] == -600
    assert (found["hc_check_up", "backup"], found["hc_checks_down_total", ""]) == (0, 1)


def test_a_tag_is_up_while_none_of_its_checks_is_down(world: World) -> None:
    world.check(tags="a b", status=Status.DOWN)
    world.check(id=OTHER_ID, name="x", tags="b c", status=Status.PAUSED)
    found = samples(world.get(METRICS))
    assert [found["hc_tag_up", tag] for tag in "abc"] == [0, 0, 1]
    assert (found["hc_check_paused", "x"], found["hc_checks_total", ""]) == (1, 2)


def test_a_broken_schedule_hides_no_other_check(world: World) -> None:
    world.check(schedule=Cron("0 0 31 2 *", "UTC"), status=Status.UP, last_ping=T0)
    world.check(id=OTHER_ID, name="fine")
    assert samples(world.get(METRICS))["hc_check_up", "fine"] == 1


@pytest.mark.parametrize("odd", ['"', "\\", "\n", 'a\\"b\nc{}=,', "é夜", "# HELP x"])
def test_odd_names_are_escaped(world: World, odd: str) -> None:
    world.check(name=odd, tags="t")
    (family, *_) = text_string_to_metric_families(world.get(METRICS).body.decode())
    assert family.samples[0].labels == {"name": odd, "tags": "t", "unique_key": unique_key(ID)}


def test_gauges_tell_no_ping_url(world: World) -> None:
    world.check()
    assert ID.encode() not in world.get(METRICS, key=world.read).body


@pytest.mark.parametrize(
    "path", ["/projects/default/metrics", "/projects/default/metrics/", METRICS, "/api/v1/metrics"]
)
def test_scrapers_bring_the_key_in_a_header_or_as_a_bearer(world: World, path: str) -> None:
    assert world.get(path, key=world.read).status == 200
    assert world.get(path, key=None, headers={"authorization": f"Bearer {world.read}"}).status == 200
    assert world.get(path, key=None).status == 401


def test_scrapers_bring_a_read_only_key_in_the_path(world: World) -> None:
    world.check()
    assert samples(world.get(f"/projects/default/metrics/{world.read}", key=None))["hc_checks_total", ""] == 1


@pytest.mark.parametrize("scope", [Scope.WRITE, Scope.PING])
def test_no_other_key_may_stand_in_a_path(world: World, scope: Scope) -> None:
    assert world.get(f"/projects/default/metrics/{world.key(scope)}", key=None).status == 401


def test_a_key_in_the_path_that_is_none_is_401(world: World) -> None:
    assert world.get("/projects/default/metrics/wrong", key=None).status == 401


def test_another_projects_gauges_are_403(world: World) -> None:
    assert world.get("/projects/shop/metrics").status == 403
    assert world.get(f"/projects/shop/metrics/{world.read}", key=None).status == 403


def test_two_scrapers_at_once_read_the_checks_once(world: World) -> None:
    world.check()
    world.get(METRICS)
    world.store.hook = lambda call, _: pytest.fail(call) if call in {"get_many", "project"} else None
    world.now = T0 + seconds(4.9)
    assert samples(world.get(METRICS))["hc_checks_total", ""] == 1
