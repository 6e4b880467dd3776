"""`lastseen doctor --deep`: its parts that need no deployment. tests/e2e/test_doctor.py runs the whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError, EndpointConnectionError
from pydantic import ValidationError

from lastseen.api.models import NewProjectRequest
from lastseen_cli.deep import examination
from lastseen_cli.deep.examination import agreed, write_facts
from lastseen_cli.deep.lateness import percentile, spread
from lastseen_cli.deep.visit import PROJECT, Measured, Plan, heard_of
from lastseen_cli.doctor import Level
from tests.times import T0, seconds


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([1.0], 0.5, 1.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 3.0), ([1.0, 2.0, 3.0, 4.0], 1.0, 4.0), ([5.0, 9.0], 0.0, 5.0)],
)
def test_a_percentile_is_one_of_the_values(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_nothing_has_no_percentiles() -> None:
    assert spread([]) == {}


def flip(key: str) -> dict[str, Any]:
    return {"id": f"{key}:3", "reason": "missed", "at": "2026-03-02T12:00:00.000Z"}


def test_an_alert_is_known_by_its_checks_key_alone_or_in_a_digest() -> None:
    arrived = T0 + seconds(2)
    [alone] = heard_of({"type": "flip", **flip("a")}, arrived)
    assert (alone.key, alone.reason, alone.arrived) == ("a", "missed", arrived)
    digest = heard_of({"type": "digest", "flips": [flip("a"), flip("b")]}, arrived)
    assert [heard.key for heard in digest] == ["a", "b"]
    assert heard_of({"type": "own", "kind": "deaf"}, arrived) == []


def test_the_facts_hold_no_account(tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    write_facts(file, {"words": "arn:aws:sns:eu-west-1:123456789012:x", "bytes": 1.123456789012})
    assert json.loads(file.read_text()) == {"words": "arn:aws:sns:eu-west-1:<account>:x", "bytes": 1.123456789012}


def test_without_agreement_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(question: str, **_: object) -> None:
        asked.append(question)
        raise typer.Abort

    monkeypatch.setattr(typer, "confirm", refuse)
    with pytest.raises(typer.Abort):
        agreed(10, yes=False)
    assert "about 20 that say TEST" in asked[0]
    assert agreed(3, yes=True) == Plan(deadlines=3)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            ClientError({"Error": {"Code": "Denied", "Message": "no"}}, "CreateQueue"),
            "AWS refused CreateQueue: no",
        ),
        (EndpointConnectionError(endpoint_url="https://x"), "This could not be tried: EndpointConnectionError"),
    ],
)
def test_a_step_that_fails_is_a_finding_and_stops_no_other(error: Exception, says: str) -> None:
    def step(_visit: object) -> Measured:
        raise error

    measured = examination._guarded("deadlines", step, None)  # type: ignore[arg-type]  # noqa: SLF001 - no step is run
    [finding] = measured.findings
    assert finding.level is Level.WARNING
    assert finding.says.startswith(says)


def test_the_project_of_a_visit_is_none_that_a_user_can_make() -> None:
    with pytest.raises(ValidationError):
        NewProjectRequest(name=PROJECT)
