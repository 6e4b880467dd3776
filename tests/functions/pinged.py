"""The ping function as Lambda has it: its entry file, loaded with an environment, and the gateway's events."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from lastseen.core.times import millis
from tests.times import T0

ENTRY = Path(__file__).parents[2] / "functions/ping.py"
ENVIRONMENT = {
    "CHECKS_TABLE": "checks",
    "NAMES_TABLE": "names",
    "HISTORY_TABLE": "history",
    "SETTINGS_TABLE": "settings",
    "WAKES_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/wakes",
    "HISTORY_DAYS": "90",
    "BODY_LIMIT": "10000",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


def load() -> ModuleType:
    """Import functions/ping.py anew, as a cold start does."""
    spec = importlib.util.spec_from_file_location("ping", ENTRY)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def event(path: str, query: str = "", *, method: str = "GET", at: Any = T0, **more: Any) -> dict[str, Any]:
    """Return what the HTTP API hands over for a request; `more` are further fields of the event."""
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "curl/7.88.1"}
    return {
        "version": "2.0",
        "routeKey": "ANY /ping/{proxy+}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "ping.example.com", "x-forwarded-proto": "https"},
        "requestContext": {"http": http, "timeEpoch": millis(at), "stage": "$default"},
        "isBase64Encoded": False,
        **more,
    }
