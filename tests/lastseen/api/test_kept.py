"""What is answered 2xx is kept: every field of every request model is shown again, or refused with its name."""

from __future__ import annotations

from typing import Any

import pytest

from lastseen.api.channel_models import ChannelChange, ChannelRequest, ConfirmRequest, WebhookRequest
from lastseen.api.models import BulkRequest, CheckRequest, KeyRequest, Model, NewProjectRequest, ProjectRequest
from lastseen.core.check import Status
from lastseen.storage import documents
from tests.lastseen.api.world import ID, World
from tests.times import T0

CHECKS = "/api/v3/checks/"
CHANNELS = "/api/v3/channels/"

CHECK: dict[str, Any] = {
    "name": "backup",
    "slug": "backup",
    "tags": "prod db",
    "desc": "look at the disk",
    "timeout": 7200,
    "grace": 600,
    "schedule": "0 4 * * *",
    "tz": "Europe/Berlin",
    "skipped_hour": "skip",
    "manual_resume": True,
    "methods": "POST",
    "channels": "",
    "start_kw": "begun",
    "success_kw": "done",
    "failure_kw": "failed",
    "subject": "fine",
    "subject_fail": "bad",
    "filter_subject": True,
    "filter_body": True,
    "filter_http_body": True,
    "filter_default_fail": True,
    "reminder": 3600,
    "snoozed_until": "2026-03-05T12:00:00+00:00",
    "flap_limit": 3,
    "early": 600,
    "uuid": "0b9f2c1e-7a64-4d0f-8e21-93c5d7a1b240",
}
NOT_SHOWN = {"api_key", "unique"}
"""What says how a check is written, and not how it is."""


def models() -> set[type[Model]]:
    """Return all models of bodies."""

    def below(model: type[Model]) -> set[type[Model]]:
        return {model}.union(*(below(each) for each in model.__subclasses__()))

    return {each for each in below(Model) if each.__name__.endswith(("Request", "Change"))}


def test_no_model_of_a_body_is_forgotten_here() -> None:
    assert models() == {
        CheckRequest, BulkRequest, KeyRequest, ProjectRequest, NewProjectRequest, ChannelRequest, ChannelChange,
        WebhookRequest, ConfirmRequest,
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(CheckRequest.model_fields) - NOT_SHOWN - {"skipped_hour"}))
def test_each_field_of_a_check_is_shown_when_it_is_sent_alone(world: World, name: str) -> None:
    made = world.post(CHECKS, {name: CHECK[name]})
    assert made.status == 201, made.body
    again = world.get(f"{CHECKS}{made.json()['uuid']}").json()
    assert made.json()[name] == again[name] == CHECK[name]


def test_all_fields_of_a_check_together(world: World) -> None:
    assert set(CHECK) | NOT_SHOWN == set(CheckRequest.model_fields)
    sent = {name: value for name, value in CHECK.items() if name not in {"timeout", "subject", "subject_fail"}}
    made = world.post(CHECKS, sent)
    assert {name: made.json()[name] for name in sent} == sent


def test_the_zone_of_a_period_is_kept_for_a_later_schedule(world: World) -> None:
    made = world.post(CHECKS, {"timeout": 3600, "tz": "Europe/Berlin"}).json()
    assert made["tz"] == "Europe/Berlin"
    later = world.post(f"{CHECKS}{made['uuid']}", {"schedule": "0 4 * * *"}).json()
    assert (later["schedule"], later["tz"]) == ("0 4 * * *", "Europe/Berlin")
    back = world.post(f"{CHECKS}{made['uuid']}", {"timeout": 3600}).json()
    assert (back["timeout"], back["tz"]) == (3600, "Europe/Berlin")


def test_a_zone_alone_moves_no_deadline_of_a_period(world: World) -> None:
    world.check(status=Status.UP, last_ping=T0, since=T0)
    before = world.get(f"{CHECKS}{ID}").json()["next_ping"]
    assert world.post(f"{CHECKS}{ID}", {"tz": "Asia/Tokyo"}).json()["next_ping"] == before
    assert world.get(f"{CHECKS}{ID}").json()["tz"] == "Asia/Tokyo"


def test_the_rule_of_a_skipped_hour_is_refused_where_there_is_no_cron(world: World) -> None:
    reply = world.post(CHECKS, {"skipped_hour": "skip"})
    assert (reply.status, reply.error) == (400, "skipped_hour: is for cron schedules only")


