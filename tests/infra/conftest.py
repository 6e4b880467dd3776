"""Templates, each made once a session. The one that ships when nothing is chosen is tests/conftest.py's `template`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.template import synthesized

Synthesize = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def synthesize() -> Synthesize:
    """Synthesize the app with some context into a template; fails on any finding of cdk-nag."""
    return synthesized


@pytest.fixture(scope="session")
def with_dashboard() -> dict[str, Any]:
    return synthesized(dashboard="true")


@pytest.fixture(scope="session")
def throwaway() -> dict[str, Any]:
    return synthesized(throwaway="true", arch="x86_64", alert_emails="a@example.com, b@example.com")
