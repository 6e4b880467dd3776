"""What a function says of what it runs on."""

from __future__ import annotations

import platform

import botocore

from lastseen.aws.versions import QUESTION, versions


def test_the_versions_are_those_that_run() -> None:
    found = versions()
    assert (found["python"], found["botocore"]) == (platform.python_version(), botocore.__version__)
    assert all(found.values())


def test_no_request_of_the_http_api_can_ask() -> None:
    assert not QUESTION.keys() & {"version", "rawPath", "requestContext"}
