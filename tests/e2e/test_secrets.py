"""What is in the logs of a whole deployment, whatever went on in it: no ping URL, no key, no output of a job."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Deployed
from tests.e2e.grants import grant, without

pytestmark = pytest.mark.emulator


def test_no_log_holds_a_secret_even_when_functions_break(deployed: Deployed) -> None:
    keys, url = deployed.live.keys, deployed.create("secretive")
    check_id = url.rsplit("/", 1)[1]
    by_slug = f"{deployed.live.url}/ping/{keys.ping}/secretive"
    for target, expected in {url: 200, by_slug: 200, f"{by_slug}/nonsense": 404}.items():
        assert deployed.ping(target, "top-secret-output") == expected
    with without(grant(deployed, "ping", "dynamodb:PutItem", "History"), deployed.cloud):
        assert deployed.ping(url, "top-secret-output") == 200  # counted, though not kept
    with without(grant(deployed, "ping", "dynamodb:UpdateItem", "Checks"), deployed.cloud):
        assert deployed.ping(f"{by_slug}/fail", "top-secret-output") == 502
    with without(grant(deployed, "api", "dynamodb:GetItem", "Checks"), deployed.cloud):
        assert deployed.api("GET", f"/checks/{check_id}").status_code == 502

    logged = "\n".join(deployed.logged())
    assert logged.count("AccessDenied") >= 3  # the functions did break, and said so
    for secret in (check_id, keys.write, keys.read, keys.ping, "top-secret-output"):
        assert secret not in logged
