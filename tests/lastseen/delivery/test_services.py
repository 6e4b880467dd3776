"""What chats receive: real requests of the real plugins, taken by a receiver on loopback."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from syrupy.assertion import SnapshotAssertion

from lastseen.delivery import incident
from lastseen.delivery.guarded import PrivateAddressError, public_addresses
from lastseen.delivery.services import BadTargetError, checked, checked_webhook, is_incident_tool, post, send
from lastseen.delivery.webhook import Form, request
from lastseen.text.digest import digest
from tests import gallery
from tests.lastseen.delivery.receiver import Receiver, Reply, listening, make_certificate
from tests.times import T0, hours

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of Apprise, where Python is older than ours

MESSAGES = gallery.messages()
DOWN, UP = gallery.flip_event("The job failed"), gallery.flip_event("Up again")
DIGEST = digest(gallery.storm(250), now=T0 + hours(2), site_url=gallery.SITE).event
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
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


def chat(url: str, event: Any, *, brief: bool = False) -> Any:
    return send(url, event, allow_private=True, brief=brief)


def shown(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("event", [DOWN, UP], ids=["down", "up"])
def test_slack_receives_this(slack: Receiver, event: Any, snapshot: SnapshotAssertion) -> None:
    assert chat(SLACK, event).delivered
    sent = slack.last.json
    assert slack.last.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    for attachment in sent["attachments"]:
        attachment.pop("ts", None)
    assert shown(sent) == snapshot


@pytest.mark.parametrize("event", [DOWN, UP], ids=["down", "up"])
def test_discord_receives_this(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, event: Any, snapshot: SnapshotAssertion
) -> None:
    monkeypatch.setattr(NotifyDiscord, "notify_url", f"{receiver.url}/api/webhooks")
    receiver.usual = Reply(204, b"")
    assert chat(DISCORD, event).delivered
    assert len(receiver.received) == 1
    assert receiver.last.path.startswith(f"/api/webhooks/{'1' * 18}/{'a' * 68}")
    assert shown(receiver.last.json) == snapshot


@pytest.mark.parametrize("event", [DOWN, UP], ids=["down", "up"])
def test_telegram_receives_this(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, event: Any, snapshot: SnapshotAssertion
) -> None:
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"{receiver.url}/bot")
    receiver.usual = Reply(200, b'{"ok": true, "result": {}}')
    assert chat(TELEGRAM, event).delivered
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
        assert chat(url, event).delivered
    assert "/workflows/643e69f83c8944438d68119179a10a64/" in teams.last.path
    assert shown(teams.last.json) == snapshot


def test_mattermost_and_ntfy_receive_the_alert(receiver: Receiver) -> None:
    assert chat(f"mmost://127.0.0.1:{receiver.port}/3ccdd113474722377935511fc85d3dd4", DOWN).delivered
    assert receiver.last.path == "/hooks/3ccdd113474722377935511fc85d3dd4"
    assert DOWN.lead in receiver.last.json["text"]
    assert chat(f"ntfy://127.0.0.1:{receiver.port}/jobs", DOWN).delivered
    assert DOWN.lead in receiver.last.json["message"]
    assert receiver.last.json["title"] == DOWN.title


DIGESTS = [(SLACK, 35_000), (f"mmost://127.0.0.1:1/{'3' * 32}", 4_000), (DISCORD, 2_000)]


def test_a_receiver_whose_certificate_nobody_trusts_is_told_nothing(tmp_path: Path) -> None:
    with listening(certificate=make_certificate(tmp_path / "certificate")) as stranger:
        outcome = chat(f"workflows://127.0.0.1:{stranger.port}/643e69f83c89444/KODuebWbDGYFr0z0eu/", DOWN)
    assert not outcome.delivered
    assert stranger.received == []


@pytest.mark.parametrize(("url", "limit"), DIGESTS)
def test_a_digest_fits_into_one_message_and_names_what_fits(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, url: str, limit: int
) -> None:
    monkeypatch.setattr(NotifySlack, "webhook_url", f"{receiver.url}/services")
    monkeypatch.setattr(NotifyDiscord, "notify_url", f"{receiver.url}/api/webhooks")
    receiver.usual = Reply(200, b"ok")
    assert chat(url.replace(":1/", f":{receiver.port}/"), DIGEST).delivered
    assert len(receiver.received) == 1
    named = receiver.last.body.decode().count("shard-")
    assert named == 250 if limit > 10_000 else 100 < named < 250
    assert len(receiver.last.body) < limit + 2_000


def test_pagerduty_opens_an_incident_and_its_recovery_closes_it() -> None:
    opened = incident.pagerduty(MESSAGES["The job did not start"].event, routing_key="k", region="eu")
    closed = incident.pagerduty(UP, routing_key="k", region="eu")
    assert opened.url == "https://events.eu.pagerduty.com/v2/enqueue"
    first, second = json.loads(opened.body), json.loads(closed.body)
    assert (first["event_action"], second["event_action"]) == ("trigger", "resolve")
    assert first["dedup_key"] == second["dedup_key"] == UP.incident
    assert first["payload"]["summary"] == "DOWN: nightly-backup did not start in time"
    assert first["payload"]["severity"] == "critical"


def test_opsgenie_opens_an_alert_and_its_recovery_closes_it() -> None:
    opened = incident.opsgenie(
        MESSAGES["The job did not start"].event, api_key="k", region="us", responders=[{"type": "team", "name": "ops"}]
    )
    closed = incident.opsgenie(UP, api_key="k", region="us", responders=[])
    sent = json.loads(opened.body)
    assert opened.headers["Authorization"] == "GenieKey k"
    assert (sent["alias"], sent["responders"]) == (UP.incident, [{"type": "team", "name": "ops"}])
    assert closed.url.startswith(f"https://api.opsgenie.com/v2/alerts/{str(UP.incident).replace(':', '%3A')}/close")


def test_incident_tools_are_asked_by_apprise_urls(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident, "PAGERDUTY", {"us": receiver.url, "eu": receiver.url})
    monkeypatch.setattr(incident, "OPSGENIE", {"us": receiver.url, "eu": receiver.url})
    receiver.usual = Reply(202, b"{}")
    url = checked(f"pagerduty://{'A' * 32}@{'B' * 20}", allow_private=False)
    assert is_incident_tool(url)
    assert chat(url, DOWN).delivered
    assert receiver.last.json["routing_key"] == "A" * 32
    assert chat(checked("opsgenie://0f1e2d3c-4b5a/#ops", allow_private=False), DOWN).delivered
    assert receiver.last.json["responders"] == [{"type": "team", "name": "ops"}]


def test_an_incident_tool_hears_of_each_check_of_a_digest() -> None:
    events = incident.singly(DIGEST)
    sent = [json.loads(incident.pagerduty(event, routing_key="k", region="us").body) for event in events]
    assert len({each["dedup_key"] for each in sent}) == 250
    assert sent[0]["payload"]["summary"] == "DOWN: shard-0000 got stuck"


# --- Answers ---


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_receiver_that_does_not_know_us_any_more_is_permanent(slack: Receiver, status: int) -> None:
    slack.will(status)
    outcome = chat(SLACK, DOWN)
    assert (outcome.permanent, outcome.content, outcome.why) == (True, False, f"it answered HTTP {status}")


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_may_be_of_this_message(slack: Receiver, status: int) -> None:
    slack.will(status)
    outcome = chat(SLACK, DOWN)
    assert (outcome.permanent, outcome.content) == (True, True)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_trouble_of_the_receiver_passes(slack: Receiver, status: int) -> None:
    slack.will(status)
    outcome = chat(SLACK, DOWN)
    assert (outcome.delivered, outcome.permanent) == (False, False)


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
    assert (outcome.delivered, outcome.permanent, outcome.why) == (False, False, "it could not be reached")


def test_a_receiver_that_hangs_is_given_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lastseen.delivery.guarded.READ_SECONDS", 0.2)
    receiver.will(Reply(after_seconds=1))
    assert post(request(Form(url=receiver.url), DOWN, T0), allow_private=True).why == "it did not answer in time"


def test_an_endless_answer_is_not_listened_to(receiver: Receiver) -> None:
    receiver.will(Reply(200, b"x" * 5_000_000))
    assert post(request(Form(url=receiver.url), DOWN, T0), allow_private=True).delivered


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
    assert (outcome.permanent, outcome.why) == (True, "its name leads to a private address")
    assert receiver.received == []


def test_a_chat_whose_name_turns_private_is_refused_too(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving_to("127.0.0.1"))
    outcome = send(f"mmost://rebinding.example:{receiver.port}/{'3' * 32}", DOWN, allow_private=False)
    assert (outcome.permanent, outcome.why) == (True, "its name leads to a private address")
    assert receiver.received == []


def test_a_redirect_to_a_private_address_is_not_followed(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as inside:
        real = socket.getaddrinfo

        def resolve(host: str, port: int, *rest: Any, **more: Any) -> Any:
            return real("127.0.0.1", port, *rest, **more) if host == "outside.example" else real(host, port, **more)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        monkeypatch.setattr("lastseen.delivery.guarded._is_public", lambda _address: len(receiver.received) == 0)
        receiver.will(Reply(302, headers={"Location": f"{inside.url}/secret"}))
        url = f"http://outside.example:{receiver.port}/"
        outcome = post(request(Form(url=url), DOWN, T0), allow_private=False)
        assert len(receiver.received) == 1
        assert inside.received == []
        assert not outcome.delivered


def test_the_name_is_resolved_once_for_each_connection(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving_to("127.0.0.1", "192.0.2.1"))
    assert post(
        request(Form(url=f"http://once.example:{receiver.port}/"), DOWN, T0), allow_private=True
    ).delivered  # a second answer would have led into the void
    assert receiver.last.headers["Host"] == f"once.example:{receiver.port}"


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
        ("syslog://", "not reached over HTTP"),
        ("mailto://user:pass@example.com", "not reached over HTTP"),
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
    "url", ["ftp://x/", "https://", "https://$NAME/x", "https://user@/", "javascript:x", "https://a b/"]
)
def test_what_is_no_webhook_is_refused(url: str) -> None:
    with pytest.raises(BadTargetError, match="no URL of a webhook"):
        checked_webhook(Form(url=url), allow_private=True)


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
