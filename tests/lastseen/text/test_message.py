"""What people are told: each kind of alert to the letter, and what holds whatever a job is called or prints."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from lastseen.alerting.publishing import CHUNK_LIMIT
from lastseen.aws.topic import SIZE_LIMIT, as_json
from lastseen.core.check import Flip, Reason, Run, Status
from lastseen.core.runs import RETRY
from lastseen.core.schedule import Cron
from lastseen.delivery.results import MessageForm
from lastseen.text.chat import markdown
from lastseen.text.digest import digest
from lastseen.text.event import FlipEvent, OwnKind
from lastseen.text.incident import singly
from lastseen.text.message import Alert, Message, flipped
from tests import gallery
from tests.forms import FORMS, LIMITS_BYTES, chats_page, gallery_page
from tests.gallery import BACKUP, EXPORT, FLIPS, NIGHT, SITE
from tests.lastseen.text.test_event import strings
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
    expected = "DOWN: Rechnungs-Export fur Zurich failed: PermissionError: invoices.csv: read-only file system"
    assert MESSAGES["The job failed"].subject == expected


def missed(*, ahead: timedelta, duration: timedelta | None = None) -> str:
    """The alert of a job due at 01:00 in Berlin, whose last ping came so much before that."""
    expected = T0.replace(hour=0)
    check = replace(BACKUP, schedule=Cron("0 1 * * *", "Europe/Berlin"))
    alert, _ = FLIPS["The job did not start"]()
    flip = replace(alert.flip, expected=expected, last_ping=expected - ahead, duration=duration)
    return flipped(Alert(check=check, flip=flip), now=T0, site_url=SITE).email


def test_a_ping_that_came_too_early_to_count_is_explained() -> None:
    early = "its last ping came {} before it was expected, too early to count for that time: {}?"
    assert early.format("40 min", "is the clock of its host ahead") in missed(ahead=timedelta(minutes=40))
    assert early.format("5 h", "is Europe/Berlin the zone of its scheduler") in missed(ahead=hours(5))
    assert "the zone of its scheduler?" in missed(ahead=hours(2) + timedelta(minutes=7))


def test_a_ping_of_the_time_before_is_not_called_early() -> None:
    for email in (missed(ahead=hours(23)), missed(ahead=timedelta(minutes=40), duration=hours(13))):
        assert "too early" not in email


def test_of_several_open_runs_the_alert_speaks_of_the_oldest() -> None:
    alert, now = FLIPS["The job got stuck"]()
    assert alert.flip.runs == 1
    message = flipped(replace(alert, flip=replace(alert.flip, runs=2)), now=now, site_url=SITE)
    assert message.event.lead.startswith("Of 2 open runs of nightly-backup the oldest started at Tue 2026-03-03 00:00 ")
    assert message.document["open_runs"] == 2


def test_of_a_retry_that_did_not_start_the_alert_says_so_and_not_that_a_run_hangs() -> None:
    alert, now = FLIPS["The job got stuck"]()
    waiting = replace(alert, check=replace(alert.check, runs=(Run(alert.flip.started or now, RETRY),)))
    event = flipped(waiting, now=now, site_url=SITE).event
    assert event.subject == "DOWN: nightly-backup was not retried in time"
    assert "That attempt is over, but its retry had to start within" in event.lead
    assert "still running" not in f"{event.lead}{event.todo}"


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
        n=3,
        at=T0,
        was=Status.UP,
        status=Status.DOWN,
        reason=Reason.FAILED,
        notify=True,
        note=note,
        body=body,
        incident=3,
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
    assert message.subject == "DOWN: 498a493ea9de failed"  # what ASCII cannot write is called by its key


def test_long_output_keeps_its_head_and_its_tail_at_line_ends() -> None:
    body = b"\n".join(b"line %04d" % n for n in range(1_000))
    message = _told(name="x", tags="", about="", body=body, note="")
    assert "  line 0000\n" in message.email
    assert "  line 0999\n" in message.email
    assert re.search(r"\n  \[\.\.\. [0-9,]+ bytes left out \.\.\.\]\n  line ", message.email)
    assert len(str(message.document["output"])) <= 2_100


@pytest.mark.parametrize("service", FORMS)
@pytest.mark.parametrize("name", MESSAGES)
def test_every_kind_is_written_in_every_form_and_within_its_limit(name: str, service: str) -> None:
    event = MESSAGES[name].event
    documents = [FORMS[service](event, form) for form in MessageForm]
    shown = [json.dumps(document, ensure_ascii=False) for document in documents]
    if not event.ends or service not in {"PagerDuty", "Opsgenie"}:  # these only close what is open
        for document in documents:
            assert event.title[:120] in html.unescape("\n".join(strings(document))).replace("\\", "")
    assert len(shown[0].encode()) <= LIMITS_BYTES.get(service, 40_000)
    assert len(shown[0]) >= len(shown[1]) - 20 >= len(shown[2]) - 40
    assert BACKUP.id not in "".join(shown)


@pytest.mark.parametrize("service", ["Slack", "Microsoft Teams", "Discord", "Telegram", "ntfy", "Gotify", "Mattermost"])
def test_a_deep_errors_class_and_message_are_in_mail_sms_and_every_chat(service: str) -> None:
    message = MESSAGES["The job failed deep in Rails"]
    shown = json.dumps(FORMS[service](message.event, MessageForm.FULL))
    for text in (message.email, message.subject, message.sms, shown):
        assert "ArgumentError: no such month" in text


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
        "Paused while it was down",
        "Deleted while it was down",
        "Taken off a channel while it was down",
        "Up again",
        "Flapping",
        "Many at once: a digest",
        "Many flap at once: a digest",
        "Lastseen hears again",
        "A channel takes alerts again",
        "The same to the channel itself",
        "They get alerts again",
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


def test_a_digest_says_what_its_checks_have_in_common_and_leads_to_them() -> None:
    storm = [
        replace(alert, check=replace(alert.check, tags=f"db1 night shard-{n}"))
        for n, alert in enumerate(gallery.storm(8))
    ]
    message = digest(storm, now=T0 + hours(2), site_url=SITE)
    assert "All of them have the tags db1, night." in message.email
    assert f"These checks: {SITE}/?tag=db1&tag=night&status=down" in message.email
    assert message.document["common_tags"] == ["db1", "night"]
    assert message.document["url"] == f"{SITE}/?tag=db1&tag=night&status=down"
    [single, *_] = singly(message.event)
    assert str(single.url).startswith(f"{SITE}/checks/")
    nothing = digest(gallery.storm(8), now=T0 + hours(2), site_url=SITE)
    assert "All of them" not in nothing.email


def test_a_digest_of_the_longest_names_stays_below_what_sns_takes() -> None:
    names = ["\U0001f4a5" * 60, '"' * 60, "\\" * 60, "x" * 60]
    long = [
        replace(alert, check=replace(alert.check, name=f"{n}{names[n % 4]}", tags="t" * 500, channels="c" * 2_000))
        for n, alert in enumerate(gallery.storm(250))
    ]
    message = digest(long, now=T0 + hours(2), site_url=SITE)
    parts = as_json({"default": as_json(message.document), "email": message.email, "sms": message.sms})
    assert len(parts.encode()) + len(as_json(message.attributes).encode()) < SIZE_LIMIT


@pytest.mark.parametrize("char", ["x", "\U0001f4a5"])
def test_whatever_checks_are_called_and_say_a_digest_lists_each_so_that_incident_tools_open_each(char: str) -> None:
    failure = FLIPS["The job failed"]()[0].flip
    long = [
        Alert(check=replace(alert.check, name=f"{n}{char * 100}"), flip=replace(failure, body=(char * 500).encode()))
        for n, alert in enumerate(gallery.storm(CHUNK_LIMIT))
    ]
    message = digest(long, now=T0 + hours(2), site_url=SITE)
    assert len(message.document["flips"]) == CHUNK_LIMIT
    parts = as_json({"default": as_json(message.document), "email": message.email, "sms": message.sms})
    assert len(parts.encode()) < SIZE_LIMIT


def test_an_incident_of_a_digest_names_its_error() -> None:
    alert, now = FLIPS["The job failed"]()
    others = [replace(alert, check=replace(alert.check, id=f"{n:08x}-4b5a-4978-8695-a4b3c2d1e0f0")) for n in range(6)]
    [first, *_] = singly(digest(others, now=now, site_url=SITE).event)
    assert first.title.endswith("failed: PermissionError: invoices.csv: read-only file system")
    assert first.lead == "Rechnungs-Export für Zürich failed at Mon 2026-03-02 12:59:08 UTC."


def test_a_check_without_name_is_called_by_its_slug_and_then_by_its_public_key() -> None:
    flip = replace(FLIPS["The job failed"]()[0].flip)
    by_slug = flipped(Alert(check=replace(EXPORT, name="", slug="export"), flip=flip), now=T0, site_url=SITE)
    by_key = flipped(Alert(check=replace(EXPORT, name=""), flip=flip), now=T0, site_url=SITE)
    assert by_slug.subject.startswith("DOWN: export failed")
    assert by_key.subject.startswith("DOWN: 498a493ea9de failed")


@pytest.mark.parametrize(
    ("name", "slug", "called"),
    [
        ("夜間バックアップ", "nightly-backup", "nightly-backup"),
        ("Ночной бэкап", "", "498a493ea9de"),
        ("Straßenreinigung", "", "Strassenreinigung"),
        ("“Prüfung” \u2013 Łódź", "x", '"Prufung" - Lodz'),
        ("why?", "x", "why?"),
    ],
)
def test_a_subject_names_a_check_that_ascii_cannot_write(name: str, slug: str, called: str) -> None:
    flip = replace(FLIPS["The job failed"]()[0].flip, body=b"")
    message = flipped(Alert(check=replace(EXPORT, name=name, slug=slug), flip=flip), now=T0, site_url=SITE)
    assert message.subject == f"DOWN: {called} failed, exit status 1"
    assert message.attributes["check"] == called
    assert name in message.event.title


def test_an_alert_says_how_the_runs_before_went_and_who_sent_the_last_ping() -> None:
    message = MESSAGES["The job did not start"]
    assert "from 10.0.3.7 (lastseen-exec/1.0). 29 of its last 30 runs were good, usually in 12 min." in message.email
    event = gallery.flip_event("The job did not start")
    assert (event.runs_count, event.runs_good, event.usual_seconds) == (30, 29, 720.0)
    assert (event.last_address, event.last_agent) == ("10.0.3.7", "lastseen-exec/1.0")


def test_advice_never_speaks_of_output_that_is_not_there() -> None:
    todo = str(MESSAGES["The job failed without a word, and its name is not for mail"].event.todo)
    assert todo.startswith("It sent no output. Read its own log on the host that it pinged from, 10.0.3.7")
    assert "Read its output" in str(MESSAGES["The job failed"].event.todo)


def test_an_incident_that_a_pause_ends_is_over_for_those_who_saw_it_begin() -> None:
    event = gallery.flip_event("Paused while it was down")
    assert (event.ends, event.incident) == (True, gallery.flip_event("The job did not start").id)
    assert not gallery.flip_event("Flapping").ends


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
    assert gallery.page(text) == text
    assert gallery.SCHEMA.read_text() == gallery.schema()
    assert gallery.CHATS.read_text() == chats_page(MESSAGES)
    assert gallery.GALLERY.read_text() == gallery_page(MESSAGES)


def test_every_kind_of_event_and_every_reason_has_its_place_in_the_gallery() -> None:
    events = [message.event for message in MESSAGES.values()]
    assert {event.type for event in events} == {*OwnKind, "flip", "digest"}
    assert {event.reason for event in events if isinstance(event, FlipEvent)} == {*Reason} - {Reason.RESUMED}
