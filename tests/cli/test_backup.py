"""A project out of one deployment's tables and into another's: nothing lost, nothing overwritten unasked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lastseen.core import keys
from lastseen.core.channel import Channel, Via
from lastseen.core.check import Check, End, Filters, Kind, Outcome, Ping, Run, Status
from lastseen.core.keys import Scope
from lastseen.core.machine import pinged
from lastseen.core.schedule import Cron, OnCalendar, Period
from lastseen.storage.documents import CHANNELS, KEYS, PROJECTS
from lastseen.storage.fresh import new_key
from lastseen.storage.store import Store, TableStore
from lastseen.storage.tables import Tables
from lastseen_cli.backup import Saved, plan, read, run
from lastseen_cli.backup import backup as written
from lastseen_cli.commands import run as lastseen
from lastseen_cli.deployment import Deployment
from lastseen_cli.errors import CliError, UsageError
from tests.memory import MemoryStore
from tests.times import T0, hours, minutes, seconds

ID, OTHER_ID = "5f0c2a4e-8d31-4b7a-9c15-1f2e3d4c5b6a", "a1b2c3d4-0000-4000-8000-00000000abcd"
RID = "0b9d5a52-8f3e-4b63-9c57-2d2a7c9a3f10"
FULL = Check(
    id=ID,
    project="shop",
    name="nächtlich <b>",
    slug="nightly",
    tags="prod db",
    schedule=Cron("0 3 * * *", "Europe/Berlin"),
    grace=minutes(7),
    methods="POST",
    filters=Filters(http_body=True, default_fail=True, start="go", success="ok", failure="bad"),
    manual_resume=True,
    channels="c1",
    early=minutes(2),
    reminder=hours(4),
    snoozed_until=T0 + hours(9),
    flap_limit=3,
    created=T0 - hours(900),
    status=Status.DOWN,
    since=T0 - hours(2),
    incident=8,
    reminded=T0 - hours(1),
    recent=(T0 - hours(3), T0 - hours(2)),
    flapping=True,
    recovered=T0 - hours(5),
    last_ping=T0 - hours(20),
    runs=(Run(T0 - hours(3), RID),),
    ended=(End(T0 - hours(20), RID),),
    last_duration=seconds(61),
    n_pings=77,
    schedule_changed=T0 - hours(7),
    grace_changed=T0 - hours(6),
    wake_at=T0 + hours(1),
    rev=31,
    flips=9,
    announced=8,
)
"""A check whose every field is another than a new one's."""


@pytest.fixture(params=["moto", "memory"])
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, Store]]:
    """Two deployments' tables."""
    if request.param == "memory":
        yield MemoryStore(), MemoryStore()
        return
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "testing")
    with mock_aws():
        yield _tables("a"), _tables("b")


def _tables(name: str) -> Store:
    dynamodb: Any = boto3.client("dynamodb", "us-east-1")
    names = []
    for table, held in (
        ("checks", "id"),
        ("names", "project slug"),
        ("history", "id event"),
        ("settings", "kind name"),
    ):
        names.append(f"{name}-{table}")
        dynamodb.create_table(
            TableName=names[-1],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(held.split(), ("HASH", "RANGE"), strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in held.split()],
            BillingMode="PAY_PER_REQUEST",
        )
    return TableStore(dynamodb, Tables(*names))


def a_project(store: Store) -> str:
    """Make the project "shop", and beside it another; return a key of the first."""
    store.put_setting(PROJECTS.kind, "shop", {"channels": "c1", "created": 5})
    store.create(FULL, about="Call Ada.\nThen run it again.")
    store.create(Check(id=OTHER_ID, project="shop", schedule=OnCalendar("Mon 09:00\nTue 10:00", "UTC")))
    held = Channel(id="c1", project="shop", name="ops", via=Via.CHAT, target="slack://secret", statuses=("down",))
    CHANNELS.write(store, held)
    word, key = new_key(Scope.WRITE, "shop", "ada", T0)
    KEYS.write(store, key)
    store.create(Check(id=RID, project="default", name="not mine"))
    _, foreign = new_key(Scope.READ, "default", "bob", T0)
    KEYS.write(store, foreign)
    return word


def carried(store: Store, name: str = "shop") -> Saved:
    """Return a backup as it comes back from a file."""
    return read(json.dumps(written(store, name, T0)))


