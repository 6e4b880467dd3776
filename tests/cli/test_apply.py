"""`lastseen apply`: what a file says is what there is, and nothing is touched before all of it is known to be right."""

from __future__ import annotations

import io
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator  # type: ignore[import-untyped] # it comes with check-jsonschema

from lastseen.core.channel import Channel, Via
from lastseen.core.schedule import Cron, Period
from lastseen.storage.documents import CHANNELS
from lastseen.storage.errors import ConflictError
from lastseen_cli.checkfile import KINDS, read, schema, written
from tests.cli.conftest import Terminal
from tests.lastseen.api.world import ID, OTHER_ID
from tests.times import hours, minutes

FILE = """\
defaults:
  grace: 10m
  tags: [prod, db]
checks:
  - name: Nightly backup
    slug: nightly
    schedule: 0 3 * * *
    tz: Europe/Berlin
    desc: |
      Call Ada.
      Then wait.
  - name: Heartbeat
    every: 5m
    grace: 1m
    reminder: 4h
    channels: []
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "checks.yaml"
    path.write_text(FILE)
    return path


def test_what_is_not_there_is_made(lastseen: Terminal, file: Path) -> None:
    done = lastseen.ok("apply", str(file))
    assert done.out == "+ create Nightly backup\n+ create Heartbeat\n"
    assert done.err == "2 to make, 0 to change, 0 to delete, 0 as they should be.\nDone.\n"
    heartbeat, nightly = sorted(lastseen.world.store.checks.values(), key=lambda check: check.name)
    assert (nightly.slug, nightly.schedule) == ("nightly", Cron("0 3 * * *", "Europe/Berlin"))
    assert (nightly.grace, nightly.tags, nightly.channels) == (minutes(10), "prod db", "*")
    assert lastseen.world.store.about(nightly) == "Call Ada.\nThen wait.\n"
    assert (heartbeat.schedule, heartbeat.grace) == (Period(minutes(5)), minutes(1))
    assert (heartbeat.reminder, heartbeat.channels, heartbeat.slug) == (hours(4), "", "heartbeat")


def test_applied_twice_it_changes_nothing_the_second_time(lastseen: Terminal, file: Path) -> None:
    lastseen.ok("apply", str(file))
    before = dict(lastseen.world.store.checks)
    done = lastseen.ok("apply", str(file))
    assert (done.out, done.err) == ("", "0 to make, 0 to change, 0 to delete, 2 as they should be.\n")
    assert lastseen.world.store.checks == before


def test_what_differs_is_changed_and_told_and_the_rest_stays(lastseen: Terminal, file: Path) -> None:
    lastseen.world.check(name="Backup", slug="nightly", tags="prod db", methods="POST", about="Call Bob.")
    done = lastseen.ok("apply", str(file))
    assert done.out.splitlines()[0] == (
        '~ update Nightly backup: name "Backup" -> "Nightly backup"; desc "Call Bob." -> "Call Ada.\\nThen wait.\\n"; '
        'timeout 1d -> null; schedule null -> "0 3 * * *"; tz null -> "Europe/Berlin"; skipped_hour null -> "run"; '
        "grace 1h -> 10m"
    )
    check = lastseen.world.store.checks[ID]
    assert (check.name, check.grace, check.methods, check.channels) == ("Nightly backup", minutes(10), "POST", "")


def test_a_schedule_in_another_dialect_is_said_back_and_is_no_change_the_second_time(
    lastseen: Terminal, file: Path
) -> None:
    file.write_text("checks:\n  - slug: nightly\n    schedule: 0 22 * * 1-5 Europe/Berlin\n")
    note = "    schedule: Taken as: Monday to Friday at 22:00, Europe/Berlin (0 22 * * 1-5).\n"
    assert lastseen.ok("apply", str(file), "--dry-run").out == f"+ create nightly\n{note}"
    lastseen.ok("apply", str(file))
    assert lastseen.ok("apply", str(file)).out == ""
    file.write_text("checks:\n  - slug: nightly\n    schedule: '@daily'\n")
    update = '~ update nightly: schedule "0 22 * * 1-5" -> "0 0 * * *"\n'
    assert (
        lastseen.ok("apply", str(file)).out
        == f"{update}    schedule: Taken as: each day at 00:00, Europe/Berlin (0 0 * * *).\n"
    )


def test_a_dry_run_says_the_same_and_changes_nothing(lastseen: Terminal, file: Path) -> None:
    done = lastseen.ok("apply", str(file), "--dry-run")
    assert done.out == "+ create Nightly backup\n+ create Heartbeat\n"
    assert "Done" not in done.err
    assert lastseen.world.store.checks == {}


def test_prune_deletes_what_the_file_lacks(lastseen: Terminal, file: Path) -> None:
    lastseen.world.check(name="old")
    lastseen.world.check(id=OTHER_ID, name="theirs", project="shop")
    assert "- delete old" not in lastseen.ok("apply", str(file)).out
    done = lastseen.ok("apply", str(file), "--prune", "--yes")
    assert done.out == "- delete old\n"
    assert sorted(check.name for check in lastseen.world.store.checks.values()) == [
        "Heartbeat",
        "Nightly backup",
        "theirs",
    ]


def test_prune_asks_first_and_no_answer_is_no(lastseen: Terminal, file: Path) -> None:
    lastseen.world.check(name="old")
    done = lastseen("apply", str(file), "--prune")
    assert done.status == 1
    assert "Delete old? Their ping URLs stop working." in done.err
    assert list(lastseen.world.store.checks) == [ID]


def test_prune_with_an_empty_file_is_refused(lastseen: Terminal, file: Path) -> None:
    lastseen.world.check()
    file.write_text("checks: []\n")
    done = lastseen("apply", str(file), "--prune", "--yes")
    assert (done.status, "would delete every check" in done.err) == (2, True)
    assert list(lastseen.world.store.checks) == [ID]


def test_one_entry_that_the_api_refuses_keeps_all_from_being_touched(lastseen: Terminal, file: Path) -> None:
    file.write_text(f"{FILE}  - name: Never\n    schedule: 0 0 31 2 *\n")
    done = lastseen("apply", str(file))
    assert done.status == 1
    assert "Never: The API did not accept this: schedule: " in done.err
    assert "Nothing was changed." in done.err
    assert lastseen.world.store.checks == {}


def test_two_checks_of_one_name_are_not_guessed(lastseen: Terminal, file: Path) -> None:
    lastseen.world.check(name="Heartbeat")
    lastseen.world.check(id=OTHER_ID, name="Heartbeat")
    done = lastseen("apply", str(file))
    assert (done.status, "2 checks have the name Heartbeat" in done.err) == (1, True)


def test_a_read_only_key_is_told_so(lastseen: Terminal, file: Path) -> None:
    lastseen.world.check()
    lastseen.by_key(lastseen.world.read)
    done = lastseen("apply", str(file))
    assert (done.status, "This key may only read." in done.err) == (1, True)


FAULTS = [
    ("", ["1: the file is empty"]),
    ("- name: x", ["1: the file must have `checks:`"]),
    ("checks: {}", ["1: `checks:` must have a list below it"]),
    ("checks:", ["1: `checks:` must have a list below it"]),
    ("checks:\n  - x", ["2: an entry must have settings"]),
    ("checks:\n  - grace: 5m", ["2: an entry needs a `name` or a `slug`"]),
    ("checks:\n  - name: a\n  - nmae: b", ["3: there is no setting `nmae`. Did you mean `name`?"]),
    ("checks:\n  - name: a\n    timeout: 60", ["3: there is no setting `timeout`."]),
    ("checks:\n  - name: a\n    every: soon", ["3: `every` soon: not a time."]),
    ("checks:\n  - name: a\n    every: 1:30", ["3: `every` 1:30: not a time."]),
    ("checks:\n  - name: a\n    every: 5", ["3: `every` 5: it can be 1m to 365d"]),
    ("checks:\n  - name: a\n    reminder: 5s", ["3: `reminder` 5s: it can be 0, or 1m to 365d"]),
    ("checks:\n  - name: a\n    every: 0100", ["3: `every` 0100: not a time."]),
    ("checks:\n  - name: a\n    every: .inf", ["3: `every` .inf: not a time."]),
    ("checks:\n  - name: a\n    grace: 1.5", ["3: `grace` 1.5: not a time."]),
    ("checks:\n  - name: a\n    grace: 2026-03-02", ["3: `grace` 2026-03-02: not a time."]),
    ("checks:\n  - name: a\n    flap_limit: 0100", ["3: `flap_limit` 0100: write a whole number"]),
    ("checks:\n  - name: a\n    flap_limit: .nan", ["3: `flap_limit` .nan: write a whole number"]),
    ("checks:\n  - name: a\n    flap_limit: 1_000", ["3: `flap_limit` 1_000: write a whole number"]),
    ("checks:\n  - name: a\n    manual_resume: yes", ["3: `manual_resume` yes: write true or false"]),
    ("checks:\n  - name: a\n    manual_resume: 1", ["3: `manual_resume` 1: write true or false"]),
    ("checks:\n  - name: a\n    desc:", ["3: `desc`: has no value"]),
    ("checks:\n  - name: ~", ["2: `name` ~: has no value"]),
    ("checks:\n  - name: [a]", ["2: `name`: write one value"]),
    ("checks:\n  - name: {a: b}", ["2: `name`: write one value"]),
    ("checks:\n  - name: a\n    slug: [a]", ["3: `slug`: write one value"]),
    ("checks:\n  - name: a\n    tags: [[a]]", ["3: `tags`: write one value, or a list of values"]),
    ("checks:\n  - name: a\n    tags: {a: b}", ["3: `tags`: write one value, or a list of values"]),
    ("checks:\n  - name: a\n    tags: [a b]", ["3: `tags`: 'a b' cannot be one of a list"]),
    ("checks:\n  - name: a\n    tags: !!set {a, b}", ["3: the tag tag:yaml.org,2002:set is not supported"]),
    ("checks:\n  - name: a\n    desc: !!binary aGVsbG8=", ["3: the tag tag:yaml.org,2002:binary is not supported"]),
    ("checks:\n  - name: a\n    desc: !!timestamp 9999-99-99", ["3: the tag tag:yaml.org,2002:timestamp is not"]),
    ("checks:\n  - !!python/object/apply:os.system [id]", ["2: the tag tag:yaml.org,2002:python/object/apply:os"]),
    ('checks:\n  - name: "\\uD800"', [":"]),
    ("checks:\n  - name: a\n    every: 5m\n    schedule: 0 3 * * *", ["2: `every` and `schedule` exclude each other"]),
    ("checks:\n  - name: a\n    name: b", ["3: `name` is here a second time; the first is in line 2"]),
    ("checks: []\nchecks: []", ["2: `checks` is here a second time; the first is in line 1"]),
    ("checks:\n  - ? [a]\n    : b", ["2: a name must be text"]),
    ("checks:\n  - slug: a\n  - slug: a", ["3: the slug a is that of "]),
    ("checks:\n  - name: A\n  - name: a", ["3: the slug a is that of "]),
    ("checks:\n  - name: 备\n  - name: 备", ["3: the name 备 is that of "]),
    ("defaults: 5m\nchecks: []", ["1: `defaults:` must have settings"]),
    ("check: []\nchecks: []", ["1: there is no setting `check`. Did you mean `checks`?"]),
    ("checks: [", ["2: this is not YAML: "]),
    ("checks:\n\t- name: a", ["2: this is not YAML: "]),
    ("checks:\n  - name: *a", ["2: there is no anchor &a above this line"]),
    ("checks: &a [*a]", ["1: there is no anchor &a above this line"]),
    ("checks: []\n---\nchecks: []", ["2: a second document begins"]),
    ("checks: [" + "[" * 20, ["1: too deep: at most 12 levels"]),
    ("checks: [" + "[" * 50_000, ["1: "]),
    ("checks:\n  - name: ${NO_SUCH_VARIABLE}", ["2: `name` ${NO_SUCH_VARIABLE}: the environment variable NO_SUCH"]),
    ("checks:\n  - <<: 5\n    name: a", ["2: << takes a mapping"]),
    (
        "checks:\n  - name: a\n    every: soon\n    grace: late\n  - nmae: b\n  - name: c\n    tags: [[d]]",
        ["3: `every` soon", "4: `grace` late", "5: there is no setting `nmae`", "7: `tags`: write one value"],
    ),
]


@pytest.mark.parametrize(("text", "faults"), FAULTS, ids=range(len(FAULTS)))
def test_every_fault_is_reported_with_its_file_and_line_before_the_api_is_asked(
    lastseen: Terminal, file: Path, text: str, faults: list[str]
) -> None:
    file.write_text(text)
    lastseen.by_key("wrong")
    done = lastseen("apply", str(file))
    assert done.status == 2, done.err
    assert [fault for fault in faults if f"{file}:{fault}" not in done.err and fault != ":"] == [], done.err
    assert f"{file}:" in done.err
    assert "Traceback" not in done.err


def test_an_alias_bomb_is_refused_before_it_is_expanded(lastseen: Terminal, file: Path) -> None:
    levels = ["x-0: &l0 [" + ", ".join(["a"] * 9) + "]"]
    levels += [f"x-{n}: &l{n} [" + ", ".join([f"*l{n - 1}"] * 9) + "]" for n in range(1, 10)]
    file.write_text("\n".join([*levels, "checks:", "  - name: a", "    tags: *l9"]))
    began = time.monotonic()
    done = lastseen("apply", str(file))
    assert (done.status, "too large: more than 200000 values" in done.err) == (2, True)
    assert time.monotonic() - began < 5


def test_a_file_that_is_too_large_is_not_parsed(lastseen: Terminal, file: Path) -> None:
    file.write_text("#" * 2_000_001)
    assert f"{file}:1: the file has 2000001 bytes" in lastseen("apply", str(file)).err


def test_what_yaml_would_take_for_something_else_stays_text(lastseen: Terminal, file: Path) -> None:
    file.write_text(
        "checks:\n  - name: 0100\n    slug: on\n    tags: [no, 1:30, .inf, 2026-03-02, 0x10, null2]\n    desc: 12e3\n"
    )
    lastseen.ok("apply", str(file))
    (check,) = lastseen.world.store.checks.values()
    assert (check.name, check.slug, check.tags) == ("0100", "on", "no 1:30 .inf 2026-03-02 0x10 null2")
    assert lastseen.world.store.about(check) == "12e3"


def test_anchors_merge_and_x_names_are_for_the_file_alone(lastseen: Terminal, file: Path) -> None:
    file.write_text(
        "x-base: &base {grace: 7m, tags: [prod]}\n"
        "checks:\n  - name: a\n    <<: *base\n  - name: b\n    <<: [*base, {grace: 1m, every: 5m}]\n    tags: other\n"
    )
    lastseen.ok("apply", str(file))
    a, b = sorted(lastseen.world.store.checks.values(), key=lambda check: check.name)
    assert (a.grace, a.tags) == (minutes(7), "prod")
    assert (b.grace, b.tags, b.schedule) == (minutes(7), "other", Period(minutes(5)))


def test_variables_are_filled_in_as_text(lastseen: Terminal, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP", "yes: [x]")
    monkeypatch.setenv("PERIOD", "5m")
    file.write_text("checks:\n  - name: ${SHOP} $${SHOP} $SHOP\n    every: ${PERIOD}\n")
    lastseen.ok("apply", str(file))
    (check,) = lastseen.world.store.checks.values()
    assert (check.name, check.schedule) == ("yes: [x] ${SHOP} $SHOP", Period(minutes(5)))


def test_several_files_and_stdin_are_one(lastseen: Terminal, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"checks:\n  - name: from stdin\n")))
    done = lastseen.ok("apply", str(file), "-")
    assert done.out == "+ create Nightly backup\n+ create Heartbeat\n+ create from stdin\n"
    other = file.with_name("other.yaml")
    other.write_text("checks:\n  - slug: nightly\n    nmae: x\n")
    done = lastseen("apply", str(file), str(other))
    assert f"{other}:3: there is no setting `nmae`" in done.err
    other.write_text("checks:\n  - slug: nightly\n")
    done = lastseen("apply", str(file), str(other))
    assert f"{other}:2: the slug nightly is that of {file}:5 too" in done.err


def test_the_exit_code_says_that_something_would_change(lastseen: Terminal, file: Path) -> None:
    assert lastseen("apply", str(file), "--dry-run", "--exit-code").status == 3
    assert lastseen("apply", str(file), "--exit-code").status == 2
    lastseen.ok("apply", str(file))
    assert lastseen("apply", str(file), "--dry-run", "--exit-code").status == 0


def test_the_plan_is_there_for_programs(lastseen: Terminal, file: Path) -> None:
    lastseen.world.check(name="Heartbeat", grace=minutes(5))
    plan = json.loads(lastseen.ok("apply", str(file), "--dry-run", "--json").out)
    assert (plan["same"], plan["applied"]) == (0, False)
    assert [(step["verb"], step["name"]) for step in plan["changes"]] == [
        ("create", "Nightly backup"),
        ("update", "Heartbeat"),
    ]
    assert "grace 5m -> 1m" in plan["changes"][1]["changes"]


def test_all_that_the_api_refuses_is_said_at_once(lastseen: Terminal, file: Path) -> None:
    file.write_text("checks:\n  - name: a\n    schedule: 0 0 31 2 *\n  - name: b\n  - name: c\n    channels: [none]\n")
    done = lastseen("apply", str(file))
    assert done.status == 1
    assert f"{file}:2: a: The API did not accept this: schedule: " in done.err
    assert f"{file}:5: c: The API did not accept this: channels: " in done.err
    assert lastseen.world.store.checks == {}


def test_an_entry_finds_the_check_of_its_name_whatever_slug_that_has(lastseen: Terminal, file: Path) -> None:
    lastseen.world.check(name="Heartbeat", slug="hb")
    file.write_text("checks:\n  - name: Heartbeat\n    grace: 5m\n")
    assert "~ update Heartbeat: grace 1h -> 5m" in lastseen.ok("apply", str(file)).out
    assert lastseen.world.store.checks[ID].slug == "hb"


def test_a_slug_never_becomes_that_of_two_checks(lastseen: Terminal, file: Path) -> None:
    lastseen.world.check(name="One", slug="")
    lastseen.world.check(id=OTHER_ID, name="Two", slug="two")
    file.write_text("checks:\n  - name: One\n    slug: two\n  - name: Two\n    slug: one\n")
    lastseen("apply", str(file))
    slugs = [check.slug for check in lastseen.world.store.checks.values() if check.slug]
    assert len(slugs) == len(set(slugs))


def test_a_file_that_is_not_there_is_named(lastseen: Terminal, tmp_path: Path) -> None:
    done = lastseen("apply", str(tmp_path / "none.yaml"))
    assert (done.status, "cannot be read (No such file or directory)" in done.err) == (2, True)


def test_a_change_that_fails_on_the_way_says_how_far_it_came(lastseen: Terminal, file: Path) -> None:
    made: list[str] = []

    def busy(call: str, when: str) -> None:
        if (call, when) == ("create", "before") and made:
            raise ConflictError("Somebody else is always first.")
        made.extend([call] if (call, when) == ("create", "after") else [])

    lastseen.world.store.hook = busy
    done = lastseen("apply", str(file))
    assert done.status == 1
    assert "create Heartbeat: The API answered 503: Too many changes of this check at once." in done.err
    assert "1 of 2 changes are done; run it again for the rest." in done.err
    lastseen.world.store.hook = lambda _call, _when: None
    assert lastseen.ok("apply", str(file)).out == "+ create Heartbeat\n"


def test_a_key_that_is_revoked_on_the_way_stops_it(lastseen: Terminal, file: Path) -> None:
    answered = lastseen.world.answered

    def revoked(event: dict[str, Any]) -> Any:
        if event["rawPath"].endswith("/bulk") and not event["rawQueryString"]:
            lastseen.world.store.documents.clear()
        return answered(event)

    lastseen.world.answered = revoked  # type: ignore[method-assign] # to revoke
    done = lastseen("apply", str(file))
    assert (done.status, lastseen.world.store.checks) == (1, {})
    assert "create Nightly backup: The API refused the key" in done.err
    assert "0 of 2 changes are done; run it again for the rest." in done.err


def test_what_a_request_had_no_time_for_is_sent_again(lastseen: Terminal, file: Path) -> None:
    file.write_text("checks:\n" + "".join(f"  - name: Job {n}\n" for n in range(7)))

    def slow(call: str, when: str) -> None:
        lastseen.world.now += timedelta(seconds=15 if (call, when) == ("create", "after") else 0)

    lastseen.world.store.hook = slow
    lastseen.ok("apply", str(file))
    assert len(lastseen.world.store.checks) == 7


def test_a_thousand_checks_take_few_requests_of_sizes_that_the_api_takes(lastseen: Terminal, file: Path) -> None:
    runbook = "x" * 3_900
    entries = [f"  - name: Job {n}\n    every: 5m\n    desc: {runbook if n < 50 else 'short'}\n" for n in range(250)]
    file.write_text("checks:\n" + "".join(entries))
    requests: list[str] = []
    answered = lastseen.world.answered

    def counted(event: dict[str, Any]) -> Any:
        requests.append(event["rawPath"])
        return answered(event)

    lastseen.world.answered = counted  # type: ignore[method-assign] # to count
    lastseen.ok("apply", str(file))
    assert len(lastseen.world.store.checks) == 250
    assert requests == ["/api/v3/checks/", *["/api/v3/checks/bulk"] * 10]  # 3 of the long ones, 2 of the rest; twice


DOCS = Path(__file__).parents[2] / "docs" / "apply.md"


def test_the_file_in_the_docs_can_be_applied(lastseen: Terminal, file: Path) -> None:
    for number, name in enumerate(["ops", "pager"]):
        channel = Channel(id=f"id-{number}", project="default", name=name, via=Via.EMAIL, target="a@example.org")
        CHANNELS.write(lastseen.world.store, channel)
    file.write_text(DOCS.read_text().partition("```yaml\n")[2].partition("```")[0])
    assert lastseen.ok("apply", str(file)).out == "+ create Nightly backup\n+ create Queue worker\n"


@pytest.mark.parametrize("setting", KINDS)
def test_every_setting_of_a_file_is_in_the_docs(setting: str) -> None:
    filtered = {"filter_subject", "filter_body"}  # kept for clients of the peer, without effect
    assert f"`{setting}`" in DOCS.read_text() or setting in filtered


# --- The way back, and the schema ---

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), min_size=1, max_size=30)
CHECKS = st.lists(
    st.fixed_dictionaries(
        {
            "slug": st.from_regex(r"\A[a-z0-9_-]{1,8}\Z"),
            "name": TEXTS,
            "desc": TEXTS,
            "tags": st.lists(st.from_regex(r"\A[!-~äé#:]{1,6}\Z")).map(" ".join),
            "grace": st.integers(60, 10**6),
            "channels": st.sampled_from(["*", "", "c1", "c1,c2"]),
            "reminder": st.sampled_from([0, 3600]),
            "manual_resume": st.booleans(),
            "flap_limit": st.integers(0, 100),
            "timeout": st.integers(60, 10**6),
        }
    ),
    unique_by=lambda check: check["slug"],
    max_size=4,
)


@given(CHECKS)
def test_what_is_exported_is_read_as_it_was(checks: list[dict[str, Any]]) -> None:
    names = [{"id": "c1", "name": "no"}, {"id": "c2", "name": "team: chat"}]
    entries = [entry.settings for entry in read([("export", written(checks, names).encode())], {})]
    defaults = {"tags": "", "reminder": 0, "manual_resume": False, "flap_limit": 6}
    named = {"*": "*", "": "", "c1": "no", "c1,c2": "no,team: chat"}
    assert [defaults | entry for entry in entries] == [
        check | {"channels": named[check["channels"]]} for check in checks
    ]


def test_an_export_applied_changes_nothing(lastseen: Terminal, file: Path) -> None:
    lastseen.ok("apply", str(file))
    lastseen.world.check(
        name="no", tags="yes 1:30", about="a\n  ${b}\n", slug="x", schedule=Cron("0 3 * * *", "Europe/Berlin")
    )
    file.write_text(lastseen.ok("checks", "export").out)
    assert (
        lastseen.ok("apply", str(file), "--prune").err == "0 to make, 0 to change, 0 to delete, 3 as they should be.\n"
    )


def test_an_export_that_could_not_be_applied_is_refused(lastseen: Terminal) -> None:
    lastseen.world.check(name="备份")
    lastseen.world.check(id=OTHER_ID, name="备份")
    assert "they would be one check" in lastseen("checks", "export").err


def test_entries_that_are_as_they_should_be_cost_no_request_each(lastseen: Terminal, file: Path) -> None:
    file.write_text("checks:\n" + "".join(f"  - name: Job {n}\n    every: 5m\n    tags: [a, b]\n" for n in range(50)))
    lastseen.ok("apply", str(file))
    requests: list[str] = []
    answered = lastseen.world.answered

    def counted(event: dict[str, Any]) -> Any:
        requests.append(event["rawPath"])
        return answered(event)

    lastseen.world.answered = counted  # type: ignore[method-assign] # to count
    assert lastseen.ok("apply", str(file)).err.endswith("50 as they should be.\n")
    assert requests == ["/api/v3/checks/"]


@pytest.mark.parametrize(
    ("document", "is_valid"),
    [
        ({"checks": [{"name": "a", "every": "5m", "tags": ["x"], "channels": "*"}], "x-any": [1]}, True),
        ({"defaults": {"grace": 600}, "checks": [{"slug": "a", "manual_resume": True, "flap_limit": 0}]}, True),
        ({"checks": [{"grace": "5m"}]}, False),
        ({"checks": [{"name": "a", "timeout": 60}]}, False),
        ({"checks": [{"name": "a", "every": "soon"}]}, False),
        ({"checks": [{"name": "a", "manual_resume": "yes"}]}, False),
        ({"check": []}, False),
    ],
)
def test_the_schema_takes_what_a_file_may_hold_and_nothing_else(document: dict[str, Any], is_valid: bool) -> None:  # noqa: FBT001
    validator = Draft7Validator(schema())
    assert validator.is_valid(document) is is_valid


def test_the_file_in_the_docs_fits_the_schema() -> None:
    example = yaml.safe_load(DOCS.read_text().partition("```yaml\n")[2].partition("```")[0])
    assert list(Draft7Validator(schema()).iter_errors(example)) == []


def test_the_schema_in_the_docs_is_that_of_the_command(lastseen: Terminal) -> None:
    stored = json.loads((DOCS.parent / "checks.schema.json").read_text())
    assert stored == schema() == json.loads(lastseen.ok("checks", "schema").out)
    assert set(stored["properties"]["checks"]["items"]["properties"]) == set(KINDS)
