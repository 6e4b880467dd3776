"""What chats receive: real requests of the real plugins, taken by a receiver on loopback."""

from __future__ import annotations

import asyncio
import html
import io
import json
import logging
import re
import socket
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from markdown_it import MarkdownIt
from requests.adapters import HTTPAdapter
from syrupy.assertion import SnapshotAssertion
from urllib3 import HTTPResponse

from lastseen.api.targets import read_target
from lastseen.core.channel import Via
from lastseen.delivery import discord as discord_form
from lastseen.delivery import opsgenie, pagerduty
from lastseen.delivery import slack as slack_form
from lastseen.delivery import teams as teams_form
from lastseen.delivery import telegram as telegram_form
from lastseen.delivery.guarded import GuardedThread, PrivateAddressError, is_public, public_addresses
from lastseen.delivery.results import Delivered, Fault, HttpRequest, MessageForm
from lastseen.delivery.sender import send_chat, send_requests
from lastseen.delivery.services import (
    BY_APPRISE,
    OWN_FORM,
    BadTargetError,
    checked,
    checked_webhook,
    plugin_of,
)
from lastseen.delivery.webhook import Form, request
from lastseen.text.chat import markdown
from lastseen.text.digest import digest
from lastseen.text.event import Event
from lastseen.text.incident import opens_incidents, singly
from tests import gallery
from tests.forms import TARGETS
from tests.lastseen.delivery.receiver import Receiver, Reply, listening, make_certificate
from tests.times import T0, hours

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of Apprise, where Python is older than ours

MESSAGES = gallery.messages()
DOWN, UP = gallery.flip_event("The job failed"), gallery.flip_event("Up again")
DIGEST = digest(gallery.storm(250), now=T0 + hours(2), site_url=gallery.SITE).event
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
NTFY = "ntfy://127.0.0.1:1/jobs"
DISCORD = f"discord://{'1' * 18}/{'a' * 68}"
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544/"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