def test_a_schedule_that_is_empty_is_refused(world: World) -> None:
    reply = world.post(CHECKS, {"schedule": ""})
    assert (reply.status, reply.error) == (400, "schedule must have at least 1 characters")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"subject": "ok"}, ("ok", "", True, "ok", "")),
        ({"subject_fail": "bad"}, ("", "bad", True, "", "bad")),
        ({"subject": "ok", "subject_fail": "bad"}, ("ok", "bad", True, "ok", "bad")),
        ({"subject": ""}, ("", "", False, "", "")),
        ({"subject": "ok", "success_kw": "fine"}, ("fine", "", True, "fine", "")),
        ({"success_kw": "fine"}, ("fine", "", False, "", "")),
    ],
)
def test_the_peers_older_names_of_filters(world: World, sent: dict[str, str], shown: tuple[Any, ...]) -> None:
    made = world.post(CHECKS, sent).json()
    names = ("success_kw", "failure_kw", "filter_subject", "subject", "subject_fail")
    assert tuple(made[name] for name in names) == shown


def test_a_check_whose_channel_is_gone_can_be_written_back(world: World) -> None:
    world.check(channels="0f0c2a4e-0000-4000-8000-000000000001")
    document = world.get(f"{CHECKS}{ID}").json()
    assert world.post(f"{CHECKS}{ID}", document).status == 200
    assert world.post(f"{CHECKS}{ID}", {"channels": "0f0c2a4e-0000-4000-8000-000000000002"}).status == 400


@pytest.mark.parametrize("name", ["scope", "name", "key"])
def test_each_field_of_a_key_is_shown(world: World, name: str) -> None:
    assert set(KeyRequest.model_fields) == {"api_key", "scope", "name", "key"}
    sent = {"scope": "ping", "name": "hosts", "key": "dV9x-3k_TqLmZ0aRb7CyNw"}
    made = world.post("/api/v3/keys/", sent).json()
    assert made[name] == sent[name]


def test_each_field_of_a_project_is_shown(world: World) -> None:
    assert set(ProjectRequest.model_fields) | {"name"} == set(NewProjectRequest.model_fields) == {"name", "channels"}
    sent = {"name": "shop", "channels": ""}
    made = world.post("/iam/projects/", sent, key=None, signed=True).json()
    assert {name: made[name] for name in sent} == sent


def test_each_field_of_a_channel_is_kept(world: World) -> None:
    shown = {"name": "hook", "default": False, "statuses": ["down"], "tags": ["db"], "via": "webhook"}
    form = {"method": "PUT", "headers": {"X-Team": "ops"}, "body": "$NAME"}
    sent = shown | {"target": "https://8.8.8.8/x", "webhook": form}
    for model in (ChannelRequest, ChannelChange):
        assert set(sent) | {"api_key"} == set(model.model_fields)
    assert set(form) == set(WebhookRequest.model_fields)
    made = world.post(CHANNELS, sent).json()
    assert {name: made[name] for name in shown} == shown
    stored = documents.CHANNELS.one(world.store, made["id"], project="default")
    assert stored
    assert stored.webhook == form | {"secret": made["secret"]}
    assert stored.target == sent["target"]


NONCHARACTERS = ["\uffff", "\ufffe", "\ufdd0", "\U0001fffe", "\U0010ffff"]


@pytest.mark.parametrize("bad", NONCHARACTERS)
def test_no_noncharacter_is_stored_by_any_field(world: World, bad: str) -> None:
    texts = [name for name, value in CHECK.items() if isinstance(value, str) and name != "snoozed_until"]
    for name in texts:
        reply = world.post(CHECKS, {name: f"a{bad}b"})
        assert (reply.status, reply.error.split()[0].rstrip(":")) == (400, name)
    for path, sent in [
        (CHANNELS, {"name": f"a{bad}", "target": "a@example.com"}),
        (CHANNELS, {"name": "a", "target": f"slack://{bad}"}),
        (CHANNELS, {"name": "a", "target": "https://8.8.8.8/", "webhook": {"body": bad}}),
        (CHANNELS, {"name": "a", "target": "https://8.8.8.8/", "webhook": {"headers": {"X-A": bad}}}),
        (CHANNELS, {"name": "a", "target": "a@example.com", "tags": [bad]}),
        ("/api/v3/keys/", {"name": bad}),
    ]:
        assert world.post(path, sent).status == 400, sent


@pytest.mark.parametrize("escape", [b"\\ud800", b"\\udfff", b"\\ud800\\ud800"])
def test_no_half_of_a_character_is_stored(world: World, escape: bytes) -> None:
    assert world.post(CHECKS, b'{"name": "a' + escape + b'"}').status == 400
    assert world.post("/api/v3/keys/", b'{"name": "' + escape + b'"}').status == 400


@pytest.mark.parametrize("query", ["end=10000000000", "start=999999999999999", "end=999999999999999"])
def test_flips_may_be_asked_for_until_any_time(world: World, query: str) -> None:
    world.check()
    assert world.get(f"{CHECKS}{ID}/flips/?{query}").status == 200
