import re

from infra.bundle import SOURCE
from infra.requirements import locked

REQUIREMENTS = (SOURCE / "requirements.txt").read_text()


def test_what_ships_is_what_pyproject_asks_for() -> None:
    assert locked() == REQUIREMENTS, "pyproject's group `lambda` was changed. Mend: uv run python -m infra.requirements"


def test_every_version_is_exact_and_hashed_and_no_host_is_named() -> None:
    pinned = re.findall(r"^([a-z0-9-]+)==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", REQUIREMENTS, re.MULTILINE)
    lines = [line for line in REQUIREMENTS.splitlines() if not line.startswith("    --hash=sha256:")]
    assert len(pinned) == len(lines) > 10
    assert "://" not in REQUIREMENTS


def test_the_runtimes_own_boto3_is_not_shipped() -> None:
    assert "boto" not in REQUIREMENTS
