"""`lastseen checks`, `keys` and `projects` from the command to the API and back."""

from __future__ import annotations

import json
import sys

import pytest

from lastseen.core.check import Kind, Status
from lastseen.core.keys import hashed
from lastseen.core.schedule import Cron, Period
from tests.cli.conftest import Terminal
from tests.lastseen.api.world import ID, OTHER_ID
from tests.times import T0, hours, minutes


def test_a_check_is_made_and_its_ping_url_is_the_only_data(lastseen: Terminal) -> None:
    done = lastseen.ok("checks", "create", "Nightly", "--every", "1h", "--grace", "5m", "--slug", "nightly")
    (check,) = lastseen.world.store.checks.values()
    assert done.out == f"https://example.org/ping/{check.id}\n"
    assert (check.name, check.schedule, check.grace) == ("Nightly", Period(hours(1)), minutes(5))


def test_every_option_of_create_reaches_the_check(lastseen: Terminal) -> None:
    lastseen.ok(
        *("checks", "create", "x", "--schedule", "0 3 * * *", "--tz", "Europe/Berlin", "--tags", "a b", "--desc", "d"),
        *("--channels", "", "--reminder", "4h", "--manual-resume", "--skipped-hour", "skip"),
        *("--early", "2m"),
    )
    (check,) = lastseen.world.store.checks.values()
    assert check.schedule == Cron("0 3 * * *", "Europe/Berlin", "skip")
    assert check.early == minutes(2)
    assert (check.tags, check.channels, check.reminder, check.manual_resume) == ("a b", "", hours(4), True)
    lastseen.ok("checks", "update", "x", "--early", "default")
    assert lastseen.world.store.checks[check.id].early is None


def test_a_schedule_in_another_dialect_is_said_back(lastseen: Terminal) -> None:
    done = lastseen.ok("checks", "create", "x", "--slug", "x", "--schedule", "cron(30 18 ? * 2-6 *)")
    assert "Schedule: Taken as: Monday to Friday at 18:30, UTC (30 18 * * MON-FRI).\n" in done.err
    done = lastseen.ok("checks", "update", "x", "--schedule", "@every 5m")
    assert "Schedule: Taken as: every 5 min.\n" in done.err
    assert "Schedule:" not in lastseen.ok("checks", "update", "x", "--schedule", "0 3 * * *").err


def test_a_zone_without_a_schedule_is_refused_at_creation(lastseen: Terminal) -> None:
    assert lastseen("checks", "create", "x", "--tz", "UTC").status == 2


