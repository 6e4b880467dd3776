"""A stand-in for DynamoDB, SQS and SNS that answers at once: what is left is what our side of a call costs."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

AGENT = "curl/8.5"
CHECK_ID = "7b0a3c52-94ad-4b1e-8f0e-2d1c5a6b7f80"

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The check that a starting ping function asks for: there is none."""

ANSWERS: dict[str, Any] = {
    "UpdateItem": {"Attributes": {"n": {"N": "4712"}}},
    "PutItem": {},
    "Scan": {"Items": [], "Count": 0, "ScannedCount": 0},
    "Query": {"Items": [], "Count": 0, "ScannedCount": 0},
    "SendMessageBatch": {"Successful": [{"Id": "0", "MessageId": "1", "MD5OfMessageBody": "0"}]},
    "TransactWriteItems": {},
}


@contextmanager
def answering(item: dict[str, Any]) -> Iterator[str]:
    """Answer every call for the length of the block, each read of a check with `item`; give the endpoint."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:  # the canary's knock
            self._answer(b"OK")

        def do_POST(self) -> None:
            asked = _json(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers.get("X-Amz-Target", ".").split(".")[1]
            found = operation == "GetItem" and asked["TableName"] == "checks" and asked["Key"]["id"]["S"] != NOBODY
            answer = {"Item": item} if found else ANSWERS.get(operation, {})
            self._answer(json.dumps(answer, default=_base64).encode())

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """Functions are killed in the middle of their connections."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _json(body: bytes) -> Any:
    return json.loads(body) if body.startswith(b"{") else {}


def _base64(held: bytes) -> str:
    return base64.b64encode(held).decode()


def environment(endpoint: str) -> dict[str, str]:
    """Return the variables that the template and Lambda give each function, for that endpoint."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "CHECKS_TABLE": "checks",
        "NAMES_TABLE": "names",
        "HISTORY_TABLE": "history",
        "SETTINGS_TABLE": "settings",
        "WAKES_QUEUE_URL": f"{endpoint}/000000000000/wakes",
        "DELIVERIES_QUEUE_URL": f"{endpoint}/000000000000/deliveries.fifo",
        "TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:alerts",
        "CHANNELS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:channels",
        "PING_URL": f"{endpoint}/ping",
        "API_URL": f"{endpoint}/api",
        "SITE_URL": endpoint,
        "HISTORY_DAYS": "90",
        "BODY_LIMIT": "10000",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "POWERTOOLS_METRICS_NAMESPACE": "Lastseen",
    }


def request(method: str = "GET", path: str = f"/ping/{CHECK_ID}", body: str = "", at: int = 1_772_452_800_000) -> Any:
    """Return an event of the HTTP API, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "ANY /ping/{proxy+}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "host": "x.execute-api.us-east-1.amazonaws.com",
            "user-agent": "curl/8.5",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "http": {
                "method": method,
                "path": path,
                "sourceIp": "203.0.113.9",
                "userAgent": "curl/8.5",
                "protocol": "HTTP/1.1",
            },
            "requestId": "bench",
            "stage": "$default",
            "timeEpoch": at,
        },
        "body": body,
        "isBase64Encoded": False,
    }
