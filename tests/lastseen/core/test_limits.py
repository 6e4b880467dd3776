"""A first ping and the API refuse the same settings: both have their limits from one file."""

from __future__ import annotations

import json

import pytest

from lastseen.api.errors import BadRequestError
from lastseen.api.models import CheckRequest, read_body
from lastseen.core.limits import CONTROL_CHARS, NAME_CHARS, SECONDS, TAGS_CHARS, ZONE_CHARS
from lastseen.core.schedule import LONGEST_PERIOD, SHORTEST_PERIOD
from lastseen.pinging.create import new_check
from lastseen.pinging.url import BadPingError
from tests.memory import MemoryStore
from tests.times import T0, seconds

Value = str | int

ACCEPTED: list[tuple[str, Value]] = [
    ("name", "n" * NAME_CHARS),
    ("name", "tab\tand\nline"),
    ("tags", "t" * TAGS_CHARS),
    ("grace", SECONDS[0]),
    ("grace", SECONDS[-1]),
    ("timeout", SECONDS[0]),
    ("timeout", SECONDS[-1]),
]
REFUSED: list[tuple[str, Value]] = [
    ("name", "n" * (NAME_CHARS + 1)),
    ("name", "nul\0"),
    ("name", "esc\x1b[2J"),
    ("tags", "t" * (TAGS_CHARS + 1)),
    ("grace", SECONDS[0] - 1),
    ("grace", SECONDS[-1] + 1),
    ("timeout", SECONDS[0] - 1),
    ("timeout", SECONDS[-1] + 1),
    ("tz", "Z" * (ZONE_CHARS + 1)),
]


def by_ping(name: str, value: Value) -> bool:
    try:
        new_check(MemoryStore(), "default", "job", {"create": "1", name: str(value)}, T0)
    except BadPingError:
        return False
    return True


def by_api(name: str, value: Value) -> bool:
    try:
        read_body(CheckRequest, json.dumps({name: value}).encode())
    except BadRequestError:
        return False
    return True


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
def test_what_is_within_the_limits_is_accepted_by_a_first_ping_and_by_the_api(name: str, value: Value) -> None:
    assert (by_ping(name, value), by_api(name, value)) == (True, True)


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_what_is_beyond_them_is_refused_by_both(name: str, value: Value) -> None:
    assert (by_ping(name, value), by_api(name, value)) == (False, False)


def test_a_period_of_a_schedule_has_the_limits_of_the_seconds_that_ask_for_it() -> None:
    assert (seconds(SECONDS[0]), seconds(SECONDS[-1])) == (SHORTEST_PERIOD, LONGEST_PERIOD)
    assert CONTROL_CHARS.isprintable()  # it is the inside of a class of a regular expression, not the characters
