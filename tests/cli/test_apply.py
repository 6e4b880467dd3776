"""`lastseen apply`: what a file says is what there is, and nothing is touched before all of it is known to be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from lastseen.core.channel import Channel, Via, kind, to_document
from lastseen.core.schedule import Cron, Period
from lastseen_cli.apply import KNOWN
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
    assert (heartbeat.reminder, heartbeat.channels, heartbeat.slug) == (hours(4), "", "")


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
        'timeout 1d -> null; schedule null -> "0 3 * * *"; tz null -> "Europe/Berlin"; grace 1h -> 10m'
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must hold `checks:`"),
        ("- name: x", "must hold `checks:`"),
        ("checks: {}", "must hold `checks:`"),
        ("checks:\n  - x", "entry 1 must hold settings"),
        ("checks:\n  - grace: 5m", "entry 1 needs a `slug` or a `name`"),
        ("checks:\n  - name: a\n  - nmae: b", "entry 2: there is no setting `nmae`. Did you mean `name`?"),
        ("checks:\n  - name: a\n    timeout: 60", "entry 1: there is no setting `timeout`."),
        ("checks:\n  - name: a\n    every: soon", "entry 1: `every` soon: not a time."),
        ("checks:\n  - name: a\n    grace: 1.5", "entry 1: `grace` is no time."),
        ("checks:\n  - name: a\n    every: 5m\n    schedule: 0 3 * * *", "`every` and `schedule` exclude each other"),
        ("checks:\n  - slug: a\n  - slug: a", "two entries have the slug a"),
        ("checks:\n  - name: a\n  - name: a", "two entries have the name a"),
        ("defaults: 5m\nchecks: []", "`defaults:` must hold settings"),
        ("check: []", "there is no setting `check`. Did you mean `checks`?"),
        ("checks: [", "is no YAML: "),
        ("checks:\n\t- name: a", "is no YAML: "),
    ],
)
def test_a_wrong_file_is_told_with_its_place_before_the_api_is_asked(
    lastseen: Terminal, file: Path, text: str, words: str
) -> None:
    file.write_text(text)
    lastseen.by_key("wrong")
    done = lastseen("apply", str(file))
    assert done.status == 2
    assert words in done.err
    assert str(file) in done.err


def test_a_file_that_is_not_there_is_told(lastseen: Terminal, tmp_path: Path) -> None:
    done = lastseen("apply", str(tmp_path / "none.yaml"))
    assert (done.status, "cannot be read (No such file or directory)" in done.err) == (2, True)


def test_a_change_that_fails_on_the_way_says_how_far_it_came(lastseen: Terminal, file: Path) -> None:
    def revoke(call: str, when: str) -> None:
        if (call, when) == ("create", "after"):
            lastseen.world.store.documents.clear()

    lastseen.world.store.hook = revoke
    done = lastseen("apply", str(file))
    assert done.status == 1
    assert "create Heartbeat: The API refused the key" in done.err
    assert "1 of 2 changes are done; apply again for the rest." in done.err


DOCS = Path(__file__).parents[2] / "docs" / "apply.md"


def test_the_file_in_the_docs_can_be_applied(lastseen: Terminal, file: Path) -> None:
    for number, name in enumerate(["ops", "pager"]):
        channel = Channel(id=f"id-{number}", project="default", name=name, via=Via.EMAIL, target="a@example.org")
        lastseen.world.store.put_setting(kind("default"), channel.id, to_document(channel))
    file.write_text(DOCS.read_text().partition("```yaml\n")[2].partition("```")[0])
    assert lastseen.ok("apply", str(file)).out == "+ create Nightly backup\n+ create Queue worker\n"


@pytest.mark.parametrize("setting", KNOWN)
def test_every_setting_of_a_file_is_in_the_docs(setting: str) -> None:
    filtered = {"filter_subject", "filter_body"}  # kept for clients of the peer, without effect
    assert f"`{setting}`" in DOCS.read_text() or setting in filtered
