from __future__ import annotations

import pytest

from tests.lastseen.api.world import World


@pytest.fixture
def world() -> World:
    return World()
