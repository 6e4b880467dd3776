"""What people are told: each kind of alert to the letter, and what holds whatever a job is called or prints."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from lastseen.aws.topic import SIZE_LIMIT, as_json
from lastseen.core.check import Flip, Reason, Status
from lastseen.core.schedule import Cron
from lastseen.text.chat import markdown
from lastseen.text.digest import digest
from lastseen.text.event import FlipEvent
from lastseen.text.message import Alert, Message, flipped
from tests import gallery
from tests.gallery import BACKUP, EXPORT, FLIPS, NIGHT, SITE
from tests.times import T0, hours

MESSAGES = gallery.messages()


@pytest.mark.parametrize("name", MESSAGES)
def test_people_and_programs_are_told_this(name: str, snapshot: SnapshotAssertion) -> None:
    message = MESSAGES[name]
    parts = ["SUBJECT", message.subject, "E-MAIL", message.email, "SMS", message.sms]
    parts += ["CHAT", message.event.title, markdown(message.event, limit=1_900)]
    without_text = {field: value for field, value in message.document.items() if field not in {"text", "subject"}}
    assert "\n".join([*parts, "EVENT", json.dumps(without_text, indent=1)]) == snapshot


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_keeps_the_limits_of_each_protocol(name: str) -> None:
    message = MESSAGES[name]
    assert message.subject.isascii()
    assert len(message.subject) < 100
    assert message.sms.isascii()
    assert len(message.sms) <= 140
    assert message.document["version"] == 1
    assert message.document["text"].strip() == message.email.strip()
    assert all(value for value in message.attributes.values())


@pytest.mark.parametrize("name", MESSAGES)
def test_no_message_bears_an_id_that_pings(name: str) -> None:
    told = as_json([MESSAGES[name].email, MESSAGES[name].sms, MESSAGES[name].document, MESSAGES[name].attributes])
    assert BACKUP.id not in told
    assert EXPORT.id not in told
    assert "slack://" not in told


def test_the_three_reasons_are_told_apart_in_the_subject() -> None:
    assert MESSAGES["The job did not start"].subject == "DOWN: nightly-backup did not start in time"
    assert MESSAGES["The job got stuck"].subject == "DOWN: nightly-backup got stuck"
    assert MESSAGES["The job failed"].subject == "DOWN: Rechnungs-Export fur Zurich failed, exit status 1"


def test_a_recovery_refers_to_the_event_that_it_ends() -> None:
    ended = MESSAGES["The job did not start"].document["id"]
    event = gallery.flip_event("Up again")
    assert (event.incident, event.status) == (ended, "up")
    assert f"ends {ended}" in MESSAGES["Up again"].email
    assert MESSAGES["Still down: a reminder"].document["incident"] == ended


def test_an_up_alert_tells_nobody_what_to_do() -> None:
    assert "What to do" not in MESSAGES["Up again"].email


def test_flapping_and_its_end_reach_those_who_are_told_of_one_status_only() -> None:
    for name in ("Flapping", "Steady again", "A channel is lost", "A test"):
        assert MESSAGES[name].attributes["status"] == ["down", "up"], name
    assert MESSAGES["The job failed"].attributes["status"] == ["down"]


def test_only_a_few_of_many_others_are_named() -> None:
    assert "shard-8 and 3 more" in MESSAGES["The job failed"].email
    assert MESSAGES["The job failed"].document["also_down_count"] == 13


FOREIGN = st.text(max_size=200)
EVIL = "\x1b[2Jx\x00\r\nSubject: y\u202e\u2066\ud83d"


def _told(*, name: str, tags: str, about: str, body: bytes, note: str) -> Message:
    flip = Flip(
        n=3, at=T0, was=Status.UP, status=Status.DOWN, reason=Reason.FAILED, told=True, note=note, body=body, incident=3
    )
    check = replace(EXPORT, name=name, tags=tags)
    return flipped(Alert(check=check, flip=flip, about=about, also_down=(name,)), now=T0, site_url=SITE)


@given(name=FOREIGN, tags=FOREIGN, about=FOREIGN, body=st.binary(max_size=300), note=FOREIGN)
def test_foreign_text_can_break_no_limit_and_smuggle_nothing_in(
    name: str, tags: str, about: str, body: bytes, note: str
) -> None:
    message = _told(name=name, tags=tags, about=about, body=body, note=note)
    assert message.subject.isascii()
    assert message.subject.isprintable()
    assert 0 < len(message.subject) < 100
    assert message.sms.isprintable()
    assert len(message.sms) <= 140
    assert all(char.isprintable() or char in "\n\t" or char.isspace() for char in message.email)
    as_json(message.document).encode()
    assert len(markdown(message.event, limit=1_000)) <= 1_000


def test_escapes_and_directions_in_output_are_shown_harmless() -> None:
    message = _told(name=EVIL, tags="", about=EVIL, body=EVIL.encode(errors="surrogatepass"), note="")
    assert "\x1b" not in message.email
    assert "\u202e" not in message.email
    assert message.subject.startswith("DOWN: x? Subject: y")


def test_the_end_of_long_output_is_kept_from_a_whole_line_on() -> None:
    body = b"\n".join(b"line %04d" % n for n in range(1_000))
    message = _told(name="x", tags="", about="", body=body, note="")
    assert "line 0999" in message.email
    assert "line 0000" not in message.email
    assert len(message.document["output"]) <= 2_003


@pytest.mark.parametrize("limit", [300, 1_000, 2_000, 4_000])
@pytest.mark.parametrize("name", MESSAGES)
def test_a_chat_is_told_what_fits_and_always_where_to_look(name: str, limit: int) -> None:
    event = MESSAGES[name].event
    told = markdown(event, limit=limit)
    assert len(told) <= limit
    assert told.startswith(event.lead[:40])
    if isinstance(event, FlipEvent):
        assert event.check.url in told


def test_a_chat_is_told_what_to_do_only_where_there_is_something_to_do() -> None:
    told = {name: "**What to do**" in markdown(message.event, limit=4_000) for name, message in MESSAGES.items()}
    assert [name for name, has in told.items() if not has] == [
        "Up again",
        "Flapping",
        "Many at once: a digest",
        "Lastseen hears again",
        "A test",
    ]
    assert "Deadlines in that time are moved" in markdown(MESSAGES["Lastseen hears again"].event, limit=4_000)


def test_output_calls_nobody_in_a_chat_and_cannot_end_its_block() -> None:
    body = b"@everyone mail ops@example.com\n```\n# not a title"
    message = _told(name="@here", tags="", about="ssh ops@db1 <dump.sql", body=body, note="")
    shown = markdown(message.event, limit=2_000)
    assert "`@here` reported" in shown  # as code, which calls nobody
    assert "ssh ops@db1 \\<dump.sql" in shown  # nothing invisible in what is copied
    assert shown.count("````") == 2


def test_a_digest_names_every_check_of_the_largest_batch() -> None:
    storm = gallery.storm(250)
    message = digest(storm, now=T0 + hours(2), site_url=SITE)
    assert message.subject == "DOWN: 250 checks of default: 200 did not start in time, 50 got stuck"
    for n in range(250):
        assert f"shard-{n:04d}" in message.email
    assert len(message.document["flips"]) == 250


def test_a_digest_of_the_longest_names_stays_below_what_sns_takes() -> None:
    names = ["\U0001f4a5" * 60, '"' * 60, "\\" * 60, "x" * 60]
    long = [
        replace(alert, check=replace(alert.check, name=f"{n}{names[n % 4]}", tags="t" * 500, channels="c" * 2_000))
        for n, alert in enumerate(gallery.storm(250))
    ]
    message = digest(long, now=T0 + hours(2), site_url=SITE)
    parts = as_json({"default": as_json(message.document), "email": message.email, "sms": message.sms})
    assert len(parts.encode()) + len(as_json(message.attributes).encode()) < SIZE_LIMIT


def test_a_check_without_name_is_called_by_its_slug_and_then_by_its_public_key() -> None:
    flip = replace(FLIPS["The job failed"]()[0].flip)
    by_slug = flipped(Alert(check=replace(EXPORT, name="", slug="export"), flip=flip), now=T0, site_url=SITE)
    by_key = flipped(Alert(check=replace(EXPORT, name=""), flip=flip), now=T0, site_url=SITE)
    assert by_slug.subject.startswith("DOWN: export failed")
    assert by_key.subject.startswith("DOWN: 498a493ea9de failed")


def test_a_broken_zone_is_told_in_utc() -> None:
    alert, now = FLIPS["The job did not start"]()
    check = replace(alert.check, schedule=Cron("0 3 * * *", "Mars/Olympus"))
    message = flipped(replace(alert, check=check), now=now, site_url=SITE)
    assert "Tue 2026-03-03 02:00 UTC" in message.email


def test_a_deadline_that_was_moved_because_nothing_was_heard_says_so() -> None:
    alert, now = FLIPS["The job did not start"]()
    held = replace(alert, flip=replace(alert.flip, held=timedelta(minutes=14)))
    assert "heard no pings for 14 min of the wait" in flipped(held, now=now, site_url=SITE).email


def test_the_utc_day_is_told_where_it_is_another() -> None:
    assert "00:00 Europe/Berlin (Mon 23:00 UTC)" in MESSAGES["The job got stuck"].email
    assert NIGHT.hour == 2


def test_the_page_of_alerts_shows_what_the_code_says() -> None:
    """If it does not: uv run python -m tests.gallery."""
    text = gallery.PAGE.read_text()
    assert gallery.page(text, gallery.rendered(MESSAGES)) == text
    assert gallery.SCHEMA.read_text() == gallery.schema()
