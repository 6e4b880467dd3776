"""What is kept of a job's output: both ends, whole lines, and how much is missing."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from lastseen.core.output import kept_output, shortened

MARK = re.compile(r"\[\.\.\. ([0-9,]+) bytes left out \.\.\.\]")


def test_short_output_is_kept_to_the_byte() -> None:
    assert kept_output(b"\xff\r\nx", 10) == b"\xff\r\nx"


def test_a_deep_backtrace_keeps_its_exception_and_its_end() -> None:
    body = b"ArgumentError: no such month\n" + b"".join(b"callbacks.rb:%d:in run\n" % n for n in range(1_000))
    kept = kept_output(body, 2_000).decode().split("\n")
    assert kept[0] == "ArgumentError: no such month"
    assert kept[-2] == "callbacks.rb:999:in run"
    assert all(MARK.fullmatch(row) or f"{row}\n".encode() in body for row in kept if row)


def test_one_line_without_end_keeps_its_end() -> None:
    kept = kept_output(b"x" * 5_000 + b"the end", 1_000)
    assert kept.endswith(b"the end")
    assert b"bytes left out" in kept


@given(st.binary(max_size=6_000) | st.text(max_size=3_000).map(str.encode), st.integers(200, 2_000))
def test_what_is_kept_fits_and_the_count_is_right(body: bytes, limit: int) -> None:
    kept = kept_output(body, limit)
    assert len(kept) <= limit or kept == body
    if len(body) > limit:
        [count] = MARK.findall(kept.decode())
        text = body.decode(errors="replace").replace("\r\n", "\n")
        left = len(text.encode()) - len(MARK.sub("", kept.decode()).encode())
        assert abs(int(count.replace(",", "")) - left) <= 2  # line ends around the mark


def test_what_was_left_out_before_counts_when_more_is() -> None:
    text = "\n".join(f"line {n:03d}" for n in range(100))
    once = shortened(text, 600)
    twice = shortened(once, 200, lines=10)
    [count] = MARK.findall(twice)
    kept = sum(len(row) + 1 for row in twice.split("\n") if not MARK.fullmatch(row))
    assert abs(int(count) + kept - len(text)) <= 2
