"""`lastseen local`, from start to Ctrl-C: an entry point, so it reads the clock, the environment and the signals."""

from __future__ import annotations

import os
import queue
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console

from lastseen.core.check import Check
from lastseen.health.canary import CANARY_PROJECT
from lastseen.pinging.url import BadPingError, NoSuchPathError, Signal, Target, read_path
from lastseen.storage.store import Store
from lastseen.text.happened import check_name
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.local import demo as demonstration
from lastseen_cli.local import emulator, synth
from lastseen_cli.local.emulator import PORT_FILE, STATE_FILES, Emulator
from lastseen_cli.local.front import Seen, listen
from lastseen_cli.local.inbox import Inbox, Notice
from lastseen_cli.local.keys import Keys
from lastseen_cli.local.live import live
from lastseen_cli.local.outbox import Outbox
from lastseen_cli.local.private import FOLDER_MODE, make_private, write_private
from lastseen_cli.local.screen import Screen
from lastseen_cli.local.state import LocalRun, remembered, running

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_SECONDS = 1.0  # how often we make sure that the emulator is there
INBOX_WAIT_SECONDS = 10
SHORT_ID = 8

Event = Seen | Notice | str
"""A ping that passed, an alert that arrived, or a line of the demo's story."""


class _Stopped(BaseException):
    """Somebody asked us to stop."""


def run_local(*, port: int, env_file: Path | None, data: Path | None, demo: bool, screen: Screen | None = None) -> None:
    """Run everything until a signal comes. Raises CliError for what stands in the way."""
    began = time.monotonic()
    screen = screen or Screen(Console(highlight=False))
    with _stop_signals(), ExitStack() as stack:
        try:
            _run(stack, screen, began=began, port=port, env_file=env_file, data=data, demo=demo)
        except _Stopped:
            screen.say("\nStopping.")


def exports() -> str:
    """Return the lines by which a shell knows a running `lastseen local`. Raises CliError if there is none."""
    run = running(os.environ)  # noqa: TID251 - an entry point
    if run is None:
        raise CliError("No `lastseen local` is running. Start one in another terminal: lastseen local")
    return run.exports


def _run(
    stack: ExitStack,
    screen: Screen,
    *,
    began: float,
    port: int,
    env_file: Path | None,
    data: Path | None,
    demo: bool,
) -> None:
    root = synth.checkout()
    state = _folder(data) if data else None
    if env_file:
        _check_writable(env_file.parent, "--env-file")
    listening = stack.enter_context(listen(port))
    environ = os.environ  # noqa: TID251 - an entry point
    with screen.step("Synthesizing the AWS template (the first time after a change takes longer) ..."):
        assembly, _ = synth.assembly(root, environ=environ)
    with screen.step("Starting the AWS emulator ..."):
        cloud = stack.enter_context(emulator.running(environ=environ, state=state))
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with screen.step("Deploying the template ..."):
        now = datetime.now(UTC)  # noqa: TID251 - an entry point
        deployed = stack.enter_context(live(assembly, cloud, listening, state=state, now=now, on_seen=events.put))
        inbox = Inbox(cloud, deployed.stack.output("TopicArn"), name="lastseen-local-inbox")
    url, keys = deployed.url, deployed.keys
    outbox = stack.enter_context(Outbox(int(url.rpartition(":")[2]) + 1))
    threading.Thread(target=_watch, args=(inbox, events), daemon=True).start()
    if env_file:
        stack.enter_context(_env_file(env_file, _variables(url, keys)))
    stack.enter_context(remembered(LocalRun(url, _variables(url, keys), cloud.variables()), environ))
    kept = f"its state is kept in {state}" if state else "nothing is kept when it stops"
    screen.live(url=url, outbox=outbox.url, keys=keys, seconds=time.monotonic() - began, kept=kept)
    if demo:
        play = partial(demonstration.play, url, keys, deployed.store, events.put, now=now)
        threading.Thread(target=play, daemon=True).start()
    _show(screen, events, cloud, deployed.store, outbox)


def _show(screen: Screen, events: queue.SimpleQueue[Event], cloud: Emulator, store: Store, outbox: Outbox) -> None:
    """Print what happens until a signal comes. Raises CliError if the emulator goes away."""
    while True:
        try:
            event = events.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            if not cloud.alive():
                raise CliError("The emulator stopped by itself. Start `lastseen local` again.") from None
            continue
        now = datetime.now().astimezone()  # noqa: TID251 - an entry point
        match event:
            case Seen(path=path) if path.startswith("/ping/"):
                _show_ping(screen, event, store, now)
            case Notice():
                screen.alert(event, at=now)
                outbox.add(event, at=now)
            case str():
                screen.story(event)


def _show_ping(screen: Screen, seen: Seen, store: Store, now: datetime) -> None:
    """Print a ping of somebody's job; the canary's own, each minute, are nobody's."""
    try:
        target, said = read_path(seen.path.removeprefix("/ping/"))
    except (BadPingError, NoSuchPathError):
        screen.ping(seen, check="?", signal=None, note="", at=now)
        return
    check = store.get(target.uuid) if target.uuid else None
    if check is None or check.project != CANARY_PROJECT:
        screen.ping(seen, check=_name(target, check), signal=said.kind, note=_note(said), at=now)


def _note(said: Signal) -> str:
    return said.note or (f"exit status {said.exit_status}" if said.exit_status else "")


def _name(target: Target, check: Check | None) -> str:
    """Return what the check is called; a ping URL is a credential, so at most its beginning is shown."""
    if target.slug:
        return target.slug
    return check_name(check) if check else f"{target.uuid[:SHORT_ID]}..."


def _watch(inbox: Inbox, events: queue.SimpleQueue[Event]) -> None:
    """Pass on alerts as they reach the inbox, for as long as the emulator is there."""
    while True:
        try:
            for notice in inbox.receive(wait_seconds=INBOX_WAIT_SECONDS):
                events.put(notice)
        except Exception:  # noqa: BLE001 - the emulator is stopping, or has stopped: _show tells of that
            return


def _folder(data: Path) -> Path:
    try:
        data.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if (data / PORT_FILE).exists():
            make_private(data, STATE_FILES)
    except OSError as error:
        raise UsageError(
            f"--data {data} cannot be made ({error.strerror}). Give a folder that you may write to."
        ) from error
    _check_writable(data, "--data")
    return data.resolve()


def _check_writable(folder: Path, option: str) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"{option}: {folder} cannot be written to ({error.strerror}). Give a folder that you may write to."
        ) from error


def _variables(url: str, keys: Keys) -> dict[str, str]:
    return {
        "LASTSEEN_PING_URL": f"{url}/ping",
        "LASTSEEN_API_URL": f"{url}/api",
        "LASTSEEN_API_KEY": keys.write,
        "LASTSEEN_API_KEY_READONLY": keys.read,
        "LASTSEEN_PING_KEY": keys.ping,
    }


@contextmanager
def _env_file(path: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Write what clients need, for the length of the block. The file appears whole."""
    write_private(path, "".join(f"{name}={value}\n" for name, value in variables.items()))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _stop_signals() -> Iterator[None]:
    """Turn the first signal to stop into _Stopped; further ones wait until everything is taken down."""

    def stop(*_: object) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise _Stopped

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
