"""Real clients of Healthchecks, each as its package ships it, told nothing but our base URL.

curl and wget are on every machine of ours. The others are installed from their registries into a folder of the session:
those of Python by uv into an environment of their own, that of Node by the npm that we depend on.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import uv

from tests.clients.needs import require_programs
from tests.compat.wire import Site
from tests.conftest import Local

pytestmark = pytest.mark.emulator

INSTALL_SECONDS, RUN_SECONDS = 240, 60
PYTHON_CLIENTS = (
    "borgmatic==2.1.10",
    "emborg==1.43",
    "healthcheck-pinger==0.0.6",
    "healthchecks-decorator==0.5.0",
    "healthchecks-io==0.4.4",
    "healthchecks-wrapper==0.1.6",
    "runchecked==0.1.1",
)
NOBODY = "00000000-0000-4000-8000-000000000000"
NODE_CLIENT = "healthchecks-io-client@1.0.4"


@pytest.fixture(scope="module")
def site(local: Local) -> Site:
    return Site(local)


def wake(site: Site) -> None:
    """Have the ping function started: some clients wait for ten seconds, which a busy machine may take for that."""
    assert site.send(NOBODY)[0] == 404


def run(*command: str | Path, stdin: bytes = b"", status: int = 0, **environment: str) -> str:
    """Run a program to its end and return what it said."""
    done = subprocess.run(
        command,
        input=stdin,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=RUN_SECONDS,
        check=False,
    )
    said = done.stdout.decode(errors="replace")
    assert done.returncode == status, said
    return said


# --- What every machine has ---


CURL = ("curl", "-fsS", "-m", "30", "--retry", "5", "-o", "/dev/null")


def test_curl(site: Site) -> None:
    require_programs("curl")
    uuid = site.make("curl")
    url = f"{site.local.ping_url}/{uuid}"
    log = b"line 1\nline 2\n\xff\x00"
    run(*CURL, f"{url}/start")
    run(*CURL, "--data-binary", "@-", f"{url}/1", stdin=log)
    run(*CURL, "-T", "-", f"{url}/log", stdin=log)  # a chunked PUT
    run(*CURL, "--data-raw", "all good", url)
    run(*CURL, "-I", url)
    run(*CURL, "-F", "log=@-", f"{url}/fail", stdin=log)
    *said, form = site.said(uuid)
    assert said == [
        ("GET", "start", b""),
        ("POST", "fail", log),
        ("PUT", "log", log),
        ("POST", "success", b"all good"),
        ("HEAD", "success", b""),
    ]
    assert form[:2] == ("POST", "fail")
    assert log in form[2]
    assert {ping["ua"][:5] for ping in site.pings(uuid)} == {"curl/"}


def test_curl_makes_a_check_by_slug(site: Site) -> None:
    require_programs("curl")
    run(*CURL, f"{site.local.ping_url}/{site.local.ping_key}/curl-made?create=1")
    assert site.of_slug("curl-made")["status"] == "up"


def test_curl_sees_an_unknown_url_as_an_error_and_does_not_try_it_again(site: Site) -> None:
    require_programs("curl")
    said = run(*CURL, f"{site.local.ping_url}/{NOBODY}", status=22)
    assert (said.count("404"), "retry" in said) == (1, False)


def test_wget(site: Site) -> None:
    require_programs("wget")
    uuid = site.make("wget")
    url = f"{site.local.ping_url}/{uuid}"
    wget = ("wget", "-q", "-T", "30", "-t", "3", "-O", "/dev/null")
    run(*wget, f"{url}/start")
    run(*wget, "--post-data=all good", url)
    run(*wget, "--spider", f"{url}/3")
    assert site.said(uuid) == [("GET", "start", b""), ("POST", "success", b"all good"), ("HEAD", "fail", b"")]


# --- Python ---


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the clients."""
    made = tmp_path_factory.mktemp("clients") / "bin/python"
    tool = uv.find_uv_bin()
    install(tool, "venv", "--quiet", "--allow-existing", "--python", sys.executable, made.parents[1])
    install(tool, "pip", "install", "--quiet", "--python", made, *PYTHON_CLIENTS)
    return made


