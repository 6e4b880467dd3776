"""The test alert of `lastseen doctor --send-test-alert`: a check fails on purpose, until SNS has its alert."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from botocore.exceptions import ClientError

from lastseen.core.check import Check
from lastseen.storage.errors import ConflictError
from lastseen_cli.aws import words
from lastseen_cli.deployment import Deployment
from lastseen_cli.doctor import REQUEST_SECONDS, Finding, Level

ALERT_SECONDS = 90.0
POLL_SECONDS = 1.0
REMOVE_TRIES = 10


def send_test_alert(
    deployment: Deployment,
    project: str,
    now: datetime,
    *,
    elapsed: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Finding:
    """Let a check of its own fail through the public URL, and wait until SNS has taken its alert; then remove it.

    It goes the whole way of a real one: gateway, ping function, tables, queue, alert function, topic.
    """
    about, store = "test alert", deployment.store
    name = "TEST ALERT of lastseen doctor: nothing is wrong"
    check = Check(id=str(uuid4()), project=project, name=name, tags="test", created=now.astimezone(UTC))
    began = elapsed()
    try:
        store.create(check, about="This is a test that somebody asked for. Nothing has to be done.")
        try:
            if not _ping(f"{deployment.output('PingUrl')}/{check.id}/fail"):
                return Finding(
                    Level.TROUBLE, about, "The public URL did not take the ping.", "Look at the API's access log."
                )
            while elapsed() - began < ALERT_SECONDS:
                seen = store.get(check.id, strong=True)
                if seen and 0 < seen.flips == seen.announced:
                    took = f"{elapsed() - began:.1f} s"
                    return Finding(Level.OK, about, f"Sent after {took}: SNS has it. Look whether it reached you.")
                pause(POLL_SECONDS)
        finally:
            _remove(deployment, check.id)
    except ClientError as error:
        return Finding(Level.TROUBLE, about, f"It could not be sent: {words(error)}", f"Allow {error.operation_name}.")
    says = f"It was not sent within {ALERT_SECONDS:.0f} s."
    return Finding(Level.TROUBLE, about, says, "Look at the log of the alert function and at its dead letters.")


def _ping(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, data=b"A test.\n", timeout=REQUEST_SECONDS):  # noqa: S310 - the stack's own URL
            return True
    except (OSError, ValueError):
        return False


def _remove(deployment: Deployment, check_id: str) -> None:
    """Remove the check, however often somebody else writes it meanwhile."""
    for _ in range(REMOVE_TRIES):
        seen = deployment.store.get(check_id, strong=True)
        if seen is None:
            return
        try:
            deployment.store.delete(seen)
        except ConflictError:
            continue
