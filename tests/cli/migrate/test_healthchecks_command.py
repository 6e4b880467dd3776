"""`lastseen migrate healthchecks`: a project comes over with its UUIDs and its ping key, and can be brought again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lastseen.core.channel import Channel, Via
from lastseen.core.check import Kind, Status
from lastseen.core.keys import Scope, hashed
from lastseen.storage.documents import CHANNELS, KEYS
from tests.cli.conftest import Terminal
from tests.cli.migrate.peer import (
    OPS,
    PING_BASE,
    READ_KEY,
    WRITE_KEY,
    Answer,
    Peer,
    as_json,
    as_read_only,
    document,
    project,
    serving,
)
from tests.lastseen.pinging.world import Pinging
from tests.times import T0, hours

PING_KEY = "dV9x-3k_TqLmZ0aRb7CyNw"
UUIDS = [f"0b9f2c{number:02x}-7a64-4d0f-8e21-93c5d7a1b240" for number in range(16)]
MIGRATE = ("migrate", "healthchecks")
SETTINGS = (
    "name", "slug", "tags", "desc", "grace", "manual_resume", "methods", "start_kw", "success_kw", "failure_kw",
    "filter_subject", "filter_body", "filter_http_body", "filter_default_fail", "timeout", "schedule",
)  # fmt: skip


@pytest.fixture
def peer() -> Iterator[Peer]:
    nightly = document(UUIDS[0], name="Nightly backup", slug="nightly", schedule="0 3 * * *", tz="Europe/Kiev")
    paused = document(UUIDS[1], name="Old import", status="paused", timeout=3600, channels=OPS["id"])
    with serving(Peer([nightly, paused])) as served:
        yield served


@pytest.fixture
def lastseen(lastseen: Terminal) -> Terminal:
    lastseen.monkeypatch.setenv("LASTSEEN_LOCAL", "0")
    lastseen.monkeypatch.setenv("HC_API_KEY", WRITE_KEY)
    lastseen.monkeypatch.delenv("HC_PING_KEY", raising=False)
    return lastseen


def channel(lastseen: Terminal, name: str) -> str:
    made = Channel(id=f"id-{name.lower()}", project="default", name=name, via=Via.EMAIL, target=f"{name}@example.org")
    CHANNELS.write(lastseen.world.store, made)
    return made.id


def test_two_hundred_checks_come_over_and_their_jobs_go_on_by_another_host_name_alone(
    lastseen: Terminal, peer: Peer
) -> None:
    peer.checks = project(200)
    ops = channel(lastseen, "Ops")
    arguments = (*MIGRATE, "--url", peer.url, "--ping-key", PING_KEY)
    done = lastseen.ok(*arguments, "--yes")
    assert "200 checks to make, 0 as in Healthchecks already, 0 differ, 0 cannot come along.\n" in done.err
    assert f"In the jobs, replace {PING_BASE}/ by https://example.org/ping/ " in done.err
    assert PING_KEY not in done.out + done.err

    here = {check["uuid"]: check for check in lastseen.world.get("/api/v3/checks/").json()["checks"]}
    for there in peer.checks:
        check = here[there["uuid"]]
        assert [check.get(name) for name in SETTINGS] == [there.get(name) for name in SETTINGS]
        assert check["status"] == ("paused" if there["status"] == "paused" else "new")
        assert check["channels"] == ("" if not there["channels"] else ops)
        if "schedule" in there:
            assert check["tz"] == there["tz"].replace("Kiev", "Kyiv")

    before = dict(lastseen.world.store.checks)
    again = lastseen.ok(*arguments)
    assert (again.out, again.err.splitlines()[-1]) == ("", "Nothing to do.")
    assert "0 checks to make, 200 as in Healthchecks already, 0 differ" in again.err
    assert lastseen.world.store.checks == before

    jobs = Pinging(store=lastseen.world.store)
    for there in peer.checks:
        path = there["ping_url"].removeprefix(f"{PING_BASE}/")
        assert jobs.ping(path, at=T0 + hours(1), method="POST", body=b"done").status == 200
        if there["slug"]:
            assert jobs.ping(f"{PING_KEY}/{there['slug']}/log", at=T0 + hours(1), method="POST").status == 200
    for there in peer.checks:
        check = lastseen.world.store.checks[there["uuid"]]
        assert check.n_pings == (2 if there["slug"] else 1)
        is_deaf = there["status"] == "paused" and there["manual_resume"]
        assert check.status is (Status.PAUSED if is_deaf else Status.UP)
    assert len(lastseen.world.store.checks) == 200


def test_it_shows_what_would_be_and_asks_before_anything_is_made(lastseen: Terminal, peer: Peer) -> None:
    dry = lastseen(*MIGRATE, "--url", peer.url, "--dry-run", "--exit-code")
    assert (
        dry.out
        == "+ nightly     0 3 * * * Europe/Kiev  grace 1h\n+ Old import  every 1h               grace 1h  paused\n"
    )
    missing = "the API does not show where it goes."
    assert dry.err.splitlines() == [
        (
            f"NOT MOVED: the integration email Ops, of 1 checks: {missing} Make it under this name, and its checks get "
            "it (later: with --update): lastseen channels create Ops TARGET"
        ),
        (
            f"NOT MOVED: the integration call On call, of 0 checks: {missing} Lastseen has no such channel: "
            "docs/alerts.md lists those that it has."
        ),
        (
            f"NOT MOVED: the integration slack, of 0 checks: {missing} It has no name, so its checks cannot be told to "
            "a channel here: make one for all."
        ),
        "Jobs that ping by slug need the project's ping key here, which the API does not show: --ping-key",
        "2 checks to make, 0 as in Healthchecks already, 0 differ, 0 cannot come along.",
        "Nothing was changed.",
    ]
    assert dry.status == 3
    asked = lastseen(*MIGRATE, "--url", peer.url, "--ping-key", PING_KEY)
    assert (asked.status, "Make 2 checks, take the ping key?" in asked.err) == (1, True)
    assert lastseen.world.store.checks == {}
    assert KEYS.one(lastseen.world.store, hashed(PING_KEY)) is None


def test_what_differs_here_stays_unless_it_is_asked_for(lastseen: Terminal, peer: Peer) -> None:
    lastseen.world.check(id=UUIDS[0], slug="nightly", name="Nachtsicherung", tags="prod")
    done = lastseen.ok(*MIGRATE, "--url", peer.url, "--yes")
    assert '! Nightly backup: name "Nachtsicherung" -> "Nightly backup"; tags "prod" -> ""; ' in done.out
    assert "--update takes the settings of Healthchecks." in done.err
    assert lastseen.world.store.checks[UUIDS[0]].name == "Nachtsicherung"
    done = lastseen.ok(*MIGRATE, "--url", peer.url, "--yes", "--update")
    assert done.out.startswith("~ Nightly backup: ")
    assert lastseen.world.store.checks[UUIDS[0]].name == "Nightly backup"
    assert lastseen.ok(*MIGRATE, "--url", peer.url, "--update").err.endswith("Nothing to do.\n")


def test_channels_follow_by_name_once_they_are_here(lastseen: Terminal, peer: Peer) -> None:
    peer.checks[0]["channels"] = ",".join(each["id"] for each in peer.channels)
    lastseen.ok(*MIGRATE, "--url", peer.url, "--yes")
    checks = lastseen.world.store.checks
    assert [checks[uuid].channels for uuid in UUIDS[:2]] == ["*", "*"]  # all of there; and what new checks get here
    ops = channel(lastseen, "Ops")
    lastseen.ok(*MIGRATE, "--url", peer.url, "--yes", "--update")
    assert [checks[uuid].channels for uuid in UUIDS[:2]] == ["*", ops]
    on_call = channel(lastseen, "On call")
    peer.checks[1]["channels"] = f"{peer.channels[1]['id']},{OPS['id']}"
    lastseen.world.post(f"/api/v3/checks/{UUIDS[1]}", {"channels": f"{on_call},{ops}"})
    assert lastseen.ok(*MIGRATE, "--url", peer.url, "--update").err.endswith("Nothing to do.\n")  # in another order


def test_a_pause_that_an_interruption_left_out_comes_later_but_never_over_a_ping(
    lastseen: Terminal, peer: Peer
) -> None:
    lastseen.world.check(id=UUIDS[1], name="Old import")
    lastseen.ok(*MIGRATE, "--url", peer.url, "--yes")
    assert lastseen.world.status(UUIDS[1]) is Status.PAUSED
    for kind, status in ((Kind.LOG, Status.NEW), (Kind.SUCCESS, Status.UP)):
        lastseen.world.post(f"/api/v3/checks/{UUIDS[1]}/resume")
        lastseen.world.ping(UUIDS[1], kind=kind)
        lastseen.ok(*MIGRATE, "--url", peer.url, "--yes", "--update")
        assert lastseen.world.status(UUIDS[1]) is status


def test_one_check_that_cannot_come_keeps_no_other_back(lastseen: Terminal, peer: Peer) -> None:
    lastseen.world.check(name="Local", slug="nightly")
    lastseen.world.check(id=UUIDS[2], project="shop")
    peer.checks += [
        document(UUIDS[2], name="Theirs"),
        document(UUIDS[3], name="Never", schedule="0 0 31 2 *"),
        document("5c9f2c1e-7a64-1d0f-8e21-93c5d7a1b240", name="By hand"),
        document(UUIDS[4], name="\x1b[31mRed\ufffe", tags="a\x00b"),
    ]
    done = lastseen(*MIGRATE, "--url", peer.url, "--yes")
    assert done.status == 1
    faults = [line for line in done.err.splitlines() if line.startswith("NOT MOVED: ") and "integration" not in line]
    refused = "The API did not accept this:"
    assert [fault.removeprefix("NOT MOVED: ")[:95] for fault in faults] == [
        "Nightly backup: the check Local here has the slug nightly and another UUID. Give it another slu",
        f"Theirs: {refused} uuid: there is a check with this UUID already"[:95],
        next(fault for fault in faults if "Never" in fault).removeprefix("NOT MOVED: ")[:95],
        f"By hand: {refused} uuid must be a random UUID (version 4): it is the ping URL"[:95],
    ]
    assert f"Never: {refused} schedule: " in done.err
    assert set(lastseen.world.store.checks) == {"5f0c2a4e-8d31-4b7a-9c15-1f2e3d4c5b6a", UUIDS[1], UUIDS[2], UUIDS[4]}
    assert lastseen.world.store.checks[UUIDS[4]].name == "[31mRed"
    assert "\x1b" not in done.out + done.err


def test_a_read_only_key_says_that_ping_urls_are_new_and_makes_no_twins(lastseen: Terminal, peer: Peer) -> None:
    lastseen.world.check(id=UUIDS[1], name="Renamed here")  # came with a read-write key before
    lastseen.monkeypatch.setenv("HC_API_KEY", READ_KEY)
    done = lastseen.ok(*MIGRATE, "--url", peer.url, "--yes")
    assert "1 checks get new UUIDs: a read-only key does not show theirs." in done.err
    assert (
        "Ping URLs begin with https://example.org/ping/ here: lastseen checks list --columns name,slug,uuid" in done.err
    )
    (made,) = set(lastseen.world.store.checks) - {UUIDS[1]}
    assert lastseen.world.store.checks[made].slug == "nightly"
    assert lastseen.world.status(UUIDS[1]) is Status.PAUSED
    assert lastseen.ok(*MIGRATE, "--url", peer.url).err.endswith("Nothing to do.\n")
    assert {path for path, _ in peer.asked} == {"/api/v3/checks/"}


def test_a_file_and_stdin_are_read_as_the_api_is(lastseen: Terminal, peer: Peer, tmp_path: Path) -> None:
    file = tmp_path / "checks.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps({"checks": peer.checks}).encode())
    lastseen.monkeypatch.delenv("HC_API_KEY")
    done = lastseen.ok(*MIGRATE, str(file), "--yes", "--json")
    told = json.loads(done.out)
    assert [(each["name"], each["state"], each["keeps_uuid"]) for each in told["checks"]] == [
        ("Nightly backup", "new", True),
        ("Old import", "new", True),
    ]
    assert (told["applied"], told["ping_urls"]) == (True, {"there": PING_BASE, "here": "https://example.org/ping"})
    assert set(lastseen.world.store.checks) == set(UUIDS[:2])
    assert peer.asked == []
    refused = lastseen(*MIGRATE, "-")
    assert (refused.status, "With - nobody can be asked" in refused.err) == (2, True)


def test_the_ping_key_is_taken_once_and_never_shown(lastseen: Terminal, peer: Peer) -> None:
    lastseen.monkeypatch.setenv("HC_PING_KEY", PING_KEY)
    for key, state in (("new", "new"), ("again", "there")):
        done = lastseen.ok(*MIGRATE, "--url", peer.url, "--yes", "--json")
        assert (key, json.loads(done.out)["ping_key"]) == (key, state)
        assert PING_KEY not in done.out + done.err
    kept = KEYS.one(lastseen.world.store, hashed(PING_KEY))
    assert kept is not None
    assert (kept.scope, kept.name) == (Scope.PING, "from Healthchecks")


@pytest.mark.parametrize(
    ("key", "status", "words"),
    [
        ("short", 2, "--ping-key: a ping key must have 20 to 100 characters."),
        ("0b9f2c1e7a644d0f8e2193c5d7a1b240", 2, "--ping-key: a ping key must not be a UUID"),
        ("theirs", 1, "key: there is this key already"),
    ],
)
def test_a_ping_key_that_cannot_be_taken_changes_nothing(
    lastseen: Terminal, peer: Peer, key: str, status: int, words: str
) -> None:
    key = lastseen.world.key(Scope.PING, "shop") if key == "theirs" else key
    done = lastseen(*MIGRATE, "--url", peer.url, "--yes", "--ping-key", key)
    assert (done.status, words in done.err) == (status, True), done.err
    assert lastseen.world.store.checks == {}


def redirect(path: str) -> Answer:
    return 301, {"Location": f"https://hc.example.com{path}"}, b""


@pytest.mark.parametrize(
    ("instead", "words"),
    [
        (lambda _: as_json({"error": "wrong api key"}, 401), "refused the key (wrong api key). Take an API key"),
        (lambda _: (404, {}, b"<h1>not here</h1>"), "has no API of Healthchecks (404). Is --url"),
        (lambda _: (200, {}, b"<h1>Welcome</h1>"), "did not answer with a list of checks. Is --url"),
        (lambda _: as_json({"checks": {}}), "did not answer with a list of checks."),
        (lambda _: (200, {}, b"[" * 100_000), "did not answer with a list of checks."),
        (lambda _: (503, {}, b"busy"), "answered 503. Try again later."),
        (redirect, "sends on to https://hc.example.com (301). Give that as --url if you trust it."),
        (lambda _: (302, {"Location": "/login"}, b""), "sends on to another path (302)."),
        (lambda _: (302, {"Location": "http://["}, b""), "sends on to what is no URL (302)."),
        (lambda _: (302, {"Location": f"https://u:{WRITE_KEY}@x"}, b""), "sends on to https://x (302)."),
    ],
)
def test_an_answer_that_is_none_is_told_in_words(lastseen: Terminal, peer: Peer, instead: Any, words: str) -> None:
    peer.instead = instead
    done = lastseen(*MIGRATE, "--url", peer.url, "--yes")
    assert (done.status, words in done.err, done.out) == (1, True, ""), done.err
    assert WRITE_KEY not in done.err
    assert lastseen.world.store.checks == {}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--url", "http://127.0.0.1:9/"), 1, "http://127.0.0.1:9 does not answer"),
        (("--url", "hc.example.com"), 2, "--url is no URL of Healthchecks."),
        (("--url", "https://ada:geheim@"), 2, "--url is no URL of Healthchecks."),
        (("--key", "two words"), 2, "The key of Healthchecks is no key"),
        (("--key", ""), 2, "Set HC_API_KEY to an API key"),
        (("--exit-code",), 2, "--exit-code belongs to --dry-run."),
        (("there-is-no-file.json",), 2, "there-is-no-file.json cannot be read"),
        (("/dev/null",), 2, "/dev/null is not a list of checks."),
    ],
)
def test_a_wrong_command_is_told_in_words(
    lastseen: Terminal, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = lastseen(*MIGRATE, *arguments)
    assert (done.status, words in done.err) == (status, True), done.err
    assert "geheim" not in done.err


@pytest.mark.parametrize("tail", ["/", "/api/v3", "/api/v3/checks/", "/projects/8f1b/checks/", "/checks/"])
def test_a_copied_url_is_that_of_the_installation_and_an_old_one_has_no_v3(
    lastseen: Terminal, peer: Peer, tail: str
) -> None:
    peer.versions = ("v1",)
    lastseen.ok(*MIGRATE, "--url", peer.url + tail, "--yes")
    assert set(lastseen.world.store.checks) == set(UUIDS[:2])


def test_an_error_that_was_saved_in_place_of_the_list_is_named(lastseen: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "checks.json"
    file.write_text('{"error": "wrong api key"}')
    done = lastseen(*MIGRATE, str(file))
    assert (done.status, "holds an error of Healthchecks: wrong api key." in done.err) == (2, True)


def test_the_same_check_twice_twins_and_what_is_no_check_in_a_file(lastseen: Terminal, tmp_path: Path) -> None:
    twins = [document(uuid, name=f"Twin {uuid[6:8]}", slug="twin") for uuid in UUIDS[5:7]]
    nameless = document(UUIDS[7])
    read_only = [as_read_only(document(uuid, name="Same")) for uuid in UUIDS[8:10]]
    wrong = [7, None, {"name": "Bare"}, document(UUIDS[10], grace="1h"), document("y")]
    file = tmp_path / "checks.json"
    file.write_text(json.dumps({"checks": [*twins, *twins, nameless, *read_only, *wrong]}))
    done = lastseen(*MIGRATE, str(file), "--yes")
    assert done.status == 1
    assert done.err.count("another check has the slug twin too") == 2
    assert "NOT MOVED: Same: another check has the same name and no UUID is shown" in done.err
    for words in (
        "check 8 of the list: it is no check",
        "Bare: it has neither a timeout nor a schedule",
        "check 11 of the list: its `grace` is not a whole number",
        "its ping URL does not end with a UUID",
    ):
        assert words in done.err
    kept = lastseen.world.store.checks
    assert {*UUIDS[5:8]} < set(kept)
    assert len(kept) == 4
    assert {kept[uuid].slug for uuid in UUIDS[5:8]} == {""}
    assert lastseen(*MIGRATE, str(file)).err.endswith("Nothing to do.\n")


def test_what_comes_along_in_part_is_said(lastseen: Terminal, tmp_path: Path) -> None:
    long = document(UUIDS[0], name="Long", desc="x" * 4_001)
    mail = document(UUIDS[1], name="Mail", filter_body=True, failure_kw="ERROR")
    subject = document(UUIDS[2], name="Subject", subject="done", subject_fail="failed")
    old = {name: value for name, value in subject.items() if not name.endswith("_kw") and "filter" not in name}
    file = tmp_path / "checks.json"
    file.write_text(json.dumps({"checks": [long, mail, old | {"uuid": None}]}))
    done = lastseen.ok(*MIGRATE, str(file), "--yes")
    assert done.err.splitlines()[:3] == [
        "Long: its description is longer than 4,000 characters: the rest of it is left out",
        "Mail: it takes pings by e-mail, which do not come here: let its job ping the URL",
        "Subject: it takes pings by e-mail, which do not come here: let its job ping the URL",
    ]
    kept = lastseen.world.store.checks
    filters = kept[UUIDS[2]].filters
    assert (filters.subject, filters.success, filters.failure) == (True, "done", "failed")
    assert (kept[UUIDS[1]].filters.body, kept[UUIDS[1]].filters.failure) == (True, "ERROR")
    assert lastseen.world.store.about(kept[UUIDS[0]]) == "x" * 4_000
    assert lastseen.ok(*MIGRATE, str(file)).err.endswith("Nothing to do.\n")


def test_an_answer_without_an_end_is_cut_off(lastseen: Terminal, peer: Peer) -> None:
    lastseen.monkeypatch.setattr("lastseen_cli.migrate.source.ANSWER_LIMIT_BYTES", 500)
    done = lastseen(*MIGRATE, "--url", peer.url, "--yes")
    assert (done.status, "answers with more than 500 bytes. Is --url" in done.err) == (1, True)


def test_a_slug_that_is_taken_between_plan_and_deed_makes_no_twin(lastseen: Terminal, peer: Peer) -> None:
    answered = lastseen.world.answered

    def first(event: dict[str, Any]) -> Any:
        if event["rawPath"].endswith("/bulk") and not event["rawQueryString"]:
            lastseen.world.check(name="Made by a ping", slug="nightly")
        return answered(event)

    lastseen.world.answered = first  # type: ignore[method-assign] # to be first
    done = lastseen(*MIGRATE, "--url", peer.url, "--yes")
    assert (done.status, "create Nightly backup: The API did not accept this: uuid: the check that" in done.err) == (
        1,
        True,
    )
    assert [check.name for check in lastseen.world.store.checks.values() if check.slug] == ["Made by a ping"]