def install(*command: str | Path, folder: Path | None = None) -> None:
    subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_SECONDS)


def play(python: Path, script: str, site: Site, uuid: str = "") -> None:
    """Run a script that finds `ping_url`, `uuid` and the rest as names."""
    names = {
        "ping_url": site.local.ping_url,
        "ping_key": site.local.ping_key,
        "api_url": site.local.api_url,
        "api_key": site.local.api_key,
        "uuid": uuid,
    }
    given = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    run(python, "-c", given + textwrap.dedent(script))


HEALTHCHECKS_IO = """
    from healthchecks_io import CheckCreate, CheckNotFoundError, CheckTrap, Client
    from httpx import Client as Http

    patient = Http(timeout=60)  # as a busy machine needs
    with Client(api_key=api_key, api_url=api_url, ping_url=ping_url, ping_key=ping_key, client=patient) as client:
        check = client.create_check(CheckCreate(name="healthchecks-io", tags="compat", timeout=600, grace=60))
        uuid = check.uuid
        assert client.start_ping(uuid=uuid) == (True, "OK")
        assert client.success_ping(uuid=uuid, data="all good") == (True, "OK")
        assert client.fail_ping(slug="healthchecks-io", data="no good") == (True, "OK")
        assert client.exit_code_ping(3, slug="healthchecks-io") == (True, "OK")
        with CheckTrap(client, uuid=uuid) as trap:
            trap.add_log("line")
        try:
            client.success_ping(uuid="00000000-0000-4000-8000-000000000000")
        except CheckNotFoundError:
            pass
        else:
            raise AssertionError("a check that is not there")
        assert client.get_check(uuid).n_pings == 6
"""


def test_healthchecks_io(site: Site, python: Path) -> None:
    play(python, HEALTHCHECKS_IO, site)
    uuid = site.of_slug("healthchecks-io")["uuid"]
    assert site.said(uuid) == [
        ("POST", "start", b""),
        ("POST", "success", b"all good"),
        ("POST", "fail", b"no good"),
        ("POST", "fail", b""),
        ("POST", "start", b""),
        ("POST", "success", b"line"),
    ]
    assert site.pings(uuid)[3]["exitstatus"] == 3


DECORATOR = """
    from healthchecks_decorator import healthcheck

    @healthcheck(url=f"{ping_url}/{uuid}", send_start=True, send_diagnostics=True)
    def good():
        return {"rows": 3}

    @healthcheck(url=f"{ping_url}/{uuid}/", send_start=True)
    def bad():
        raise OSError("disk full")

    good()
    try:
        bad()
    except OSError:
        pass
"""
WRAPPER = """
    import asyncio
    from healthchecks_wrapper import HealthCheck

    async def watched():
        async with HealthCheck(f"{ping_url}/{uuid}"):
            pass

    asyncio.run(watched())
    with HealthCheck(f"{ping_url}/{uuid}", suppress_exceptions=True):
        raise OSError("disk full")
"""
PINGER = """
    from HealthCheck_Pinger import pingDecor

    @pingDecor(uuid, server=ping_url)
    def bad():
        raise OSError("disk full")

    bad()
"""
RUNCHECKED = """
    from runchecked import HealthCheckedContext

    for code in (0, 3):
        with HealthCheckedContext(f"{ping_url}/{uuid}", enable_tty_output=False) as context:
            context.run(["sh", "-c", f"echo said; exit {code}"])
"""
EMBORG = """
    from types import SimpleNamespace
    from emborg.hooks import Hooks
    from inform import Inform

    settings = SimpleNamespace(healthchecks_uuid=uuid, healthchecks_url=ping_url, cronhub_uuid=None, cronhub_url=None)
    with Inform():
        with Hooks(settings):
            pass
        try:
            with Hooks(settings):
                raise OSError(28, "disk full")
        except OSError:
            pass
"""
START, START_BY_POST = ("GET", "start", b""), ("POST", "start", b"")
SAID: dict[str, tuple[str, list[tuple[str, str, bytes]]]] = {
    "healthchecks-decorator": (DECORATOR, [START, ("POST", "success", b"rows=3"), START, ("GET", "fail", b"")]),
    "healthchecks-wrapper": (WRAPPER, [START, ("GET", "success", b""), START, ("POST", "fail", b"Error: disk full")]),
    "healthcheck-pinger": (PINGER, [START, ("POST", "fail", b"OSError: disk full")]),
    "runchecked": (RUNCHECKED, [("POST", "success", b" successfully"), ("POST", "fail", b" unsuccessfully")]),
    "emborg": (
        EMBORG,
        [START_BY_POST, ("POST", "success", b""), START_BY_POST, ("POST", "fail", b"disk full")],
    ),
}
"""Client -> what it does, and what is recorded of it: method, kind, and how its body ends."""


