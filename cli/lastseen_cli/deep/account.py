"""Steps that only read: permissions by AWS's own policy simulator, subscriptions, SMS, versions, quotas.

No address, number, ARN of a person's or account id goes into the facts: only counts, states and settings.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import ClientError

from lastseen.aws.versions import QUESTION
from lastseen_cli import sms
from lastseen_cli.aws import words
from lastseen_cli.deep.visit import Measured, Visit, not_here
from lastseen_cli.deployment import Deployment
from lastseen_cli.doctor import Finding, Level

ALLOWED = "allowed"
UNKNOWN_OPERATIONS = {"InvalidAction", "UnknownOperationException", "NotImplemented", "InvalidRequest", "501"}


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a function's role may do something."""

    function: str
    role_arn: str
    action: str
    resource: str
    expected: bool

    def __str__(self) -> str:
        return f"{self.function}: {self.action}"


def permissions(visit: Visit) -> Measured:
    """Ask AWS's policy simulator about every grant, and about what must be denied."""
    about, deployment = "permissions", visit.deployment
    visit.say("The policy simulator is asked about every grant.")
    questions = list(_questions(deployment))
    try:
        wrong = [question for question in questions if _allows(deployment, question) != question.expected]
    except ClientError as error:
        if error.response["Error"].get("Code") not in UNKNOWN_OPERATIONS:
            raise
        return Measured([not_here(about, f"there is no policy simulator ({words(error)}).")], {})
    granted = sum(question.expected for question in questions)
    facts = {
        "granted": granted,
        "denied": len(questions) - granted,
        "wrong": [{"grant": str(question), "expected": question.expected} for question in wrong],
    }
    if not wrong:
        says = f"All {granted} grants are allowed, and {len(questions) - granted} actions without a grant are denied."
        return Measured([Finding(Level.OK, about, says)], facts)
    findings = []
    for question in wrong:
        if question.expected:
            says = f"{question} is granted by its role, and denied all the same."
            fix = "A policy of your organization or a permissions boundary forbids it: ask who owns the account."
        else:
            says, fix = f"{question} is allowed without a grant.", "Deploy again; look who else changed the role."
        findings.append(Finding(Level.TROUBLE, about, says, fix))
    return Measured(findings, facts)


