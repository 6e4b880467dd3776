"""What is measured with: the real bundle for Lambda's Python, and that Python with what Lambda's runtime brings."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.bundle import build, interpreter
from tests import runtime_api
from tests.bench import aws
from tests.bench.typical import typical_item

LAMBDA_PYTHON = "3.13"
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}

PLAIN = '''"""The plainest function that does what a ping needs: one read, one conditional write, one put."""

import boto3

client = boto3.client("dynamodb")


def handler(event, context):
    client.get_item(TableName="checks", Key={"id": {"S": "x"}})
    client.update_item(
        TableName="checks",
        Key={"id": {"S": "x"}},
        UpdateExpression="SET lp = :lp ADD n :one",
        ConditionExpression="attribute_exists(id)",
        ExpressionAttributeValues={":lp": {"N": "1"}, ":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    client.put_item(TableName="history", Item={"id": {"S": "x"}, "event": {"S": "ping#1"}})
    return {"statusCode": 200}
'''


@dataclass(frozen=True, slots=True)
class Case:
    """What is invoked: a handler with an event, of our bundle or of another."""

    handler: str
    event: Any
    bundle: Path | None = None


@dataclass(frozen=True, slots=True)
class Laboratory:
    """Where functions are run, one process each, under Lambda's runtime client."""

    python: Path
    bundle: Path
    plain: Path  # the same three calls with boto3 and nothing else
    scratch: Path
    version: str  # of the Python that runs them

    @contextmanager
    def running(self, handler: str, endpoint: str, *, bundle: Path | None = None) -> Iterator[runtime_api.Function]:
        """Run a function of the bundle (or of another one) that finds AWS at `endpoint`."""
        log = self.scratch / f"{handler}.log"
        environment = aws.environment(endpoint)
        with runtime_api.running(
            self.python, bundle or self.bundle, handler, environment=environment, log=log
        ) as function:
            yield function

    def cold_cpu_ms(self, cases: Mapping[str, Case], *, starts: int = 7) -> dict[str, float]:
        """Return the CPU from the start of each process to its first answer: the least of some starts.

        The least, since whatever else the machine does only adds; the cases take turns, so that it adds to all alike.
        """
        spent: dict[str, list[float]] = {name: [] for name in cases}
        with aws.answering(typical_item()) as endpoint:
            for _ in range(starts):
                for name, case in cases.items():
                    with self.running(case.handler, endpoint, bundle=case.bundle) as function:
                        spent[name].append(function.invoke(case.event).cpu_ms)
        return {name: min(each) for name, each in spent.items()}

    def warm_cpu_ms(self, cases: Mapping[str, Case], *, calls: int = 40, turns: int = 9) -> dict[str, float]:
        """Return the CPU of one invocation of each warm process: the least of some stretches, taken in turns."""
        spent: dict[str, list[float]] = {name: [] for name in cases}
        with aws.answering(typical_item()) as endpoint, ExitStack() as stack:
            functions = {
                name: stack.enter_context(self.running(case.handler, endpoint, bundle=case.bundle))
                for name, case in cases.items()
            }
            last = {name: self._calls(functions[name], case, 20) for name, case in cases.items()}
            for _ in range(turns):
                for name, case in cases.items():
                    now = self._calls(functions[name], case, calls)
                    spent[name].append((now - last[name]) / calls)
                    last[name] = now
        return {name: min(each) for name, each in spent.items()}

    @staticmethod
    def _calls(function: runtime_api.Function, case: Case, count: int) -> float:
        """Invoke a function some times; return the CPU of its process so far."""
        for _ in range(count):
            spent = function.invoke(case.event).cpu_ms
        return spent


@contextmanager
def opened() -> Iterator[Laboratory]:
    """Build the bundle and Lambda's Python, for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="lastseen-bench-") as folder:
        scratch = Path(folder)
        found = interpreter(LAMBDA_PYTHON)
        python = runtime_api.runtime_environment(scratch / "runtime", LAMBDA_PYTHON)
        version = LAMBDA_PYTHON if found else platform.python_version().rpartition(".")[0]
        bundle, plain = scratch / "task", scratch / "plain"
        build(bundle, arch=ARCHITECTURES[platform.machine().lower()], python=version)
        plain.mkdir()
        (plain / "plain.py").write_text(PLAIN)
        (plain / "bare.py").write_text('def handler(event, context):\n    return {"statusCode": 200}\n')
        yield Laboratory(python, bundle, plain, scratch, version)


def without(bundle: Path, *patterns: str) -> Path:
    """Copy a bundle without some of its files, to see what they are worth."""
    copy = Path(tempfile.mkdtemp(dir=bundle.parent))
    shutil.copytree(bundle, copy, ignore=shutil.ignore_patterns(*patterns), dirs_exist_ok=True)
    return copy
