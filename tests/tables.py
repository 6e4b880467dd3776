"""The four tables as the template defines them, for whoever plays DynamoDB: moto or the emulator."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from lastseen.storage.tables import Tables

LOOPBACK = ("127.0.0.1", "::1", "localhost")
NAMES = ("Checks", "Names", "History", "Settings")


def made(client: Any, template: dict[str, Any]) -> Tables:
    """Create the four tables under fresh names."""
    suffix = uuid4().hex[:12]
    tables = {name: f"{name}-{suffix}" for name in NAMES}
    for name, table in tables.items():
        client.create_table(TableName=table, **_definition(template, name))
    return Tables(tables["Checks"], tables["Names"], tables["History"], tables["Settings"])


def on_this_machine(url: str) -> None:
    """Refuse a DynamoDB elsewhere: it could be one that matters, and tests leave their tables behind."""
    if urlsplit(url).hostname not in LOOPBACK:
        raise pytest.UsageError(f"--dynamodb {url}: name one on this machine, such as http://127.0.0.1:8000.")


def _definition(template: dict[str, Any], name: str) -> dict[str, Any]:
    (properties,) = (
        resource["Properties"]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::DynamoDB::GlobalTable" and logical_id.startswith(f"Tables{name}")
    )
    return {key: properties[key] for key in ("AttributeDefinitions", "KeySchema", "BillingMode")}
