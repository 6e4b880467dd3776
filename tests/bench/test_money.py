"""The bill: every resource of the template is in it, free amounts are shared by kind, and pages say what it says."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from tests.bench.deployed import ROOT, Deployed, UnpricedError
from tests.bench.money import Books, Load, readme_figures, taken_from, with_money
from tests.bench.prices import Bill, Cost, Line, Price, usd

README = (ROOT / "README.md").read_text("utf-8")
SHIPPED = Deployed.as_shipped()
MEASURED = taken_from(readme_figures(README))


def idle(deployed: Deployed = SHIPPED) -> Bill:
    return Books(deployed, MEASURED).bill(Load())


def changed(name: str, resource: dict[str, Any]) -> Deployed:
    """Return the template with one more resource, or one in the place of another."""
    template: dict[str, Any] = copy.deepcopy(dict(SHIPPED.template))
    template["Resources"][name] = resource
    return Deployed(template)


def rounded(cost: Cost) -> tuple[float, float]:
    return round(cost.listed, 3), round(cost.with_free, 3)


def test_an_idle_deployment_costs_what_its_resources_do() -> None:
    """By hand: sixteen alarms of which ten are free, twice five pollers that ask three times a minute, four metrics."""
    polls = 5 * 3 * 43_800
    paid_share = (2 * polls - 1_000_000) / (2 * polls)
    by_what = {what: (cost.listed, cost.with_free) for what, cost in idle().by_what().items()}
    assert by_what["alarms"] == pytest.approx((1.6, 0.6))
    assert by_what["custom metrics"] == pytest.approx((1.2, 0))
    assert by_what["schedule"] == pytest.approx((0.0438, 0))
    assert by_what["polling for alert"] == pytest.approx((polls * 0.4e-6, polls * 0.4e-6 * paid_share))
    assert by_what["polling for deliver"] == pytest.approx((polls * 0.5e-6, polls * 0.5e-6 * paid_share))
    assert by_what["reads of sweeps"] == pytest.approx((3.5 * 43_800 * 0.125e-6,) * 2)
    assert by_what["sweeps"][1] == by_what["pings"][0] == 0


ALARM = SHIPPED.template["Resources"][next(iter(SHIPPED.of_type("AWS::CloudWatch::Alarm")))]
FEED_NAME = next(name for name in SHIPPED.of_type("AWS::Lambda::EventSourceMapping") if name.startswith("Deliveries"))
FEED = SHIPPED.template["Resources"][FEED_NAME]


@pytest.mark.parametrize(
    ("name", "resource", "more"),
    [
        ("Alarm", ALARM, (0.1, 0.1)),
        ("Board", {"Type": "AWS::CloudWatch::Dashboard", "Properties": {}}, (3.0, 0.0)),
        ("Role", {"Type": "AWS::IAM::Role", "Properties": {}}, (0.0, 0.0)),
        (FEED_NAME, {**FEED, "Properties": {**FEED["Properties"], "Enabled": False}}, (-0.329, -0.141)),
        (FEED_NAME, {**FEED, "Properties": {**FEED["Properties"], "ScalingConfig": {}}}, (-0.197, -0.141)),
    ],
    ids=["alarm", "dashboard", "role", "disabled feed", "feed without a maximum"],
)
def test_what_changes_in_the_template_changes_the_bill(
    name: str, resource: dict[str, Any], more: tuple[float, float]
) -> None:
    difference = rounded(idle(changed(name, resource)).total - idle().total)
    assert difference == pytest.approx(more, abs=0.0015)


@pytest.mark.parametrize(
    "resource",
    [
        {"Type": "AWS::KMS::Key"},
        {**ALARM, "Properties": {**ALARM["Properties"], "Period": 10}},
        {**ALARM, "Properties": {**ALARM["Properties"], "Metrics": []}},
        {"Type": "AWS::Scheduler::Schedule", "Properties": {"ScheduleExpression": "cron(0 * * * ? *)"}},
    ],
    ids=["unknown", "alarm of seconds", "alarm on several metrics", "schedule"],
)
def test_a_resource_that_nobody_priced_is_refused(resource: dict[str, Any]) -> None:
    with pytest.raises(UnpricedError):
        idle(changed("New", resource))


def test_what_is_free_is_shared_by_one_kind_and_by_no_other() -> None:
    bill = Bill(
        (
            Line("a", Price.SQS_REQUEST, 3_000_000),
            Line("b", Price.SQS_FIFO_REQUEST, 1_000_000),
            Line("c", Price.LAMBDA_REQUEST, 1_000_000),
            Line("d", Price.ALARM, 10),
            Line("e", Price.METRIC, 10),
            Line("f", Price.WRITE_UNIT, 1_000_000),
        )
    )
    costs = {what: rounded(cost) for what, cost in bill.by_what().items()}
    assert costs == {
        "a": (1.2, 0.9),
        "b": (0.5, 0.375),
        "c": (0.2, 0.0),
        "d": (1.0, 0.0),
        "e": (3.0, 0.0),
        "f": (0.625, 0.625),
    }


def test_the_readmes_rows_are_what_the_template_costs_now() -> None:
    assert with_money(README) == README, "Fix: uv run python -m tests.bench.money"


def test_what_the_pages_say_of_money_is_a_row_of_the_bench() -> None:
    books = Books(SHIPPED, MEASURED)
    claims = {
        "idle": books.bill(Load()).total,
        "100 checks": books.bill(Load(100)).total,
        "10,000 checks": books.bill(Load(10_000)).total,
        "a million pings": books.a_million_pings(history=True),
        "without history": books.a_million_pings(history=False),
    }
    said = {what: tuple(map(usd, (cost.listed, cost.with_free))) for what, cost in claims.items()}
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    row = re.compile(rf"^\| ({'|'.join(claims)})\b[^|]*\| (.*) \| (.*) \|$", re.MULTILINE)
    assert {what: tuple(dollars) for what, *dollars in row.findall(page)} == said
    [prose] = re.findall(r"^## What it costs, how late.*?(?=<details>)", README, re.MULTILINE | re.DOTALL)
    claimed = {dollars for what in ("idle", "100 checks", "a million pings") for dollars in said[what]}
    assert set(re.findall(r"\$\d[\d.,]*\d", prose)) == claimed
