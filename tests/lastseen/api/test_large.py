"""Ten thousand checks: the whole list and its pages, what they read, and how large the answers are."""

from __future__ import annotations

import gzip
import json
import time
from math import ceil
from typing import Any
from uuid import UUID

import pytest

from lastseen.core.check import Check, Status
from lastseen.core.schedule import Cron, Period
from lastseen.storage.items import check_to_item
from tests.bench.typical import item_bytes
from tests.lastseen.api.world import World
from tests.times import T0, minutes

pytestmark = pytest.mark.slow

COUNT = 10_000
LIST = "/api/v3/checks/"
UNIT = 4096


def check(number: int) -> Check:
    """Return a check as large as they are in the field; one in ten has a cron schedule."""
    schedule = Cron("*/15 3 * * *", "Europe/Berlin") if number % 10 == 0 else Period(minutes(60))
    return Check(
        id=str(UUID(int=number * 7919 + (1 << 100))),
        name=f"Nightly backup of customer {number:05d}",
        slug=f"nightly-backup-{number:05d}",
        tags="prod backup",
        schedule=schedule,
        created=T0,
        status=Status.UP,
        since=T0,
        last_ping=T0,
        n_pings=number,
    )


@pytest.fixture(scope="module")
def large() -> World:
    world = World()
    for number in range(COUNT):
        world.store.create(check(number))
    return world


def pages(world: World, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query = f"?limit={limit}"
    while query:
        found.append(world.get(f"{LIST}{query}").json())
        query = f"?limit={limit}&cursor={found[-1]['next']}" if "next" in found[-1] else ""
    return found


def say(words: str) -> None:
    print(f"\n{words}")  # noqa: T201 - figures that whoever runs it wants to see


def test_the_pages_of_ten_thousand_checks_hold_each_once(large: World) -> None:
    began = time.process_time()
    found = pages(large, 500)
    spent = time.process_time() - began
    listed = [each["uuid"] for page in found for each in page["checks"]]
    assert (len(found), len(listed), set(listed)) == (20, COUNT, set(large.store.checks))
    say(f"20 pages of 500 checks: {spent / 20 * 1000:.0f} ms of CPU each")


def test_the_whole_list_of_ten_thousand_fits_into_an_answer_that_is_compressed(large: World) -> None:
    began = time.process_time()
    reply = large.get(LIST, headers={"accept-encoding": "gzip, br"})
    spent = time.process_time() - began
    assert (reply.status, reply.headers["content-encoding"]) == (200, "gzip")
    names = [each["name"] for each in json.loads(gzip.decompress(reply.body))["checks"]]
    assert names == sorted(names)
    assert len(names) == COUNT
    assert len(reply.body) * 4 / 3 < 6_000_000
    say(f"the whole list: {len(reply.body) / 1e6:.1f} MB compressed, {spent:.1f} s of CPU")


def test_a_list_too_large_for_one_answer_is_refused_with_the_way_to_get_it(large: World) -> None:
    reply = large.get(LIST)
    assert reply.status == 400
    assert reply.error == "this answer would be too large: accept gzip, or ask for pages with ?limit=500"


def test_what_a_listing_reads_is_told_and_grows_with_the_page_alone(large: World) -> None:
    checks = sum(ceil(item_bytes(check_to_item(each)) / UNIT) for each in large.store.checks.values())
    names = [
        item_bytes({"project": {"S": "default"}, "slug": {"S": each.slug}, "ids": {"SS": [each.id]}})
        for each in large.store.checks.values()
    ]
    whole = ceil(sum(names) / UNIT)
    page = ceil(sum(names[:501]) / UNIT)
    assert (checks, whole, page) == (COUNT, 188, 10)
    say(f"read units, strongly consistent: {checks} + {whole} for the whole list, 500 + {page} for a page of 500")
