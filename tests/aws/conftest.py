"""A deployment on AWS, in place of the one on the emulator:

    LASTSEEN_AWS_STACK=Lastseen uv run pytest -m aws tests/aws

It works in a project of its own and removes what it made. Whoever gets all alerts (alert_emails) gets the tests' too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from lastseen.core.keys import Scope
from lastseen.storage.documents import KEYS, PROJECTS
from lastseen.storage.fresh import new_key
from lastseen.storage.records import Project
from lastseen_cli import deployment
from lastseen_cli.local import deploy
from lastseen_cli.local.inbox import Inbox
from lastseen_cli.local.keys import Keys
from lastseen_cli.local.live import Live
from tests.e2e.conftest import WAIT_SECONDS, Deployed, Post

VARIABLE = "LASTSEEN_AWS_STACK"


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    stack = os.environ.get(VARIABLE)  # noqa: TID251 - as documented
    if not stack:
        pytest.fail(
            f"These tests run against a deployment on AWS. Name its stack: {VARIABLE}=Lastseen uv run pytest -m aws "
            "tests/aws, with AWS credentials (AWS_PROFILE, AWS_REGION) that may read it and write its tables.",
            pytrace=False,
        )
    found = deployment.find(stack)
    name = f"aws-test-{uuid4().hex[:8]}"
    with _project(found, name) as key, _inbox(found, name) as inbox, httpx.Client(timeout=WAIT_SECONDS) as http:
        url = found.output("ApiUrl").removesuffix("/api")
        live = Live(url=url, keys=Keys(write=key, read="", ping=""), stack=_stack(found), store=found.store)
        post = Post(inbox)
        try:
            yield Deployed(cloud=found, live=live, post=post, http=http, project=name)
        finally:
            post.close()


@contextmanager
def _project(found: deployment.Deployment, name: str) -> Iterator[str]:
    """Make a project with a key; at the end remove it with all its checks."""
    now = datetime.now(UTC)  # noqa: TID251 - tests are an entry point
    word, key = new_key(Scope.WRITE, name, "pytest -m aws", now)
    PROJECTS.create(found.store, Project(name=name, created=now, channels=""))
    KEYS.write(found.store, key)
    try:
        yield word
    finally:
        for check_id in found.store.project(name):
            if check := found.store.get(check_id, strong=True):
                found.store.delete(check)
        KEYS.drop(found.store, key.hash)
        PROJECTS.drop(found.store, name)


@contextmanager
def _inbox(found: deployment.Deployment, name: str) -> Iterator[Inbox]:
    """Subscribe a queue to the topic of all alerts; at the end remove both."""
    topic, sqs, sns = found.output("TopicArn"), found.client("sqs"), found.client("sns")
    try:
        yield Inbox(found, topic, name=name)
    finally:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        for each in [each for page in pages for each in page["Subscriptions"]]:
            if each["Endpoint"].endswith(f":{name}"):
                sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=url)


def _stack(found: deployment.Deployment) -> deploy.Stack:
    """Return the stack with the properties that its template gives to each resource."""
    body = found.client("cloudformation").get_template(StackName=found.name)["TemplateBody"]
    template = json.loads(body) if isinstance(body, str) else body
    resources = tuple(
        deploy.Resource(
            each.logical_id, each.physical_id, each.kind, template["Resources"][each.logical_id].get("Properties", {})
        )
        for each in found.resources
        if each.logical_id in template["Resources"]
    )
    return deploy.Stack(name=found.name, outputs=found.outputs, resources=resources)
