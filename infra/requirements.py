"""functions/requirements.txt and infra/build-requirements.txt, made from two dependency groups of pyproject.toml.

After changing the group `lambda` or `bundle`: uv run python -m infra.requirements
To take newer versions of what those packages need, delete the file first.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import uv

from infra.bundle import BUILD_REQUIREMENTS, REQUIREMENTS, ROOT

LOCKED = {"lambda": REQUIREMENTS, "bundle": BUILD_REQUIREMENTS}
"""The file of each dependency group."""


def locked(group: str) -> str:
    """Return exact versions of a group with their hashes, for every processor and for Python 3.11 and later; no hosts.

    A version that the file names already stays for as long as pyproject allows it, so that a release made since (some
    package indexes do not say when) changes nothing. Raises CalledProcessError.
    """
    command = [uv.find_uv_bin(), "pip", "compile", "--quiet", "--group", group, "--universal"]
    command += ["--python-version", "3.11", "--no-python-downloads", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, LOCKED[group].name)
        if LOCKED[group].exists():
            shutil.copy(LOCKED[group], kept)
        subprocess.run([*command, "--output-file", str(kept)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return kept.read_text()


if __name__ == "__main__":
    for name, file in LOCKED.items():
        file.write_text(locked(name))
