"""What the command line does with AWS credentials: find the deployment, and sign requests where no key is set.

Imported only then: boto3 takes its time. Signing is botocore's own (SigV4); nothing of it is re-implemented here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, NoRegionError
from botocore.session import Session

from lastseen_cli.errors import CliError, UsageError

SERVICE = "execute-api"
STACK = "Lastseen"
FALLBACK_REGION = "us-east-1"
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
"""Variables of the environment that hold them: what a file leaves at their end would be sent in a header."""

_HOST = re.compile(r"[a-z0-9]+\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


class Signer(httpx.Auth):
    """Signs requests as AWS does, with the credentials of the environment, its profile or its role."""

    requires_request_body = True

    def __init__(self, url: str, session: Session, *, or_key: bool) -> None:
        """Raise UsageError where there are no credentials; `or_key`: a key would do as well."""
        credentials = session.get_credentials()
        if credentials is None:
            sign_in = "sign in to AWS (AWS_PROFILE, `aws sso login`)"
            raise UsageError(
                "There is neither a key nor AWS credentials. Run `lastseen login`, or set LASTSEEN_API_KEY (`lastseen "
                f"local` prints one), or {sign_in}: with its credentials you can also make keys."
                if or_key
                else f"This needs AWS credentials: a key belongs to one project. To have them, {sign_in}."
            )
        self._credentials = credentials
        self._region = region_of(url) or session.get_config_variable("region") or FALLBACK_REGION

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature's headers."""
        signed = AWSRequest(method=request.method, url=str(request.url), data=request.content)
        SigV4Auth(self._credentials, SERVICE, self._region).add_auth(signed)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            if name in signed.headers:
                request.headers[name] = signed.headers[name]
        yield request


def session() -> boto3.session.Session:
    """Return AWS as the environment names it: boto3 does not know AWS_REGION, as AWS's command line and the CDK do.

    Line ends and blanks around credentials come from the file or secret that they were kept in.
    """
    environ = os.environ  # noqa: TID251 - the environment of a command
    environ.update({name: environ[name].strip() for name in CREDENTIALS if name in environ})
    return boto3.session.Session(region_name=environ.get("AWS_REGION", "").strip() or None)


def signer(url: str, *, or_key: bool = True) -> Signer:
    """Return who signs requests to the API at `url`."""
    return Signer(url, session()._session, or_key=or_key)  # noqa: SLF001 - boto3 knows the profile, botocore signs


def region_of(url: str) -> str:
    """Return the region that the host of an API names, or ""."""
    try:
        match = _HOST.fullmatch(httpx.URL(url).host)
    except httpx.InvalidURL:
        return ""  # Api says so
    return match["region"] if match else ""


def api_url(stack: str = STACK) -> str:
    """Return the URL of the API that a stack's output names. Raises UsageError, CliError."""
    try:
        stacks = session().client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except (NoCredentialsError, NoRegionError) as error:
        raise UsageError(
            "Where is the API? Set LASTSEEN_API_URL or give --api-url, like https://host/api: the stack's output "
            "ApiUrl, or what `lastseen local` prints; or run `lastseen login` once. With AWS credentials and a region "
            f"(AWS_PROFILE, AWS_REGION) it is looked up in the stack {stack}."
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise CliError(
            f"The stack {stack} does not say where the API is ({words(error)}). Check AWS_PROFILE and AWS_REGION, or "
            "set LASTSEEN_API_URL to the stack's output ApiUrl."
        ) from error
    outputs = {output.get("OutputKey"): output.get("OutputValue") for output in stacks[0].get("Outputs", [])}
    if not outputs.get("ApiUrl"):
        raise CliError(f"The stack {stack} has no output ApiUrl. Is it Lastseen? Set LASTSEEN_API_URL.")
    return str(outputs["ApiUrl"])


def words(error: BotoCoreError | ClientError) -> str:
    """Return what AWS said, or why it was not reached.

    The text of an HTTP library is never shown: it may quote a header, and headers hold credentials.
    """
    if isinstance(error, ClientError):
        return str(error.response["Error"].get("Message") or error)
    if type(error) is HTTPClientError:  # what botocore knows by no name of its own
        return f"{type(error.kwargs.get('error')).__name__}: is a line end or a blank in the AWS credentials?"
    return str(error)
