"""The grants of the API and of the deliver function: none too many. Those of the others: test_grants.py."""

from __future__ import annotations

import pytest

from tests.conftest import Figure
from tests.e2e.conftest import Deployed
from tests.e2e.grants import miss_each

pytestmark = pytest.mark.emulator


@pytest.mark.slow
@pytest.mark.timeout(1700)  # see test_grants.py
def test_without_any_one_of_its_grants_api_or_deliver_fails_an_errand(
    deployed: Deployed, subtests: pytest.Subtests, figure: Figure
) -> None:
    miss_each(("api", "deliver"), deployed, subtests, figure)
