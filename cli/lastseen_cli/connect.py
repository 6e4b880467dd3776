"""How a command gets in: by the key that is set, else by AWS credentials; the URL is given, or told by the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastseen_cli.errors import UsageError

if TYPE_CHECKING:
    from lastseen_cli.api import Api


def connect(url: str, key: str, project: str = "") -> Api:
    """Return the API that the options name. Raises UsageError, CliError."""
    from lastseen_cli.api import Api  # noqa: PLC0415 - httpx takes its time

    if key and project:
        raise UsageError("--project goes with AWS credentials: a key belongs to one project. Unset LASTSEEN_API_KEY.")
    if key and url:
        return Api(url, key)
    from lastseen_cli import aws  # noqa: PLC0415 - so does boto3

    url = url or aws.api_url()
    return Api(url, key) if key else Api(url, signer=aws.signer(url), project=project)
