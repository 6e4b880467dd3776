"""What a ping says to a check, after method, keywords and sticky pause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lastseen.core.check import Filters, Kind, Ping, Status
from lastseen.core.log import FLIP_BODY_LIMIT
from lastseen.core.machine import pinged
from tests.lastseen.core.stories import UP, after, at, start
from tests.times import minutes


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"all done", Kind.SUCCESS),
        (b"ERROR", Kind.FAIL),
        (b"done with ERROR", Kind.FAIL),
        (b"going, done", Kind.SUCCESS),
        (b"going", Kind.START),
        (b"error", Kind.IGNORED),
        (b"", Kind.IGNORED),
        (b"\xff\xfe done \xc3", Kind.SUCCESS),
    ],
)
def test_keywords_say_failure_before_success_before_start(body: bytes, kind: Kind) -> None:
    filters = Filters(http_body=True, start="going", success="finished , done", failure="FATAL, ERROR")
    outcome = pinged(replace(UP, filters=filters), Ping(at=at(5), kind=Kind.FAIL, body=body))
    assert outcome.kind is kind


def test_a_body_without_keyword_can_be_asked_to_be_a_failure() -> None:
    filters = Filters(http_body=True, success="done", default_fail=True)
    assert pinged(replace(UP, filters=filters), Ping(at=at(5), body=b"?")).kind is Kind.FAIL


def test_blanks_between_commas_are_no_keyword() -> None:
    filters = Filters(http_body=True, success=" , ,", failure=",")
    assert pinged(replace(UP, filters=filters), Ping(at=at(5), body=b"a , b")).kind is Kind.IGNORED


def test_keywords_for_mail_do_not_look_at_a_request() -> None:
    filters = Filters(subject=True, body=True, failure="ERROR", default_fail=True)
    assert pinged(replace(UP, filters=filters), Ping(at=at(5), body=b"ERROR")).kind is Kind.SUCCESS


def test_a_method_that_is_not_asked_for_is_counted_and_ignored() -> None:
    posts = replace(UP, methods="POST")
    outcome = pinged(posts, Ping(at=at(5), method="GET", kind=Kind.FAIL))
    assert (outcome.kind, outcome.check.n_pings, outcome.check.status) == (Kind.IGNORED, 2, Status.UP)
    assert pinged(posts, Ping(at=at(5), method="POST", kind=Kind.FAIL)).kind is Kind.FAIL


def test_a_failure_carries_its_evidence() -> None:
    ping = Ping(at=at(25), kind=Kind.FAIL, exit_status=3, note="3", body=b"x" * 5000 + b"the end")
    (flip,) = pinged(after(start(20), check=UP), ping).flips
    assert (flip.exit_status, flip.note, flip.started, flip.last_ping) == (3, "3", at(20), at(0))
    assert flip.duration == minutes(5)
    assert len(flip.body) <= FLIP_BODY_LIMIT
    assert flip.body.endswith(b"the end")
