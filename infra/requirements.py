"""functions/requirements.txt, made from the dependency group `lambda` of pyproject.toml.

After changing that group: uv run python -m infra.requirements
To take newer versions of what those packages need, delete the file first.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import uv

from infra.bundle import ROOT, SOURCE

REQUIREMENTS = SOURCE / "requirements.txt"


def locked() -> str:
    """Return exact versions with their hashes, for every processor and for Python 3.11 and later; no hosts.

    A version that the file names already stays for as long as pyproject allows it, so that a release made since (some
    package indexes do not say when) changes nothing. Raises CalledProcessError.
    """
    command = [uv.find_uv_bin(), "pip", "compile", "--quiet", "--group", "lambda", "--universal"]
    command += ["--python-version", "3.11", "--no-python-downloads", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, REQUIREMENTS.name)
        if REQUIREMENTS.exists():
            shutil.copy(REQUIREMENTS, kept)
        subprocess.run([*command, "--output-file", str(kept)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return kept.read_text()


if __name__ == "__main__":
    REQUIREMENTS.write_text(locked())
