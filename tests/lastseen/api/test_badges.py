"""Badges over the API: what they say, and what their URLs do not."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest

from lastseen.api import remembered
from lastseen.api.remembered import RecentChecks
from lastseen.core.check import Check, Status, unique_key
from lastseen.core.keys import Scope
from lastseen.core.schedule import Period
from tests.lastseen.api.world import ID, OTHER_ID, World
from tests.times import T0, hours, minutes, seconds

SITE = "https://example.org"


def urls(world: World, **options: Any) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = world.get("/api/v3/badges/", **options).json()["badges"]
    return found


def shown(world: World, url: str) -> Any:
    reply = world.get(url.removeprefix(SITE), key=None)
    assert reply.status == 200, (url, reply.body)
    return reply.json()


def svg_text(world: World, url: str) -> list[str]:
    reply = world.get(url.removeprefix(SITE), key=None)
    assert reply.headers["content-type"] == "image/svg+xml"
    root = ET.fromstring(reply.body)  # noqa: S314 - our own image
    return [str(each.text) for each in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("key", ["write", "read"])
def test_badges_are_listed_by_tag_and_for_all(world: World, key: str) -> None:
    world.check(tags="prod db")
    world.check(id=OTHER_ID, tags="db web/eu")
    found = urls(world, key=getattr(world, key))
    assert list(found) == ["*", "db", "prod", "web/eu"]
    for forms in found.values():
        assert list(forms) == ["svg", "svg3", "json", "json3", "shields", "shields3"]
        assert forms["svg"].startswith(f"{SITE}/badge/2/")
        assert forms["json3"].startswith(f"{SITE}/badge/3/")
    assert len({url for forms in found.values() for url in forms.values()}) == 24


def test_a_project_without_checks_has_the_badge_of_all(world: World) -> None:
    found = urls(world)
    assert list(found) == ["*"]
    assert shown(world, found["*"]["json"]) == {"status": "up", "total": 0, "grace": 0, "down": 0}


def late_and_up(world: World) -> None:
    world.check(tags="prod db", schedule=Period(hours(1)), grace=minutes(10))
    world.ping()
    world.check(id=OTHER_ID, tags="db", status=Status.PAUSED)


@pytest.mark.parametrize(("after", "two", "three"), [(59, "up", "up"), (60, "up", "late"), (70, "down", "down")])
def test_a_badge_tells_two_states_or_three_as_of_now(world: World, after: int, two: str, three: str) -> None:
    late_and_up(world)
    world.now = T0 + minutes(after)
    own = world.get(f"/api/v3/checks/{ID}").json()["badge_url"]
    found = urls(world)
    for tag in ("*", "db", "prod"):
        assert shown(world, found[tag]["json"])["status"] == two
        assert shown(world, found[tag]["json3"])["status"] == three
        assert svg_text(world, found[tag]["svg3"]) == ["checks" if tag == "*" else tag, three]
    assert shown(world, own.replace(".svg", ".json"))["status"] == two
    assert shown(world, own.replace("/2/", "/3/").replace(".svg", ".json"))["status"] == three
    assert svg_text(world, own) == ["backup", two]


def test_a_badge_counts_what_it_is_of(world: World) -> None:
    late_and_up(world)
    world.now = T0 + minutes(60)
    found = urls(world)
    assert shown(world, found["db"]["json3"]) == {"status": "late", "total": 2, "grace": 1, "down": 0}
    assert shown(world, found["prod"]["json3"]) == {"status": "late", "total": 1, "grace": 1, "down": 0}


@pytest.mark.parametrize(("status", "message", "color"), [("up", "up", "success"), ("down", "down", "critical")])
def test_a_badge_speaks_to_shields(world: World, status: str, message: str, color: str) -> None:
    world.check(tags="db", status=Status(status))
    document = shown(world, urls(world)["db"]["shields"])
    assert document == {"schemaVersion": 1, "label": "db", "message": message, "color": color}


def test_new_and_paused_checks_count_as_up(world: World) -> None:
    world.check(status=Status.PAUSED)
    world.check(id=OTHER_ID)
    assert shown(world, urls(world)["*"]["json3"])["status"] == "up"


@pytest.mark.parametrize(
    ("label", "drawn"),
    [
        ("夜间备份", "夜间备份"),
        ("<b>&\"'", "<b>&\"'"),
        ("x" * 100, "x" * 57 + "..."),
        ("tab\tnew\nline", "tab new line"),
        ("\u202eevil\uffff", "\ufffdevil\ufffd"),
    ],
)
def test_a_label_is_drawn_whatever_it_is(world: World, label: str, drawn: str) -> None:
    world.check(name=label)
    assert svg_text(world, world.get(f"/api/v3/checks/{ID}").json()["badge_url"]) == [drawn, "up"]


def test_a_check_without_name_and_slug_is_called_by_the_beginning_of_its_unique_key(world: World) -> None:
    world.check(name="")
    assert svg_text(world, world.get(f"/api/v3/checks/{ID}").json()["badge_url"])[0] == unique_key(ID)[:8]


def test_a_proxy_may_keep_a_badge_for_seconds(world: World) -> None:
    world.check()
    url = world.get(f"/api/v3/checks/{ID}").json()["badge_url"]
    assert world.get(url.removeprefix(SITE), key=None).headers["cache-control"] == "public, max-age=5"


def test_the_badge_of_a_deleted_check_is_404(world: World) -> None:
    world.check()
    url = world.get(f"/api/v3/checks/{ID}").json()["badge_url"].removeprefix(SITE)
    world.send("DELETE", f"/api/v3/checks/{ID}")
    assert world.get(url, key=None).error == "not found: no badge has this URL"


def test_a_popular_badge_reads_the_checks_once_in_five_seconds(world: World) -> None:
    world.check()
    url = urls(world)["*"]["json"]
    read: list[str] = []
    world.store.hook = lambda call, when: read.append(call) if (call, when) == ("get_many", "after") else None
    for after in (0, 3, 4.9, 5, 7):
        world.now = T0 + seconds(after)
        shown(world, url)
    assert len(read) == 2


def test_badges_of_two_projects_do_not_make_each_other_be_read_again(world: World) -> None:
    world.check()
    world.store.create(Check(id=OTHER_ID, project="shop"))
    shop = world.get("/api/v3/badges/", key=world.key(Scope.READ, "shop")).json()["badges"]["*"]["json"]
    ours = urls(world)["*"]["json"]
    read: list[str] = []
    world.store.hook = lambda call, when: read.append(call) if (call, when) == ("get_many", "after") else None
    for _ in range(5):
        shown(world, ours)
        shown(world, shop)
    assert len(read) == 2


def test_the_badge_of_many_checks_may_be_as_old_as_they_cost_and_says_so(world: World) -> None:
    for number in range(12_000):
        world.store.create(Check(id=str(UUID(int=number + 1)), slug=str(number)))
    url = urls(world)["*"]["json"].removeprefix(SITE)
    assert world.get(url, key=None).headers["cache-control"] == "public, max-age=30"
    read: list[str] = []
    world.store.hook = lambda call, when: read.append(call) if (call, when) == ("get_many", "after") else None
    for after in (29, 31, 60):
        world.now = T0 + seconds(after)
        world.get(url, key=None)
    assert len(read) == 1


def test_projects_that_are_remembered_are_bounded_by_their_checks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "CHECKS_LIMIT", 3)
    names = [f"project-{number}" for number in range(5)]
    for number, name in enumerate(names):
        world.store.create(Check(id=str(UUID(int=number + 1)), project=name))
    recent = RecentChecks(world.store)
    for name in names:
        recent.of(name, T0)
    read: list[str] = []
    world.store.hook = lambda call, when: read.append(call) if (call, when) == ("get_many", "after") else None
    for name in reversed(names):
        recent.of(name, T0)
    assert len(read) == 2  # three of five were still known


def test_a_badges_url_holds_nothing_of_the_ping_url(world: World) -> None:
    world.check()
    name = world.get(f"/api/v3/checks/{ID}").json()["badge_url"].rpartition("/")[2].removesuffix(".svg")
    held = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4))
    ours = bytes.fromhex(ID.replace("-", ""))
    assert len(held) == 32
    assert not any(ours[at : at + 3] in held for at in range(14))


def altered(name: str) -> list[str]:
    """Return names that differ in one letter, at each end and in the middle."""
    places = (0, len(name) // 2, len(name) - 1)
    return [name[:at] + ("A" if name[at] != "A" else "B") + name[at + 1 :] for at in places]


def test_a_url_that_we_did_not_make_is_404_before_any_check_is_read(world: World) -> None:
    world.check(tags="db")
    check_name = world.get(f"/api/v3/checks/{ID}").json()["badge_url"].rpartition("/")[2].removesuffix(".svg")
    tag_name = urls(world)["db"]["svg"].rpartition("/")[2].removesuffix(".svg")
    read: list[str] = []
    world.store.hook = lambda call, _: read.append(call)
    for root, name in (("b", check_name), ("badge", tag_name)):
        for wrong in [*altered(name), name + "A", name[:-1], name + "=", tag_name if root == "b" else check_name]:
            assert world.get(f"/{root}/2/{wrong}.svg", key=None).status == 404, wrong
    assert read == []


@pytest.mark.parametrize("tail", ["4/{}.svg", "2/{}.png", "2/{}", "two/{}.svg", "2/.svg", "2/{}.svg.svg", "٢/{}.svg"])
def test_a_form_that_is_none_is_404(world: World, tail: str) -> None:
    world.check()
    name = world.get(f"/api/v3/checks/{ID}").json()["badge_url"].rpartition("/")[2].removesuffix(".svg")
    assert world.get(f"/b/{tail.format(name)}", key=None).status == 404
