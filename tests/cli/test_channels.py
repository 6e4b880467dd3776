"""`lastseen channels` from the command to the API and back; tests that wait are answered by hand."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from lastseen.core.times import millis
from lastseen.delivery.notes import NOTES
from lastseen.storage.documents import CHANNELS
from tests.cli.conftest import Terminal
from tests.lastseen.api.test_channels import SLACK
from tests.lastseen.api.world import World
from tests.lastseen.api.wsgi import served
from tests.lastseen.delivery.receiver import Reply, listening
from tests.times import T0

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of Apprise, where Python is older than ours


def stored(lastseen: Terminal) -> Any:
    [channel] = CHANNELS.all(lastseen.world.store, project="default").values
    return channel


def test_an_address_is_made_and_its_link_is_asked_for(lastseen: Terminal) -> None:
    done = lastseen.ok("channels", "create", "ops", "--email", "ops@example.com", "--only", "down", "--tag", "db")
    assert "lastseen channels confirm ops 'LINK'" in done.err
    channel = stored(lastseen)
    assert (channel.target, channel.statuses, channel.tags) == ("ops@example.com", ("down",), ("db",))
    assert "ops@example.com gets alerts now" in lastseen.ok("channels", "confirm", "ops", "ops@example.com").err


def test_a_chats_url_may_come_from_stdin_where_no_list_of_processes_shows_it(
    lastseen: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SLACK}\n"))
    done = lastseen.ok("channels", "create", "chat", "--chat", "-", "--on-demand")
    assert stored(lastseen).default is False
    assert "TIiajkdn" not in done.out + done.err


def test_the_secret_of_a_webhook_is_the_only_data(lastseen: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastseen.delivery.services.check_host", lambda *_, **__: None)
    done = lastseen.ok(
        *("channels", "create", "hook", "--webhook", "https://example.com/in", "--method", "PUT"),
        *("--header", "X-Team: ops", "--body", "$NAME"),
    )
    channel = stored(lastseen)
    assert done.out.strip() == channel.webhook["secret"]
    assert (channel.webhook["method"], channel.webhook["headers"]) == ("PUT", {"X-Team": "ops"})


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        ((), "one of --email"),
        (("--email", "a@example.com", "--sms", "+491701234567"), "one of --email"),
        (("a@example.com", "--sms", "+491701234567"), "Give one target"),
        (("--email", "a@example.com", "--body", "x"), "belong to a webhook"),
        (("--webhook", "https://x/", "--header", "nonsense"), "Name: value"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    lastseen: Terminal, options: tuple[str, ...], mend: str
) -> None:
    done = lastseen("channels", "create", "x", *options)
    assert done.status == 2
    assert mend in done.err


def test_what_the_api_refuses_is_told_with_its_reason(lastseen: Terminal) -> None:
    done = lastseen("channels", "create", "x", "--webhook", "http://127.0.0.1/")
    assert done.status == 1
    assert "private network" in done.err


def test_channels_are_listed_with_what_became_of_their_last_alert(lastseen: Terminal) -> None:
    assert "lastseen channels create" in lastseen.ok("channels", "list").err
    lastseen.ok("channels", "create", "chat", "--chat", SLACK, "--only", "down")
    note = {"event": "e:1", "at": millis(T0), "result": "again", "why": "it answered HTTP 503", "tries": 2}
    lastseen.world.store.put_setting(NOTES.place("default"), stored(lastseen).id, note)
    out = lastseen.ok("channels", "list").out
    assert "slack" in out
    assert "all, down only" in out
    assert "2026-03-02 12:00:00 UTC to be retried: it answered HTTP 503" in out
    assert len(json.loads(lastseen.ok("channels", "list", "--json").out)["channels"]) == 1


@pytest.mark.parametrize(
    ("result", "status", "words"),
    [
        ("delivered", 0, "The test arrived at chat."),
        ("refused", 1, "refused the test: it answered HTTP 404"),
        ("again", 1, "did not take the test: it answered HTTP 404"),
    ],
)
def test_a_test_says_whether_it_arrived(
    lastseen: Terminal, monkeypatch: pytest.MonkeyPatch, result: str, status: int, words: str
) -> None:
    lastseen.ok("channels", "create", "chat", "--chat", SLACK)
    channel = stored(lastseen)

    def arrive(_seconds: float) -> None:
        [message] = lastseen.world.topic.published
        note = {"event": message.document["id"], "at": millis(T0), "result": result, "why": "it answered HTTP 404"}
        lastseen.world.store.put_setting(NOTES.place("default"), f"{channel.id}#test", note)

    monkeypatch.setattr("lastseen_cli.channels.time.sleep", arrive)
    done = lastseen("channels", "test", "chat")
    assert done.status == status
    assert words in done.err


def test_a_test_without_a_result_fails(lastseen: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastseen_cli.channels.WAIT_SECONDS", 0.0)
    lastseen.ok("channels", "create", "chat", "--chat", SLACK)
    done = lastseen("channels", "test", "chat")
    assert done.status == 1
    assert "log of the deliver function" in done.err


PAGERDUTY_KEY = "0123456789abcdef0123456789abcdef"
TARGETS = {
    "ops@example.com": ("email", "ops@example.com"),
    "mailto:ops@example.com": ("email", "ops@example.com"),
    "+49 170 1234567": ("sms", "+491701234567"),
    SLACK: ("chat", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdn"),
    "ntfys://ntfy.example.com/alerts": ("chat", "ntfys://ntfy.example.com/alerts"),
    PAGERDUTY_KEY: ("chat", f"pagerduty://{PAGERDUTY_KEY}@lastseen"),
    "https://example.com/in": ("webhook", "https://example.com/in"),
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_channel_is_made_from_its_target_alone(
    lastseen: Terminal, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lastseen.delivery.services.check_host", lambda *_, **__: None)
    lastseen.ok("channels", "create", "x", target)
    via, begins = TARGETS[target]
    assert stored(lastseen).via.value == via
    assert stored(lastseen).target.startswith(begins)  # of a chat Apprise writes its options behind it


def test_what_a_channel_takes_is_changed_and_the_rest_stays(lastseen: Terminal) -> None:
    lastseen.ok("channels", "create", "chat", SLACK, "--only", "down", "--tag", "db", "--on-demand")
    lastseen.ok("channels", "update", "chat", "--name", "team", "--tag", "prod", "--tag", "web")
    channel = stored(lastseen)
    assert (channel.name, channel.tags, channel.statuses, channel.default) == (
        "team",
        ("prod", "web"),
        ("down",),
        False,
    )
    lastseen.ok("channels", "update", "team", "--no-tags", "--only", "all", "--always")
    channel = stored(lastseen)
    assert (channel.name, channel.tags, channel.statuses, channel.default) == ("team", (), (), True)
    assert channel.target.startswith("slack://T1JJ3T3L2/")


@pytest.mark.parametrize("answer", [200, 404])
def test_a_new_target_replaces_the_old_one_only_if_it_takes_a_test(lastseen: Terminal, answer: int) -> None:
    lastseen = replace(lastseen, world=World(allow_private_targets=True))
    lastseen.by_key(lastseen.world.write)
    with served(lastseen.world) as url, listening() as receiver:
        lastseen.monkeypatch.setenv("LASTSEEN_API_URL", f"{url}/api")
        receiver.usual = Reply(answer)
        lastseen.ok("channels", "create", "hook", f"{receiver.url}/old")
        done = lastseen("channels", "update", "hook", f"{receiver.url}/new")
        assert [each.path for each in receiver.received] == ["/new"]
        assert done.status == (0 if answer == 200 else 1)
        assert ("It took a test alert." if answer == 200 else "it answered HTTP 404") in done.err
        assert stored(lastseen).target.removeprefix(receiver.url) == ("/new" if answer == 200 else "/old")


@pytest.mark.parametrize("options", [(), ("--tag", "a", "--no-tags"), ("--name", "a/b"), ("--header", "nonsense")])
def test_a_change_that_cannot_be_meant_is_refused_before_anything_is_asked(
    lastseen: Terminal, options: tuple[str, ...]
) -> None:
    assert lastseen("channels", "update", "x", *options).status == 2


def test_an_address_is_mailed_again(lastseen: Terminal) -> None:
    lastseen.ok("channels", "create", "ops", "ops@example.com")
    assert "lastseen channels confirm ops 'LINK'" in lastseen.ok("channels", "ask-again", "ops").err
    lastseen.ok("channels", "confirm", "ops", "ops@example.com")
    assert "it is confirmed already" in lastseen("channels", "ask-again", "ops").err


def test_a_channel_in_use_is_deleted_only_if_that_says_what_becomes_of_its_checks(lastseen: Terminal) -> None:
    for name, target in (("old", SLACK), ("new", SLACK), ("third", SLACK)):
        lastseen.ok("channels", "create", name, target)
    for check, listed in (("backup", "old"), ("report", "old,third")):
        lastseen.ok("checks", "create", check, "--channels", listed)
    refused = lastseen("channels", "delete", "old", "--yes")
    assert refused.status == 1
    assert "in use by the checks 'backup', 'report': delete it with --replace-by CHANNEL" in refused.err
    assert "or with --detach" in refused.err
    assert lastseen("channels", "delete", "old", "--yes", "--detach", "--replace-by", "new").status == 2
    assert (
        "new takes its place for: backup, report."
        in lastseen.ok("channels", "delete", "old", "--yes", "--replace-by", "new").err
    )
    done = lastseen.ok("channels", "delete", "new", "--yes", "--detach")
    assert "These checks go without: backup, report." in done.err
    assert "No channel is left for: backup; they alert the deployment's addresses only." in done.err


def test_a_channel_is_deleted_when_that_is_meant(lastseen: Terminal) -> None:
    lastseen.ok("channels", "create", "ops", "--email", "ops@example.com")
    assert lastseen("channels", "delete", "ops").status == 1
    assert "expires in two days" in lastseen.ok("channels", "delete", "ops", "--yes").err
    assert lastseen("channels", "delete", "ops", "--yes").status == 1


def test_a_check_that_would_notify_nobody_says_so(lastseen: Terminal) -> None:
    lastseen.ok("checks", "create", "backup")
    assert "NONE would be notified" not in lastseen.ok("checks", "show", "backup").out
    lastseen.ok("channels", "create", "chat", SLACK, "--only", "up")
    assert "all: NONE would be notified" in lastseen.ok("checks", "show", "backup").out
