"""Lambda: management API, badges, dashboard. Trigger: the HTTP API, every route but /ping."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from lastseen.api.app import Deployment, build
from lastseen.aws.topic import Topic
from lastseen.aws.versions import QUESTION, versions
from lastseen.aws.wakes import Wakes
from lastseen.core.limits import CHECKS_PER_PROJECT
from lastseen.storage.environment import Environment, table_store

logger = Logger()

_env = Environment(os.environ)
_app = build(
    Deployment(
        store=table_store(
            boto3.client("dynamodb"),
            _env,
        ),
        wakes=Wakes(boto3.client("sqs"), _env["WAKES_QUEUE_URL"]),
        topic=Topic(boto3.client("sns"), _env["TOPIC_ARN"], _env["CHANNELS_TOPIC_ARN"]),
        ping_url=_env["PING_URL"],
        api_url=_env["API_URL"],
        clock=lambda: datetime.now(UTC),
        pause=time.sleep,
        checks_per_project=int(_env.get("CHECKS_PER_PROJECT") or CHECKS_PER_PROJECT),
        host_files=Path(__file__).parent / "host",
        allow_private_targets=_env.get("ALLOW_PRIVATE_TARGETS") == "true",
    ),
    logger,
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request; or say what this runs on to `lastseen doctor --deep`, which calls without HTTP."""
    if event == QUESTION:
        return versions()
    return _app.resolve(event, context)