def test_the_full_check_really_has_nothing_of_a_new_one() -> None:
    same = [f.name for f in fields(Check) if getattr(FULL, f.name) == f.default]
    assert same == []


def test_a_project_comes_back_to_the_letter_in_another_deployment(stores: tuple[Store, Store]) -> None:
    one, other = stores
    word = a_project(one)
    run(plan(other, carried(one)))
    assert other.get(ID, strong=True) == FULL
    assert other.project("shop") == one.project("shop") == {ID: "Call Ada.\nThen run it again.", OTHER_ID: ""}
    assert other.get_many([OTHER_ID]) == one.get_many([OTHER_ID])
    assert other.ids_of_slug("shop", "nightly", strong=True) == (ID,)
    assert other.settings(CHANNELS.place("shop")) == one.settings(CHANNELS.place("shop"))
    assert other.setting(PROJECTS.kind, "shop") == {"channels": "c1", "created": 5}
    assert list(other.settings(KEYS.kind)) == [keys.hashed(word)]
    assert written(other, "shop", T0) == written(one, "shop", T0)


def test_nothing_of_another_project_is_in_it(stores: tuple[Store, Store]) -> None:
    one, other = stores
    a_project(one)
    run(plan(other, carried(one)))
    assert other.get(RID, strong=True) is None
    assert "not mine" not in json.dumps(written(one, "shop", T0))


def test_a_restore_into_itself_writes_nothing(stores: tuple[Store, Store]) -> None:
    one, _ = stores
    a_project(one)
    assert plan(one, carried(one)) == []


def test_a_restore_that_was_interrupted_goes_on_where_it_stopped(stores: tuple[Store, Store]) -> None:
    one, other = stores
    a_project(one)
    steps = plan(other, carried(one))
    assert len(steps) == 5
    run(steps[:3])
    rest = plan(other, carried(one))
    assert [step.what for step in rest] == [step.what for step in steps[3:]]
    run(rest)
    assert plan(other, carried(one)) == []


def test_the_last_use_of_a_key_is_no_difference(stores: tuple[Store, Store]) -> None:
    one, _ = stores
    word = a_project(one)
    saved = carried(one)
    used = (one.setting(KEYS.kind, keys.hashed(word)) or {}) | {"last_used": 1}
    one.put_setting(KEYS.kind, keys.hashed(word), used)
    assert plan(one, saved) == []


def test_what_is_there_and_differs_is_a_replacement_and_counts_never_run_backwards(
    stores: tuple[Store, Store],
) -> None:
    """An alert's id is a check's count of flips: given twice, the second alert would be dropped as a double."""
    one, _ = stores
    a_project(one)
    saved = carried(one)
    seen = one.get(ID, strong=True)
    assert seen
    up = replace(seen, status=Status.UP, slug="renamed", flips=12, announced=12, rev=44, channels="*")
    one.save(seen, Outcome(check=up), about="new words")
    [step] = plan(one, saved)
    assert (step.what, step.replaces) == ("the check nächtlich <b>", True)
    run([step], replace=True)
    assert one.get(ID, strong=True) == replace(FULL, flips=12, announced=12, rev=45)
    assert one.about(FULL) == "Call Ada.\nThen run it again."
    assert one.ids_of_slug("shop", "nightly", strong=True) == (ID,)
    assert one.ids_of_slug("shop", "renamed", strong=True) == ()
    assert plan(one, saved) == []


def test_a_description_that_differs_is_brought_back_too(stores: tuple[Store, Store]) -> None:
    one, _ = stores
    a_project(one)
    saved = carried(one)
    one.save(FULL, Outcome(check=FULL), about="new words")
    run(plan(one, saved), replace=True)
    assert one.about(FULL) == "Call Ada.\nThen run it again."


def test_a_ping_during_the_restore_is_not_lost_to_a_conflict() -> None:
    store = MemoryStore()
    a_project(store)
    saved = carried(store)
    seen = store.get(ID, strong=True)
    assert seen
    store.save(seen, Outcome(check=replace(seen, tags="other", rev=32)))
    [step] = plan(store, saved)
    pings = iter([Ping(at=T0, kind=Kind.SUCCESS, method="POST", body=b"ok")])

    def hook(call: str, when: str) -> None:
        if (call, when) == ("save", "before") and (ping := next(pings, None)):
            held = store.checks[ID]
            store.save_ping(held, pinged(held, ping))

    store.hook = hook
    run([step], replace=True)
    assert store.checks[ID].tags == FULL.tags
    assert store.checks[ID].n_pings == 78


