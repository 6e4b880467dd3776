"""The order of the steps, and what becomes of what they found: findings for people, a file of facts for programs.

A step that fails is a finding and stops no other. The facts hold no key, no ping URL, no address and no account id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lastseen.storage.errors import ConflictError, CorruptError
from lastseen_cli import output
from lastseen_cli.aws import words
from lastseen_cli.deep import account, gateway, lateness
from lastseen_cli.deep.visit import Measured, Plan, Visit, visiting
from lastseen_cli.deployment import Deployment
from lastseen_cli.doctor import Finding, Level

FACTS_VERSION = 1
STEPS: dict[str, Callable[[Visit], Measured]] = {
    "versions": account.versions,
    "quotas": account.quotas,
    "permissions": account.permissions,
    "subscriptions": account.subscriptions,
    "sms": account.text_messages,
    "deadlines": lateness.deadlines,
    "failures": lateness.failures,
    "gateway": gateway.gateway,
    "flood": gateway.flood,
    "sweeps": lateness.sweeps,
}
"""What only reads comes first: if it fails, nobody was notified yet."""

ACCOUNT_ID = re.compile(r"(?<![\d.])\d{12}(?!\d)")


def agreed(deadlines: int, *, yes: bool) -> Plan:
    """Return what will be tried, once the caller has agreed to it."""
    plan = Plan(deadlines=deadlines)
    alerts, minutes = plan.deadlines + plan.failures, round(plan.lasts.total_seconds() / 60)
    output.confirm(
        f"This takes about {minutes} minutes, and whoever gets all alerts (alert_emails) gets about {alerts} that say "
        "TEST. Go on?",
        yes=yes,
    )
    return plan


def examine_deeply(
    deployment: Deployment, now: datetime, *, plan: Plan, say: Callable[[str], None]
) -> tuple[list[Finding], dict[str, Any]]:
    """Take every step; return the findings, and the facts as they go into a file."""
    findings: list[Finding] = []
    facts: dict[str, Any] = {}
    with visiting(deployment, plan, say) as visit:
        for number, (name, step) in enumerate(STEPS.items(), start=1):
            say(f"{number} of {len(STEPS)}: {name}")
            measured = _guarded(name, step, visit)
            findings += measured.findings
            facts[name] = measured.facts
    header = {"version": FACTS_VERSION, "lastseen": version("lastseen"), "at": now.isoformat(timespec="seconds")}
    region = deployment.client("dynamodb").meta.region_name
    return findings, header | {"region": region, "facts": facts}


def write_facts(file: Path, document: dict[str, Any]) -> None:
    """Write the facts, without what looks like the number of an AWS account."""
    text = ACCOUNT_ID.sub("<account>", json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True))
    file.write_text(f"{text}\n", encoding="utf-8")


def _guarded(name: str, step: Callable[[Visit], Measured], visit: Visit) -> Measured:
    try:
        return step(visit)
    except ClientError as error:
        operation = error.operation_name
        finding = Finding(Level.WARNING, name, f"AWS refused {operation}: {words(error)}", f"Allow it: {operation}.")
        return Measured([finding], {"refused": operation, "code": error.response["Error"].get("Code", "")})
    except BotoCoreError as error:
        return _failed(name, error, words(error))
    except (ConflictError, CorruptError, KeyError) as error:
        return _failed(name, error, str(error))


def _failed(name: str, error: Exception, said: str) -> Measured:
    kind = type(error).__name__
    return Measured([Finding(Level.WARNING, name, f"This could not be tried: {kind}: {said}")], {"failed": kind})
