"""The AWS emulator (ministack) as a child process on loopback: start, wait, talk to, stop with all its children.

It is given an environment made from nothing: the emulator hands its own on to every Lambda, so a developer's AWS
profile, proxies or LASTSEEN_ variables would otherwise reach the functions. It obeys only who knows the random secret
of this run: read gate.py for that, and children.py for how it is taken down.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.local import children, gate
from lastseen_cli.local.private import write_private

REGION = "us-east-1"
ACCOUNT = "000000000000"
START_SECONDS = 30.0
# What the emulator may take to stop in order before it is killed. Only with kept state is there anything to write.
KEEP_SECONDS = 10.0
DROP_SECONDS = 1.0
POLL_SECONDS = 0.05
LOG_TAIL_LINES = 15
# The emulator takes this key id and the account's number for the account's root, the latter being what it gives its
# functions. With AUTH on, it takes every other caller by its role's policies.
ROOT_KEY = "test"
SECRET_BYTES = 24
PRIVATE_UMASK = 0o077
PORT_FILE = "port"  # in the folder of the kept state
PROGRAM = ("-m", "lastseen_cli.local.gated_emulator")
STATE_FILES = (PORT_FILE, "*.json", "*.pem", "*.lock")
# Where botocore finds these: config key, environment variable, default, conversion. None looks nowhere.
NO_AWS_SETTINGS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator. `ca` is the certificate to trust, where it speaks TLS.

    `secret` signs AWS calls; `front_word` proves that a request came through our front.
    """

    port: int
    scratch: Path
    ca: Path | None
    child: children.Child
    secret: str = field(repr=False)
    front_word: str = field(repr=False)

    def alive(self) -> bool:
        """Return whether it still runs."""
        return self.child.status() is None

    @property
    def secure(self) -> bool:
        """Return whether it speaks TLS and checks every call against IAM."""
        return self.ca is not None

    @property
    def url(self) -> str:
        """The endpoint of every AWS service."""
        return f"{'https' if self.ca else 'http'}://127.0.0.1:{self.port}"

    def variables(self) -> dict[str, str]:
        """Return the environment variables by which every AWS SDK and CLI finds this emulator and may use it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        } | ({"AWS_CA_BUNDLE": str(self.ca)} if self.ca else {})

    def client(self, service: str) -> Any:
        """Make a boto3 client that talks to this emulator, whatever AWS profile or endpoint the user has set."""
        core = botocore.session.Session(session_vars=NO_AWS_SETTINGS)
        session = boto3.session.Session(
            aws_access_key_id=ROOT_KEY, aws_secret_access_key=self.secret, region_name=REGION, botocore_session=core
        )
        verify = str(self.ca) if self.ca else None
        config = Config(retries={"total_max_attempts": 2}, read_timeout=60, proxies={})
        return session.client(service, endpoint_url=self.url, verify=verify, config=config)  # type: ignore[call-overload]  # the stubs want a literal


@contextlib.contextmanager
def running(
    *,
    environ: Mapping[str, str],
    secure: bool = False,
    state: Path | None = None,
    program: Sequence[str] = PROGRAM,
) -> Iterator[Emulator]:
    """Run an emulator for the length of the block; afterwards none of its processes or files is left.

    `secure` turns on TLS and checks every call against the template's own IAM policies. `state` is a folder from which
    it starts and to which it writes when it stops. `program` is what Python runs, of those that run a gated emulator.
    """
    if secure and not shutil.which("openssl"):
        raise UsageError("The emulator's TLS needs the `openssl` program. Install it with the system's packages.")
    port = _port_for(state)
    secret, front_word = secrets.token_urlsafe(SECRET_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    words = {"AWS_SECRET_ACCESS_KEY": secret, gate.FRONT_WORD_VARIABLE: front_word}
    with children.running(
        [sys.executable, *program],
        environment=lambda scratch: _environment(environ, scratch, port=port, secure=secure, state=state) | words,
        patience_seconds=KEEP_SECONDS if state else DROP_SECONDS,
        umask=PRIVATE_UMASK,
    ) as child:
        ca = child.scratch / "ministack-tls" / "server.crt" if secure else None
        emulator = Emulator(port, child.scratch, ca, child, secret=secret, front_word=front_word)
        _wait_until_up(emulator, child)
        yield emulator


def _environment(
    environ: Mapping[str, str], scratch: Path, *, port: int, secure: bool, state: Path | None
) -> dict[str, str]:
    kept = {name: environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT") if name in environ}
    made = {
        "BIND_HOST": "127.0.0.1",  # its own default is every interface
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "DOCKER_HOST": f"unix://{scratch}/no-docker",  # never look for containers to reap: they are not ours
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
    }
    if secure:
        made |= {"AUTH": "true", "USE_SSL": "1"}
    if state:
        made |= {"PERSIST_STATE": "1", "STATE_DIR": str(state)}
    return kept | made


def _port_for(state: Path | None) -> int:
    """Pick a free port; with kept state the same one as before, since queue URLs in that state name it."""
    remembered = state / PORT_FILE if state else None
    wanted = int(remembered.read_text()) if remembered and remembered.exists() else 0
    try:
        port = _bindable(wanted)
    except OSError:
        raise CliError(
            f"Port {wanted} of the kept state in {state} is taken. Another `lastseen local` may be using this folder: "
            "stop it, or give another --data folder."
        ) from None
    if remembered:
        write_private(remembered, str(port))
    return port


def _bindable(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        bound: int = probe.getsockname()[1]
        return bound


def _wait_until_up(emulator: Emulator, child: children.Child) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        status = child.status()
        if status is not None:
            words = child.last_words(LOG_TAIL_LINES)
            raise CliError(f"The emulator stopped while starting (exit status {status}).{words}")
        try:
            socket.create_connection(("127.0.0.1", emulator.port), timeout=1).close()
        except OSError:
            time.sleep(POLL_SECONDS)
        else:
            return
    words = child.last_words(LOG_TAIL_LINES)
    raise CliError(f"The emulator did not answer within {START_SECONDS:.0f} seconds.{words}")
