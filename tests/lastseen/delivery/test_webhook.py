"""Webhooks: templates with the placeholders of Healthchecks, and a signature that receivers can verify."""

from __future__ import annotations

import json
import re
import tracemalloc
import types
from dataclasses import replace
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from lastseen.delivery.results import MessageForm
from lastseen.delivery.webhook import Form, request
from lastseen.text.event import to_json
from tests import gallery
from tests.times import T0

EVENT = gallery.flip_event("The job did not start")
FAILED = gallery.flip_event("The job failed")
PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"


def sent(event: Any = EVENT, **form: Any) -> Any:
    return request(Form(**{"url": "https://example.com/in", **form}), event, T0)


def test_without_a_template_the_event_itself_is_posted() -> None:
    made = sent()
    assert (made.method, made.url) == ("POST", "https://example.com/in")
    assert json.loads(made.body) == to_json(EVENT)
    assert made.headers == {
        "User-Agent": "Lastseen",
        "Lastseen-Event": EVENT.id,
        "Content-Type": "application/json",
    }


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("$NAME is $STATUS", "nightly-backup is down"),
        ("$CODE", EVENT.check.key),
        ("$SLUG|", "|"),
        ("$TAGS: $TAG1, $TAG2, $TAG3", "prod db: prod, db, $TAG3"),
        ("$NOW", "2026-03-02T12:00:00+00:00"),
        ("$EXITSTATUS", "-1"),
        ("$NAME_JSON", '"nightly-backup"'),
        ("$TAG1_JSON $TAG2_JSON", '"prod" "db"'),
        ("$REASON $PROJECT", "missed default"),
        ("$SUBJECT", "DOWN: nightly-backup did not start in time"),
        ("costs $5 or $UNKNOWN", "costs $5 or $UNKNOWN"),
        ("$NAMES", "nightly-backupS"),
        ("${NAME}", "${NAME}"),
    ],
)
def test_placeholders_are_filled(template: str, filled: str) -> None:
    assert sent(body=template).body.decode() == filled


def test_what_a_placeholder_brings_is_never_taken_for_another() -> None:
    event = replace(FAILED, check=replace(FAILED.check, name="$BODY $STATUS"), output="$NAME")
    assert sent(event, body="$NAME|$BODY").body.decode() == "$BODY $STATUS|$NAME"


def test_a_body_that_is_json_stays_json_whatever_a_job_prints() -> None:
    event = replace(FAILED, output='say "hi"\n\\o/ \u2028')
    made = sent(event, body='{"name": $NAME_JSON, "output": $BODY_JSON, "event": $JSON}')
    document = json.loads(made.body)
    assert document["output"] == 'say "hi"\n\\o/ \u2028'
    assert document["event"] == to_json(event)


def test_what_stands_in_a_url_is_encoded_for_one() -> None:
    event = replace(EVENT, check=replace(EVENT.check, name="a b&c=/ü"))
    made = sent(event, url="https://example.com/in?name=$NAME&s=$STATUS")
    assert made.url == "https://example.com/in?name=a%20b%26c%3D%2F%C3%BC&s=down"


def test_headers_are_templates_that_cannot_be_broken_out_of() -> None:
    event = replace(EVENT, check=replace(EVENT.check, name="x\r\nEvil: 1"))
    made = sent(event, headers={"X-Name": "$NAME", "content-type": "text/csv"}, body="x")
    assert made.headers["X-Name"] == "x Evil: 1"
    assert [name for name in made.headers if name.lower() == "content-type"] == ["content-type"]


@pytest.mark.parametrize(("method", "has_body"), [("GET", False), ("PUT", True), ("POST", True), ("DELETE", False)])
def test_any_method_will_do(method: str, has_body: bool) -> None:  # noqa: FBT001 - a column of the table
    made = sent(method=method)
    assert made.method == method
    assert bool(made.body) is has_body


def verify() -> Any:
    """Return the function that the page gives receivers."""
    page = PAGE.read_text()
    [code] = re.findall(r"```python\n(import hashlib.*?)```", page, re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    module = types.ModuleType("receiver")
    exec(code, module.__dict__)  # noqa: S102 - the page's own lines, which this test is about
    return module.is_from_lastseen


def test_a_receiver_knows_us_by_ten_lines_of_the_page() -> None:
    made = sent(secret="lss_s3cret")
    signature = made.headers["Lastseen-Signature"]
    now = T0.timestamp()
    is_from_lastseen = verify()
    good = {"secret": "lss_s3cret", "method": "POST", "url": made.url, "body": made.body, "signature": signature}
    assert is_from_lastseen(**good, now=now + 60)
    for wrong in (
        {"secret": "lss_other"},
        {"method": "PUT"},
        {"url": made.url + "?x=1"},
        {"body": made.body + b" "},
        {"signature": signature.replace("t=", "t=1")},
        {"signature": "nonsense"},
        {"signature": ""},
        {"signature": "t=\u00b2,v2=\u00e9"},
        {"signature": f"t={int(now)},v2=\u00e9"},
        {"signature": f"t={'1' * 5_000},v2=x"},
        {"signature": f"t={int(now)}"},
    ):
        assert is_from_lastseen(**(good | wrong), now=now + 60) is False
    assert is_from_lastseen(**good, now=now + 3_600) is False  # somebody sends it again


def test_the_signature_of_a_request_without_body_covers_what_it_says() -> None:
    made = sent(secret="lss_s3cret", method="GET", url="https://example.com/in?s=$STATUS")
    assert made.url.endswith("s=down")
    is_from_lastseen = verify()
    good = {"secret": "lss_s3cret", "method": "GET", "body": b"", "signature": made.headers["Lastseen-Signature"]}
    assert is_from_lastseen(url=made.url, now=T0.timestamp(), **good)
    assert not is_from_lastseen(url=made.url.replace("down", "up"), now=T0.timestamp(), **good)


def test_the_work_of_a_template_is_bounded() -> None:
    event = replace(FAILED, output="x" * 150_000)
    tracemalloc.start()
    made = sent(event, body="$JSON" * 4_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(made.body) <= 520_000
    assert peak < 20_000_000
    assert len(sent(event, url="https://example.com/?" + "$BODY" * 300).url) <= 17_500
    assert len(sent(event, headers={"X-Body": "$BODY" * 20}).headers["X-Body"]) <= 4_000


@pytest.mark.parametrize("template", ['{"title": "$NAME", "text": "$BODY"}', '{"title": $NAME_JSON, "text": "$BODY"}'])
def test_a_template_that_a_name_would_break_is_still_json(template: str) -> None:
    event = replace(FAILED, check=replace(FAILED.check, name='say "hi"\\'), output='two\nlines "quoted"')
    document = json.loads(sent(event, body=template).body)
    assert document == {"title": 'say "hi"\\', "text": 'two\nlines "quoted"'}


def test_a_name_in_a_header_is_written_as_mail_does() -> None:
    name = "Prüfung “é” \U0001f680 " + "\u591c" * 40
    event = replace(FAILED, check=replace(FAILED.check, name=name))
    header = sent(event, headers={"Title": "$NAME"}, body="x").headers["Title"]
    assert header.isascii()
    assert str(make_header(decode_header(header))) == event.check.name
    assert all(len(word) <= 75 for word in header.split())


def test_what_a_receiver_did_not_take_is_sent_with_less_in_it() -> None:
    event = replace(FAILED, output="x" * 50_000, text="y" * 50_000)
    sizes = [len(request(Form(url="https://example.com/"), event, T0, form).body) for form in MessageForm]
    assert sizes[0] > 100_000
    assert sizes[1] < 5_000
    assert sizes[2] < 2_500