@pytest.fixture
def slack(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    monkeypatch.setattr(NotifySlack, "webhook_url", f"{receiver.url}/services")
    return receiver


def chat(url: str, event: Event, form: MessageForm = MessageForm.FULL) -> Delivered:
    return send_chat(url, event, form, allow_private=True)


def post(made: HttpRequest, *, allow_private: bool) -> Delivered:
    return send_requests([made], target=made.url, allow_private=allow_private)


def shown(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("event", [DOWN, UP], ids=["down", "up"])
def test_slack_receives_this(slack: Receiver, event: Any, snapshot: SnapshotAssertion) -> None:
    assert chat(SLACK, event).ok
    sent = slack.last.json
    assert slack.last.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert shown(sent) == snapshot


@pytest.mark.parametrize("event", [DOWN, UP], ids=["down", "up"])
def test_discord_receives_this(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, event: Any, snapshot: SnapshotAssertion
) -> None:
    monkeypatch.setattr(NotifyDiscord, "notify_url", f"{receiver.url}/api/webhooks")
    receiver.usual = Reply(204, b"")
    assert chat(DISCORD, event).ok
    assert len(receiver.received) == 1
    assert receiver.last.path.startswith(f"/api/webhooks/{'1' * 18}/{'a' * 68}")
    assert shown(receiver.last.json) == snapshot


@pytest.mark.parametrize("event", [DOWN, UP], ids=["down", "up"])
def test_telegram_receives_this(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, event: Any, snapshot: SnapshotAssertion
) -> None:
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"{receiver.url}/bot")
    receiver.usual = Reply(200, b'{"ok": true, "result": {}}')
    assert chat(TELEGRAM, event).ok
    assert shown(receiver.last.json) == snapshot


@pytest.mark.parametrize("event", [DOWN, UP], ids=["down", "up"])
def test_teams_receives_this_card_of_workflows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, event: Any, snapshot: SnapshotAssertion
) -> None:
    certificate = make_certificate(tmp_path / "certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with listening(certificate=certificate) as teams:
        teams.usual = Reply(202, b"")
        url = f"workflows://127.0.0.1:{teams.port}/643e69f83c8944438d68119179a10a64/KODuebWbDGYFr0z0eu/"
        assert chat(url, event).ok
    assert "/workflows/643e69f83c8944438d68119179a10a64/" in teams.last.path
    assert shown(teams.last.json) == snapshot


def test_mattermost_and_ntfy_receive_the_alert(receiver: Receiver) -> None:
    assert chat(f"mmost://127.0.0.1:{receiver.port}/3ccdd113474722377935511fc85d3dd4", DOWN).ok
    assert receiver.last.path == "/hooks/3ccdd113474722377935511fc85d3dd4"
    assert DOWN.lead in receiver.last.json["attachments"][0]["text"]
    assert chat(f"ntfy://127.0.0.1:{receiver.port}/jobs", DOWN).ok
    assert DOWN.lead in receiver.last.json["message"]
    assert receiver.last.json["title"] == DOWN.title
    assert (receiver.last.json["priority"], receiver.last.json["click"]) == (5, DOWN.url)
    assert receiver.last.json["markdown"] is True


def test_gotify_receives_the_alert_with_priority_and_link(receiver: Receiver) -> None:
    assert chat(f"gotify://127.0.0.1:{receiver.port}/sub/abcdefghijklmno", DOWN).ok
    sent = receiver.last.json
    assert (receiver.last.path, receiver.last.headers["X-Gotify-Key"]) == ("/sub/message", "abcdefghijklmno")
    assert (sent["title"], sent["priority"]) == (DOWN.title, 8)
    assert sent["extras"]["client::display"] == {"contentType": "text/markdown"}
    assert sent["extras"]["client::notification"] == {"click": {"url": DOWN.url}}


HOSTILE = [
    "purge *_logs*",
    "*_daily*",
    "drop `tmp_*` tables",
    "`*/5 * * * *` heartbeat",
    "0 */5 * * * backup_db",
    "__init__ job_",
    "# hash",
    "[Reset your password](https://evil.example/x)",
    "```",
    "<b>x</b> & <!channel> <@U123>",
    "1. first",
]
RUNBOOK = "ssh ops@db1 and mysql <dump.sql\n# not a title\n* not a list"


@pytest.mark.parametrize("name", HOSTILE)
def test_foreign_text_is_shown_as_it_is_everywhere(name: str) -> None:
    """As each service would show it: judged by parsers of its form, not by our own."""
    event = replace(
        DOWN,
        title=f"DOWN: {name} failed",
        lead=f"{name} failed.",
        todo=RUNBOOK,
        output=f"{name}\n@everyone",
        check=replace(DOWN.check, name=name),
        also_down=(name,),
        also_down_count=1,
    )
    message = slack_form.message_for(event, MessageForm.FULL)
    first, output = message["attachments"]
    assert html.unescape(message["text"]) == event.title
    assert html.unescape(first["text"]) == event.lead
    assert html.unescape(first["fields"][0]["value"]) == RUNBOOK
    assert (first["mrkdwn_in"], message["mrkdwn"], output["mrkdwn_in"]) == ([], False, ["text"])
    assert output["text"].count("```") == 2
    assert not re.search(r"[<>]", json.dumps(message))

    sent = telegram_form.message_for(event, MessageForm.FULL)
    shown = ET.fromstring(f"<p>{sent['text']}</p>")  # noqa: S314 - it is our own
    assert {element.tag for element in shown.iter()} <= {"p", "b", "pre", "code", "a"}
    assert event.title in "".join(shown.itertext())
    assert RUNBOOK in "".join(shown.itertext())
    plain = telegram_form.message_for(event, MessageForm.PLAIN)
    assert "parse_mode" not in plain
    assert RUNBOOK in plain["text"]

    shown_text = rendered_text(markdown(event, limit=4_000))
    for words in (event.lead, *RUNBOOK.split("\n"), name, "@everyone"):
        assert words in shown_text
    card = json.dumps(teams_form.message_for(event, MessageForm.FULL), ensure_ascii=False)
    runs = [part["inlines"][0]["text"] for part in json.loads(card)["attachments"][0]["content"]["body"][:-1]]
    assert event.title in runs
    assert set(RUNBOOK.split("\n")) <= set(runs)
    embed = discord_form.message_for(event, MessageForm.FULL)
    assert embed["allowed_mentions"] == {"parse": []}
    for document in (message, sent, card, embed, markdown(event, limit=4_000)):
        assert "\u200b" not in json.dumps(document, ensure_ascii=False)


def rendered_text(text: str) -> str:
    """Return what a reader of CommonMark sees, by a parser of its own."""
    page = MarkdownIt("commonmark", {"html": True}).render(text)
    assert not re.search(r"<(h\d|em|img|blockquote|ol)\b|evil\.example/x\"", page)
    return html.unescape(re.sub(r"<[^>]+>", "", page))


DIGESTS = [(SLACK, 35_000), (f"mmost://127.0.0.1:1/{'3' * 32}", 12_000), (DISCORD, 4_000), (NTFY, 4_000)]


def test_a_receiver_whose_certificate_nobody_trusts_is_told_nothing(tmp_path: Path) -> None:
    with listening(certificate=make_certificate(tmp_path / "certificate")) as stranger:
        outcome = chat(f"workflows://127.0.0.1:{stranger.port}/643e69f83c89444/KODuebWbDGYFr0z0eu/", DOWN)
    assert not outcome.ok
    assert stranger.received == []


@pytest.mark.parametrize(("url", "limit"), DIGESTS)
def test_a_digest_fits_into_one_message_and_names_what_fits(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, url: str, limit: int
) -> None:
    monkeypatch.setattr(NotifySlack, "webhook_url", f"{receiver.url}/services")
    monkeypatch.setattr(NotifyDiscord, "notify_url", f"{receiver.url}/api/webhooks")
    receiver.usual = Reply(200, b"ok")
    assert chat(url.replace(":1/", f":{receiver.port}/"), DIGEST).ok
    assert len(receiver.received) == 1
    named = receiver.last.body.decode().count("shard-")
    assert named == 250 if limit > 10_000 else 200 < named <= 250
    assert len(receiver.last.body) < limit + 2_000


def test_pagerduty_opens_an_incident_and_its_recovery_closes_it() -> None:
    [opened] = pagerduty.requests_by_key(
        MESSAGES["The job did not start"].event, MessageForm.FULL, routing_key="k", region="eu"
    )
    [closed] = pagerduty.requests_by_key(UP, MessageForm.FULL, routing_key="k", region="eu")
    assert opened.url == "https://events.eu.pagerduty.com/v2/enqueue"
    first, second = json.loads(opened.body), json.loads(closed.body)
    assert (first["event_action"], second["event_action"]) == ("trigger", "resolve")
    assert first["dedup_key"] == second["dedup_key"] == UP.incident
    assert first["payload"]["summary"] == "DOWN: nightly-backup did not start in time"
    assert first["payload"]["severity"] == "critical"


def test_opsgenie_opens_an_alert_and_its_recovery_closes_it() -> None:
    team = [{"type": "team", "name": "ops"}]
    [opened] = opsgenie.requests_by_key(
        MESSAGES["The job did not start"].event, MessageForm.FULL, api_key="k", region="us", responders=team
    )
    [closed] = opsgenie.requests_by_key(UP, MessageForm.FULL, api_key="k", region="us", responders=[])
    sent = json.loads(opened.body)
    assert opened.headers["Authorization"] == "GenieKey k"
    assert (sent["alias"], sent["responders"]) == (UP.incident, [{"type": "team", "name": "ops"}])
    assert closed.url.startswith(f"https://api.opsgenie.com/v2/alerts/{str(UP.incident).replace(':', '%3A')}/close")


def test_incident_tools_are_asked_by_apprise_urls(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagerduty, "HOSTS", {"us": receiver.url, "eu": receiver.url})
    monkeypatch.setattr(opsgenie, "HOSTS", {"us": receiver.url, "eu": receiver.url})
    receiver.usual = Reply(202, b"{}")
    url = checked(f"pagerduty://{'A' * 32}@{'B' * 20}", allow_private=False)
    assert opens_incidents(url)
    assert chat(url, DOWN).ok
    assert receiver.last.json["routing_key"] == "A" * 32
    assert chat(checked("opsgenie://0f1e2d3c-4b5a/#ops", allow_private=False), DOWN).ok
    assert receiver.last.json["responders"] == [{"type": "team", "name": "ops"}]


def test_an_incident_tool_hears_of_each_check_of_a_digest() -> None:
    made = [
        one
        for event in singly(DIGEST)
        for one in pagerduty.requests_by_key(event, MessageForm.FULL, routing_key="k", region="us")
    ]
    sent = [json.loads(one.body) for one in made]
    assert len({each["dedup_key"] for each in sent}) == 250
    assert sent[0]["payload"]["summary"] == "DOWN: shard-0000 got stuck"


# --- Answers ---


@pytest.mark.parametrize("status", [300, 301, 302, 304, 401, 402, 403, 404, 405, 410, 451])
def test_an_address_that_is_not_valid_any_more_is_the_channels_fault(slack: Receiver, status: int) -> None:
    slack.will(status)
    outcome = chat(SLACK, DOWN)
    assert outcome.fault is Fault.CHANNEL
    assert outcome.why.startswith(f"it answered HTTP {status}")


@pytest.mark.parametrize("status", [400, 413, 414, 422])
def test_a_refusal_of_the_form_is_the_messages_fault(slack: Receiver, status: int) -> None:
    slack.will(status)
    assert chat(SLACK, DOWN).fault is Fault.MESSAGE


@pytest.mark.parametrize("status", [408, 409, 423, 425, 429, 500, 502, 503, 504, 600, 999])
def test_trouble_of_the_receiver_passes(slack: Receiver, status: int) -> None:
    slack.will(status)
    assert chat(SLACK, DOWN).fault is Fault.PASSING


@pytest.mark.parametrize(
    ("status", "body", "fault", "why"),
    [
        (410, b"channel_is_archived", Fault.CHANNEL, "it answered HTTP 410: channel_is_archived"),
        (
            400,
            b'{"ok":false,"description":"Bad Request: chat not found"}',
            Fault.CHANNEL,
            "it answered HTTP 400: Bad Request: chat not found",
        ),
        (
            400,
            b'{"description":"Bad Request: can\'t parse entities: byte offset 12"}',
            Fault.MESSAGE,
            "it answered HTTP 400: Bad Request: can't parse entities: byte offset 12",
        ),
        (
            400,
            b'{"status":"invalid event","message":"Event object is invalid","errors":["routing_key is invalid"]}',
            Fault.CHANNEL,
            "it answered HTTP 400: Event object is invalid, routing_key is invalid",
        ),
        (200, b'{"ok": false, "error": "channel_not_found"}', Fault.CHANNEL, "it answered HTTP 400: channel_not_found"),
        (403, b'{"message": {"error": "no T1JJ3T3L2 at https://x.test/TIiajkdnlazkcOXrIdevi7FQ"}}', Fault.CHANNEL,
         "it answered HTTP 403: no ... at"),
        (404, b"<html>not here</html>", Fault.CHANNEL, "it answered HTTP 404"),
        (500, b"\xff\x00\x1b[2J", Fault.PASSING, "it answered HTTP 500: "),
        (400, b"[" * 60_000, Fault.MESSAGE, "it answered HTTP 400: [[["),
    ],
)  # fmt: skip
def test_the_services_own_reason_is_shown_without_secrets(
    slack: Receiver, status: int, body: bytes, fault: Fault, why: str
) -> None:
    slack.will(Reply(status, body))
    outcome = chat(SLACK, DOWN)
    assert outcome.fault is fault
    assert outcome.why.startswith(why)
    assert outcome.why.isprintable()
    assert len(outcome.why) < 160
    assert "TIiajkdnl" not in outcome.why


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {}])
def test_a_2xx_with_a_damaged_body_is_delivered(receiver: Receiver, headers: dict[str, str]) -> None:
    receiver.will(Reply(200, b"hello", headers=headers, cut_at=None if headers else 2))
    assert post(request(Form(url=receiver.url), DOWN, T0), allow_private=True).ok
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_by_webhooks_or_chats(receiver: Receiver, status: int) -> None:
    with listening() as elsewhere:
        receiver.usual = Reply(status, headers={"Location": f"{elsewhere.url}/secret"})
        assert post(request(Form(url=receiver.url), DOWN, T0), allow_private=True).fault is Fault.CHANNEL
        assert chat(f"rocket://a%2Fb@127.0.0.1:{receiver.port}/#x", DOWN).fault is Fault.CHANNEL
        assert elsewhere.received == []
    assert len(receiver.received) == 2


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("1.5", timedelta(seconds=1.5)),
        ("86400", timedelta(minutes=15)),
        ("-1", timedelta(0)),
        ("soon", None),
    ],
)
def test_a_receiver_that_wants_to_be_left_alone_is_but_not_for_ever(
    slack: Receiver, said: str, wait: timedelta | None
) -> None:
    slack.will(Reply(429, headers={"Retry-After": said}))
    assert chat(SLACK, DOWN).wait == wait


