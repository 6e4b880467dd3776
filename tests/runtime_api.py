"""Lambda's Runtime API on loopback: runs a function's real bundle under AWS's own runtime client, as Lambda would.

The function's process has nothing but its bundle, awslambdaric and boto3, so that what the bundle lacks is missed here
too. What it calls of AWS it is told by `environment` (AWS_ENDPOINT_URL).
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import uv

from infra.bundle import interpreter

ANSWER_SECONDS = 60.0
RUNTIME = ("awslambdaric==4.2.2", "boto3==1.43.106")
"""What Lambda's Python runtime brings along."""

INVOCATION = {
    "Lambda-Runtime-Aws-Request-Id": "1",
    "Lambda-Runtime-Deadline-Ms": "4102444800000",
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:bench",
}


class FunctionError(Exception):
    """The function raised, or could not be loaded; the text is what it told the runtime, and its log."""


@dataclass(slots=True)
class Answer:
    """What one invocation came to."""

    result: Any
    cpu_ms: float  # of the process so far, at the moment of answering


@dataclass(slots=True)
class Function:
    """A function in its own process; one invocation at a time."""

    process: subprocess.Popen[bytes]
    log: Path
    events: queue.Queue[bytes]
    answers: queue.Queue[tuple[str, bytes, float]]
    count: int = field(default=0)

    def invoke(self, event: Mapping[str, Any]) -> Answer:
        """Hand it an event and wait for what it returns. Raises FunctionError."""
        self.events.put(json.dumps(event).encode())
        try:
            kind, body, cpu_ms = self.answers.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise FunctionError(f"no answer; its log:\n{self.log.read_text()}") from None
        if kind != "response":
            raise FunctionError(f"{body.decode()}\n{self.log.read_text()}")
        self.count += 1
        return Answer(json.loads(body), cpu_ms)


def runtime_environment(folder: Path, python: str | None = None) -> Path:
    """Make an environment of Lambda's Python with what its runtime brings; return its interpreter.

    Without a CPython of that version this Python stands in.
    """
    found = interpreter(python) if python else None
    tool = uv.find_uv_bin()
    subprocess.run([tool, "venv", "--quiet", "--python", str(found or sys.executable), str(folder)], check=True)
    made = folder / "bin" / "python"
    install = [tool, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(made), *RUNTIME]
    subprocess.run(install, check=True)
    return made


@contextmanager
def running(
    python: Path, bundle: Path, handler: str, *, environment: Mapping[str, str], log: Path
) -> Iterator[Function]:
    """Run a function (`ping.handler`) of a bundle for the length of the block."""
    events: queue.Queue[bytes] = queue.Queue()
    answers: queue.Queue[tuple[str, bytes, float]] = queue.Queue()
    server = _server(events, answers)
    variables = {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "LAMBDA_TASK_ROOT": str(bundle),
        "_HANDLER": handler,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PATH": "/usr/bin:/bin",
        **environment,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-m", "awslambdaric", handler], cwd=bundle, env=variables, stdout=output, stderr=output
        )
        server.cpu_of = process.pid  # type: ignore[attr-defined]  # read by the handler below
        try:
            yield Function(process, log, events, answers)
        finally:
            process.kill()
            process.wait()
            events.put(b"")
            server.shutdown()
            server.server_close()


def cpu_ms(pid: int) -> float:
    """Return the CPU time of a process with all its threads, in milliseconds (from the kernel's scheduler, exact)."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


def _server(events: queue.Queue[bytes], answers: queue.Queue[tuple[str, bytes, float]]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one segment an answer, else each waits for an acknowledgement
        disable_nagle_algorithm = True

        def do_GET(self) -> None:  # .../invocation/next
            body = events.get()
            self._answer(200, body, INVOCATION)

        def do_POST(self) -> None:  # .../invocation/1/response, .../error, .../init/error
            length = self.headers["Content-Length"]
            body = self.rfile.read(int(length)) if length else _chunks(self.rfile)
            spent = cpu_ms(self.server.cpu_of)  # type: ignore[attr-defined]
            answers.put((self.path.rsplit("/", 1)[1], body, spent))
            self._answer(202, b"{}", {})

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = _Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Keep quiet: functions are killed in the middle of their connections."""


def _chunks(stream: Any) -> bytes:
    body = b""
    while size := int(stream.readline(), 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body
