"""The rules of others: cdk-nag (the fixtures too fail on a finding of it), cfn-lint and parliament."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import aws_sqs as sqs

from app import lastseen
from tests.infra.conftest import Synthesize
from tests.infra.test_stack import CERTIFICATE, of_type

# The CDK says twice that a function needs its role. That is harmless, and not ours.
NOT_OURS = "W3005"

COMMERCIAL = ("us-east-1", "eu-central-2", "ap-southeast-5", "mx-central-1")
OTHER_PARTITIONS = ("us-gov-west-1", "cn-north-1")
AMAZON_Q = {"slack_workspace_id": "T07EA123LEP", "slack_channel_id": "C07EZ1ABC23"}
ALL = {
    "alert_emails": "a@example.com",
    "ops_emails": "ops@example.com",
    "heartbeat_url": "https://monitor.example.com/x",
    "domain": "ping.example.com",
    "certificate_arn": CERTIFICATE,
    "reserved_concurrency": 5,
    "arch": "x86_64",
}
"""Every choice that adds something to the template, but Amazon Q, which only the commercial partition has."""

CHOICES: dict[str, dict[str, Any]] = {
    "none": {},
    "throwaway": {"throwaway": "true"},
    "all but Amazon Q": ALL,
    "Amazon Q": AMAZON_Q,
    "tables that were kept": {"tables": "checks,names,history,settings"},
}


def linted(folder: Path, regions: tuple[str, ...], *templates: dict[str, Any]) -> str:
    """Return what cfn-lint says of templates. One process for all: it takes long to read its schemas."""
    files = [folder / f"template-{number}.json" for number in range(len(templates))]
    for file, template in zip(files, templates, strict=True):
        file.write_text(json.dumps(template))
    cfn_lint = Path(sysconfig.get_path("scripts"), "cfn-lint")
    command = [str(cfn_lint), "--ignore-checks", NOT_OURS, "--template", *map(str, files)]
    done = subprocess.run([*command, "--regions", *regions], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_cfn_lint_finds_nothing_in_any_partition(tmp_path: Path, synthesize: Synthesize) -> None:
    assert linted(tmp_path, COMMERCIAL + OTHER_PARTITIONS, synthesize(**ALL)) == ""


def test_cfn_lint_finds_nothing_in_any_choice(tmp_path: Path, synthesize: Synthesize) -> None:
    templates = (synthesize(**context) for context in CHOICES.values())
    assert linted(tmp_path, COMMERCIAL[:1], *templates) == ""


def test_cfn_lint_sees_what_a_partition_lacks(tmp_path: Path, synthesize: Synthesize) -> None:
    findings = linted(tmp_path, OTHER_PARTITIONS, synthesize(**AMAZON_Q))
    assert all(
        f"'AWS::Chatbot::SlackChannelConfiguration' does not exist in '{one}'" in findings for one in OTHER_PARTITIONS
    )


@pytest.mark.parametrize("finding", ["AwsSolutions-SQS4", "Serverless-SQSRedrivePolicy"])
def test_a_finding_of_cdk_nag_fails_the_synth(finding: str) -> None:
    app = lastseen({"aws:cdk:bundling-stacks": []})
    sqs.Queue(app.node.find_child("Lastseen"), "PlainTextAllowed")  # type: ignore[arg-type]  # a child is a construct
    with pytest.raises(RuntimeError, match=finding):
        app.synth()


# --- Policies ---

ARNS = {
    "AWS::ApiGatewayV2::Api": "arn:aws:apigateway:us-east-1::/apis/abc",
    "AWS::DynamoDB::GlobalTable": "arn:aws:dynamodb:us-east-1:123456789012:table/a",
    "AWS::Lambda::Function": "arn:aws:lambda:us-east-1:123456789012:function:a",
    "AWS::Logs::LogGroup": "arn:aws:logs:us-east-1:123456789012:log-group:a:*",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:123456789012:a",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:123456789012:a",
}
PSEUDO = {"AWS::AccountId": "123456789012", "AWS::Partition": "aws", "AWS::Region": "us-east-1"}
JUDGE = """
import json, sys
from parliament import analyze_policy_string
for name, policy in json.load(sys.stdin).items():
    for finding in analyze_policy_string(json.dumps(policy)).findings:
        print(name, finding.issue, finding.detail)
"""


def resolved(value: Any, resources: dict[str, Any]) -> Any:
    """Put an ARN of the right form wherever a template refers to a resource."""
    if isinstance(value, list):
        return [resolved(one, resources) for one in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        return "".join(resolved(part, resources) for part in value["Fn::Join"][1])
    if "Ref" in value or "Fn::GetAtt" in value:
        name = value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]
        return PSEUDO.get(name) or ARNS[resources[name]["Type"]]
    return {key: resolved(one, resources) for key, one in value.items()}


def policies(template: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for kind in ("AWS::IAM::Policy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for name, one in of_type(template, kind).items():
            yield name, resolved(one["PolicyDocument"], template["Resources"])
    for name, one in of_type(template, "AWS::IAM::Role").items():
        trust = resolved(one["AssumeRolePolicyDocument"], template["Resources"])
        for statement in trust["Statement"]:
            # A trust names no resource, for it is its own role; the judge wants it named.
            statement["Resource"] = "arn:aws:iam::123456789012:role/a"
        yield name, trust


def judged(found: dict[str, Any]) -> str:
    """Let parliament judge policies, in a process of its own: its import warns of what it imports."""
    command = [sys.executable, "-W", "ignore", "-c", JUDGE]
    return subprocess.run(command, input=json.dumps(found), capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("choice", ["none", "all but Amazon Q", "Amazon Q", "tables that were kept"])
def test_parliament_finds_nothing_in_any_policy(choice: str, synthesize: Synthesize) -> None:
    found = dict(policies(synthesize(**CHOICES[choice])))
    assert len(found) >= 19
    assert judged(found) == ""


def test_parliament_sees_an_action_that_its_resource_does_not_know(template: dict[str, Any]) -> None:
    found = dict(policies(template))
    [name] = [one for one in found if one.startswith("FunctionsPingRoleDefaultPolicy")]
    for statement in found[name]["Statement"]:
        statement["Action"] = "sqs:SendMesage" if "sqs" in statement["Resource"] else statement["Action"]
    found["wrong resource"] = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": ARNS["AWS::SQS::Queue"]}],
    }
    findings = judged(found)
    assert f"{name} UNKNOWN_ACTION" in findings
    assert "wrong resource RESOURCE_MISMATCH" in findings
