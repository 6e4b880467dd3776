"""Hand a synthesized CDK app to the emulator's CloudFormation, as `cdk deploy` would, without the CDK CLI.

Upload the assets that the assembly names, create or update the stack, wait, return its outputs. Nothing here knows what
the stack holds.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from lastseen_cli.errors import CliError
from lastseen_cli.local.emulator import ACCOUNT, REGION, Emulator
from lastseen_cli.local.synth import PUBLIC_URL

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = "30"
DEPLOY_SECONDS = 120.0
POLL_SECONDS = 0.1
TEMPLATE_BUCKET = "lastseen-local-template"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
EVENTS_SHOWN = 8
UNPACKED_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack: its outputs and the physical ids of its resources by logical id."""

    name: str
    outputs: dict[str, str]
    resources: tuple[Resource, ...]

    def output(self, name: str) -> str:
        """Return an output. Raises CliError naming those that there are."""
        if name not in self.outputs:
            raise CliError(f"The stack {self.name} has no output {name}; it has {', '.join(sorted(self.outputs))}.")
        return self.outputs[name]

    def of_type(self, kind: str) -> list[Resource]:
        """Return the resources of a CloudFormation type."""
        return [resource for resource in self.resources if resource.kind == kind]


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack."""

    logical_id: str
    physical_id: str
    kind: str
    properties: dict[str, Any]


def deploy(assembly: Path, emulator: Emulator, *, public_url: str) -> Stack:
    """Deploy the assembly's one stack and return it. Raises CliError with the words of what failed."""
    name, template = _stack_of(assembly)
    body = template.read_text().replace(PUBLIC_URL, public_url)
    emulator.client("ssm").put_parameter(
        Name=BOOTSTRAP_PARAMETER, Value=BOOTSTRAP_VERSION, Type="String", Overwrite=True
    )
    _upload_assets(assembly, emulator)
    cloudformation = emulator.client("cloudformation")
    _create_or_update(cloudformation, name, _upload_template(body, emulator))
    outputs = _wait(cloudformation, name)
    return Stack(name=name, outputs=outputs, resources=_resources(cloudformation, name, json.loads(body)))


def _stack_of(assembly: Path) -> tuple[str, Path]:
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"]
    stacks = [
        (artifact["properties"].get("stackName", artifact_id), assembly / artifact["properties"]["templateFile"])
        for artifact_id, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    ]
    if len(stacks) != 1:
        raise CliError(f"The CDK app has {len(stacks)} stacks; `lastseen local` deploys exactly one.")
    return stacks[0]


def _upload_assets(assembly: Path, emulator: Emulator) -> None:
    s3 = emulator.client("s3")
    buckets: set[str] = set()
    for manifest in assembly.glob("*.assets.json"):
        for asset in json.loads(manifest.read_text())["files"].values():
            source = assembly / asset["source"]["path"]
            data = _zipped(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
            for destination in asset["destinations"].values():
                bucket = _resolved(destination["bucketName"])
                if bucket not in buckets:
                    s3.create_bucket(Bucket=bucket)
                    buckets.add(bucket)
                s3.put_object(Bucket=bucket, Key=_resolved(destination["objectKey"]), Body=data)


def _upload_template(body: str, emulator: Emulator) -> str:
    """Put the template into a bucket, as the CDK CLI does, and return its URL: a request takes 51,200 bytes at most."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=TEMPLATE_BUCKET)
    s3.put_object(Bucket=TEMPLATE_BUCKET, Key="template.json", Body=body.encode())
    return f"{emulator.url}/{TEMPLATE_BUCKET}/template.json"


def _resolved(name: str) -> str:
    return name.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)


def _zipped(folder: Path) -> bytes:
    """Pack a folder without compressing it: it goes over loopback, and time is what the user waits for."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return packed.getvalue()


def _create_or_update(cloudformation: Any, name: str, template_url: str) -> None:
    stack = {"StackName": name, "TemplateURL": template_url, "Capabilities": CAPABILITIES}
    try:
        cloudformation.create_stack(**stack)
    except cloudformation.exceptions.AlreadyExistsException:
        try:
            cloudformation.update_stack(**stack)
        except ClientError as error:
            if "No updates" not in str(error):
                raise CliError(f"CloudFormation refused the template of {name}: {_words(error)}") from error
    except ClientError as error:
        raise CliError(f"CloudFormation refused the template of {name}: {_words(error)}") from error


def _words(error: ClientError) -> str:
    return str(error.response["Error"].get("Message", error))


def _wait(cloudformation: Any, name: str) -> dict[str, str]:
    give_up = time.monotonic() + DEPLOY_SECONDS
    status = "not seen"
    while time.monotonic() < give_up:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        status = stack["StackStatus"]
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        if not status.endswith("_IN_PROGRESS"):
            break
        time.sleep(POLL_SECONDS)
    raise CliError(f"The stack {name} did not deploy ({status}).{_failures(cloudformation, name)}")


def _failures(cloudformation: Any, name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [
        f"\n  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', 'no reason')}"
        for event in sorted(events, key=lambda event: event["Timestamp"])
        if event["ResourceStatus"].endswith("_FAILED")
    ]
    return "".join(failed[:EVENTS_SHOWN])


def _resources(cloudformation: Any, name: str, template: dict[str, Any]) -> tuple[Resource, ...]:
    made = [
        summary
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        for summary in page["StackResourceSummaries"]
    ]
    declared = template["Resources"]
    return tuple(
        Resource(
            logical_id=summary["LogicalResourceId"],
            physical_id=summary["PhysicalResourceId"],
            kind=summary["ResourceType"],
            properties=declared.get(summary["LogicalResourceId"], {}).get("Properties", {}),
        )
        for summary in made
    )