@pytest.mark.parametrize("name", SAID)
def test_a_client_of_python(site: Site, python: Path, name: str) -> None:
    script, expected = SAID[name]
    uuid = site.make(name)
    wake(site)
    play(python, script, site, uuid)
    said = site.said(uuid)
    assert [each[:2] for each in said] == [each[:2] for each in expected]
    for (_, _, body), (_, _, end) in zip(said, expected, strict=True):
        assert body.rstrip(b"\n.").endswith(end)
        assert bool(body) == bool(end)


BORG = """#!/bin/sh
# Stands for borg: borgmatic is what is watched here. It fails where it is told to.
case "$*" in
  *--version*) echo "borg 1.4.1" ;;
  *) echo "archive made: $*"; exit "${BORG_EXITS:-0}" ;;
esac
"""


def test_borgmatic(site: Site, python: Path, tmp_path: Path) -> None:
    """Whole runs of the program: a good one by UUID, and a bad one by a slug that it makes."""
    borg, config = tmp_path / "borg", tmp_path / "borgmatic.yaml"
    borg.write_text(BORG)
    borg.chmod(0o755)
    uuid = site.make("borgmatic")
    for path, exits in ((uuid, 0), (f"{site.local.ping_key}/borg-made", 2)):
        config.write_text(
            f"source_directories: [{tmp_path}]\nrepositories: [{{path: {tmp_path}/repository}}]\nlocal_path: {borg}\n"
            f"healthchecks: {{ping_url: '{site.local.ping_url}/{path}', create_slug: true, send_logs: true}}\n"
        )
        command = (python.with_name("borgmatic"), "--config", config, "--verbosity", "1", "create")
        wake(site)
        run(*command, HOME=str(tmp_path), BORG_EXITS=str(exits), status=1 if exits else 0)
    made = site.of_slug("borg-made")["uuid"]
    good, bad = site.pings(uuid), site.pings(made)
    assert [ping["type"] for ping in good] == ["start", "log", "success"]
    assert [ping["type"] for ping in bad] == ["start", "log", "fail"]
    assert {ping["ua"] for ping in good + bad} == {"borgmatic"}
    assert b"archive made" in site.body(uuid, 3)
    assert b"exit status 2" in site.body(made, 3)


# --- Node ---

NODE = """
const {HealthChecksPingClient} = require('healthchecks-io-client');
const [baseUrl, uuid] = process.argv.slice(1);
const client = new HealthChecksPingClient({uuid, baseUrl, timeout: 30000, returnResponse: true});
(async () => {
  for (const [call, payload] of [['start'], ['success', 'all good'], ['fail', 'no good']]) {
    const answer = await client[call](payload);
    if (answer !== 'OK') throw new Error(`${call}: ${answer}`);
  }
})();
"""


def test_healthchecks_io_client_of_node(site: Site, tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    quietly = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
    install(scripts / "npm", "install", *quietly, NODE_CLIENT, folder=tmp_path)
    uuid = site.make("healthchecks-io-client")
    run(scripts / "node", "-e", NODE, site.local.ping_url, uuid, NODE_PATH=str(tmp_path / "node_modules"))
    assert site.said(uuid) == [("GET", "start", b""), ("POST", "success", b"all good"), ("POST", "fail", b"no good")]
