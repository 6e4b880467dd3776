"""What a function runs on. Lambda updates its runtime, and with it botocore, without a deployment.

Asked by `lastseen doctor --deep`, by a direct invocation: it takes AWS credentials, and no HTTP request can ask it.
"""

from __future__ import annotations

import platform
import ssl

import boto3
import botocore
import urllib3

QUESTION = {"ask": "versions"}
"""The event that asks. Every event of the HTTP API has more fields."""


def versions() -> dict[str, str]:
    """Return the versions of what the runtime ships and what is bundled."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "openssl": ssl.OPENSSL_VERSION,
        "boto3": boto3.__version__,
        "botocore": botocore.__version__,
        "urllib3": str(vars(urllib3)["__version__"]),  # its types do not name it
    }
