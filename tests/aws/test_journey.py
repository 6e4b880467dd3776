"""The main job, end to end, on AWS itself. Deselected unless asked for: conftest.py says how."""

from __future__ import annotations

import pytest

from tests.e2e import test_journey as journey
from tests.e2e.conftest import Deployed

pytestmark = pytest.mark.aws


def test_a_job_goes_silent_and_recovers_and_fails_and_people_hear_of_each(deployed: Deployed) -> None:
    journey.test_a_job_goes_silent_and_recovers_and_fails_and_people_hear_of_each(deployed)


def test_a_run_that_hangs_is_noticed_as_stuck(deployed: Deployed) -> None:
    journey.test_a_run_that_hangs_is_told_as_stuck(deployed)