def test_a_date_to_come_back_at_counts_by_the_receivers_own_clock(receiver: Receiver) -> None:
    dates = {"Date": "Mon, 02 Mar 2026 12:00:00 GMT", "Retry-After": "Mon, 02 Mar 2026 12:01:30 GMT"}
    receiver.will(Reply(503, headers=dates))
    assert post(request(Form(url=receiver.url), DOWN, T0), allow_private=True).wait == timedelta(seconds=90)


def test_a_receiver_that_is_not_there_is_tried_again() -> None:
    with listening() as gone:
        url = gone.url
    outcome = post(request(Form(url=url), DOWN, T0), allow_private=True)
    assert (outcome.fault, outcome.why) == (Fault.PASSING, "it could not be reached")


def test_a_receiver_that_hangs_is_given_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastseen.delivery.guarded.READ_SECONDS", 0.2)
    receiver.will(Reply(after_seconds=1))
    outcome = post(request(Form(url=receiver.url), DOWN, T0), allow_private=True)
    assert (outcome.fault, outcome.why) == (Fault.SILENT, "it did not answer in time")


def test_an_endless_answer_is_not_listened_to(receiver: Receiver) -> None:
    receiver.will(Reply(200, b"x" * 5_000_000))
    assert post(request(Form(url=receiver.url), DOWN, T0), allow_private=True).ok


