"""The line that tells the error, where each language and tool puts it."""

from __future__ import annotations

import time

import pytest

from lastseen.text.error_line import error_line

PYTHON = """Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'month'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
    raise ValueError("no such month")
ValueError: no such month"""
JAVA = """Exception in thread "main" java.lang.IllegalStateException: no such month
\tat com.example.Report.run(Report.java:10)
Caused by: java.io.IOException: disk
\t... 3 more"""


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (PYTHON, "ValueError: no such month"),
        ("ArgumentError: no such month\n/app/job.rb:3:in `run'", "ArgumentError: no such month"),
        ("job.rb:3:in 'run': no such month (ArgumentError)\n\tfrom job.rb:9", "ArgumentError: no such month"),
        (
            "ActiveRecord::RecordInvalid: Validation failed\n/app/x.rb:1",
            "ActiveRecord::RecordInvalid: Validation failed",
        ),
        (JAVA, "java.lang.IllegalStateException: no such month"),
        ("Error: Cannot find module 'x'\n    at Function.run (a.js:1)", "Error: Cannot find module 'x'"),
        ("panic: index out of range\n\ngoroutine 1 [running]:", "panic: index out of range"),
        ("starting\npg_dump: error: connection failed", "pg_dump: error: connection failed"),
        ("sending\nrsync: mkdir: No space left on device (28)\ndone 1", "rsync: mkdir: No space left on device (28)"),
        ("+ run\nbash: report: command not found", "bash: report: command not found"),
        ("a\nKeyboardInterrupt", "KeyboardInterrupt"),
        ("disk full", "disk full"),
        ("all good\n0 errors", ""),
        ("first\nsecond", ""),
        ("", ""),
    ],
)
def test_the_line_that_tells_the_error_is_found(output: str, line: str) -> None:
    assert error_line(output) == line


@pytest.mark.parametrize(
    "evil", ["A" * 2_000, "a." * 1_000, "x " * 1_000, "Error" * 400, "A::" * 600 + ":", "'" * 2_000]
)
def test_no_output_makes_the_search_slow(evil: str) -> None:
    started = time.perf_counter()
    error_line(f"{evil}\n{evil}\n")
    assert time.perf_counter() - started < 0.5