def test_checks_are_listed_by_name_over_all_pages(lastseen: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastseen_cli.api.PAGE", 2)
    for name in ("delta", "Alpha", "charlie", "bravo", "echo"):
        lastseen.ok("checks", "create", name)
    found = json.loads(lastseen.ok("checks", "list", "--json").out)["checks"]
    assert [check["name"] for check in found] == ["Alpha", "bravo", "charlie", "delta", "echo"]


def test_an_empty_list_says_how_to_make_a_check(lastseen: Terminal) -> None:
    assert "lastseen checks create" in lastseen.ok("checks", "list").err


@pytest.mark.parametrize("named", [ID, ID.upper(), "nightly", "Nightly backup"])
def test_a_check_is_shown_by_uuid_slug_or_name(lastseen: Terminal, named: str) -> None:
    lastseen.world.check(name="Nightly backup", slug="nightly", about="Call Ada. [now]")
    out = lastseen.ok("checks", "show", named).out
    assert "Nightly backup" in out
    assert "Call Ada. [now]" in out
    assert f"https://example.org/ping/{ID}" in out


def test_an_update_says_what_changed(lastseen: Terminal) -> None:
    lastseen.world.check(name="backup", slug="b")
    done = lastseen.ok("checks", "update", "b", "--grace", "10m", "--name", "Backup")
    assert done.err == 'Updated Backup: name "backup" -> "Backup"; grace 1h -> 10m.\n'
    assert lastseen.ok("checks", "update", "b", "--grace", "10m").err == "Backup had these settings already.\n"


def test_an_update_of_nothing_is_misuse(lastseen: Terminal) -> None:
    lastseen.world.check()
    done = lastseen("checks", "update", "backup")
    assert (done.status, "Nothing to change" in done.err) == (2, True)


def test_pause_and_resume(lastseen: Terminal) -> None:
    lastseen.world.check()
    assert lastseen.ok("checks", "pause", "backup").err.startswith("Paused backup: no pings are expected until it")
    assert lastseen.world.status() is Status.PAUSED
    assert lastseen.ok("checks", "resume", "backup").err == "Resumed backup: its next ping starts the clock.\n"
    done = lastseen("checks", "resume", "backup")
    assert (done.status, "not paused" in done.err) == (1, True)


def test_pings_are_listed_and_a_body_is_printed_unchanged(lastseen: Terminal) -> None:
    lastseen.world.check()
    lastseen.world.ping(kind=Kind.START)
    lastseen.world.now = T0 + minutes(1)
    lastseen.world.ping(body=b"all \x1b[31mfine\n", exit_status=0, agent="curl/8 [x]")
    lines = lastseen.ok("checks", "pings", "backup").out.splitlines()
    assert lines[0].split("\t") == ["2", "2026-03-02T12:01:00+00:00", "success", "60 s", "0", "GET curl/8 [x]", "yes"]
    assert lines[1].split("\t")[:3] == ["1", "2026-03-02T12:00:00+00:00", "start"]
    assert lastseen.ok("checks", "pings", "backup", "--body", "2").out == "all \x1b[31mfine\n"
    assert len(json.loads(lastseen.ok("checks", "pings", "backup", "--limit", "1", "--json").out)["pings"]) == 1


def test_flips_are_listed_with_their_reason(lastseen: Terminal) -> None:
    lastseen.world.check()
    lastseen.world.ping(kind=Kind.FAIL)
    lastseen.world.now = T0 + hours(2)
    lastseen.world.ping()
    lines = lastseen.ok("checks", "flips", "backup").out.splitlines()
    assert [line.split()[1:] for line in lines] == [["up", "pinged"], ["down", "failed"]]
    assert len(lastseen.ok("checks", "flips", "backup", "--last", "1h").out.splitlines()) == 1


def test_delete_asks_and_then_does(lastseen: Terminal) -> None:
    lastseen.world.check()
    assert lastseen("checks", "delete", "backup").status == 1
    assert lastseen.ok("checks", "delete", "backup", "--yes").err == "Deleted backup.\n"
    assert lastseen.world.store.checks == {}


def test_a_key_is_the_only_data_and_works(lastseen: Terminal) -> None:
    done = lastseen.ok("keys", "create", "Grafana", "--scope", "ro")
    word = done.out.strip()
    assert word.startswith("lsr_")
    assert word not in done.err
    lastseen.by_key(word)
    assert lastseen.ok("checks", "list", "--json").out == '{\n  "checks": []\n}\n'


def test_the_first_key_is_made_with_aws_credentials(lastseen: Terminal) -> None:
    lastseen.by_aws()
    lastseen.world.store.documents.clear()
    word = lastseen.ok("keys", "create", "first").out.strip()
    lastseen.by_key(word)
    assert "first" in lastseen.ok("keys", "list").out


def test_a_key_is_revoked_by_its_id(lastseen: Terminal) -> None:
    name = hashed(lastseen.world.read)[:12]
    assert name in lastseen.ok("keys", "list").out
    assert lastseen("keys", "revoke", name).status == 1
    assert lastseen.ok("keys", "revoke", name, "--yes").err == f"Revoked the ro key {name} (ro of tests).\n"
    assert name not in lastseen.ok("keys", "list").out
    lastseen.by_key(lastseen.world.read)
    assert "refused the key" in lastseen("checks", "list").err


def test_projects_are_made_used_and_deleted_with_aws_credentials(lastseen: Terminal) -> None:
    lastseen.by_aws()
    assert "lastseen keys create NAME --project shop" in lastseen.ok("projects", "create", "shop").err
    lastseen.ok("checks", "create", "theirs", "--project", "shop")
    assert [line.split()[0] for line in lastseen.ok("projects", "list").out.splitlines()] == ["default", "shop"]
    assert json.loads(lastseen.ok("checks", "list", "--json").out)["checks"] == []
    assert "has checks: delete them first" in lastseen("projects", "delete", "shop", "--yes").err
    lastseen.ok("checks", "delete", "theirs", "--yes", "--project", "shop")
    lastseen.ok("projects", "update", "shop", "--channels", "")
    assert lastseen.ok("projects", "list").out.splitlines()[1].split()[-1] == "none"
    lastseen.ok("projects", "delete", "shop", "--yes")
    assert "shop" not in lastseen.ok("projects", "list").out


def test_projects_take_aws_credentials_and_no_key(lastseen: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    lastseen.by_aws()
    lastseen.by_key(lastseen.world.write)
    assert lastseen.ok("projects", "list").out.split()[0] == "default"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    done = lastseen("projects", "list")
    assert (done.status, done.err.startswith("lastseen: This needs AWS credentials: a key belongs to")) == (2, True)


def test_a_project_that_is_not_there_is_told_with_the_mend(lastseen: Terminal) -> None:
    lastseen.by_aws()
    done = lastseen("checks", "list", "--project", "shop")
    assert (done.status, "lastseen projects create shop" in done.err) == (1, True)


def test_a_check_that_several_are_called_is_not_guessed(lastseen: Terminal) -> None:
    lastseen.world.check(name="backup")
    lastseen.world.check(id=OTHER_ID, name="backup")
    done = lastseen("checks", "pause", "backup")
    assert (done.status, "2 checks have the name backup" in done.err) == (1, True)


def test_without_the_library_of_aws_a_command_says_how_to_do_without_or_to_install_it(
    lastseen: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("boto3", "botocore"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "lastseen_cli.aws", raising=False)
    monkeypatch.delattr("lastseen_cli.aws", raising=False)
    monkeypatch.delenv("LASTSEEN_API_KEY", raising=False)
    monkeypatch.delenv("LASTSEEN_API_URL", raising=False)
    monkeypatch.setenv("LASTSEEN_LOCAL", "0")
    done = lastseen("checks", "list")
    assert done.status == 1
    assert "AWS's library is not installed" in done.err
    assert 'uv tool install ".[aws]"' in done.err