# --- Where alerts may not go ---


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.1",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104 - nothing is bound to it
        "[::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::7f00:1]",
        "[fec0::1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[ff0e::1]",
        "localhost",
    ],
)
def test_a_private_address_is_refused_when_a_channel_is_made(address: str) -> None:
    with pytest.raises(BadTargetError, match="private network"):
        checked_webhook(Form(url=f"https://{address}/hook"), allow_private=False)
    if not address.startswith("["):
        with pytest.raises(BadTargetError, match="private network"):
            checked(f"mmost://{address}/{'3' * 32}", allow_private=False)


def resolving_to(*addresses: str) -> Any:
    """Return a resolver that gives another address each time it is asked, as an attacker's would."""
    answers = list(addresses)

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        is_name = host.endswith(".example")
        address = (answers.pop(0) if len(answers) > 1 else answers[0]) if is_name else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    return resolve


def test_a_name_that_turns_private_later_is_refused_at_delivery(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving_to("93.184.216.34", "127.0.0.1"))
    checked_webhook(form := Form(url=f"http://rebinding.example:{receiver.port}/"), allow_private=False)
    outcome = post(request(form, DOWN, T0), allow_private=False)
    assert (outcome.fault, outcome.why) == (Fault.CHANNEL, "its name leads to a private address")
    assert receiver.received == []


