"""A deployment as its owner's AWS credentials see it: the stack's outputs, its resources, and its tables.

For commands that look behind the API. boto3 finds credentials, region and endpoint (AWS_ENDPOINT_URL) as always.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, ProfileNotFound

from lastseen.storage.store import Store, TableStore
from lastseen.storage.tables import Tables
from lastseen_cli.aws import STACK, session, words
from lastseen_cli.connect import enter_local
from lastseen_cli.errors import CliError, UsageError

TIMEOUT_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the stack."""

    logical_id: str
    physical_id: str
    kind: str


@dataclass(frozen=True)
class Deployment:
    """A stack of Lastseen."""

    name: str
    outputs: dict[str, str]
    resources: tuple[Resource, ...]
    clock_header: str  # what AWS's clock showed when it answered

    @property
    def store(self) -> Store:
        """The tables."""
        names = ("ChecksTable", "NamesTable", "HistoryTable", "SettingsTable")
        return TableStore(self.client("dynamodb"), Tables(*(self.output(name) for name in names)))

    def client(self, service: str) -> Any:
        """Return a client of an AWS service."""
        return _client(service)

    def output(self, name: str) -> str:
        """Return an output of the stack. Raises CliError if it has none of that name."""
        if name not in self.outputs:
            raise CliError(f"The stack {self.name} has no output {name}. Is it Lastseen, deployed by this version?")
        return self.outputs[name]

    def of_type(self, kind: str, *, named: str = "") -> list[Resource]:
        """Return the resources of a CloudFormation type, whose logical id has `named` in it."""
        return [one for one in self.resources if one.kind == kind and named in one.logical_id]


def find(stack: str) -> Deployment:
    """Return the deployment of that stack's name, that of a running `lastseen local` if none is named.

    Raises UsageError without credentials, CliError without a stack.
    """
    if stack == STACK:
        enter_local()
    _client.cache_clear()
    try:
        cloudformation = _client("cloudformation")
        answer = cloudformation.describe_stacks(StackName=stack)
        pages = list(cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack))
    except (NoCredentialsError, NoRegionError, ProfileNotFound) as error:
        raise UsageError(
            "AWS does not know who you are or where to look. Set AWS_PROFILE (and log in: `aws sso login`) and "
            f"AWS_REGION: {error}"
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise CliError(
            f"The stack {stack} cannot be read: {words(error)}. Check AWS_PROFILE and AWS_REGION, or name the stack "
            "with --stack."
        ) from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in answer["Stacks"][0].get("Outputs", [])}
    resources = tuple(
        Resource(one["LogicalResourceId"], one.get("PhysicalResourceId", ""), one["ResourceType"])
        for page in pages
        for one in page["StackResourceSummaries"]
    )
    header = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date", "")
    return Deployment(name=stack, outputs=outputs, resources=resources, clock_header=header)


def present() -> datetime:
    """Return the time: commands are entry points."""
    return datetime.now(UTC)  # noqa: TID251 - see above


@cache
def _client(service: str) -> Any:
    config = Config(connect_timeout=TIMEOUT_SECONDS, read_timeout=TIMEOUT_SECONDS, retries={"total_max_attempts": 3})
    return session().client(service, config=config)  # type: ignore[call-overload] # the stubs want a literal
