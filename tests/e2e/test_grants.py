"""The grants of infra/stack.py: enough for every errand, and none too many. The emulator enforces them as AWS would."""

from __future__ import annotations

import pytest

from tests.conftest import Figure
from tests.e2e.conftest import Deployed
from tests.e2e.errands import ERRANDS, Errand
from tests.e2e.grants import miss_each

pytestmark = pytest.mark.emulator

ALL_ERRANDS = [pytest.param(errand, id=errand.__name__) for errands in ERRANDS.values() for errand in errands]


@pytest.mark.parametrize("errand", ALL_ERRANDS)
def test_with_its_grants_a_function_does_its_errands(errand: Errand, deployed: Deployed) -> None:
    errand(deployed)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # the emulator starts a function anew after each of its failures
def test_without_any_one_of_its_grants_ping_sweep_or_alert_fails_an_errand(
    deployed: Deployed, subtests: pytest.Subtests, figure: Figure
) -> None:
    """Those of the other functions: test_grants_api.py, a file of its own so that both run side by side."""
    miss_each(("ping", "sweep", "alert"), deployed, subtests, figure)
