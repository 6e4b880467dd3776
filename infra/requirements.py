"""functions/requirements.txt, made from the dependency group `lambda` of pyproject.toml.

Renew it after changing that group: uv run python -m infra.requirements
"""

import subprocess

import uv

from infra.bundle import ROOT, SOURCE


def locked() -> str:
    """Return exact versions with their hashes, for every processor and for Python 3.11 and later; no hosts.

    pyproject's `exclude-newer` keeps the answer the same from day to day. Raises CalledProcessError.
    """
    command = [uv.find_uv_bin(), "pip", "compile", "--quiet", "--group", "lambda", "--universal"]
    command += ["--python-version", "3.11", "--no-python-downloads", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    (SOURCE / "requirements.txt").write_text(locked())
