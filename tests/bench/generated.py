"""One sweep over a generated table, in a process of its own: `python -m tests.bench.generated CHECKS SHARE`.

The real sweep, store, queue and botocore run. In place of a connection, botocore gets answers of DynamoDB and SQS that
were made beforehand, page by page of 1 MB, so that a million checks need no table.
"""

from __future__ import annotations

import json
import math
import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config

from lastseen.alerting.sweep import LOOK_AHEAD, run, segments_for
from lastseen.aws.wakes import Wakes
from lastseen.core.times import millis
from lastseen.storage.store import TableStore
from lastseen.storage.tables import Tables
from tests.bench.typical import item_bytes, typical_item
from tests.times import T0, seconds

PAGE_BYTES = 1024 * 1024
READ_UNIT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Cost:
    """What one sweep took."""

    checks: int
    wakes: int
    calls: int
    pages: int
    read_units: float
    cpu_ms: float
    peak_mb: float


def swept(size: int, share: float) -> Cost:
    """Sweep a table of `size` checks, of which a share is due within the look-ahead."""
    segments = segments_for(size)
    table = _Table(size, share, segments)
    aws: dict[str, Any] = {
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "config": Config(max_pool_connections=50),
    }
    dynamodb: Any = boto3.client("dynamodb", **aws)
    sqs: Any = boto3.client("sqs", **aws)
    dynamodb.meta.events.register("before-send.dynamodb.Scan", table.scan)
    sqs.meta.events.register("before-send.sqs.SendMessageBatch", table.send)
    store = TableStore(dynamodb, Tables("checks", "names", "history", "settings"))
    wakes = Wakes(sqs, "https://sqs.us-east-1.amazonaws.com/000000000000/wakes")
    began = time.process_time()
    done = run(store=store, wakes=wakes, clock=lambda: T0, segments=segments)
    cpu_ms = (time.process_time() - began) * 1000
    return Cost(done.checks, done.wakes, table.calls, done.pages, done.read_units, cpu_ms, _peak_mb())


def _peak_mb() -> float:
    """Return the most memory that this process ever held (getrusage would tell of its parent's, too)."""
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak) / 1024


class _Table:
    """Answers as DynamoDB and SQS would, with pages made beforehand."""

    def __init__(self, size: int, share: float, segments: int) -> None:
        self.calls = 0
        per_page = PAGE_BYTES // item_bytes(typical_item())
        self._pages = [list(_pages(_part(size, segments, seed), share, per_page, seed)) for seed in range(segments)]

    def scan(self, request: Any, **_: Any) -> AWSResponse:
        self.calls += 1
        asked = json.loads(request.body)
        after = asked.get("ExclusiveStartKey", {"id": {"S": "-1"}})
        return _answer(self._pages[asked["Segment"]][int(after["id"]["S"]) + 1])

    def send(self, request: Any, **_: Any) -> AWSResponse:
        self.calls += 1
        entries = json.loads(request.body)["Entries"]
        taken = [{"Id": entry["Id"], "MessageId": "1", "MD5OfMessageBody": "0"} for entry in entries]
        return _answer(json.dumps({"Successful": taken}).encode())


def _part(size: int, segments: int, number: int) -> int:
    return size // segments + (number < size % segments)


def _pages(size: int, share: float, per_page: int, seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)  # noqa: S311 - the same pages in each run
    count = math.ceil(size / per_page)
    weight = item_bytes(typical_item())
    for number in range(count):
        here = min(per_page, size - number * per_page)
        due = sum(rng.random() < share for _ in range(here))
        units = math.ceil(here * weight / READ_UNIT_BYTES) / 2
        page: dict[str, Any] = {
            "Items": [_due(rng) for _ in range(due)],
            "Count": due,
            "ScannedCount": here,
            "ConsumedCapacity": {"TableName": "checks", "CapacityUnits": units},
        }
        if number + 1 < count:
            page["LastEvaluatedKey"] = {"id": {"S": str(number)}}
        yield json.dumps(page).encode()


def _due(rng: random.Random) -> dict[str, Any]:
    at = T0 + seconds(rng.uniform(0, LOOK_AHEAD.total_seconds()))
    return {
        "id": {"S": str(UUID(int=rng.getrandbits(128), version=4))},
        "w": {"N": str(millis(at))},
        "a": {"N": "3"},
        "f": {"N": "3"},
    }


def _answer(body: bytes) -> AWSResponse:
    raw = BytesIO(body)
    raw.stream = lambda: iter((body,))  # type: ignore[attr-defined]  # what botocore reads of urllib3's answer
    headers: Any = HeadersDict({"content-type": "application/x-amz-json-1.0", "content-length": str(len(body))})
    return AWSResponse("https://aws", 200, headers, raw)


if __name__ == "__main__":
    print(json.dumps(asdict(swept(int(sys.argv[1]), float(sys.argv[2])))))  # noqa: T201 - read by the parent
