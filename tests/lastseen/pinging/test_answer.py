"""A ping, from request to answer: which check it finds, what is recorded, what the client is told."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from lastseen.core.check import Filters, Kind, Run, Status
from lastseen.core.keys import Scope, hashed
from lastseen.core.machine import configured
from lastseen.core.schedule import Cron, OnCalendar, Period
from lastseen.pinging.answer import AMBIGUOUS, BUSY, NOT_FOUND, PingAnswer
from lastseen.storage.decide import DECIDE_TRIES
from lastseen.storage.documents import KEYS, PROJECTS
from lastseen.storage.errors import ConflictError
from lastseen.storage.records import Project
from tests.lastseen.pinging.world import PING_KEY, RUN, UUID, Pinging, key_document
from tests.times import T0, hours, minutes, seconds

OK, CREATED, UNKNOWN = PingAnswer(200, "OK"), PingAnswer(201, "Created"), PingAnswer(404, NOT_FOUND)
BY_SLUG = f"{PING_KEY}/nightly"
OTHER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def world() -> Pinging:
    return Pinging()


# --- Which check ---


@pytest.mark.parametrize("path", [UUID, f"{UUID}/", UUID.upper(), UUID.replace("-", ""), BY_SLUG, f"{BY_SLUG}/"])
def test_a_ping_finds_its_check(world: Pinging, path: str) -> None:
    world.check()
    assert world.ping(path) == OK
    assert (world.now.status, world.now.last_ping, world.now.n_pings) == (Status.UP, T0, 1)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/start", (Kind.START, None, "")),
        ("/fail", (Kind.FAIL, None, "")),
        ("/log", (Kind.LOG, None, "")),
        ("/0", (Kind.SUCCESS, 0, "")),
        ("/3", (Kind.FAIL, 3, "")),
        ("/TERM", (Kind.FAIL, None, "signal TERM")),
        ("/-1", (Kind.FAIL, None, "exit status -1")),
        ("/256/", (Kind.FAIL, None, "exit status 256")),
    ],
)
@pytest.mark.parametrize("base", [UUID, BY_SLUG])
def test_what_a_path_says_is_in_the_history(
    world: Pinging, base: str, path: str, said: tuple[Kind, int | None, str]
) -> None:
    world.check()
    assert world.ping(base + path) == OK
    assert world.last.n == 1
    assert (world.last.kind, world.last.ping.exit_status, world.last.ping.note) == said


@pytest.mark.parametrize("query", ["", "create=1", "rid=nonsense"])
@pytest.mark.parametrize("path", [OTHER, f"{OTHER}/start", "no-key/nightly", "no-key/nightly/3"])
def test_an_unknown_check_is_told_in_one_form_whatever_is_unknown(world: Pinging, path: str, query: str) -> None:
    world.check()
    assert world.ping(path, query) == UNKNOWN
    assert (world.now.n_pings, len(world.store.checks)) == (0, 1)


def test_an_unknown_slug_is_told_as_an_unknown_key_is(world: Pinging) -> None:
    world.check()
    assert world.ping(f"{PING_KEY}/weekly") == world.ping("no-key/nightly") == world.ping(OTHER) == UNKNOWN


@pytest.mark.parametrize("scope", [Scope.WRITE, Scope.READ])
def test_a_key_of_the_api_pings_nothing(world: Pinging, scope: Scope) -> None:
    world.check()
    world.store.put_setting(KEYS.kind, hashed("lsw_key"), key_document(scope=scope))
    assert world.ping("lsw_key/nightly", "create=1") == UNKNOWN


def test_a_key_finds_only_checks_of_its_project(world: Pinging) -> None:
    world.store.put_setting(KEYS.kind, hashed("other-key"), key_document(project="other"))
    PROJECTS.create(world.store, Project(name="other"))
    world.check()
    assert world.ping("other-key/nightly") == UNKNOWN
    assert world.ping("other-key/nightly", "create=1") == CREATED
    assert {check.project for check in world.store.checks.values()} == {"default", "other"}


@pytest.mark.parametrize("query", ["", "create=1"])
def test_a_slug_of_several_checks_is_refused(world: Pinging, query: str) -> None:
    world.check()
    world.check(OTHER)
    assert world.ping(BY_SLUG, query) == PingAnswer(409, AMBIGUOUS)
    assert sum(check.n_pings for check in world.store.checks.values()) == 0
    assert world.ping(OTHER) == OK


@pytest.mark.parametrize("path", [f"{PING_KEY}/{'n' * 101}", f"{'k' * 101}/nightly", f"{PING_KEY}/Nightly"])
@pytest.mark.parametrize("query", ["", "create=1"])
def test_a_slug_or_key_of_the_wrong_form_is_refused_and_makes_nothing(world: Pinging, path: str, query: str) -> None:
    assert world.ping(path, query).status == 400
    assert world.store.checks == {}


# --- What is remembered of slugs and keys ---


def calls(world: Pinging, path: str, at: Any) -> list[str]:
    made: list[str] = []
    world.store.hook = lambda call, when: made.append(call) if when == "before" else None
    assert world.ping(path, at=at) == OK
    return made


def test_a_steady_ping_by_uuid_takes_one_read_one_write_one_put(world: Pinging) -> None:
    world.up()
    assert calls(world, UUID, T0) == ["get", "save_ping", "record"]


def test_a_steady_ping_by_slug_takes_no_more(world: Pinging) -> None:
    world.up()
    assert calls(world, BY_SLUG, T0) == ["setting", "ids_of_slug", "get", "save_ping", "record"]
    assert calls(world, BY_SLUG, T0 + seconds(59)) == ["get", "save_ping", "record"]
    assert calls(world, BY_SLUG, T0 + seconds(60)) == ["setting", "ids_of_slug", "get", "save_ping", "record"]


def test_a_slug_that_went_to_another_check_takes_its_pings_there_at_once(world: Pinging) -> None:
    renamed = world.up()
    assert world.ping(BY_SLUG) == OK
    world.store.save(world.now, configured(world.now, T0, slug="weekly"))
    world.check(OTHER)
    assert world.ping(BY_SLUG, at=T0 + seconds(1)) == OK
    assert world.store.checks[renamed.id].last_ping == T0
    assert world.store.checks[OTHER].last_ping == T0 + seconds(1)


def test_a_check_that_was_made_anew_under_its_slug_gets_its_pings_at_once(world: Pinging) -> None:
    world.up()
    assert world.ping(BY_SLUG) == OK
    world.store.delete(world.now)
    assert world.ping(BY_SLUG) == UNKNOWN
    world.check(OTHER)
    assert world.ping(BY_SLUG) == OK
    assert world.now.id == OTHER


def test_a_second_check_of_a_slug_is_noticed_within_a_minute(world: Pinging) -> None:
    world.up()
    assert world.ping(BY_SLUG) == OK
    world.check(OTHER)
    assert world.ping(BY_SLUG, at=T0 + seconds(60)) == PingAnswer(409, AMBIGUOUS)


def test_a_revoked_key_pings_nothing_after_a_minute(world: Pinging) -> None:
    world.up()
    assert world.ping(BY_SLUG) == OK
    world.store.drop_setting(KEYS.kind, hashed(PING_KEY))
    assert world.ping(BY_SLUG, at=T0 + seconds(60)) == UNKNOWN


def test_what_is_remembered_of_slugs_is_bounded(world: Pinging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastseen.pinging.keys.SLUGS_KNOWN", 3)
    for number in range(7):
        assert world.ping(f"{PING_KEY}/job-{number}", "create=1") == CREATED
        assert world.ping(f"{PING_KEY}/job-{number}") == OK
        assert len(world.keys._ids) <= 3  # noqa: SLF001 - memory is no behaviour that shows elsewhere


# --- Run ids ---


@pytest.mark.parametrize("written", [RUN, RUN.upper(), RUN.replace("-", "")])
def test_a_run_id_is_kept_in_one_form(world: Pinging, written: str) -> None:
    world.check()
    assert world.ping(f"{UUID}/start", f"rid={written}") == OK
    assert ([run.rid for run in world.now.runs], world.last.ping.rid) == ([RUN], RUN)


@pytest.mark.parametrize("rid", ["1", "x", RUN + "0", "x%00x", RUN[:-1]])
@pytest.mark.parametrize("path", [f"{UUID}/start", f"{BY_SLUG}/fail"])
def test_a_bad_run_id_is_refused_and_nothing_is_recorded(world: Pinging, path: str, rid: str) -> None:
    before = world.up(methods="POST")
    told = world.ping(path, f"rid={rid}")
    assert (told.status, told.text[:12]) == (400, "invalid rid:")
    assert world.now == before
    assert world.store.pings_of == {}


def test_a_bad_run_id_makes_no_check(world: Pinging) -> None:
    assert world.ping(BY_SLUG, "create=1&rid=x").status == 400
    assert world.store.checks == {}


def test_an_end_tells_how_long_its_run_took(world: Pinging) -> None:
    world.up()
    world.ping(f"{UUID}/start", f"rid={RUN}")
    world.ping(UUID, f"rid={RUN.replace('-', '').upper()}", T0 + seconds(90))
    assert (world.last.n, world.last.duration) == (3, seconds(90))
    assert world.now.last_duration == seconds(90)


# --- What is recorded of a request ---


def test_the_history_tells_everything_of_a_ping(world: Pinging) -> None:
    world.check()
    world.ping(
        f"{UUID}/3",
        f"rid={RUN}",
        T0 + seconds(1),
        method="PUT",
        body=b"disk full\n\x00\xff",
        scheme="http",
        address="2001:db8::7",
        agent="curl/7.88.1",
    )
    recorded = world.last
    ping = recorded.ping
    assert (recorded.n, recorded.kind, ping.at, ping.rid) == (1, Kind.FAIL, T0 + seconds(1), RUN)
    assert (ping.method, ping.body, ping.scheme) == ("PUT", b"disk full\n\x00\xff", "http")
    assert (ping.address, ping.agent, ping.exit_status) == ("2001:db8::7", "curl/7.88.1", 3)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO", "get"])
def test_any_method_is_a_ping(world: Pinging, method: str) -> None:
    world.check()
    assert world.ping(method=method, body=b"said") == OK
    assert (world.last.kind, world.last.ping.method, world.last.ping.body) == (Kind.SUCCESS, method, b"said")


def test_a_body_is_cut_at_its_limit_and_never_refused(world: Pinging) -> None:
    world.check()
    body = bytes(range(256)) * 1000
    for number, kept in enumerate([9_999, 10_000, 10_001, len(body)], start=1):
        assert world.ping(body=body[:kept]) == OK
        recorded = world.store.ping(UUID, number)
        assert recorded
        assert recorded.ping.body == body[: min(kept, 10_000)]


def test_long_words_of_a_client_are_cut(world: Pinging) -> None:
    world.check()
    word = "\u00e9" * 1000
    assert world.ping(method=word, scheme=word, address=word, agent=word) == OK
    ping = world.last.ping
    assert [len(each) for each in (ping.method, ping.scheme, ping.address, ping.agent)] == [50, 50, 50, 200]


def test_an_alert_shows_the_end_of_a_body_that_the_history_cuts(world: Pinging) -> None:
    world.up()
    world.ping(f"{UUID}/fail", body=b"x" * 50_000 + b"\nthe reason")
    (flip,) = world.store.flips(UUID)
    assert flip.body.endswith(b"\nthe reason")
    assert len(flip.body) <= 2_000
    assert world.last.ping.body == b"x" * 10_000


@pytest.mark.parametrize(("limit", "kept"), [(0, b""), (6, b"reason")])
def test_where_bodies_are_not_kept_alerts_hold_none_either(limit: int, kept: bytes) -> None:
    world = Pinging(body_limit=limit)
    world.up()
    world.ping(f"{UUID}/fail", body=b"the reason")
    assert world.last.ping.body == b"the reason"[:limit]
    assert [flip.body for flip in world.store.flips(UUID)] == [kept]


# --- Method, keywords, sticky pause ---


@pytest.mark.parametrize("path", ["", "/start", "/fail", "/log", "/1"])
def test_a_ping_by_the_wrong_method_is_logged_and_ignored(world: Pinging, path: str) -> None:
    before = world.up(methods="POST")
    assert world.ping(UUID + path, method="GET") == OK
    assert world.last.kind is Kind.IGNORED
    assert (world.now.status, world.now.last_ping, world.now.n_pings) == (Status.UP, before.last_ping, 2)
    assert world.ping(method="POST") == OK
    assert (world.last.kind, world.now.last_ping) == (Kind.SUCCESS, T0)


KEYWORDS = Filters(http_body=True, start="BEGIN, begun", success="DONE", failure="ERROR,FATAL")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"we BEGIN", Kind.START),
        (b"has begun", Kind.START),
        (b"BEGIN and DONE", Kind.SUCCESS),
        (b"BEGIN, DONE, ERROR", Kind.FAIL),
        (b"FATAL", Kind.FAIL),
        (b"error", Kind.IGNORED),  # case counts
        (b"", Kind.IGNORED),
        (b"\xff\xfe DONE \xc3", Kind.SUCCESS),  # no UTF-8
        (b"DONE" + b"x" * 20_000 + "\u00e9".encode()[:1], Kind.SUCCESS),  # a character cut in two
        (b"x" * 20_000 + b"ERROR", Kind.FAIL),  # beyond what is kept
    ],
)
@pytest.mark.parametrize("path", ["", "/fail", "/log", "/1", "/start"])
def test_keywords_in_the_body_say_more_than_the_path(world: Pinging, path: str, body: bytes, kind: Kind) -> None:
    world.up(filters=KEYWORDS)
    assert world.ping(UUID + path, body=body, method="POST") == OK
    assert world.last.kind is kind


@pytest.mark.parametrize(("default_fail", "kind"), [(False, Kind.IGNORED), (True, Kind.FAIL)])
def test_a_body_without_keywords_is_ignored_or_a_failure(world: Pinging, *, default_fail: bool, kind: Kind) -> None:
    world.up(filters=Filters(http_body=True, success="DONE", default_fail=default_fail))
    assert world.ping(body=b"nothing to say") == OK
    assert world.last.kind is kind
    assert world.now.status is (Status.DOWN if default_fail else Status.UP)


def test_the_method_counts_before_the_keywords(world: Pinging) -> None:
    world.up(methods="POST", filters=Filters(http_body=True, default_fail=True))
    assert world.ping(body=b"ERROR") == OK
    assert (world.last.kind, world.now.status) == (Kind.IGNORED, Status.UP)


def test_keywords_work_where_no_bodies_are_kept() -> None:
    world = Pinging(body_limit=0)
    world.up(filters=KEYWORDS)
    world.ping(body=b"DONE")
    assert (world.last.kind, world.last.ping.body) == (Kind.SUCCESS, b"")


@pytest.mark.parametrize("path", ["", "/start", "/fail", "/log", "/0"])
def test_a_sticky_pause_holds_and_its_pings_are_logged(world: Pinging, path: str) -> None:
    world.check(status=Status.PAUSED, manual_resume=True)
    assert world.ping(UUID + path) == OK
    assert world.last.kind is Kind.IGNORED
    assert (world.now.status, world.now.n_pings, world.now.last_ping, world.now.runs) == ("paused", 1, None, ())


def test_a_ping_ends_a_plain_pause(world: Pinging) -> None:
    world.check(status=Status.PAUSED)
    assert world.ping() == OK
    assert world.now.status is Status.UP


# --- Sent twice, in the wrong order ---


def test_a_start_sent_twice_is_one_run(world: Pinging) -> None:
    world.up()
    for at in (T0, T0 + seconds(5)):
        assert world.ping(f"{UUID}/start", f"rid={RUN}", at) == OK
    assert world.now.runs == (Run(T0, RUN),)
    world.ping(UUID, f"rid={RUN}", T0 + seconds(60))
    assert world.last.duration == seconds(60)


def test_a_success_sent_twice_tells_nobody_twice(world: Pinging) -> None:
    world.up(status=Status.DOWN, flips=1, announced=1, incident=1, since=T0 - minutes(5))
    for at in (T0, T0 + seconds(5)):
        assert world.ping(UUID, f"rid={RUN}", at) == OK
    assert [(flip.n, flip.status) for flip in world.store.flips(UUID)] == [(2, Status.UP)]


def test_an_end_before_its_start_leaves_no_run_open(world: Pinging) -> None:
    world.up()
    world.ping(UUID, f"rid={RUN}", T0 + seconds(1))
    world.ping(f"{UUID}/start", f"rid={RUN}", T0 + seconds(2))
    assert (world.now.status, world.now.runs) == (Status.UP, ())


# --- Made by a first ping ---


@pytest.mark.parametrize("suffix", ["", "/", "/start", "/fail", "/3", "/log"])
def test_a_first_ping_makes_its_check_and_counts(world: Pinging, suffix: str) -> None:
    assert world.ping(BY_SLUG + suffix, "create=1") == CREATED
    made = world.now
    assert (made.project, made.name, made.slug, made.tags) == ("default", "nightly", "nightly", "")
    assert (made.schedule, made.grace, made.channels) == (Period(timedelta(days=1)), hours(1), "*")
    assert (made.created, made.n_pings) == (T0, 1)
    assert world.ping(BY_SLUG + suffix, "create=1") == OK
    assert world.now.n_pings == 2


def test_a_check_made_by_a_ping_tells_the_default_channels_of_its_project(world: Pinging) -> None:
    world.store.put_setting("project", "default", {"channels": "some-channel"})
    assert world.ping(BY_SLUG, "create=1") == CREATED
    assert world.now.channels == "some-channel"
    world.store.put_setting("project", "default", {"channels": ""})
    assert world.ping(BY_SLUG, "create=1") == OK
    assert world.now.channels == "some-channel"


@pytest.mark.parametrize("query", ["create=0", "create=true", "create=", "create=11", "create=1&create=0", "Create=1"])
def test_only_create_1_makes_a_check(world: Pinging, query: str) -> None:
    assert world.ping(BY_SLUG, query) == UNKNOWN
    assert world.store.checks == {}


def test_a_uuid_makes_no_check(world: Pinging) -> None:
    assert world.ping(UUID, "create=1") == UNKNOWN
    assert world.store.checks == {}


SETTINGS = "timeout=600&grace=120&tags=+db++nightly+&name=Nightly%20backup"


def test_settings_in_the_query_are_those_of_the_new_check(world: Pinging) -> None:
    assert world.ping(BY_SLUG, f"create=1&{SETTINGS}") == CREATED
    made = world.now
    assert (made.schedule, made.grace) == (Period(minutes(10)), minutes(2))
    assert (made.tags, made.name, made.slug) == ("db nightly", "Nightly backup", "nightly")


@pytest.mark.parametrize(
    ("query", "schedule"),
    [
        ("schedule=0+3+*+*+1-5&tz=Europe/Berlin", Cron("0 3 * * 1-5", "Europe/Berlin")),
        ("schedule=0+3+*+*+*&tz=europe/kiev", Cron("0 3 * * *", "Europe/Kyiv")),
        ("schedule=Mon..Fri+03:00", OnCalendar("Mon..Fri 03:00", "UTC")),
        ("schedule=0+3+*+*+*&timeout=600", Cron("0 3 * * *", "UTC")),
        ("schedule=0+3+*+*+*&skipped_hour=skip", Cron("0 3 * * *", "UTC", "skip")),
        ("schedule=0+3+*+*+*+UTC&skipped_hour=run", Cron("0 3 * * *", "UTC")),
        ("tz=Europe/Berlin", Period(timedelta(days=1), "Europe/Berlin")),
    ],
)
def test_a_schedule_in_the_query_is_that_of_the_new_check(world: Pinging, query: str, schedule: Any) -> None:
    assert world.ping(BY_SLUG, f"create=1&{query}").status == 201
    assert world.now.schedule == schedule


def test_how_early_a_ping_may_be_is_set_by_the_first_one(world: Pinging) -> None:
    assert world.ping(BY_SLUG, "create=1&schedule=0+3+*+*+*&early=0").status == 201
    assert world.now.early == timedelta(0)


def test_a_schedule_in_another_dialect_is_said_back_when_the_check_is_made(world: Pinging) -> None:
    answer = world.ping(BY_SLUG, "create=1&schedule=0+10+%3F+*+MON-FRI+Asia/Tokyo")
    assert answer.status == 201
    assert answer.text == "Created\nTaken as: Monday to Friday at 10:00, Asia/Tokyo (0 10 * * MON-FRI)."
    assert world.now.schedule == Cron("0 10 * * MON-FRI", "Asia/Tokyo", "skip")
    assert world.ping(BY_SLUG, "create=1&schedule=@daily") == OK


@pytest.mark.parametrize("query", [SETTINGS, "timeout=nonsense", "schedule=nonsense", "tz=Nowhere"])
def test_settings_count_only_when_the_check_is_made(world: Pinging, query: str) -> None:
    before = world.up()
    assert world.ping(BY_SLUG, f"create=1&{query}") == OK
    assert world.ping(UUID, query) == OK
    made = world.now
    assert (made.schedule, made.grace, made.tags, made.name) == (before.schedule, before.grace, "", "nightly")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("early=86401", "invalid early: whole seconds, 0 to 86400"),
        ("schedule=0+3+*+*+*&skipped_hour=never", "invalid skipped_hour: run or skip"),
        ("timeout=59", "invalid timeout: whole seconds, 60 to 31536000"),
        ("timeout=31536001", "invalid timeout: whole seconds, 60 to 31536000"),
        ("timeout=1e3", "invalid timeout: whole seconds, 60 to 31536000"),
        ("timeout=", "invalid timeout: whole seconds, 60 to 31536000"),
        ("timeout=%D9%A3%D9%A3%D9%A3", "invalid timeout: whole seconds, 60 to 31536000"),  # digits, but not ours
        ("grace=-60", "invalid grace: whole seconds, 60 to 31536000"),
        ("grace=" + "9" * 5000, "invalid grace: whole seconds, 60 to 31536000"),
        ("name=" + "n" * 101, "invalid name: at most 100 characters, this one has 101"),
        ("name=a%00b", "invalid name: no control characters"),
        ("tags=" + "t" * 501, "invalid tags: at most 500 characters, this one has 501"),
        ("tags=a%1Bb", "invalid tags: no control characters"),
        ("tags=%EF%BF%BF", "invalid tags: no control characters, and no noncharacters"),  # no queue takes these
        ("name=a%EF%BF%BEb", "invalid name: no control characters, and no noncharacters"),
        ("tz=Nowhere", "invalid tz: Unknown time zone 'Nowhere'."),
        ("schedule=0+3+30+2+*", "invalid schedule: Cron '0 3 30 2 *' has a bad day-of-month"),
        ("schedule=", "invalid schedule: The schedule is empty"),
        ("schedule=*/15+2+*+3+SUN%232&tz=America/New_York", "invalid schedule: Cron '*/15 2 * 3 SUN#2' is never due"),
    ],
)
def test_a_bad_setting_is_told_and_makes_nothing(world: Pinging, query: str, words: str) -> None:
    told = world.ping(BY_SLUG, f"create=1&{query}")
    assert (told.status, told.text[: len(words)]) == (400, words)
    assert world.store.checks == {}


def test_of_two_first_pings_that_race_one_makes_the_check_and_both_count(world: Pinging) -> None:
    def another_is_faster(call: str, when: str) -> None:
        if (call, when) == ("create", "before"):
            world.store.hook = lambda *_: None
            assert world.ping(BY_SLUG, "create=1") == CREATED

    world.store.hook = another_is_faster
    assert world.ping(BY_SLUG, "create=1&timeout=600") == OK
    assert (world.now.n_pings, world.now.schedule) == (2, Period(timedelta(days=1)))


# --- Races ---


def test_a_ping_that_lost_a_race_decides_anew(world: Pinging) -> None:
    world.up(grace=minutes(10))

    def another_is_faster(call: str, when: str) -> None:
        if (call, when) == ("save_ping", "before"):
            world.store.hook = lambda *_: None
            assert world.ping(f"{UUID}/start", f"rid={RUN}", T0 - seconds(9)) == OK

    world.store.hook = another_is_faster
    assert world.ping(UUID, f"rid={RUN}") == OK
    assert (world.now.n_pings, world.now.runs, world.now.last_duration) == (3, (), seconds(9))
    assert len(world.waits) == 1


def test_a_ping_that_loses_every_race_is_told_to_come_again(world: Pinging) -> None:
    before = world.up()

    def never(call: str, when: str) -> None:
        if (call, when) == ("save_ping", "before"):
            raise ConflictError("another was faster")

    world.store.hook = never
    assert world.ping() == PingAnswer(503, BUSY)
    assert (world.now, len(world.waits)) == (before, DECIDE_TRIES - 1)
    assert sum(world.waits) < 8  # the function is given ten seconds
    world.store.hook = lambda *_: None
    assert world.ping() == OK


def test_a_ping_never_brings_a_deleted_check_back(world: Pinging) -> None:
    check = world.up()

    def deleted(call: str, when: str) -> None:
        if (call, when) == ("save_ping", "before"):
            world.store.hook = lambda *_: None
            world.store.delete(check)

    world.store.hook = deleted
    assert world.ping() == UNKNOWN
    assert world.store.checks == {}


# --- What may fail without losing the ping ---


@pytest.mark.parametrize("broken", ["send", "record"])
def test_a_ping_is_recorded_even_if_what_follows_it_fails(world: Pinging, broken: str) -> None:
    world.up()

    def fails(call: str, when: str) -> None:
        if (call, when) == (broken, "before"):
            raise OSError("AWS is away")

    world.store.hook = world.wakes.hook = fails
    assert world.ping(f"{UUID}/fail") == OK
    assert (world.now.status, world.now.n_pings) == (Status.DOWN, 2)
    assert world.now.announced < world.now.flips  # so the next sweep tells it


def test_a_flip_is_woken_for_at_once_and_a_steady_ping_is_not(world: Pinging) -> None:
    world.up()
    world.ping()
    assert world.wakes.taken() == []
    world.ping(f"{UUID}/fail", at=T0 + seconds(1))
    assert [(wake.check_id, wake.delay_seconds) for wake in world.wakes.taken()] == [(UUID, 0)]


def test_no_log_line_holds_a_ping_url(world: Pinging, caplog: pytest.LogCaptureFixture) -> None:
    world.up()

    def fails(call: str, _when: str) -> None:
        if call in {"send", "record"}:
            raise OSError("AWS is away")

    world.store.hook = world.wakes.hook = fails
    with caplog.at_level(logging.DEBUG):
        world.ping(f"{UUID}/fail")
        world.ping(BY_SLUG, at=T0 + seconds(1))
    assert len(caplog.records) >= 4
    assert UUID not in caplog.text
    assert PING_KEY not in caplog.text


def test_a_wrong_url_is_told_in_plain_words(world: Pinging) -> None:
    assert world.ping(OTHER).text == (
        "not found: no check has this ping URL. Copy it once more from the check's page or from "
        "`lastseen checks list`; by slug it is /ping/<ping key>/<slug>, and ?create=1 creates a check that is not "
        "there yet."
    )
    assert world.ping(f"{UUID}/finish").text == (
        "not found: this is no ping URL. One is /ping/<uuid> or /ping/<ping key>/<slug>, for success; add /start, "
        "/fail, /log or /<exit status> to say something else."
    )


def test_first_pings_create_so_many_checks_of_a_project_in_a_day() -> None:
    world = Pinging(created_per_day=2)
    answers = [world.ping(f"{PING_KEY}/job-{number}", "create=1") for number in range(4)]
    assert [answer.status for answer in answers] == [201, 201, 409, 409]
    assert answers[2].text.startswith("too many new checks: first pings have created 2 checks of this project today. ")
    assert len(world.store.checks) == 2
    assert world.ping(f"{PING_KEY}/job-0", "create=1").status == 200
    assert world.ping(f"{PING_KEY}/job-9", "create=1", at=T0 + hours(24)).status == 201


def test_a_deployment_may_let_first_pings_create_nothing() -> None:
    world = Pinging(created_per_day=0)
    refused = world.ping(f"{PING_KEY}/job", "create=1")
    assert (refused.status, "pinged_checks_per_day=0" in refused.text) == (409, True)
    assert not world.store.checks


def test_a_ping_key_that_is_still_remembered_creates_nothing_in_a_project_that_is_gone() -> None:
    world = Pinging()
    world.store.put_setting(KEYS.kind, hashed(PING_KEY), key_document("shop"))
    PROJECTS.create(world.store, Project(name="shop"))
    assert world.ping(f"{PING_KEY}/job-0", "create=1").status == 201
    PROJECTS.drop(world.store, "shop")
    assert world.ping(f"{PING_KEY}/job-1", "create=1").status == 404
    assert len(world.store.checks) == 1
