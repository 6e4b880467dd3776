"""The ping function with the botocore of Lambda's runtime, which AWS changes without a deploy of ours.

The function takes its signer and its trust in certificates from that botocore, below the public clients. Which one the
runtime has is in no document of AWS: python3.13 came in November 2024, in the months of botocore 1.35, and a runtime
starts with one that is months old; in August 2025 it had 1.38.36 (terricain/aioboto3, issue 381); and it may come to
have whatever is published.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import uv

from infra.bundle import REQUIREMENTS, ROOT
from tests.conftest import Figure

INSTALL_SECONDS, TEST_SECONDS = 300, 600
PATH_OF_A_PING = ("tests/functions/test_ping.py", "tests/lastseen/aws/test_client.py")


@pytest.mark.slow
@pytest.mark.timeout(INSTALL_SECONDS + TEST_SECONDS)
@pytest.mark.parametrize("botocore", ["1.34.145", "1.38.36", ""], ids=lambda version: version or "newest")
def test_the_path_of_a_ping_is_the_same_with_the_botocore_of_every_runtime(
    botocore: str, tmp_path: Path, figure: Figure
) -> None:
    exactly = [f"boto3=={botocore}", f"botocore=={botocore}"] if botocore else ["boto3", "botocore"]
    [urllib3] = re.findall(r"^(urllib3==\S+)", REQUIREMENTS.read_text(), re.MULTILINE)  # ours: it ships with us
    tool = (uv.find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(tmp_path))
    subprocess.run([*tool, *exactly, urllib3], cwd=ROOT, check=True, timeout=INSTALL_SECONDS)

    with_it = {**os.environ, "PYTHONPATH": str(tmp_path)}  # noqa: TID251 - a child has what we have, and a little more
    version = "import botocore; print(botocore.__file__, botocore.__version__)"
    where, installed = run("-c", version, environment=with_it).split()
    assert Path(where).is_relative_to(tmp_path)
    assert botocore in ("", installed)
    done = run("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *PATH_OF_A_PING, environment=with_it)
    figure(f"botocore {installed}: {done.splitlines()[-1]}")


def run(*arguments: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TEST_SECONDS,
    )
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-5_000:]
    return done.stdout
