"""What a ping, a sweep and an alert may take: counts, which are the same on every machine. CPU is only reported."""

import re
import subprocess
import sys

import pytest

from infra.bundle import SOURCE
from infra.wakes import BATCH
from tests.bench import aws, storms
from tests.bench.generated import swept
from tests.bench.pings import CASES, taken_by
from tests.bench.sweeps import idle_round
from tests.bench.typical import item_bytes, typical_item

READ, WRITE, PUT = "GetItem", "UpdateItem", "PutItem"
EXPECTED = {
    "steady ping, by UUID": ([READ, WRITE, PUT], 2),
    "steady ping, by slug": ([READ, WRITE, PUT], 2),
    "steady ping, 1 KiB body": ([READ, WRITE, PUT], 3),
    "steady ping, history off": ([READ, WRITE], 1),
    "start and success": ([READ, WRITE, PUT] * 2, 4),
    "failure that flips": ([READ, "TransactWriteItems", WRITE, "SendMessageBatch", PUT], 6),
}
"""Calls in their order, and write units as the emulator reckons them."""

PING_MODULES = {
    f"{floor}.{name}"
    for floor, names in {
        "aws": "answers client connections gateway signature trust wakes",
        "core": "blind channel check dues early expressions history ids keys limits local_time log machine moments "
        "output runs schedule signals times zones",
        "pinging": "answer keys url",
        "storage": "checks conditions decide environment errors fresh history items settings store tables",
    }.items()
    for name in names.split()
}
"""What a ping by UUID pays for at a cold start."""


@pytest.mark.emulator
def test_a_minute_in_which_nothing_happens_takes_three_reads_and_its_scan() -> None:
    calls, read_units = idle_round()
    assert (sorted(calls), read_units) == ([READ, READ, READ, "Scan"], 3.5)


@pytest.mark.emulator
def test_a_ping_takes_just_these_calls_and_write_units() -> None:
    taken = {case.title: (list(one.calls), one.write_units) for case, one in taken_by(CASES)}
    assert taken == EXPECTED


def test_a_typical_check_is_small_enough_to_be_read_each_minute() -> None:
    assert item_bytes(typical_item()) == 186


def test_the_ping_function_imports_little() -> None:
    """No Pydantic, no Powertools, nothing of botocore; and hardly more modules than when this was written."""
    told = subprocess.run(
        [sys.executable, "-c", "import ping, sys; print(*sorted(sys.modules))"],
        cwd=SOURCE,
        env=aws.environment("http://127.0.0.1:9"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    heavy = {"pydantic", "aws_lambda_powertools", "boto3", "botocore", "urllib3", "jinja2", "apprise"}
    heavy |= {"certifi", "email", "encodings.idna", "http", "requests"}
    assert heavy & set(told) == set()
    ours = {name for name in told if name.startswith("lastseen.")}
    assert {name.removeprefix("lastseen.") for name in ours if name.count(".") == 2} == PING_MODULES
    assert len(told) < 230


@pytest.mark.parametrize("entry", [path.stem for path in sorted(SOURCE.glob("*.py")) if path.stem != "deliver"])
def test_the_bench_gives_each_function_the_variables_that_it_cannot_do_without(entry: str) -> None:
    """`deliver` is not measured."""
    text = (SOURCE / f"{entry}.py").read_text()
    needed = set(re.findall(r'_env\["([A-Z_]+)"\]', text)) - set(re.findall(r'_env\.get\("([A-Z_]+)"', text))
    assert needed <= aws.environment("http://127.0.0.1:9").keys()


def test_a_sweep_costs_its_scan_and_a_call_for_a_hundred_wakes() -> None:
    few, many = swept(20_000, 0.001), swept(20_000, 1.0)
    assert few.read_units == many.read_units == 454.5
    assert few.pages == many.pages == 4
    assert few.calls <= few.pages * 2
    assert many.calls <= many.pages + many.wakes / 75


def test_a_storm_costs_two_writes_an_alert_and_is_told_in_a_handful_of_messages() -> None:
    one = storms.storm(BATCH, among=5_000)
    assert one.calls["save"] == one.calls["announce"] == storms.DUE
    assert sum(one.calls.values()) <= 2.1 * storms.DUE
    assert one.messages <= 10  # a digest names 140 checks at most
    assert one.last.total_seconds() < 5
