"""`lastseen channels` from the command to the API and back; tests that wait are answered by hand."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from lastseen.core.times import millis
from lastseen.delivery.notes import NOTES
from lastseen.storage.documents import CHANNELS
from tests.cli.conftest import Terminal
from tests.lastseen.api.test_channels import SLACK
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
        (("--email", "a@example.com", "--body", "x"), "belong to --webhook"),
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


def test_a_channel_is_deleted_when_that_is_meant(lastseen: Terminal) -> None:
    lastseen.ok("channels", "create", "ops", "--email", "ops@example.com")
    assert lastseen("channels", "delete", "ops").status == 1
    assert "expires in two days" in lastseen.ok("channels", "delete", "ops", "--yes").err
    assert lastseen("channels", "delete", "ops", "--yes").status == 1
