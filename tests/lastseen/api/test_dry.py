"""`dry_run=1`: all that would be refused is refused, and nothing is written."""

from __future__ import annotations

import pytest

from tests.lastseen.api.world import ID, World

CHECKS = "/api/v3/checks/"


def test_a_dry_create_answers_with_what_would_be(world: World) -> None:
    reply = world.post(f"{CHECKS}?dry_run=1", {"name": "x", "schedule": "0 3 * * *", "tz": "europe/kiev"})
    assert reply.status == 201
    assert (reply.json()["name"], reply.json()["tz"]) == ("x", "Europe/Kyiv")
    assert world.store.checks == {}


def test_a_dry_update_answers_with_what_would_be(world: World) -> None:
    check = world.check(about="Call Ada.")
    reply = world.post(f"{CHECKS}{ID}?dry_run=1", {"name": "new", "slug": "new", "desc": "Call Bob."})
    assert (reply.json()["name"], reply.json()["slug"], reply.json()["desc"]) == ("new", "new", "Call Bob.")
    assert world.store.checks == {ID: check}
    assert world.get(f"{CHECKS}{ID}").json()["desc"] == "Call Ada."


def test_a_dry_upsert_writes_nothing_to_its_match(world: World) -> None:
    check = world.check(name="x")
    reply = world.post(f"{CHECKS}?dry_run=1", {"name": "x", "grace": 600, "unique": ["name"]})
    assert (reply.status, reply.json()["grace"]) == (200, 600)
    assert world.store.checks == {ID: check}


def test_what_would_be_refused_is_refused(world: World) -> None:
    assert world.post(f"{CHECKS}?dry_run=1", {"schedule": "0 0 31 2 *"}).status == 400


@pytest.mark.parametrize("value", ["true", "", "2"])
def test_a_word_that_is_neither_yes_nor_no_is_400_rather_than_a_write(world: World, value: str) -> None:
    reply = world.post(f"{CHECKS}?dry_run={value}", {"name": "x"})
    assert (reply.status, reply.error) == (400, "dry_run must be '0' or '1'")
    assert world.store.checks == {}
