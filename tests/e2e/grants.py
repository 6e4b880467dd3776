"""What the roles of the functions may do, and what is missing without one of it: for test_grants*.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lastseen.api.locks import LOCKS
from lastseen_cli.local.inbox import Account
from tests.conftest import Figure
from tests.e2e.conftest import Deployed
from tests.e2e.errands import ERRANDS, Errand

PATIENCE = 5.0  # seconds; what is missing for longer is not coming

UNCHECKED = {
    ("alert", "sqs:ReceiveMessage"): "the emulator reads the queue for the function by itself",
    ("alert", "sqs:DeleteMessage"): "likewise",
    ("alert", "sqs:GetQueueAttributes"): "likewise",
    ("deliver", "sqs:ReceiveMessage"): "likewise",
    ("deliver", "sqs:DeleteMessage"): "likewise",
    ("deliver", "sqs:GetQueueAttributes"): "likewise",
    ("deliver", "sqs:ChangeMessageVisibility"): "seen after a minute only: test_channels.py waits for the second try",
}
"""Grants that are not tried here; tests/infra asserts them, and so it does the role of the schedule."""

OWN_LOG = frozenset({"logs:CreateLogStream", "logs:PutLogEvents"})
"""Likewise: the emulator writes the log by itself."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One action that a function's role may do to one resource."""

    function: str
    role: str
    policy: str
    action: str
    resource: str

    @property
    def left_out(self) -> bool:
        return (
            (self.function, self.action) in UNCHECKED
            or "LostEvents" in self.resource  # the emulator leaves there by itself what failed
            or "DeadLetters" in self.resource  # likewise
            or self.action in OWN_LOG
            or self.action == "sqs:SendMessageBatch"  # only the emulator knows it: see fixups.py
        )

    def is_(self, function: str, action: str, table: str) -> bool:
        return (self.function, self.action) == (function, action) and f"Tables{table}" in self.resource

    def __str__(self) -> str:
        return f"{self.function}: {self.action} on {self.resource.rsplit(':', 1)[-1].rsplit('/', 1)[-1]}"


def miss_each(functions: tuple[str, ...], deployed: Deployed, subtests: pytest.Subtests, figure: Figure) -> None:
    """Take the grants of some functions away, one by one: each must make an errand fail."""
    hasty = replace(deployed, patience=PATIENCE)
    with no_schedule(deployed):  # its sweeps heal, within a minute, what a missing grant broke
        for errand in (each for function in functions for each in ERRANDS[function]):
            errand(deployed)
        for grant in [each for each in grants(deployed) if each.function in functions]:
            with subtests.test(str(grant)):
                deployed.invoke("sweep")  # had none run for minutes, it would move the deadlines of what is late
                with without(grant, deployed.cloud):
                    broken = next((errand for errand in ERRANDS[grant.function] if not _done(errand, hasty)), None)
                assert broken, "No errand needs this grant: take it away, or write the errand that needs it."
                _release_locks(deployed)
                broken(deployed)  # with the grant it works: and the function is warm again for the next one
                figure(f"without {grant}: {broken.__name__} fails")


def _release_locks(deployed: Deployed) -> None:
    """Do what time does within a minute: end the locks of a request that was cut off for want of a grant."""
    for lock in LOCKS.all(deployed.live.store).values:
        LOCKS.drop(deployed.live.store, lock.name)


def _done(errand: Errand, deployed: Deployed) -> bool:
    try:
        errand(deployed)
    except AssertionError:
        return False
    return True


def grants(deployed: Deployed) -> list[Grant]:
    """Return every grant of the functions that the emulator looks at."""
    roles = {
        one.properties["Role"]["Fn::GetAtt"][0]: one.properties["Handler"].split(".")[0]
        for one in deployed.live.stack.of_type("AWS::Lambda::Function")
    }
    return [
        grant
        for role in deployed.live.stack.of_type("AWS::IAM::Role")
        if role.logical_id in roles
        for grant in _of(roles[role.logical_id], role.physical_id, deployed.cloud)
        if not grant.left_out
    ]


def _of(function: str, role: str, cloud: Account) -> Iterator[Grant]:
    for policy, document in _policies(role, cloud).items():
        for statement in document["Statement"]:
            for action in statement["Action"]:
                yield Grant(function, role, policy, action, statement["Resource"])


def _policies(role: str, cloud: Account) -> dict[str, Any]:
    iam = cloud.client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}


def grant(deployed: Deployed, function: str, action: str, table: str) -> Grant:
    """Return one grant on a table."""
    return next(one for one in grants(deployed) if one.is_(function, action, table))


@contextmanager
def without(grant: Grant, cloud: Account) -> Iterator[None]:
    """Take a grant away for the length of the block."""
    iam, whole = cloud.client("iam"), _policies(grant.role, cloud)[grant.policy]
    which = {"RoleName": grant.role, "PolicyName": grant.policy}
    gone = {grant.action, f"{grant.action}Batch"}
    left = [
        {**statement, "Action": [action for action in statement["Action"] if action not in gone]}
        if statement["Resource"] == grant.resource
        else statement
        for statement in whole["Statement"]
    ]
    less = {**whole, "Statement": [statement for statement in left if statement["Action"]]}
    assert less != whole
    iam.put_role_policy(**which, PolicyDocument=json.dumps(less))
    try:
        yield
    finally:
        iam.put_role_policy(**which, PolicyDocument=json.dumps(whole))


@contextmanager
def no_schedule(deployed: Deployed) -> Iterator[None]:
    scheduler = deployed.cloud.client("scheduler")
    [resource] = deployed.live.stack.of_type("AWS::Scheduler::Schedule")
    found = scheduler.get_schedule(Name=resource.physical_id)
    kept = {name: found[name] for name in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**kept, State="DISABLED")
    try:
        yield
    finally:
        scheduler.update_schedule(**kept, State="ENABLED")