def test_a_check_of_another_project_is_never_taken(stores: tuple[Store, Store]) -> None:
    one, other = stores
    a_project(one)
    other.create(Check(id=ID, project="theirs"))
    with pytest.raises(CliError, match="another project's"):
        plan(other, carried(one))


def test_a_project_that_is_not_there_is_no_empty_backup(stores: tuple[Store, Store]) -> None:
    with pytest.raises(CliError, match="nothing of a project shop"):
        written(stores[0], "shop", T0)


def test_half_a_backup_is_refused() -> None:
    store = MemoryStore()
    a_project(store)
    store.corrupt.add(ID)
    with pytest.raises(CliError, match="1 checks cannot be read, so nothing was written"):
        written(store, "shop", T0)


def damaged(**changes: Any) -> str:
    store = MemoryStore()
    a_project(store)
    return json.dumps(written(store, "shop", T0) | changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[]", "not a backup of Lastseen"),
        ("{}", "not a backup of Lastseen"),
        (damaged(lastseen_backup=2), "version 2, known here is 1"),
        (damaged(checks=[{"about": ""}]), "damaged: KeyError"),
        (damaged(checks=[{"item": {"id": {"S": "x"}, "st": {"S": "?"}}, "about": ""}]), "damaged: CorruptError"),
        (damaged(checks=[{"item": {"id": {"S": "x"}, "sr": {"B": "?"}}, "about": ""}]), "damaged: "),
        (damaged(project="other"), "is of the project shop, not other"),
        (damaged(keys={"h": {"project": "shop", "scope": "all"}}), "damaged: "),
        (damaged(channels={"c": {}}), "damaged: CorruptError"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_before_anything_is_written(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read(text)


CHECK_CHANGES: list[dict[str, Any]] = [
    {"id": {"S": "x"}},
    {"id": {"S": ID.upper()}},
    {"nm": {"S": "x" * 101}},
    {"nm": {"S": "\x1b[31m"}},
    {"nm": {"N": "5"}},
    {"sl": {"S": "Not a slug"}},
    {"g": {"N": "1000"}},
    {"re": {"N": "1000"}},
    {"lp": {"N": "253402300799000"}},
    {"lp": {"N": "-1"}},
    {"w": {"N": "1" + "0" * 40}},
    {"rc": {"L": [{"N": "253402300799000"}]}},
    {"n": {"N": "-1"}},
    {"a": {"N": "10"}},
    {"ic": {"N": "99"}},
    {"fl": {"N": "101"}},
    {"mt": {"S": "GET"}},
    {"mr": {"S": "yes"}},
    {"ch": {"S": "a b"}},
    {"sc": {"N": "5"}},
    {"sc": {"L": [{"S": "cron"}, {"S": "61 * * * *"}, {"S": "UTC"}]}},
    {"sc": {"L": [{"S": "cron"}, {"S": "0 3 * * *"}, {"S": "Mars/Base"}]}},
]


@pytest.mark.parametrize("changes", CHECK_CHANGES, ids=str)
def test_a_check_that_the_api_would_not_have_made_is_refused(changes: dict[str, Any]) -> None:
    document = json.loads(damaged())
    [full] = [each for each in document["checks"] if each["item"]["id"] == {"S": ID}]
    full["item"] |= changes
    with pytest.raises(UsageError, match="Nothing was written"):
        read(json.dumps(document))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 5},
        {"name": "a,b"},
        {"name": "*"},
        {"name": ""},
        {"via": "pigeon"},
        {"via": ["webhook"]},
        {"via": "webhook", "target": "http://[8.8.8.8]/"},
        {"via": "webhook", "target": "http://x:99999/"},
        {"via": "webhook", "target": "file:///etc/passwd"},
        {"via": "email", "target": "nobody"},
        {"via": "sms", "target": "+4917٣1234567"},
        {"target": 5},
        {"target": "no scheme"},
        {"statuses": ["late"]},
        {"statuses": "down"},
        {"tags": [5]},
        {"default": "yes"},
        {"created": 10**30},
        {"created": True},
        {"webhook": []},
        {"webhook": {"headers": {"X": 5}}},
        {"webhook": {"method": "BREW"}},
    ],
    ids=str,
)
def test_a_channel_that_the_api_would_not_have_made_is_refused(changes: dict[str, Any]) -> None:
    document = json.loads(damaged())
    document["channels"]["c1"] |= changes
    with pytest.raises(UsageError, match="Nothing was written"):
        read(json.dumps(document))


