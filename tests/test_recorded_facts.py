"""What was recorded on AWS agrees with the table of strict AWS; and a disagreement would be seen."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import strict_aws
from tests.recorded_facts import disagreements

RECORDED = Path(__file__).parent / "recorded"


def refused(row: strict_aws.Row[strict_aws.Refusal]) -> dict[str, Any]:
    return {"status": row.value.status, "body": row.value.body, "headers": {}, "recorded": None}


def taken(kind: str) -> dict[str, Any]:
    return {"status": 200, "body": "OK", "headers": {}, "recorded": {"kind": kind, "method": "GET"}}


AS_THE_TABLE_SAYS: dict[str, Any] = {
    "version": 1,
    "facts": {
        "deadlines": {"sent": 10, "arrived": 10, "p50": 2.1},
        "failures": {"sent": 10, "arrived": 10, "p50": 0.9},
        "sweeps": {"max": 118.0},
        "gateway": {
            "paths": {
                "%2F": taken("fail"),
                "%252F": taken("fail"),
                "%3F": taken("success"),
                "%25": refused(strict_aws.BAD_PATH),
            },
            "bodies": {"7 MB": refused(strict_aws.LARGE_REQUEST), "11 MB": refused(strict_aws.LARGE_REQUEST)},
        },
        "flood": {"turned_away": refused(strict_aws.TOO_MANY_REQUESTS)},
        "permissions": {"wrong": []},
        "quotas": {"concurrent_executions": 10},
        "subscriptions": {"states": {"email PendingConfirmation": 1, "email Deleted": 1, "lambda confirmed": 2}},
    },
}


def test_what_was_recorded_on_aws_agrees_with_the_table() -> None:
    found = {file.name: disagreements(json.loads(file.read_text())) for file in sorted(RECORDED.glob("*.json"))}
    assert {name: points for name, points in found.items() if points} == {}
    assert disagreements(AS_THE_TABLE_SAYS) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda facts: facts["deadlines"].update(arrived=9), "deadlines: only 9 of 10 alerts came"),
        (lambda facts: facts["failures"].update(p50=18.0), "failures: half of the alerts were later than 5.0 s"),
        (lambda facts: facts["sweeps"].update(max=180.0), "sweeps: a gap of 180.0 s, and the table allows 119"),
        (lambda facts: facts["gateway"]["paths"]["%252F"].update(recorded=None), "paths are decoded 1 times"),
        (lambda facts: facts["gateway"]["paths"]["%3F"].update(recorded=None), "a path is not cut at %3F"),
        (lambda facts: facts["gateway"]["paths"]["%25"].update(status=404), "%25 is answered 404"),
        (lambda facts: facts["gateway"]["bodies"]["7 MB"].update(status=200), "a body of 7 MB is answered 200"),
        (lambda facts: facts["flood"]["turned_away"].update(status=503), "a flood is answered 503"),
        (lambda facts: facts["permissions"].update(wrong=[{"grant": "ping: x"}]), "permissions: "),
        (lambda facts: facts["quotas"].update(concurrent_executions=5), "an account with 5 functions at once"),
        (lambda facts: facts["subscriptions"]["states"].update({"sms Gone": 1}), "SNS lists Gone"),
    ],
)
def test_a_disagreement_is_seen(change: Callable[[dict[str, Any]], None], says: str) -> None:
    document = copy.deepcopy(AS_THE_TABLE_SAYS)
    change(document["facts"])
    [point] = disagreements(document)
    assert point.startswith(says)