def test_a_name_that_fails_at_first_and_is_private_then_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups: list[str] = []

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        lookups.append(host)
        if len(lookups) == 1:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    made = request(Form(url=f"http://rebinding.example:{receiver.port}/"), DOWN, T0)
    assert post(made, allow_private=False).why == "it could not be reached"
    assert post(made, allow_private=False).fault is Fault.CHANNEL
    assert receiver.received == []


@pytest.mark.parametrize("url", ["mmost://rebinding.example:{}/" + "3" * 32, "rocket://a%2Fb@rebinding.example:{}/#x"])
def test_a_chat_whose_name_turns_private_is_refused_too(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving_to("127.0.0.1"))
    outcome = send_chat(url.format(receiver.port), DOWN, MessageForm.FULL, allow_private=False)
    assert (outcome.fault, outcome.why) == (Fault.CHANNEL, "its name leads to a private address")
    assert receiver.received == []


def test_the_guard_is_on_sockets_whoever_opens_them(receiver: Receiver) -> None:
    """Not on `requests`: a plugin with sockets of its own, an event loop, a raw connection."""

    async def loop() -> None:
        await asyncio.open_connection("127.0.0.1", receiver.port)

    with GuardedThread(allow_private=False) as guard:
        with pytest.raises(PrivateAddressError):
            socket.create_connection(("127.0.0.1", receiver.port))
        with pytest.raises(PrivateAddressError), socket.socket() as raw:
            raw.connect_ex(("127.0.0.1", receiver.port))
        with pytest.raises(PrivateAddressError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(b"x", ("127.0.0.1", 53))
        with pytest.raises(PrivateAddressError), socket.socket(socket.AF_UNIX) as local:
            local.connect("/run/any.sock")
        with pytest.raises(PrivateAddressError), socket.socket() as by_name:
            by_name.connect(("localhost", receiver.port))
        with pytest.raises(PrivateAddressError):
            asyncio.run(loop())
        assert guard.private
    with socket.create_connection(("127.0.0.1", receiver.port)):
        pass  # outside of the block nothing is guarded


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "2a00:1450:4001::1", "::ffff:93.184.216.34"]
)
def test_what_is_public_is(address: str) -> None:
    assert is_public(address)


