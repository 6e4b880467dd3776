"""The JSON event: its wire form is a promise, whatever is written in it; older and newer forms are read."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from typing import Any

import jsonschema  # type: ignore[import-untyped] # its stubs are a package of their own
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastseen.text.event import OwnKind, event_schema, read_event, to_json
from lastseen.text.wire import DocumentError
from tests import gallery

MESSAGES = gallery.messages()
FAILED = gallery.flip_event("The job failed")


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_published_reads_as_what_was_meant(name: str) -> None:
    event = MESSAGES[name].event
    assert read_event(json.loads(json.dumps(to_json(event)))) == event


@pytest.mark.parametrize("name", MESSAGES)
def test_every_event_fits_the_schema_of_the_page(name: str) -> None:
    jsonschema.validate(MESSAGES[name].document, event_schema())


def test_the_schema_is_no_sieve() -> None:
    for broken in ({}, to_json(FAILED) | {"status": "late"}, to_json(FAILED) | {"check": None}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, event_schema())


def test_the_wire_form_keeps_what_users_build_on() -> None:
    """The fields of version 1, by name and form, as its first release had them."""
    document = to_json(FAILED)
    assert document["version"] == 1
    assert (document["type"], document["status"], document["was"], document["reason"]) == (
        "flip",
        "down",
        "up",
        "failed",
    )
    assert document["at"] == "2026-03-02T12:59:08.000Z"
    assert document["duration_seconds"] == 68.0
    assert (document["exit_status"], document["note"], document["held_seconds"]) == (1, None, None)
    assert document["check"] == {
        "key": "498a493ea9de15bcf1704f94b1006f354697f20c",
        "name": "Rechnungs-Export für Zürich",
        "slug": "",
        "project": "default",
        "tags": [],
        "url": "https://lastseen.example.com/checks/498a493ea9de15bcf1704f94b1006f354697f20c",
    }


ODD = "a\uffffb\ufffec\ud800d\x00e\x1b[2Jf\U0001ffffg\ufdd0\x85\u202e"


def forbidden_by_sqs(char: str) -> bool:
    """SQS takes #x9 #xA #xD #x20-#xD7FF #xE000-#xFFFD #x10000-#x10FFFF and refuses all else with the message."""
    code = ord(char)
    return not (code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000)


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [value] if isinstance(value, str) else []


@given(text=st.text(alphabet=st.characters(), max_size=50) | st.just(ODD))
def test_no_string_of_an_event_holds_what_a_queue_refuses(text: str) -> None:
    check = replace(FAILED.check, tags=(text, "prod"), name=text, slug=text)
    event = replace(FAILED, check=check, output=text, project=text, note=text, also_down=(text,), title=text)
    for string in strings(to_json(event)):
        assert not any(forbidden_by_sqs(char) for char in string)
        assert not any(unicodedata.category(char) == "Cs" for char in string)
        string.encode()


def test_what_a_newer_version_adds_is_ignored() -> None:
    assert read_event(to_json(FAILED) | {"severity": "high"}) == FAILED


def test_an_event_that_an_older_version_left_in_the_queue_is_read() -> None:
    own = {"version": 1, "type": "test", "id": "n", "subject": "s", "title": "s", "lead": "l", "more": None}
    assert read_event(own | {"todo": None, "at": "2026-03-02T12:00:00.000Z", "text": "t"}).type == OwnKind.TEST
    part_of_a_digest = {
        "version": 1,
        "type": "flip",
        "id": "abc:2",
        "incident": "abc:2",
        "status": "down",
        "reason": "missed",
        "at": "2026-03-02T12:00:00.000Z",
        "project": "default",
        "title": "DOWN: shard did not start in time",
        "lead": "shard did not start in time.",
        "check": {"name": "shard"},
        "url": "https://lastseen.example.com/",
    }
    event = read_event(part_of_a_digest)
    assert (event.subject, event.incident, event.url) == (
        "DOWN: shard did not start in time",
        "abc:2",
        "https://lastseen.example.com/",
    )


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "object"),
        ({"type": "other"}, "lacks id|type cannot be read"),
        (to_json(FAILED) | {"at": "soon"}, "at cannot be read"),
        (to_json(FAILED) | {"at": None}, "at is null"),
        (to_json(FAILED) | {"status": "s3cret"}, "status cannot be read"),
        (to_json(FAILED) | {"check": "s3cret"}, "EventCheck is no object"),
        (to_json(FAILED) | {"also_down": "s3cret"}, "also_down is no list"),
        (to_json(FAILED) | {"exit_status": True}, "exit_status is of another type"),
    ],
)
def test_what_is_no_event_is_refused_with_the_field_and_without_its_value(document: Any, words: str) -> None:
    with pytest.raises(DocumentError, match=words) as refused:
        read_event(document)
    assert "s3cret" not in str(refused.value)


def test_an_incident_ends_where_it_began() -> None:
    began = MESSAGES["Lastseen itself hears nothing"].event
    ended = MESSAGES["Lastseen hears again"].event
    assert (began.incident, began.ends) == (began.id, False)
    assert (ended.incident, ended.ends) == (began.id, True)
    assert ended.id != began.id
