"""Checks over the API, against the peer's wire: what is created, matched, changed, refused and shown."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from lastseen.core.channel import Channel, Via
from lastseen.core.check import Kind, Reason, Status, unique_key
from lastseen.core.keys import Scope
from lastseen.core.schedule import Cron, OnCalendar, Period
from lastseen.storage.documents import CHANNELS
from tests.lastseen.api.world import ID, OTHER_ID, World
from tests.times import T0, hours, minutes, seconds

CHECKS = "/api/v3/checks/"
ONE = f"/api/v3/checks/{ID}"
RID = "7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80"


def nothing(_call: str, _when: str) -> None:
    """Hook into a call of the store, and do nothing."""


def created(world: World, settings: dict[str, Any], *, version: int = 3) -> dict[str, Any]:
    reply = world.post(f"/api/v{version}/checks/", settings)
    assert reply.status == 201, reply.body
    document: dict[str, Any] = reply.json()
    return document


# --- Create ---


def test_a_check_of_which_nothing_is_said_is_expected_daily_with_an_hour_of_grace(world: World) -> None:
    document = created(world, {})
    uuid = document["uuid"]
    own = f"https://example.org/api/v3/checks/{uuid}"
    assert document == {
        "name": "",
        "slug": "",
        "tags": "",
        "desc": "",
        "timeout": 86400,
        "grace": 3600,
        "n_pings": 0,
        "status": "new",
        "started": False,
        "open_runs": 0,
        "running_since": None,
        "last_ping": None,
        "next_ping": None,
        "manual_resume": False,
        "methods": "",
        "start_kw": "",
        "success_kw": "",
        "failure_kw": "",
        "subject": "",
        "subject_fail": "",
        "filter_subject": False,
        "filter_body": False,
        "filter_http_body": False,
        "filter_default_fail": False,
        "early": None,
        "reminder": 0,
        "snoozed_until": None,
        "flap_limit": 6,
        "flapping": False,
        "badge_url": document["badge_url"],
        "uuid": uuid,
        "ping_url": f"https://example.org/ping/{uuid}",
        "update_url": own,
        "pause_url": f"{own}/pause",
        "resume_url": f"{own}/resume",
        "channels": "*",
    }


def test_an_empty_body_says_nothing(world: World) -> None:
    assert world.post(CHECKS, b"").status == 201


SETTINGS: dict[str, Any] = {
    "name": "Büro 夜",
    "slug": "buero_1-a",
    "tags": "prod  db",
    "desc": "Call Ada.\nThen\twait.",
    "timeout": 60,
    "grace": 31536000,
    "manual_resume": True,
    "methods": "POST",
    "start_kw": "begin",
    "success_kw": "done,fine",
    "failure_kw": "error",
    "filter_subject": True,
    "filter_body": True,
    "filter_http_body": True,
    "filter_default_fail": True,
    "reminder": 3600,
    "snoozed_until": "2026-03-02T14:00:00+00:00",
    "flap_limit": 0,
}


def test_every_setting_is_kept_and_shown(world: World) -> None:
    document = created(world, SETTINGS)
    assert {name: document[name] for name in SETTINGS} == SETTINGS
    assert world.get(f"{CHECKS}{document['uuid']}").json() == document


def test_every_setting_can_be_changed_and_changed_back(world: World) -> None:
    uuid = created(world, {"name": "x"})["uuid"]
    before = world.get(f"{CHECKS}{uuid}").json()
    changed = world.post(f"{CHECKS}{uuid}", SETTINGS).json()
    assert {name: changed[name] for name in SETTINGS} == SETTINGS
    back = {name: before[name] for name in SETTINGS}
    assert world.post(f"{CHECKS}{uuid}", back).json() == before


def test_what_is_not_known_is_ignored(world: World) -> None:
    assert created(world, {"name": "x", "colour": "red", "unique_key": "k", "status": "down"})["status"] == "new"


BAD = [
    ({"name": 1}, "name must be text"),
    ({"name": None}, "name must be text"),
    ({"name": "x" * 101}, "name must have at most 100 characters"),
    ({"name": "a\x00b"}, "name may hold line ends and tabs, but no other control character"),
    ({"name": "a\x7f"}, "name may hold line ends and tabs, but no other control character"),
    ({"slug": "Abc"}, "slug may hold a-z, 0-9, hyphens and underscores only"),
    ({"slug": "a\n"}, "slug may hold a-z, 0-9, hyphens and underscores only"),
    ({"slug": "a" * 101}, "slug must have at most 100 characters"),
    ({"tags": ["a"]}, "tags must be text"),
    ({"tags": "t" * 501}, "tags must have at most 500 characters"),
    ({"desc": "d" * 4001}, "desc must have at most 4000 characters"),
    ({"timeout": 59}, "timeout must be at least 60"),
    ({"timeout": 31536001}, "timeout must be at most 31536000"),
    ({"timeout": 10**30}, "timeout must be at most 31536000"),
    ({"timeout": "60"}, "timeout must be a whole number"),
    ({"timeout": 60.0}, "timeout must be a whole number"),
    ({"timeout": True}, "timeout must be a whole number"),
    ({"grace": None}, "grace must be a whole number"),
    ({"grace": 0}, "grace must be at least 60"),
    ({"schedule": "* * *"}, "schedule: "),
    ({"schedule": "0 0 31 2 *"}, "schedule: "),
    ({"schedule": "x" * 1001}, "schedule must have at most 1000 characters"),
    ({"schedule": "0 3 * * 1/2"}, "schedule: 1/2 in the day of week means other days in each scheduler"),
    ({"schedule": "0 3 * * *", "tz": "Mars/Olympus"}, "tz: "),
    ({"manual_resume": 1}, "manual_resume must be true or false"),
    ({"manual_resume": "true"}, "manual_resume must be true or false"),
    ({"methods": "GET"}, "methods must be '' or 'POST'"),
    ({"channels": None}, "channels must be text"),
    ({"channels": "nobody"}, "channels: no channel has the id or name 'nobody'"),
    ({"unique": ["status"]}, "unique.0 must be 'name', 'slug', 'tags', 'timeout' or 'grace'"),
    ({"unique": "name"}, "unique must be a list"),
    ({"success_kw": "k" * 201}, "success_kw must have at most 200 characters"),
    ({"reminder": 59}, "reminder must be 0 or at least 60"),
    ({"reminder": -1}, "reminder must be at least 0"),
    ({"snoozed_until": "soon"}, "snoozed_until must be a time like 2026-03-02T12:00:00Z"),
    ({"snoozed_until": "2026-03-02T12:00:00"}, "snoozed_until must name its zone, like 2026-03-02T12:00:00Z"),
    ({"snoozed_until": "9999-12-31T23:59:59-23:00"}, "snoozed_until must be less than 2200-01-01"),
    ({"flap_limit": 101}, "flap_limit must be at most 100"),
    ({"api_key": 7}, "api_key must be text"),
]


@pytest.mark.parametrize(("settings", "words"), BAD, ids=[str(settings)[:40] for settings, _ in BAD])
@pytest.mark.parametrize("target", [CHECKS, ONE])
def test_a_wrong_setting_is_400_with_its_name_and_nothing_changes(
    world: World, target: str, settings: dict[str, Any], words: str
) -> None:
    check = world.check()
    reply = world.post(target, {"name": "fine", **settings})
    assert reply.status == 400
    assert reply.error.startswith(words)
    assert world.store.checks == {ID: check}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "body must be a JSON object"),
        (b"null", "body must be a JSON object"),
        (b"{", "body is no JSON: EOF while parsing an object at line 1 column 1"),
        (b"\xff", "body is no JSON: "),
        (b'{"name": "\\ud800"}', "body is no JSON: "),
        (b'{"timeout": NaN}', "timeout must be a whole number"),
        (b'{"timeout": 1e999}', "timeout must be a whole number"),
        (b'{"timeout": ' + b"9" * 5000 + b"}", "body is no JSON: number out of range"),
        (b"[" * 10_000, "body is no JSON: recursion limit exceeded"),
        (b'{"name": "' + b"x" * 100_000 + b'"}', "body: at most 100000 bytes, this one has 100012"),
    ],
)
def test_a_body_that_is_no_object_is_400_in_words(world: World, body: bytes, words: str) -> None:
    reply = world.post(CHECKS, body)
    assert reply.status == 400
    assert reply.error.startswith(words)


def test_of_several_faults_one_is_named(world: World) -> None:
    assert world.post(CHECKS, {"grace": 0, "name": 1}).error == "name must be text"


# --- Schedules ---


@pytest.mark.parametrize(
    ("schedule", "stored"),
    [
        ("0 3 * * *", Cron("0 3 * * *", "UTC")),
        ("Mon *-*-* 03:00", OnCalendar("Mon *-*-* 03:00", "UTC")),
        ("12:00\n18:00 Europe/Berlin", OnCalendar("12:00\n18:00 Europe/Berlin", "UTC")),
    ],
)
def test_five_words_on_a_line_are_cron_and_all_else_is_on_calendar(world: World, schedule: str, stored: object) -> None:
    document = created(world, {"schedule": schedule, "timeout": 300})
    assert world.store.checks[document["uuid"]].schedule == stored
    assert (document["schedule"], document["tz"]) == (schedule, "UTC")
    assert "timeout" not in document


TAKEN = [
    ("@daily", "0 0 * * *", "Taken as: each day at 00:00, UTC (0 0 * * *)."),
    ("0 22 * * 1-5 Asia/Tokyo", "0 22 * * 1-5", "Taken as: Monday to Friday at 22:00, Asia/Tokyo (0 22 * * 1-5)."),
    ("OnCalendar=Mon 10:00", "Mon 10:00", "Taken as: OnCalendar Mon 10:00, UTC."),
    ("0 12 * * *\n30 17 * * *", "0 12 * * *\n30 17 * * *", None),
    (" 0 3  * * * ", "0 3 * * *", None),
]


@pytest.mark.parametrize(("sent", "kept", "note"), TAKEN)
@pytest.mark.parametrize("dry", ["", "?dry_run=1"])
def test_a_schedule_in_another_dialect_is_shown_as_it_was_taken(
    world: World, dry: str, sent: str, kept: str, note: str | None
) -> None:
    world.check()
    for path in (CHECKS, ONE):
        document = world.post(f"{path}{dry}", {"schedule": sent}).json()
        assert (document["schedule"], document.get("schedule_note")) == (kept, note)
    assert "schedule_note" not in world.get(ONE).json()


def test_a_rate_is_a_period(world: World) -> None:
    document = created(world, {"schedule": "rate(5 minutes)", "tz": "Europe/Berlin"})
    assert (document["timeout"], document["schedule_note"]) == (300, "Taken as: every 5 min.")
    assert "schedule" not in document


def test_what_other_schedulers_read_differently_is_said(world: World) -> None:
    note = created(world, {"schedule": "0 9 */2 * MON"})["schedule_note"]
    assert note.startswith("Its day of month and its day of week must both match")


def test_what_happens_to_a_skipped_hour_is_as_asked_or_as_the_dialect_tells(world: World) -> None:
    plain = created(world, {"schedule": "30 2 * * *", "tz": "Europe/Berlin"})
    assert (plain["skipped_hour"], "skipped_hour to skip" in plain["schedule_note"]) == ("run", True)
    assert created(world, {"schedule": "30 2 * * * Europe/Berlin"})["skipped_hour"] == "skip"
    assert created(world, {"schedule": "30 2 * * * UTC", "skipped_hour": "run"})["skipped_hour"] == "run"
    for other in ({"schedule": "02:30"}, {"timeout": 3600}):
        assert "skipped_hour" not in created(world, other)
        assert world.post(CHECKS, other | {"skipped_hour": "skip"}).error == "skipped_hour: is for cron schedules only"


def test_the_rule_of_a_skipped_hour_stays_until_a_change_names_another(world: World) -> None:
    world.check(schedule=Cron("30 2 * * *", "Europe/Berlin"))
    assert world.post(ONE, {"skipped_hour": "skip"}).json()["skipped_hour"] == "skip"
    assert world.store.checks[ID].schedule == Cron("30 2 * * *", "Europe/Berlin", "skip")
    for change in ({"schedule": "30 3 * * *"}, {"tz": "Asia/Tokyo"}, {"name": "x"}, {"skipped_hour": ""}):
        assert world.post(ONE, change).json()["skipped_hour"] == "skip"
    assert world.post(ONE, {"skipped_hour": "run"}).json()["skipped_hour"] == "run"
    assert world.post(ONE, {"skipped_hour": "never"}).error.startswith("skipped_hour must be")


def test_how_early_a_success_may_come_is_as_asked_and_null_is_the_default(world: World) -> None:
    assert created(world, {"schedule": "0 3 * * *"})["early"] is None
    world.check(schedule=Cron("0 3 * * *", "UTC"))
    for early in (0, 1_200, None, 86_400):
        assert world.post(ONE, {"early": early}).json()["early"] == early
        assert world.post(ONE, {"name": "x"}).json()["early"] == early
    assert world.store.checks[ID].early == hours(24)
    assert world.post(ONE, {"early": 86_401}).error == "early must be at most 86400"
    assert world.post(ONE, {"early": -1}).error == "early must be at least 0"


def test_an_old_zone_name_is_replaced(world: World) -> None:
    assert created(world, {"schedule": "0 3 * * *", "tz": "Europe/Kiev"})["tz"] == "Europe/Kyiv"


def test_a_zone_alone_changes_the_schedule_that_is_there(world: World) -> None:
    world.check(schedule=Cron("0 3 * * *", "UTC"))
    assert world.post(ONE, {"tz": "Asia/Tokyo"}).json()["tz"] == "Asia/Tokyo"


def test_a_schedule_alone_keeps_the_zone_that_is_there(world: World) -> None:
    world.check(schedule=Cron("0 3 * * *", "Asia/Tokyo"))
    assert world.post(ONE, {"schedule": "0 4 * * *"}).json()["tz"] == "Asia/Tokyo"


def test_a_zone_without_a_schedule_does_nothing_to_a_period(world: World) -> None:
    world.check()
    assert world.post(ONE, {"tz": "Asia/Tokyo"}).json()["timeout"] == 86400


def test_a_zone_that_is_none_is_refused_even_where_it_does_nothing(world: World) -> None:
    world.check()
    reply = world.post(ONE, {"tz": "Mars/Olympus"})
    assert reply.status == 400
    assert reply.error.startswith("tz: ")


def test_a_request_judges_only_the_settings_that_it_names(world: World) -> None:
    # OnCalendar lines may have an end: a check whose last time is over is still renamed, tagged and deleted.
    over = OnCalendar("2026-02-01 10:00:00", "UTC")
    world.check(schedule=over)
    named = {"name": "yearly report", "tags": "old", "desc": "nothing to do", "grace": 600, "unique": ["name"]}
    document = world.post(ONE, named).json()
    assert {name: document[name] for name in ("name", "tags", "desc", "grace")} == {
        name: named[name] for name in ("name", "tags", "desc", "grace")
    }
    assert world.store.checks[ID].schedule == over
    assert world.post(ONE, {"tz": "Europe/Berlin"}).error.startswith("schedule: ")


def test_a_timeout_takes_the_place_of_a_schedule(world: World) -> None:
    world.check(schedule=Cron("0 3 * * *", "UTC"))
    assert world.post(ONE, {"timeout": 300}).json()["timeout"] == 300
    assert world.store.checks[ID].schedule == Period(seconds(300))


# --- Slugs, by version ---


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("name", "slug"), [("Nightly Backup #2", "nightly-backup-2"), ("Büro", "buro"), ("夜", ""), ("--a__b--", "a__b")]
)
def test_old_versions_derive_the_slug_from_the_name(world: World, version: int, name: str, slug: str) -> None:
    assert created(world, {"name": name}, version=version)["slug"] == slug


@pytest.mark.parametrize("version", [1, 2])
def test_old_versions_derive_it_anew_when_the_name_changes(world: World, version: int) -> None:
    world.check(slug="old")
    assert world.post(f"/api/v{version}/checks/{ID}", {"name": "New Name"}).json()["slug"] == "new-name"
    assert world.post(f"/api/v{version}/checks/{ID}", {"tags": "a"}).json()["slug"] == "new-name"


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_slug_that_is_sent_wins(world: World, version: int) -> None:
    assert created(world, {"name": "Nightly", "slug": "mine"}, version=version)["slug"] == "mine"


def test_version_3_takes_only_a_slug_that_is_sent(world: World) -> None:
    assert created(world, {"name": "Nightly"})["slug"] == ""


# --- Unique ---


@pytest.mark.parametrize(
    ("field", "value"), [("name", "a"), ("slug", "a"), ("tags", "a b"), ("timeout", 120), ("grace", 120)]
)
def test_unique_updates_the_check_that_has_the_same(world: World, field: str, value: object) -> None:
    uuid = created(world, {field: value})["uuid"]
    reply = world.post(CHECKS, {field: value, "desc": "again", "unique": [field]})
    assert reply.status == 200
    assert (reply.json()["uuid"], reply.json()["desc"]) == (uuid, "again")
    assert len(world.store.checks) == 1


def test_unique_makes_a_check_where_none_is_the_same(world: World) -> None:
    created(world, {"name": "a", "tags": "x"})
    assert world.post(CHECKS, {"name": "a", "tags": "y", "unique": ["name", "tags"]}).status == 201


def test_a_field_that_is_not_sent_matches_nothing(world: World) -> None:
    created(world, {"name": "a"})
    assert world.post(CHECKS, {"name": "a", "unique": ["name", "slug"]}).status == 201


def test_unique_looks_at_no_other_project(world: World) -> None:
    world.check(name="a", project="shop")
    assert world.post(CHECKS, {"name": "a", "unique": ["name"]}).status == 201


def test_a_schedule_has_no_timeout_to_match(world: World) -> None:
    world.check(schedule=Cron("0 3 * * *", "UTC"))
    assert world.post(CHECKS, {"timeout": 86400, "unique": ["timeout"]}).status == 201


def test_of_many_upserts_by_slug_at_once_one_makes_the_check(world: World) -> None:
    def race(call: str, when: str) -> None:
        if (call, when) == ("create", "before") and not world.store.checks:
            world.store.hook = nothing
            world.check(slug="job", name="first")

    world.store.hook = race
    reply = world.post(CHECKS, {"slug": "job", "name": "second", "unique": ["slug"]})
    assert (reply.status, reply.json()["uuid"], reply.json()["name"]) == (200, ID, "second")
    assert len(world.store.checks) == 1


@pytest.mark.parametrize("field", ["name", "tags", "timeout"])
def test_of_two_upserts_by_another_field_at_once_one_makes_the_check(world: World, field: str) -> None:
    # The second comes when the first has looked and found none, and before it writes.
    wanted = {"name": "backup", "tags": "prod", "timeout": 7200, "unique": [field]}
    second: list[int] = []

    def hook(call: str, when: str) -> None:
        if (call, when) == ("create", "before"):
            world.store.hook = nothing
            second.append(world.post(CHECKS, wanted).status)

    world.store.hook = hook
    assert world.post(CHECKS, wanted).status == 201
    assert second == [503]
    assert world.post(CHECKS, wanted).status == 200
    assert len(world.store.checks) == 1


def test_a_project_has_so_many_checks_at_most() -> None:
    world = World(checks_per_project=2)
    for slug in ("a", "b"):
        created(world, {"slug": slug})
    reply = world.post(CHECKS, {"slug": "c"})
    assert reply.status == 409
    assert reply.error == "a project has at most 2 checks: delete some, or make another project for the rest"
    assert world.post(CHECKS, {"slug": "a", "unique": ["slug"]}).status == 200
    world.send("DELETE", f"{CHECKS}{next(iter(world.store.checks))}")
    world.now += minutes(1)
    assert world.post(CHECKS, {"slug": "c"}).status == 201


def test_an_upsert_by_slug_reads_only_the_bearers_of_it(world: World) -> None:
    for number in range(5):
        created(world, {"slug": f"job-{number}"})
    world.store.corrupt = set(world.store.checks) - set(world.store.ids_of_slug("default", "job-3"))
    assert world.post(CHECKS, {"slug": "job-3", "unique": ["slug"]}).status == 200


# --- Get ---


def test_unknown_unique_keys_read_the_names_of_a_large_project_once_in_a_while(world: World) -> None:
    for number in range(4_000):
        world.check(id=str(UUID(int=number + 1)), slug=str(number))
    read: list[str] = []
    world.store.hook = lambda call, when: read.append(call) if (call, when) == ("project", "after") else None
    for number in range(20):
        assert world.get(f"{CHECKS}{number:040x}", key=world.read).status == 404
    assert len(read) == 1
    world.now += seconds(10)
    world.get(f"{CHECKS}{1:040x}", key=world.read)
    assert len(read) == 2


def test_a_check_that_was_just_made_is_known_by_its_unique_key_at_once(world: World) -> None:
    for number in range(1_000):
        world.check(id=str(UUID(int=number + 1)), slug=str(number))
    world.get(f"{CHECKS}{1:040x}", key=world.read)  # the names are read now, and not again for a while
    uuid = created(world, {"name": "new"})["uuid"]
    assert world.get(f"{CHECKS}{unique_key(uuid)}", key=world.read).json()["name"] == "new"


def test_a_unique_key_of_another_project_is_404_also_where_its_own_project_was_read(world: World) -> None:
    world.check(project="shop")
    key = unique_key(ID)
    assert world.get(f"{CHECKS}{key}", key=world.key(Scope.READ, "shop")).status == 200
    assert world.get(f"{CHECKS}{key}").status == 404


@pytest.mark.parametrize("spelled", [ID, ID.upper(), ID.replace("-", ""), unique_key(ID)])
@pytest.mark.parametrize("key", ["write", "read"])
def test_a_check_is_found_by_uuid_and_by_unique_key(world: World, spelled: str, key: str) -> None:
    world.check(name="backup")
    assert world.get(f"{CHECKS}{spelled}", key=getattr(world, key)).json()["name"] == "backup"


def test_a_unique_key_is_sought_once(world: World) -> None:
    world.check()
    sought: list[str] = []
    world.store.hook = lambda call, when: sought.append(call) if (call, when) == ("project", "before") else None
    for _ in range(3):
        assert world.get(f"{CHECKS}{unique_key(ID)}").status == 200
    assert sought == ["project"]


@pytest.mark.parametrize("action", ["", "/pause", "/resume"])
def test_a_unique_key_changes_nothing(world: World, action: str) -> None:
    world.check()
    assert world.post(f"{CHECKS}{unique_key(ID)}{action}", {}).status == 404
    assert world.send("DELETE", f"{CHECKS}{unique_key(ID)}").status == 404


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_check_of_another_project_is_403(world: World, method: str) -> None:
    world.check(project="shop")
    reply = world.send(method, ONE)
    assert (reply.status, reply.error) == (403, "not a check of this key's project")
    assert ID in world.store.checks


def test_a_unique_key_of_another_project_is_404(world: World) -> None:
    world.check(project="shop")
    assert world.get(f"{CHECKS}{unique_key(ID)}").status == 404


@pytest.mark.parametrize("key", [OTHER_ID, "nightly", "0" * 40, "f" * 39, "%20", "a" * 3000])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_what_is_not_there_is_404(world: World, method: str, key: str) -> None:
    reply = world.send(method, f"{CHECKS}{key}")
    assert reply.status == 404
    assert reply.error.startswith("not found")


READ_ONLY = {"unique_key"}
READ_WRITE = {"uuid", "ping_url", "update_url", "pause_url", "resume_url", "channels"}


@pytest.mark.parametrize("target", [CHECKS, ONE])
def test_a_read_only_key_sees_nothing_that_pings_or_changes(world: World, target: str) -> None:
    world.check(about="Call Ada.")
    full, reduced = world.get(target).json(), world.get(target, key=world.read).json()
    if target == CHECKS:
        full, reduced = full["checks"][0], reduced["checks"][0]
    assert set(full) - set(reduced) == READ_WRITE
    assert set(reduced) - set(full) == READ_ONLY
    assert reduced["unique_key"] == unique_key(ID)
    assert ID not in str(reduced)


def test_the_unique_key_is_the_peers(world: World) -> None:
    world.check(id="803f680d-e89b-492b-82ef-2be7b774a92d")
    (document,) = world.get(CHECKS, key=world.read).json()["checks"]
    assert document["unique_key"] == "124f983e0e3dcaeba921cfcef46efd084576e783"


# --- Status when read ---


def test_status_is_right_when_read_though_nobody_looked(world: World) -> None:
    world.check(schedule=Period(hours(1)), grace=minutes(10))
    world.ping()
    seen = {}
    for after in (0, 59, 60, 69, 70):
        world.now = T0 + minutes(after)
        seen[after] = world.get(ONE).json()["status"]
    assert seen == {0: "up", 59: "up", 60: "grace", 69: "grace", 70: "down"}
    assert world.status() is Status.UP


def test_next_ping_is_when_lateness_begins_or_an_open_run_began(world: World) -> None:
    world.check(schedule=Period(hours(1)), grace=minutes(10))
    assert world.get(ONE).json()["next_ping"] is None
    world.ping()
    assert world.get(ONE).json()["next_ping"] == "2026-03-02T13:00:00+00:00"
    world.now = T0 + minutes(5)
    world.ping(kind=Kind.START)
    document = world.get(ONE).json()
    assert (document["next_ping"], document["last_ping"]) == ("2026-03-02T12:05:00+00:00", "2026-03-02T12:00:00+00:00")


def test_an_open_run_is_a_status_in_version_1_and_beside_it_later(world: World) -> None:
    world.check(schedule=Period(hours(1)), grace=minutes(10))
    world.ping(kind=Kind.START)
    shown = {version: world.get(f"/api/v{version}/checks/{ID}").json() for version in (1, 2, 3)}
    assert {version: (each["status"], each["started"]) for version, each in shown.items()} == {
        1: ("started", True),
        2: ("new", True),
        3: ("new", True),
    }
    world.now = T0 + hours(2)
    assert world.get(f"/api/v1/checks/{ID}").json()["status"] == "started"
    assert world.get(f"/api/v2/checks/{ID}").json()["status"] == "down"


def test_open_runs_are_counted_and_the_oldest_is_named(world: World) -> None:
    world.check()
    for _ in range(2):
        world.ping(kind=Kind.START, rid=str(UUID(int=world.now.minute + 1, version=4)))
        world.now += minutes(5)
    document = world.get(ONE).json()
    assert (document["started"], document["open_runs"]) == (True, 2)
    assert document["running_since"] == "2026-03-02T12:00:00+00:00"


def test_an_attempt_that_is_over_and_waits_for_its_retry_is_no_open_run(world: World) -> None:
    world.check()
    world.ping(kind=Kind.START, rid=RID)
    world.ping(kind=Kind.LOG, rid=RID, over="again")
    document = world.get(ONE).json()
    assert (document["started"], document["open_runs"], document["running_since"]) == (False, 0, None)


def test_the_last_runs_duration_is_shown_if_it_is_known(world: World) -> None:
    world.check()
    world.ping(kind=Kind.START, rid=RID)
    world.now = T0 + seconds(75.9)
    world.ping(rid=RID)
    assert world.get(ONE).json()["last_duration"] == 75
    world.ping()
    assert "last_duration" not in world.get(ONE).json()


# --- Update, pause, resume, delete ---


def test_an_update_keeps_the_status_and_moves_the_deadline(world: World) -> None:
    world.check(schedule=Period(hours(1)), grace=minutes(10))
    world.ping()
    document = world.post(ONE, {"timeout": 7200}).json()
    assert (document["status"], document["next_ping"]) == ("up", "2026-03-02T14:00:00+00:00")
    assert world.store.checks[ID].wake_at == T0 + hours(2) + minutes(10)


LATER = [("", {"grace": 80_000}), ("", {"name": "x"}), ("/pause", {})]


@pytest.mark.parametrize(("way", "body"), LATER)
def test_what_nobody_had_noticed_is_told_before_a_change(world: World, way: str, body: dict[str, object]) -> None:
    world.check(schedule=Period(hours(1)), grace=minutes(10))
    world.ping()
    world.now = T0 + hours(3)
    assert world.post(f"{ONE}{way}", body).status == 200
    flips = world.store.flips(ID, after=1)
    assert [(flip.reason, flip.at) for flip in flips][:1] == [(Reason.MISSED, T0 + hours(1) + minutes(10))]
    assert [wake.check_id for wake in world.wakes.sent] == [ID]


def test_an_update_is_not_held_against_the_past(world: World) -> None:
    world.check(schedule=Cron("0 22 * * *"), grace=hours(1), status=Status.UP, last_ping=T0 - hours(14))
    document = world.post(ONE, {"schedule": "0 6 * * *"}).json()
    assert (document["status"], document["next_ping"]) == ("up", "2026-03-03T06:00:00+00:00")


def test_an_update_that_says_nothing_changes_nothing(world: World) -> None:
    check = world.check(about="Call Ada.")
    assert world.post(ONE, {}).json()["desc"] == "Call Ada."
    assert world.store.checks[ID] == check


def test_a_description_goes_along_when_the_slug_changes(world: World) -> None:
    world.check(slug="old", about="Call Ada.")
    assert world.post(ONE, {"slug": "new"}).json()["desc"] == "Call Ada."
    assert world.get(f"{CHECKS}?slug=new").json()["checks"][0]["desc"] == "Call Ada."
    assert world.get(f"{CHECKS}?slug=old").json()["checks"] == []


def test_pause_is_silent_forgets_the_run_and_can_be_said_twice(world: World) -> None:
    world.check()
    world.ping(kind=Kind.START)
    for _ in range(2):
        reply = world.post(f"{ONE}/pause")
        assert reply.status == 200
        assert (reply.json()["status"], reply.json()["started"]) == ("paused", False)
    assert world.store.checks[ID].flips == 1
    assert world.wakes.sent == []


def test_resume_begins_anew_and_forgets_the_last_ping(world: World) -> None:
    world.check()
    world.ping()
    world.post(f"{ONE}/pause", b"")
    document = world.post(f"{ONE}/resume", b"").json()
    assert (document["status"], document["last_ping"], document["n_pings"]) == ("new", None, 1)


@pytest.mark.parametrize("status", [Status.NEW, Status.UP, Status.DOWN])
def test_what_is_not_paused_cannot_be_resumed(world: World, status: Status) -> None:
    world.check(status=status)
    reply = world.post(f"{ONE}/resume")
    assert (reply.status, reply.error) == (409, f"The check is {status}, not paused.")


def test_delete_answers_with_what_it_was_and_then_there_is_none(world: World) -> None:
    world.check(name="backup", slug="b", about="Call Ada.")
    before = world.get(ONE).json()
    reply = world.send("DELETE", ONE)
    assert (reply.status, reply.json()) == (200, before)
    assert world.get(ONE).status == world.send("DELETE", ONE).status == 404
    assert world.get(CHECKS).json() == {"checks": []}


def test_a_change_that_lost_a_race_is_decided_anew(world: World) -> None:
    world.check(schedule=Period(hours(1)))
    races = iter(range(3))

    def race(call: str, when: str) -> None:
        if (call, when) == ("save", "before") and next(races, None) is not None:
            held = world.store.checks[ID]
            world.store.checks[ID] = replace(held, rev=held.rev + 1)

    world.store.hook = race
    assert world.post(ONE, {"name": "new"}).json()["name"] == "new"


def test_a_check_that_never_stands_still_is_503_and_can_be_tried_again(world: World) -> None:
    world.check()

    def race(call: str, when: str) -> None:
        if (call, when) == ("save", "before"):
            held = world.store.checks[ID]
            world.store.checks[ID] = replace(held, rev=held.rev + 1)

    world.store.hook = race
    reply = world.post(ONE, {"name": "new"})
    assert reply.status == 503
    assert "try again" in reply.error
    assert reply.headers["retry-after"] == "1"


# --- Channels of a check ---


@pytest.fixture
def channels(world: World) -> World:
    for number, name in enumerate(["ops", "dev", "dev"], start=1):
        channel = Channel(id=f"id-{number}", project="default", name=name, via=Via.EMAIL, target="a@example.org")
        CHANNELS.write(world.store, channel)
    return world


@pytest.mark.parametrize(
    ("asked", "kept"),
    [("*", "*"), ("", ""), ("ops", "id-1"), ("id-3,ops", "id-3,id-1"), (" id-2 , id-3 ", "id-2,id-3")],
)
def test_channels_are_all_none_or_named_by_id_or_name(channels: World, asked: str, kept: str) -> None:
    channels.check()
    assert channels.post(ONE, {"channels": asked}).json()["channels"] == kept


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("pager", "channels: no channel has the id or name 'pager'"),
        ("ops,", "channels: no channel has the id or name ''"),
        ("dev", "channels: several channels have the name 'dev'"),
        ("ops,*", "channels: no channel has the id or name '*'"),
    ],
)
def test_a_channel_that_is_not_there_or_not_clear_changes_nothing(channels: World, asked: str, words: str) -> None:
    check = channels.check()
    reply = channels.post(ONE, {"channels": asked, "name": "new"})
    assert (reply.status, reply.error) == (400, words)
    assert channels.store.checks[ID] == check


# --- Lists ---


def listed(world: World, query: str = "") -> list[str]:
    return [each["name"] for each in world.get(f"{CHECKS}{query}").json()["checks"]]


def test_a_list_is_by_name_whatever_the_case(world: World) -> None:
    for name in ["beta", "Alpha", "gamma", "alpha 2", "Ärger"]:
        created(world, {"name": name})
    assert listed(world) == ["Alpha", "alpha 2", "beta", "gamma", "Ärger"]


def test_a_list_is_of_one_project(world: World) -> None:
    world.check(name="ours")
    world.check(id=OTHER_ID, name="theirs", project="shop")
    assert listed(world) == ["ours"]
    assert [each["name"] for each in world.get(CHECKS, key=world.key(Scope.READ, "shop")).json()["checks"]] == [
        "theirs"
    ]


def test_a_list_is_filtered_by_slug_and_by_every_tag(world: World) -> None:
    for name, slug, tags in [("a", "job", "x y"), ("b", "job", "y"), ("c", "other", "x"), ("d", "", "xy")]:
        created(world, {"name": name, "slug": slug, "tags": tags})
    assert listed(world, "?slug=job") == ["a", "b"]
    assert listed(world, "?tag=x") == ["a", "c"]
    assert listed(world, "?tag=x&tag=y") == ["a"]
    assert listed(world, "?tag=x&slug=other") == ["c"]
    assert listed(world, "?tag=z") == listed(world, "?tag=x,y") == listed(world, "?slug=none") == []
    assert listed(world, "?slug=") == ["d"]
    assert listed(world, "?colour=red") == ["a", "b", "c", "d"]


def test_one_check_that_cannot_be_read_hides_no_other(world: World) -> None:
    world.check(name="fine")
    world.check(id=OTHER_ID, name="broken")
    world.store.corrupt.add(OTHER_ID)
    document = world.get(CHECKS).json()
    assert [each["name"] for each in document["checks"]] == ["fine"]
    assert document["unreadable"] == [unique_key(OTHER_ID)]


def test_pages_hold_each_check_once_and_end(world: World) -> None:
    for number in range(7):
        created(world, {"name": f"job {number}", "slug": "same" if number < 3 else ""})
    names, sizes, query = [], [], "?limit=2"
    while query:
        document = world.get(f"{CHECKS}{query}").json()
        names += [each["name"] for each in document["checks"]]
        sizes.append(len(document["checks"]))
        query = f"?limit=2&cursor={document['next']}" if "next" in document else ""
    assert sorted(names) == [f"job {number}" for number in range(7)]
    assert sizes == [2, 2, 2, 1]


def test_a_page_reads_only_its_own_checks(world: World) -> None:
    for number in range(7):
        created(world, {"name": f"job {number}"})
    first = world.get(f"{CHECKS}?limit=3").json()
    world.store.corrupt = set(world.store.checks) - {each["uuid"] for each in first["checks"]}
    assert world.get(f"{CHECKS}?limit=3").json() == first


def test_a_cursor_tells_no_ping_url(world: World) -> None:
    world.check()
    world.check(id=OTHER_ID)
    cursor = world.get(f"{CHECKS}?limit=1", key=world.read).json()["next"]
    held = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert all(part.encode() not in held for each in (ID, OTHER_ID) for part in each.split("-"))
    assert world.get(f"{CHECKS}?limit=1&cursor={cursor}", key=world.key(Scope.READ, "shop")).status == 400


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?limit=0", "limit must be at least 1"),
        ("?limit=1001", "limit must be at most 1000"),
        ("?limit=ten", "limit must be a whole number"),
        ("?limit=1.0", "limit must be a whole number"),
        ("?limit=%EF%BC%91", "limit must be a whole number"),
        ("?limit=", "limit must be a whole number"),
        ("?cursor=abc", "cursor must be the `next` of the page before, to the letter"),
        ("?cursor=%C3%BF", "cursor must be the `next` of the page before, to the letter"),
        (f"?cursor={'a' * 501}", "cursor must have at most 500 characters"),
        (f"?slug={'a' * 101}", "slug must have at most 100 characters"),
    ],
)
def test_a_wrong_query_is_400_in_words(world: World, query: str, words: str) -> None:
    reply = world.get(f"{CHECKS}{query}")
    assert (reply.status, reply.error) == (400, words)


def test_a_check_that_changes_its_status_by_an_update_wakes_nobody(world: World) -> None:
    world.check(schedule=Period(timedelta(days=1)))
    world.ping()
    world.post(ONE, {"timeout": 60})
    assert world.wakes.sent == []