def test_public_addresses_pass() -> None:
    assert public_addresses("93.184.216.34") == ["93.184.216.34"]
    with pytest.raises(PrivateAddressError):
        public_addresses("127.0.0.1")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "cannot read"),
        ("slack://x", "cannot read"),
        ("unknown://host/", "cannot read"),
        ("syslog://", "is not offered"),
        ("mailto://user:pass@example.com", "is not offered"),
        ("nostr://127.0.0.1/x", "is not offered|cannot read"),
        ("json://example.com/x", "is not offered"),
        ("workflows://8.8.8.8/W1234567890/S1234567890/?template=/etc/passwd", "option template"),
        (f"discord://{'1' * 18}/{'a' * 68}?template=/etc/passwd", "option template"),
        ("ntfys://example.com/jobs?verify=no", "option verify"),
        ("tgram://123456789:abcdefg_hijklmnop/", "the chat is missing"),
        ("pagerduty://x", "pagerduty://INTEGRATION_KEY@lastseen"),
        (SLACK + "\n", "control character"),
        ("json://" + "x" * 3_000, "at most 2000"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_with_the_reason_and_not_shown(url: str, why: str) -> None:
    with pytest.raises(BadTargetError, match=why) as refused:
        checked(url, allow_private=True)
    assert "user:pass" not in str(refused.value)
    assert "TIiajkdnl" not in str(refused.value)


def test_the_url_that_slack_shows_will_do() -> None:
    url = checked("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", allow_private=False)
    assert url.startswith(SLACK)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/",
        "https://",
        "https://$NAME/x",
        "https://user@/",
        "javascript:x",
        "https://a b/",
        "http://8.8.8.8[/",
        "http://example.com:\u0663/",
    ],
)
def test_what_is_no_webhook_is_refused(url: str) -> None:
    with pytest.raises(BadTargetError, match="no URL of a webhook"):
        checked_webhook(Form(url=url), allow_private=True)