def _questions(deployment: Deployment) -> Iterator[Question]:
    """Ask about each action of each role's policies, and about an action of each service that has no grant."""
    iam, tables = deployment.client("iam"), _tables(deployment)
    for function in deployment.of_type("AWS::Lambda::Function"):
        configuration = deployment.client("lambda").get_function_configuration(FunctionName=function.physical_id)
        arn, name = configuration["Role"], str(configuration["Handler"]).split(".")[0]
        role = arn.rpartition("/")[2]
        granted = set()
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = _document(iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"])
            for action, resource in _statements(document):
                granted.add((action, resource))
                yield Question(name, arn, action, resource, expected=True)
        for action, resource in _forbidden(tables, deployment.output("TopicArn")):
            if (action, resource) not in granted:
                yield Question(name, arn, action, resource, expected=False)


def _tables(deployment: Deployment) -> list[str]:
    names = ("ChecksTable", "NamesTable", "HistoryTable", "SettingsTable")
    dynamodb = deployment.client("dynamodb")
    return [str(dynamodb.describe_table(TableName=deployment.output(name))["Table"]["TableArn"]) for name in names]


def _forbidden(tables: list[str], topic: str) -> Iterator[tuple[str, str]]:
    """Return what no function may do."""
    for table in tables:
        yield "dynamodb:DeleteTable", table
        yield "dynamodb:UpdateTable", table
    yield "sns:DeleteTopic", topic
    yield "sns:SetTopicAttributes", topic
    yield "iam:PassRole", "*"
    yield "lambda:UpdateFunctionCode", "*"
    yield "s3:GetObject", "*"


def _document(document: Any) -> dict[str, Any]:
    return dict(json.loads(document) if isinstance(document, str) else document)


def _statements(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if statement["Effect"] != "Allow":
            continue
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                yield action, resource


def _listed(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) else [value]


def _allows(deployment: Deployment, question: Question) -> bool:
    answer = deployment.client("iam").simulate_principal_policy(
        PolicySourceArn=question.role_arn, ActionNames=[question.action], ResourceArns=[question.resource]
    )
    return all(result["EvalDecision"] == ALLOWED for result in answer["EvaluationResults"])


def subscriptions(visit: Visit) -> Measured:
    """Count the subscriptions by protocol and by what SNS lists in place of an ARN."""
    states: Counter[str] = Counter()
    for topic in visit.deployment.of_type("AWS::SNS::Topic"):
        paginator = visit.deployment.client("sns").get_paginator("list_subscriptions_by_topic")
        for page in paginator.paginate(TopicArn=topic.physical_id):
            for each in page["Subscriptions"]:
                state = each["SubscriptionArn"]
                state = "confirmed" if state.startswith("arn:") else state
                states[f"{each['Protocol']} {state}"] += 1
    counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    return Measured(
        [Finding(Level.OK, "SNS list", f"Subscriptions as SNS lists them: {counted}.")], {"states": dict(states)}
    )


def text_messages(visit: Visit) -> Measured:
    """Read what decides whether a text message arrives. `lastseen doctor` judges it, if a channel sends any."""
    about = "SMS settings"
    try:
        found = sms.settings(visit.deployment.client("sns"))
    except ClientError as error:
        if error.response["Error"].get("Code") not in UNKNOWN_OPERATIONS:
            raise
        return Measured([not_here(about, f"there are no SMS settings ({words(error)}).")], {})
    says = f"Sandbox: {'yes' if found.sandbox else 'no'}. Spend limit a month: {found.limit_usd:g} USD."
    return Measured([Finding(Level.OK, about, says)], asdict(found))


def versions(visit: Visit) -> Measured:
    """Ask a function what it runs on, and Lambda what it runs the functions on."""
    about, deployment = "versions", visit.deployment
    functions = {}
    for function in deployment.of_type("AWS::Lambda::Function"):
        found = deployment.client("lambda").get_function_configuration(FunctionName=function.physical_id)
        functions[str(found["Handler"]).split(".")[0]] = {
            "runtime": found["Runtime"],
            "runtime_version": found.get("RuntimeVersionConfig", {}).get("RuntimeVersionArn", "").rpartition(":")[2],
            "architecture": found.get("Architectures", []),
            "memory_mb": found["MemorySize"],
            "code_bytes": found["CodeSize"],
            "physical_id": function.physical_id,
        }
    api = functions["api"]["physical_id"]
    for each in functions.values():
        del each["physical_id"]  # it holds nothing secret, and nothing that a reader of the facts needs
    answer = deployment.client("lambda").invoke(FunctionName=api, Payload=json.dumps(QUESTION))
    inside = json.loads(answer["Payload"].read())
    facts = {"functions": functions, "inside": inside}
    if "FunctionError" in answer or "botocore" not in inside:
        fix = "Deploy again: the functions are of another version of Lastseen than this command."
        return Measured([Finding(Level.WARNING, about, "The API function does not say what it runs on.", fix)], facts)
    says = f"Python {inside['python']}, botocore {inside['botocore']}, {inside['machine']}."
    return Measured([Finding(Level.OK, about, says)], facts)


def quotas(visit: Visit) -> Measured:
    """Read how many functions the account may run at once."""
    limit = visit.deployment.client("lambda").get_account_settings()["AccountLimit"]
    facts = {
        "concurrent_executions": limit["ConcurrentExecutions"],
        "unreserved": limit["UnreservedConcurrentExecutions"],
    }
    says = f"The account may run {facts['concurrent_executions']} functions at once."
    return Measured([Finding(Level.OK, "quotas", says)], facts)
