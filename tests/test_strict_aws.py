"""The table of strict AWS is complete, and each row is played where it says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests import strict_aws
from tests.strict_aws import EMULATOR, SIMULATION, Row

ROWS: dict[str, Row[Any]] = {name: row for name, row in vars(strict_aws).items() if isinstance(row, Row)}
HERE = Path(__file__).parent
PLAYERS = {
    EMULATOR: HERE / "e2e" / "strict_emulator.py",
    SIMULATION: HERE / "simulation" / "world.py",
}


@pytest.mark.parametrize("name", ROWS)
def test_each_row_has_a_source_and_is_played_where_it_says(name: str) -> None:
    row = ROWS[name]
    assert len(row.source) > 40
    assert row.played_by
    players = {player for player, file in PLAYERS.items() if re.search(rf"strict_aws\.{name}\b", file.read_text())}
    assert players == set(row.played_by)
