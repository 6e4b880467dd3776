"""Two deployments in one account and region, under two names: neither takes a name or counts a metric of the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_cdk import Stack

from app import lastseen
from tests.infra.conftest import Synthesize
from tests.infra.test_alarms import graphs
from tests.infra.test_stack import of_type

SLACK = {"slack_workspace_id": "T07EA123LEP", "slack_channel_id": "C07EZ1ABC23"}
ALL = {**SLACK, "dashboard": "true"}
NAMES = {
    "AlarmName",
    "ApiMappingKey",
    "ConfigurationName",
    "DashboardName",
    "FunctionName",
    "GroupName",
    "LogGroupName",
    "ManagedPolicyName",
    "QueueName",
    "RoleName",
    "ScheduleName",
    "TableName",
    "TopicName",
}
"""Properties by which a template fixes the name of a resource, wherever they stand as text."""


@pytest.fixture(scope="module")
def two(synthesize: Synthesize) -> tuple[dict[str, Any], dict[str, Any]]:
    return synthesize(**ALL), synthesize(stack_name="Lastseen-staging", **ALL)


def fixed_names(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        named = NAMES | ({"Name"} if resource["Type"] != "AWS::ApiGatewayV2::DomainName" else set())
        for key in named & set(properties):
            name = properties[key]
            if isinstance(name, str) or "Fn::Join" in name:  # a name that is made of references is of this stack
                yield resource["Type"], json.dumps(name)


def own_metrics(template: dict[str, Any]) -> set[str]:
    """Return the metrics of alarms and dashboard whose identity does not hang on a resource of the stack."""
    found = set()
    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        values = [one["Value"] for one in alarm["Dimensions"]]
        if all(isinstance(value, str) for value in values):
            found.add(json.dumps([alarm["Namespace"], alarm["MetricName"], values]))
    for widget in graphs(template):
        for row in widget["properties"].get("metrics", []):
            if not any(isinstance(part, str) and part.startswith("<") for part in row):
                found.add(json.dumps([part for part in row if isinstance(part, str)]))
    return found


def test_no_fixed_name_occurs_in_both(two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    one, other = (set(fixed_names(template)) for template in two)
    assert len(one) == len(other) > 15
    assert one & other == set()


def test_no_metric_of_one_is_counted_for_the_other(two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    one, other = map(own_metrics, two)
    assert len(one) == len(other) >= 8
    assert one & other == set()


def test_each_emits_the_metrics_that_its_own_alarms_watch(two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for template, name in zip(two, ("Lastseen", "Lastseen-staging"), strict=True):
        variables = [one["Environment"]["Variables"] for one in of_type(template, "AWS::Lambda::Function").values()]
        emitted = {one["POWERTOOLS_METRICS_NAMESPACE"] for one in variables if "POWERTOOLS_METRICS_NAMESPACE" in one}
        watched = {one["Namespace"] for one in of_type(template, "AWS::CloudWatch::Alarm").values()}
        assert emitted == {name} == {namespace for namespace in watched if not namespace.startswith("AWS/")}


def test_the_resources_keep_their_places_under_another_name(two: tuple[dict[str, Any], dict[str, Any]]) -> None:
    one, other = two
    assert set(one["Resources"]) == set(other["Resources"])


@pytest.mark.parametrize(("throwaway", "guarded"), [("false", True), ("true", False)])
def test_a_stack_is_guarded_against_deletion_unless_it_is_for_throwing_away(throwaway: str, *, guarded: bool) -> None:
    stack = lastseen({"aws:cdk:bundling-stacks": [], "throwaway": throwaway, "stack_name": "Other"}).node.find_child(
        "Lastseen"
    )
    assert isinstance(stack, Stack)
    assert (stack.stack_name, stack.termination_protection) == ("Other", guarded)