@pytest.mark.parametrize(
    "target", ["tgram://123456789:abc_def/12345/", "slack://A/B/C/#ops", "mailto://u:p@example.org", "ntfys://h/topic"]
)
def test_chats_that_the_api_takes_are_accepted(target: str) -> None:
    document = json.loads(damaged())
    document["channels"]["c1"]["target"] = target
    assert read(json.dumps(document)).channels["c1"]["target"] == target


@pytest.mark.parametrize(
    "changes", [{"name": 5}, {"created": 10**30}, {"last_used": "now"}, {"hint": ["x"]}, {"scope": "all"}], ids=str
)
def test_a_key_that_the_api_would_not_have_made_is_refused(changes: dict[str, Any]) -> None:
    [(key_hash, key)] = json.loads(damaged())["keys"].items()
    for keys_ in ({key_hash: key | changes}, {"h": key}):
        with pytest.raises(UsageError, match="Nothing was written"):
            read(damaged(keys=keys_))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"lastseen_backup": 1}', '{"lastseen_backup": 1, "project": []}'])
def test_what_is_no_backup_at_all_is_refused_without_a_traceback(text: str) -> None:
    with pytest.raises(UsageError):
        read(text)


@pytest.mark.parametrize("field", ["keys", "channels", "checks", "choices"])
@pytest.mark.parametrize("value", [5, "x", [[]], {"channels": 5, "c": 5}, True])
def test_a_part_of_another_form_is_refused_without_a_traceback(field: str, value: object) -> None:
    with pytest.raises(UsageError, match="Nothing was written"):
        read(damaged(**{field: value}))


def test_a_file_of_the_former_export_is_restored() -> None:
    document = json.loads(damaged())
    document["lastseen_export"] = document.pop("lastseen_backup")
    assert len(read(json.dumps(document)).checks) == 2


# --- The commands ---


class _Of(Deployment):
    """A deployment of tables in memory."""

    held: MemoryStore

    @property
    def store(self) -> Store:
        return self.held


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """The tables that the commands find."""
    deployment = _Of(name="Lastseen", outputs={}, resources=(), clock_header="")
    object.__setattr__(deployment, "held", MemoryStore())
    monkeypatch.setattr("lastseen_cli.deployment.find", lambda _stack: deployment)
    return deployment.held


def test_the_commands_carry_a_project_and_say_what_they_do(
    store: MemoryStore, capfd: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    a_project(store)
    assert lastseen(["backup", "--project", "shop"]) == 0
    (tmp_path / "shop.json").write_text(capfd.readouterr().out)
    store.__init__()  # type: ignore[misc] # the tables are lost
    assert lastseen(["restore", "--dry-run", str(tmp_path / "shop.json")]) == 0
    assert "make the channel ops" in capfd.readouterr().err
    assert (store.checks, store.documents) == ({}, {})
    assert lastseen(["restore", str(tmp_path / "shop.json")]) == 0
    assert store.checks[ID] == FULL
    assert "Done: 5 written into the project shop." in capfd.readouterr().err


def test_the_command_replaces_only_if_asked(
    store: MemoryStore, capfd: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    a_project(store)
    lastseen(["backup", "--project", "shop"])
    (tmp_path / "shop.json").write_text(capfd.readouterr().out)
    changed = replace(FULL, schedule=Period(hours(1)), rev=32)
    store.checks[ID] = changed
    assert lastseen(["restore", str(tmp_path / "shop.json")]) == 1
    assert "1 of these are there and differ. Nothing was written" in capfd.readouterr().err
    assert store.checks[ID] == changed
    assert lastseen(["restore", "--replace", str(tmp_path / "shop.json")]) == 0
    assert store.checks[ID].schedule == FULL.schedule