@pytest.mark.parametrize(
    ("url", "why"),
    [("http://[8.8.8.8]/hook", "IPv6"), ("http://8.8.8.8:99999/", "port"), ("http://8.8.8.8:0/", "port")],
)
def test_a_webhook_that_no_parser_would_read_is_refused(url: str, why: str) -> None:
    with pytest.raises(BadTargetError, match=why):
        checked_webhook(Form(url=url), allow_private=True)


OFFERED = {
    "NotifySlack": SLACK,
    "NotifyDiscord": DISCORD,
    "NotifyWorkflows": "workflows://8.8.8.8/643e69f83c8944438d68119179a10a64/KODuebWbDGYFr0z0eu/",
    "NotifyTelegram": TELEGRAM,
    "NotifyNtfy": "ntfys://8.8.8.8/jobs",
    "NotifyGotify": "gotifys://8.8.8.8/abcdefghijklmno",
    "NotifyMattermost": f"mmosts://8.8.8.8/{'3' * 32}",
    "NotifyPagerDuty": f"pagerduty://{'A' * 32}@lastseen",
    "NotifyOpsgenie": "opsgenie://0f1e2d3c-4b5a/#ops",
    "NotifyMatrix": "matrixs://token@8.8.8.8/!room?mode=matrix",
    "NotifyPushover": f"pover://{'u' * 30}@{'t' * 30}",
    "NotifyRocketChat": "rockets://webhook%2Fabc@8.8.8.8/#chan",
    "NotifyGoogleChat": "gchat://workspace/key/token",
    "NotifyZulip": f"zulip://bot@org/{'a' * 32}/stream",
    "NotifyWebexTeams": f"webex://{'a' * 80}",
    "NotifyPushBullet": f"pbul://{'a' * 32}",
    "NotifyNextcloudTalk": "nctalks://user:pass@8.8.8.8/room",
    "NotifyProwl": f"prowl://{'a' * 40}",
    "NotifyBark": "barks://8.8.8.8/devicekey",
    "NotifySIGNL4": "signl4://secret",
}


def test_every_service_that_is_offered_is_tested() -> None:
    assert set(OFFERED) == set(OWN_FORM) | BY_APPRISE


@pytest.mark.parametrize("name", OFFERED)
def test_a_service_that_is_offered_gets_the_alert_and_only_over_https(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[requests.PreparedRequest] = []

    def answer(_adapter: object, asked: requests.PreparedRequest, **_: object) -> requests.Response:
        sent.append(asked)
        response = requests.Response()
        response.status_code, response.request = 200, asked
        response.raw = HTTPResponse(io.BytesIO(b'{"ok": true, "event_id": "$1"}'), preload_content=False)
        return response

    monkeypatch.setattr(HTTPAdapter, "send", answer)
    url = checked(OFFERED[name], allow_private=False)
    assert type(plugin_of(url)).__name__ == name
    assert send_chat(url, DOWN, MessageForm.FULL, allow_private=False).ok
    assert sent
    bodies = "".join(urllib.parse.unquote_plus(str(asked.body)) for asked in sent).encode().decode("unicode_escape")
    assert "exit status 1" in bodies
    assert all(str(asked.url).startswith("https://") for asked in sent)


def test_no_secret_of_a_channel_is_in_a_log_whatever_goes_wrong(
    slack: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.will(200, 404, 500, Reply(429, headers={"Retry-After": "1"}))
    for _ in range(4):
        chat(SLACK, DOWN)
    with listening() as gone:
        url = f"{gone.url}/T0ps3cret"
    post(request(Form(url=url, secret="lss_T0ps3cret"), DOWN, T0), allow_private=True)
    assert "TIiajkdnl" not in caplog.text
    assert "T0ps3cret" not in caplog.text


@pytest.mark.parametrize("service", TARGETS)
def test_the_target_that_the_pages_show_is_taken_and_leads_to_the_service(service: str) -> None:
    via, target = read_target(TARGETS[service])
    assert via in {Via.CHAT, None}  # None: an https URL, which a chat shows
    names = {"Microsoft Teams": "workflows"}
    assert type(plugin_of(target)).__name__.lower() == f"notify{names.get(service, service.lower())}"
