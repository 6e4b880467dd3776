"""What a function's environment must say, and what it says where something is missing."""

from __future__ import annotations

from typing import Any

import pytest

from lastseen.core.check import Check
from lastseen.storage.environment import Environment, MissingVariableError, table_store
from tests.tables import made

ID = "6f1c2b3a-4d5e-4f60-8a7b-9c0d1e2f3a4b"
NAMES = ("CHECKS_TABLE", "NAMES_TABLE", "HISTORY_TABLE", "SETTINGS_TABLE", "HISTORY_DAYS")


@pytest.mark.parametrize("missing", NAMES)
def test_a_variable_that_is_missing_is_named(missing: str, dynamodb: Any) -> None:
    environment = Environment({name: "1" for name in NAMES if name != missing})
    with pytest.raises(MissingVariableError, match=f"The environment variable {missing} is not set"):
        table_store(dynamodb, environment)


def test_the_store_is_over_the_tables_that_the_environment_names(dynamodb: Any, template: dict[str, Any]) -> None:
    tables = made(dynamodb, template)
    values = (tables.checks, tables.names, tables.history, tables.settings, "7")
    store = table_store(dynamodb, Environment(dict(zip(NAMES, values, strict=True))))
    store.create(Check(id=ID, slug="nightly"))
    store.put_setting("key", "a", {})
    assert dynamodb.scan(TableName=tables.checks)["Count"] == 1
    assert dynamodb.scan(TableName=tables.names)["Count"] == 1
    assert dynamodb.scan(TableName=tables.settings)["Count"] == 1


def test_a_variable_that_need_not_be_set_is_none() -> None:
    environment = Environment({"A": "1"})
    assert (environment.get("A"), environment.get("B"), environment.get("B", "2")) == ("1", None, "2")
    assert dict(environment) == {"A": "1"}
