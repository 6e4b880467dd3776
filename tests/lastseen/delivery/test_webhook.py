"""Webhooks: templates with the placeholders of Healthchecks, and a signature that receivers can verify."""

from __future__ import annotations

import json
import re
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

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
    assert is_from_lastseen("lss_s3cret", made.body, signature, now=now + 60)
    assert not is_from_lastseen("lss_other", made.body, signature, now=now + 60)
    assert not is_from_lastseen("lss_s3cret", made.body + b" ", signature, now=now + 60)
    assert not is_from_lastseen("lss_s3cret", made.body, signature, now=now + 3_600)  # somebody sends it again
    assert not is_from_lastseen("lss_s3cret", made.body, signature.replace("t=", "t=1"), now=now + 60)
    assert not is_from_lastseen("lss_s3cret", made.body, "nonsense", now=now)
