"""What the tests of the clients need beside Python: in CI a missing program is a failure, on a plain machine a skip."""

import os
import shutil

import pytest

ENVIRON = os.environ  # noqa: TID251 - a test run is an entry point


def require_programs(*names: str) -> None:
    missing = [name for name in names if shutil.which(name) is None]
    if not missing:
        return
    text = f"{', '.join(missing)} not found: run tests/clients/install-debian.sh"
    if ENVIRON.get("CI"):
        pytest.fail(text)
    pytest.skip(text)
