"""Clients of Healthchecks' management API, each as its package ships it, through the full round of what it can do.

Neither client can resume a check: a ping resumes it there, and does here.
"""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest
import uv

from tests.compat.test_clients import NODE_CLIENT, install, play, run
from tests.compat.wire import Site
from tests.conftest import Local

pytestmark = pytest.mark.emulator

PYTHON_CLIENT = "healthchecks-io==0.4.4"


@pytest.fixture(scope="module")
def site(local: Local) -> Site:
    """A running Lastseen whose project has a channel."""
    wanted = {"name": "compat", "via": "email", "target": "compat@example.org", "default": False}
    made = httpx.post(f"{local.api_url}/v3/channels/", json=wanted, headers={"X-Api-Key": local.api_key}, timeout=60)
    assert made.status_code in {201, 409}, made.text
    return Site(local)


PYTHON = """
    import time
    from healthchecks_io import CheckCreate, CheckNotFoundError, CheckUpdate, Client, HCAPIAuthError, BadAPIRequestError
    from httpx import Client as Http

    def refused(error, call, *arguments, **named):
        try:
            call(*arguments, **named)
        except error:
            return
        raise AssertionError(f"not refused: {call}")

    for version in (1, 2, 3):
        with Client(api_key=api_key, api_url=api_url, ping_url=ping_url, api_version=version,
                    client=Http(timeout=60)) as client:
            tag = f"compat-py-{version}"
            made = client.create_check(CheckCreate(
                name=f"Compat {version}", tags=f"{tag} compat", desc="d", schedule="0 3 * * *", tz="Europe/Berlin",
                grace=600, channels="compat", unique=["name"]))
            uuid = made.uuid
            assert (made.status, made.n_pings, made.grace, made.channels != "") == ("new", 0, 600, True)
            again = client.create_check(CheckCreate(name=f"Compat {version}", tags=f"{tag} compat", unique=["name"]))
            assert again.uuid == uuid
            (listed,) = client.get_checks(tags=[tag, "compat"])
            assert listed.uuid == uuid == client.get_check(uuid).uuid
            assert client.update_check(uuid, CheckUpdate(timeout=300, desc="new")).timeout == 300
            refused(BadAPIRequestError, client.update_check, uuid, CheckUpdate(timeout=59))
            assert client.success_ping(uuid=uuid, data="all good") == (True, "OK")
            assert client.pause_check(uuid).status == "paused"
            assert client.fail_ping(uuid=uuid, data="no good") == (True, "OK")
            assert client.get_check(uuid).status == "down"
            newest, oldest = client.get_check_pings(uuid)
            assert (newest.type, newest.number_of_pings, oldest.type) == ("fail", 2, "success")
            assert [flip.up for flip in client.get_check_flips(uuid)] == [0, 0, 1]
            assert len(client.get_check_flips(uuid, seconds=600)) == 3
            assert client.get_check_flips(uuid, end=1) == []
            badges = client.get_badges()
            assert {"*", tag} <= set(badges)
            down = {"status": "down", "total": 1, "grace": 0, "down": 1}
            give_up = time.monotonic() + 60  # a badge may be a few seconds old
            while (said := Http(timeout=60).get(badges[tag].json3_url).json()) != down:
                assert time.monotonic() < give_up, said
                time.sleep(0.5)
            assert b"<svg" in Http(timeout=60).get(badges[tag].svg).content
            assert "compat" in [each.name for each in client.get_integrations()]
            assert client.delete_check(uuid).uuid == uuid
            refused(CheckNotFoundError, client.get_check, uuid)
    with Client(api_key=read_key, api_url=api_url, api_version=3, client=Http(timeout=60)) as reader:
        refused(HCAPIAuthError, reader.create_check, CheckCreate(name="x"))
        assert all(check.uuid is None and check.unique_key for check in reader.get_checks())
"""


def test_healthchecks_io_manages_checks_in_every_version(site: Site, tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    tool = uv.find_uv_bin()
    install(tool, "venv", "--quiet", "--python", sys.executable, python.parents[1])
    install(tool, "pip", "install", "--quiet", "--python", python, PYTHON_CLIENT)
    play(python, f"\n    read_key = {site.local.api_key_readonly!r}{PYTHON}", site)


NODE = """
const assert = require('assert');
const {HealthChecksApiClient} = require('healthchecks-io-client');
const [baseUrl, apiKey, pingUrl] = process.argv.slice(1);
const axios = require('axios');
(async () => {
  for (const apiVersion of [1, 2, 3]) {
    const client = new HealthChecksApiClient({apiKey, baseUrl, apiVersion, timeout: 60000, maxContentLength: 1e7});
    const tag = `compat-js-${apiVersion}`;
    const asked = {name: tag, tags: `${tag} compat`, timeout: 600, grace: 60, unique: ['name']};
    const made = await client.createCheck(asked);
    const uuid = made.ping_url.split('/').pop();
    assert.deepStrictEqual([made.status, made.timeout, made.n_pings], ['new', 600, 0]);
    assert.deepStrictEqual((await client.getChecks([tag, 'compat'])).checks.map(check => check.name), [tag]);
    assert.strictEqual((await client.getCheck(uuid)).ping_url, made.ping_url);
    assert.strictEqual((await client.updateCheck(uuid, {grace: 120})).grace, 120);
    assert.strictEqual((await client.pauseCheck(uuid)).status, 'paused');
    await axios.post(`${pingUrl}/${uuid}/fail`, 'no good');
    assert.strictEqual((await client.getCheck(uuid)).status, 'down');
    assert.deepStrictEqual((await client.listPings(uuid)).pings.map(ping => [ping.n, ping.type]), [[1, 'fail']]);
    assert.deepStrictEqual((await client.listFlips(uuid, {seconds: 600})).flips.map(flip => flip.up), [0, 0]);
    assert.deepStrictEqual((await client.listFlips(uuid, {end: 1})).flips, []);
    assert((await client.getIntegrations()).channels.some(channel => channel.name === 'compat' && channel.kind));
    await client.deleteCheck(uuid);
    await assert.rejects(client.getCheck(uuid), error => error.statusCode === 404);
  }
})().catch(error => { console.error(error); process.exit(1); });
"""


def test_healthchecks_io_client_of_node_manages_checks_in_every_version(site: Site, tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    quietly = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
    install(scripts / "npm", "install", *quietly, NODE_CLIENT, folder=tmp_path)
    local = site.local
    arguments = (local.site_url, local.api_key, local.ping_url)
    run(scripts / "node", "-e", NODE, *arguments, NODE_PATH=str(tmp_path / "node_modules"))
