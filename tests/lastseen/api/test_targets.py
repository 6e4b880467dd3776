"""Any target in one field: what it is taken for, and what can be none."""

from __future__ import annotations

import pytest

from lastseen.api.targets import TargetError, checked_target, confirmation_token, read_target, webhook_site
from lastseen.core.channel import Via
from lastseen.core.keys import Scope
from tests.lastseen.api.world import World

PATH = "/api/v3/channels/"


@pytest.mark.parametrize(
    ("target", "via", "bare"),
    [
        ("ops@example.com", Via.EMAIL, "ops@example.com"),
        ("mailto:ops@example.com", Via.EMAIL, "ops@example.com"),
        ("mailto:ops@example.com?subject=x", Via.EMAIL, "ops@example.com"),
        ("+491701234567", Via.SMS, "+491701234567"),
        ("+49 (170) 123-4567", Via.SMS, "+491701234567"),
        ("tel:+49-170-1234567", Via.SMS, "+491701234567"),
        ("sms:+491701234567", Via.SMS, "+491701234567"),
        ("0123456789abcdef0123456789ABCDEF", Via.CHAT, "pagerduty://0123456789abcdef0123456789ABCDEF@lastseen"),
        ("slack://T1/B1/x", Via.CHAT, "slack://T1/B1/x"),
        ("https://example.com/hook", None, "https://example.com/hook"),
        ("HTTP://example.com/hook", None, "HTTP://example.com/hook"),
        ("http://user:pass@example.com/", None, "http://user:pass@example.com/"),
        ("https://user@example.com", None, "https://user@example.com"),
    ],
)
def test_what_a_target_is(target: str, via: Via | None, bare: str) -> None:
    assert read_target(target) == (via, bare)


@pytest.mark.parametrize("target", ["", "nonsense", "example.com", "01701234567", "mail to:x", "+49170123456789012345"])
def test_what_no_target_is(target: str) -> None:
    with pytest.raises(TargetError, match="no address that alerts can go to"):
        read_target(target)


@pytest.mark.parametrize(
    "url",
    [
        "http://[8.8.8.8]/hook",
        "http://[localhost]/x",
        "http://8.8.8.8[/",
        "http://[",
        "http://u\u2100@host/",
        "http://u\uff0fp@host/",
        "https://host:65536/",
        "https://host:99999/",
        "https://host:0/",
        "https://host:\u0663/",
        "https://$NAME/",
        "https://host\\@evil/",
        "ftp://host/",
        "https://ho st/",
        "https:///x",
    ],
)
def test_what_no_webhook_is_is_refused_and_stored_nowhere(world: World, url: str) -> None:
    with pytest.raises(TargetError) as refusal:
        checked_target(Via.WEBHOOK, url)
    assert url not in str(refusal.value)
    for via in ({"via": "webhook"}, {}):
        reply = world.post(PATH, {"name": "x", "target": url, **via})
        assert reply.status == 400, reply.body
    assert world.get(PATH).json() == {"channels": []}


@pytest.mark.parametrize(
    ("via", "target"),
    [
        (Via.EMAIL, "a@b.cc\u202e"),
        (Via.EMAIL, "a b@c.de"),
        (Via.SMS, "+4917\u06631234567"),
        (Via.SMS, "+0170123456"),
        (Via.CHAT, "slack://x\u202e"),
    ],
)
def test_addresses_that_nothing_can_be_sent_to(via: Via, target: str) -> None:
    with pytest.raises(TargetError):
        checked_target(via, target)


STORED = ["http://[8.8.8.8]/hook", "http://u\u2100@host/", "http://[", "nonsense", "https://host:99999/x"]


@pytest.mark.parametrize("target", STORED)
def test_whatever_is_stored_makes_no_list_fail_and_can_be_deleted(world: World, target: str) -> None:
    world.store.put_setting("channel#default", "c1", {"name": "odd", "via": "webhook", "target": target})
    assert [channel["name"] for channel in world.get(PATH).json()["channels"]] == ["odd"]
    assert world.get(f"{PATH}odd").status == 200
    assert world.send("DELETE", f"{PATH}odd").status == 200


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1#@8.8.8.8/", "http://127.0.0.1?@8.8.8.8/", "http://127.0.0.1/@8.8.8.8/"]
)
def test_a_webhook_is_judged_by_the_host_that_it_is_sent_to(world: World, url: str) -> None:
    reply = world.post(PATH, {"name": "x", "target": url})
    assert (reply.status, "private network" in reply.error) == (400, True)


def test_a_webhook_shows_its_host_and_nothing_else() -> None:
    assert webhook_site("https://user:pass@Example.com:8443/s3cret?x=1") == "https://example.com"
    assert webhook_site("http://[::1]:8000/x") == "http://[::1]"


@pytest.mark.parametrize("token", ["http://[", "https://x/?Token=", "http://u\u2100@host/?y"])
def test_a_link_that_is_none_confirms_nothing(world: World, token: str) -> None:
    world.post(PATH, {"name": "ops", "target": "ops@example.com"})
    assert world.post(f"{PATH}ops/confirm", {"token": token}).status == 400


def test_the_token_of_a_link() -> None:
    assert confirmation_token(" https://sns.example/?TopicArn=x&Token=abc&y=1 ") == "abc"
    assert confirmation_token("abc") == "abc"


@pytest.mark.parametrize("name", ["prod?", "50% off", "a/b", "x#y", "a\\b", ".", ".."])
def test_a_name_that_no_url_can_hold_is_refused(world: World, name: str) -> None:
    reply = world.post(PATH, {"name": name, "target": "ops@example.com"})
    assert (reply.status, reply.error.startswith("name ")) == (400, True)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "slack"),
        ("+491701234567", "sms"),
        ("ops@example.com", "email"),
        ("0123456789abcdef0123456789abcdef", "pagerduty"),
        ("https://8.8.8.8/hook", "webhook"),
    ],
)
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
def test_a_channel_is_made_of_its_target_alone(world: World, target: str, kind: str) -> None:
    reply = world.post(PATH, {"name": "x", "target": target}, key=world.key(Scope.WRITE))
    assert (reply.status, reply.json().get("kind")) == (201, kind)
