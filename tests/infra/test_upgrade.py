"""An upgrade from an earlier version keeps what has state and what is on its way; docs/deploy.md lists the rest.

tests/infra/upgrades holds what `described` says of the template of a commit: enough to see what CloudFormation would
replace, since it replaces a resource whose logical id, type or create-only property changes. Which properties are
create-only is in AWS's schemas, as cfn-lint ships them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]  # has no marker

from infra.bundle import ROOT
from tests.infra.test_stack import function

EARLIER = sorted((Path(__file__).parent / "upgrades").glob("*.json"))
STATEFUL = ("AWS::DynamoDB::GlobalTable", "AWS::SQS::Queue", "AWS::SNS::Topic")
ON_ITS_WAY = ("AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig")
"""A new one would not know what the old one was working on."""

Description = dict[str, dict[str, Any]]


def described(template: dict[str, Any]) -> Description:
    """Return each resource's type and what it cannot change without being replaced, by logical id."""
    return {
        logical_id: {"type": resource["Type"], "fixed": _fixed(resource["Type"], resource.get("Properties", {}))}
        for logical_id, resource in template["Resources"].items()
    }


def _fixed(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    paths = [path.removeprefix("/properties/").split("/")[0] for path in schema.get("createOnlyProperties", [])]
    return {name: properties[name] for name in sorted(set(paths)) if name in properties}


def lost(before: Description, after: Description) -> set[str]:
    """Return the logical ids of what an upgrade deletes, with or without making it anew."""
    gone = {logical_id for logical_id, was in before.items() if after.get(logical_id) != was}
    while True:  # what is bound to a resource that is replaced is replaced with it
        bound = {
            logical_id
            for logical_id, now in after.items()
            if logical_id in before and _names(now["fixed"]) & gone - {logical_id}
        }
        if bound <= gone:
            return gone
        gone |= bound


def _names(value: Any) -> set[str]:
    return set(re.findall(r'"(?:Ref|Fn::GetAtt)": (?:\[)?"([^"]+)"', json.dumps(value)))


def without_hash(logical_id: str) -> str:
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


@pytest.fixture(scope="module", params=EARLIER, ids=lambda path: path.stem)
def before(request: pytest.FixtureRequest) -> Description:
    found: Description = json.loads(request.param.read_text())
    return found


def test_an_upgrade_keeps_what_has_state_and_what_is_on_its_way(before: Description, template: dict[str, Any]) -> None:
    kept = {logical_id for logical_id, was in before.items() if was["type"] in (*STATEFUL, *ON_ITS_WAY)}
    assert len(kept) >= 19
    assert kept & lost(before, described(template)) == set()
    assert {
        kind for kind in (*STATEFUL, *ON_ITS_WAY) if not any(was["type"] == kind for was in before.values())
    } == set()


def test_what_an_upgrade_replaces_is_documented(before: Description, template: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    [section] = re.findall(r"^## What an upgrade replaces\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    documented = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    replaced = lost(before, described(template))
    assert {without_hash(logical_id) for logical_id in replaced} == documented


def test_the_renamed_deliver_function_is_the_one_that_was_called_chat(
    before: Description, template: dict[str, Any]
) -> None:
    [logical_id] = [name for name in before if name.startswith("FunctionsChat") and "Function" in before[name]["type"]]
    assert template["Resources"][logical_id]["Properties"] == function(template, "deliver")
    role = function(template, "deliver")["Role"]["Fn::GetAtt"][0]
    assert before[role]["type"] == "AWS::IAM::Role"
    fed = {
        name
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::Lambda::EventSourceMapping" and one["Properties"]["FunctionName"] == {"Ref": logical_id}
    }
    assert fed
    assert fed <= set(before)


def test_a_resource_that_moves_or_changes_what_it_cannot_change_is_seen(template: dict[str, Any]) -> None:
    now = described(template)
    [queue] = [name for name in now if name.startswith("DeliveriesQueue") and now[name]["type"] == "AWS::SQS::Queue"]
    assert lost(now, now) == set()
    moved = {("Moved" if name == queue else name): one for name, one in now.items()}
    feeds = {
        name for name, one in now.items() if one["type"] == "AWS::Lambda::EventSourceMapping" and queue in str(one)
    }
    assert queue in lost(now, moved)
    standard = {**now, queue: {**now[queue], "fixed": {}}}
    assert lost(now, standard) == {queue, *feeds}
