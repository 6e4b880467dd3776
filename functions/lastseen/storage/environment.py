"""What a function's environment says, and the store that it names: the one place where entry points get theirs.

Never here: the process's own environment. Entry points hand it over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lastseen.storage.store import TableStore
from lastseen.storage.tables import Tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class MissingVariableError(Exception):
    """The environment lacks a variable that the template gives to every function."""


class Environment(Mapping[str, str]):
    """Variables by name; one that is missing is named, so that the log says why a function does not start."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __getitem__(self, name: str) -> str:
        """Return a variable. Raises MissingVariableError."""
        value = self._variables.get(name)
        if value is None:
            raise MissingVariableError(
                f"The environment variable {name} is not set. Deploy the stack again: it sets it."
            )
        return value

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override] # text is all there is
        """Return a variable that need not be set."""
        return self._variables.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def table_store(client: DynamoDBClient, environment: Environment) -> TableStore:
    """Return the store over the tables that the environment names. Raises MissingVariableError."""
    tables = Tables(
        checks=environment["CHECKS_TABLE"],
        names=environment["NAMES_TABLE"],
        history=environment["HISTORY_TABLE"],
        settings=environment["SETTINGS_TABLE"],
    )
    return TableStore(client, tables, history_days=int(environment["HISTORY_DAYS"]))
