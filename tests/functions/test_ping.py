"""The ping function: the gateway's event in, its answer out, and which calls to AWS between. Over moto, on the wire."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lastseen.core.check import Check, Kind, Status
from lastseen.core.keys import hashed
from lastseen.storage.documents import KEYS
from lastseen.storage.store import Store, TableStore
from lastseen.storage.tables import Tables
from tests.functions.pinged import ENTRY, ENVIRONMENT, event, load
from tests.lastseen.pinging.world import PING_KEY, key_document
from tests.moto_server import MotoServer, running
from tests.tables import made
from tests.times import T0, hours, seconds

UUID = "7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80"
RUN = "11111111-2222-4333-8444-555555555555"
BY_UUID, BY_SLUG = f"/ping/{UUID}", f"/ping/{PING_KEY}/nightly"
STEADY = ["GetItem", "UpdateItem", "PutItem"]


@pytest.fixture(scope="module")
def server() -> Iterator[MotoServer]:
    with running() as server:
        yield server


@pytest.fixture
def aws(server: MotoServer) -> MotoServer:
    """What the function speaks to; every call that it makes is written down."""
    server.asked.clear()
    server.lost.clear()
    return server


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch, aws: MotoServer) -> Iterator[Any]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        boto3.client("sqs").create_queue(QueueName="wakes")
        client = boto3.client("dynamodb")
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        yield client


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch, dynamodb: Any, template: dict[str, Any]) -> Tables:
    tables = made(dynamodb, template)
    for table in ("checks", "names", "history", "settings"):
        monkeypatch.setenv(f"{table.upper()}_TABLE", getattr(tables, table))
    return tables


@pytest.fixture
def store(dynamodb: Any, tables: Tables) -> Store:
    store = TableStore(dynamodb, tables)
    store.put_setting(KEYS.kind, hashed(PING_KEY), key_document())
    return store


@pytest.fixture
def ping(store: Store, aws: MotoServer) -> ModuleType:  # noqa: ARG001 - a store with a key
    loaded = load()
    aws.asked.clear()  # of the rehearsal, which is test_rehearsal.py's matter
    return loaded


def put(store: Store, **fields: Any) -> None:
    store.create(Check(**{"id": UUID, "slug": "nightly", "created": T0 - hours(1), **fields}))


# --- What a ping costs ---


@pytest.mark.parametrize("path", [BY_UUID, BY_SLUG])
def test_a_warm_steady_ping_is_one_read_one_conditional_write_and_one_put(
    store: Store, ping: ModuleType, aws: MotoServer, path: str
) -> None:
    put(store)
    ping.handler(event(path), None)
    aws.asked.clear()
    for number in (1, 2):
        assert ping.handler(event(path, at=T0 + seconds(number)), None)["statusCode"] == 200
        assert aws.calls == STEADY * number


def test_the_write_of_a_steady_ping_is_conditional_on_what_its_decision_saw(
    store: Store, ping: ModuleType, aws: MotoServer
) -> None:
    put(store)
    ping.handler(event(BY_UUID), None)
    aws.asked.clear()
    ping.handler(event(BY_UUID, at=T0 + seconds(1)), None)
    (update,) = [asked for operation, asked in aws.asked if operation == "UpdateItem"]
    assert update["ConditionExpression"] == "rv = :seen_rev AND (attribute_not_exists(lp) OR lp <= :new_end)"
    assert update["UpdateExpression"] == "SET lp = :lp, w = :w ADD n :one"


def test_a_history_that_is_switched_off_is_not_paid_for(
    store: Store, aws: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HISTORY_DAYS", "0")
    ping = load()
    put(store)
    ping.handler(event(BY_UUID), None)
    aws.asked.clear()
    ping.handler(event(BY_UUID, at=T0 + seconds(1)), None)
    assert aws.calls == ["GetItem", "UpdateItem"]


def test_an_unknown_check_is_read_strongly_before_it_is_said_not_to_be_there(ping: ModuleType, aws: MotoServer) -> None:
    assert ping.handler(event(BY_UUID), None)["statusCode"] == 404
    assert [(operation, asked["ConsistentRead"]) for operation, asked in aws.asked] == [
        ("GetItem", False),
        ("GetItem", True),
    ]


def test_the_function_starts_without_what_makes_starts_slow() -> None:
    heavy = ("pydantic", "aws_lambda_powertools", "boto3", "apprise", "jinja2", "oncalendar", "botocore", "urllib3")
    code = f"import sys, runpy; runpy.run_path({str(ENTRY)!r}); print(sorted(set({heavy}) & set(sys.modules)))"
    alone = {**ENVIRONMENT, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}  # nobody is there
    run = subprocess.run([sys.executable, "-c", code], env=alone, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("[]\n", "")


# --- From event to history ---


def test_everything_of_a_request_reaches_the_history(store: Store, ping: ModuleType) -> None:
    put(store)
    body = {"body": base64.b64encode(b"\x00\xff half \xc3").decode(), "isBase64Encoded": True}
    rid = "11111111222243338444555555555555"
    answer = ping.handler(event(f"{BY_UUID}/3/", f"rid={rid}", method="PUT", at=T0 + seconds(1), **body), None)
    assert (answer["statusCode"], answer["body"]) == (200, "OK")
    (recorded,) = store.pings(UUID, limit=10)
    said = recorded.ping
    assert (recorded.n, recorded.kind, said.at) == (1, Kind.FAIL, T0 + seconds(1))
    assert (said.method, said.address, said.agent, said.scheme) == ("PUT", "192.0.2.7", "curl/7.88.1", "https")
    assert (said.body, said.exit_status) == (b"\x00\xff half \xc3", 3)
    assert said.rid == "11111111-2222-4333-8444-555555555555"


def test_an_entry_of_the_history_expires_after_its_days(
    store: Store, dynamodb: Any, tables: Tables, ping: ModuleType
) -> None:
    put(store)
    ping.handler(event(BY_UUID), None)
    items = dynamodb.scan(TableName=tables.history)["Items"]
    expiry = {item["event"]["S"][:5]: int(item["ttl"]["N"]) - int(T0.timestamp()) for item in items}
    assert expiry == {"ping#": 90 * 86_400, "flip#": 90 * 86_400}


@pytest.mark.usefixtures("store")
def test_first_pings_create_as_many_checks_a_day_as_the_deployment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINGED_CHECKS_PER_DAY", "1")
    ping = load()
    answers = [ping.handler(event(f"{BY_SLUG}-{number}", "create=1"), None)["statusCode"] for number in range(2)]
    assert answers == [201, 409]


def test_the_body_limit_can_be_raised(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BODY_LIMIT", "100000")
    ping = load()
    put(store)
    answer = ping.handler(event(BY_UUID, method="POST", body="x" * 300_000), None)
    assert answer["headers"]["ping-body-limit"] == "100000"
    assert [recorded.ping.body for recorded in store.pings(UUID, limit=10)] == [b"x" * 100_000]


def test_a_request_without_anything_that_may_be_missing_is_a_ping(store: Store, ping: ModuleType) -> None:
    put(store)
    bare = {"rawPath": BY_UUID, "requestContext": {"http": {"method": "GET"}, "timeEpoch": 1_772_452_800_000}}
    assert ping.handler(bare, None)["statusCode"] == 200
    (recorded,) = store.pings(UUID, limit=10)
    assert (recorded.ping.address, recorded.ping.agent, recorded.ping.scheme) == ("", "", "https")


# --- Answers ---


def test_an_answer_has_the_peers_headers(store: Store, ping: ModuleType) -> None:
    put(store)
    for path, status in ((BY_UUID, 200), (f"/ping/{UUID[::-1]}", 404)):
        answer = ping.handler(event(path), None)
        assert answer["statusCode"] == status
        assert answer["headers"] == {
            "content-type": "text/plain; charset=utf-8",
            "access-control-allow-origin": "*",
            "cache-control": "max-age=0, no-cache, no-store, must-revalidate, private",
            "ping-body-limit": "10000",
        }


@pytest.mark.parametrize(("path", "status"), [(BY_UUID, 200), ("/ping/nonsense", 404), (f"/ping/{PING_KEY}/N", 400)])
def test_head_is_answered_without_a_body(store: Store, ping: ModuleType, path: str, status: int) -> None:
    put(store)
    answer = ping.handler(event(path, method="HEAD"), None)
    assert (answer["statusCode"], answer["body"]) == (status, "")


def test_a_preflight_is_granted_and_recorded_nowhere(store: Store, ping: ModuleType, aws: MotoServer) -> None:
    put(store)
    headers = {"origin": "https://example.com", "access-control-request-method": "POST"}
    answer = ping.handler(event(BY_UUID, method="OPTIONS", headers=headers), None)
    assert (answer["statusCode"], answer["body"], aws.calls) == (204, "", [])
    for name in ("origin", "methods", "headers"):
        assert answer["headers"][f"access-control-allow-{name}"] == "*"


def test_options_without_a_browsers_question_is_a_ping(store: Store, ping: ModuleType) -> None:
    put(store)
    assert ping.handler(event(BY_UUID, method="OPTIONS"), None)["statusCode"] == 200
    assert store.pings(UUID, limit=1)[0].ping.method == "OPTIONS"


# --- A write that was made, and whose answer was lost: it is made again ---


@pytest.mark.parametrize(
    ("before", "suffix", "after", "flips"),
    [
        (Status.UP, "", Status.UP, []),
        (Status.UP, "/fail", Status.DOWN, [Status.DOWN]),
        (Status.UP, "/start", Status.UP, []),
        (Status.UP, "/log", Status.UP, []),
        (Status.DOWN, "", Status.UP, [Status.UP]),
        (Status.DOWN, "/fail", Status.DOWN, []),
    ],
)
def test_a_write_that_is_made_twice_does_no_harm(
    store: Store, ping: ModuleType, aws: MotoServer, *, before: Status, suffix: str, after: Status, flips: list[Status]
) -> None:
    put(store, status=before, last_ping=T0 - hours(1))
    aws.lost |= {"UpdateItem", "TransactWriteItems"}
    assert ping.handler(event(BY_UUID + suffix, f"rid={RUN}"), None)["statusCode"] == 200
    assert aws.lost == (set() if flips else {"TransactWriteItems"})
    check = store.get(UUID, strong=True)
    assert check
    assert (check.status, [run.rid for run in check.runs]) == (after, [RUN] if suffix == "/start" else [])
    assert [flip.status for flip in store.flips(UUID)] == flips
    assert 1 <= check.n_pings <= 3
    assert len(store.pings(UUID, limit=9)) == 1


# --- Many at once ---


def test_where_the_projects_choices_cannot_be_read_a_check_made_by_a_ping_tells_every_channel(
    dynamodb: Any, tables: Tables, store: Store, ping: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    spoiled = {"kind": {"S": "project"}, "name": {"S": "default"}, "doc": {"S": "{"}}
    dynamodb.put_item(TableName=tables.settings, Item=spoiled)
    assert ping.handler(event(BY_SLUG, "create=1"), None)["statusCode"] == 201
    [check] = store.get_many(list(store.project("default"))).values()
    assert check.channels == "*"
    assert "project default notify every channel: The setting project default cannot be read" in caplog.text


def test_of_32_first_pings_at_once_one_makes_the_check_and_all_count(store: Store, ping: ModuleType) -> None:
    together = threading.Barrier(32)

    def first(number: int) -> int:
        together.wait()
        answer = ping.handler(event(BY_SLUG, "create=1", at=T0 + seconds(number)), None)
        return int(answer["statusCode"])

    with ThreadPoolExecutor(32) as pool:
        statuses = sorted(pool.map(first, range(32)))
    assert statuses == [200] * 31 + [201]
    (check_id,) = store.project("default")
    check = store.get(check_id, strong=True)
    assert check
    assert (check.status, check.n_pings, check.last_ping) == (Status.UP, 32, T0 + seconds(31))
    assert [recorded.n for recorded in store.pings(check_id, limit=50)] == list(range(32, 0, -1))
