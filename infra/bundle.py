"""The one asset of all functions: our source and its pinned dependencies, built here without Docker.

Same input, same bytes and same modes, whatever the machine: the asset's hash is taken of the output, so what is
deployed anew is what has changed, be it our source, a dependency or the processor. The CDK zips each file with the mode
that it has on disk, and Lambda runs as another user, so a file that a strict umask made private would be one that no
function can read. Installed dependencies are kept below .lastseen/ (by requirements, processor and
Python), so that only the first synth takes long. The ping function imports almost none of them; that they lie beside it
costs it a little when its package is fetched, and saves a second way to build.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import jsii
import uv
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_

from infra.host_files import host_files

ROOT: Final = Path(__file__).parent.parent
SOURCE: Final = ROOT / "functions"
HOST: Final = "host"  # the folder of what hosts download: functions/api.py
REQUIREMENTS: Final = SOURCE / "requirements.txt"
BUILD_REQUIREMENTS: Final = ROOT / "infra" / "build-requirements.txt"
"""What builds the packages that have no wheel: exact versions and hashes, as for what ships."""
CACHE: Final = ROOT / ".lastseen" / "bundles"

_PLATFORMS: Final = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}
_RECIPE: Final = "1"  # change it with what `_install` makes, so that old cache entries are left alone
_PURE_BUT_NO_WHEEL: Final = "oncalendar"  # published as source only; it is plain Python, so it fits every processor
# Nothing that ships asks for its own version at run time; without metadata to search, pydantic even starts sooner.
_FOLDER_MODE: Final = 0o755
_FILE_MODE: Final = 0o644  # nothing in there is started, all is imported
_NOT_SHIPPED: Final = ("bin", ".lock", "*.dist-info")


class BundleError(RuntimeError):
    """The functions could not be bundled; the text says what to do."""


def bundled(*, arch: str, python: str) -> lambda_.Code:
    """Return functions/ with its dependencies for Lambda's `arch` and the CPython `python` ("3.13")."""
    return lambda_.Code.from_asset(
        str(SOURCE),
        asset_hash_type=AssetHashType.OUTPUT,
        bundling=BundlingOptions(
            image=DockerImage.from_registry("never-pulled"),  # the CDK wants one named; ours is the local way, always
            local=_LocalBundling(arch=arch, python=python),
        ),
    )


def build(output: Path, *, arch: str, python: str, cache: Path = CACHE) -> None:
    """Fill `output` with what Lambda gets as /var/task. Raises BundleError."""
    compiler = interpreter(python)
    if compiler is None:
        print(  # noqa: T201 - a message to the user of cdk
            f"warning: no CPython {python} found: the functions ship without byte code and start twice as slowly. "
            f"Fix: uv python install {python}",
            file=sys.stderr,
        )
    shutil.copytree(_dependencies(arch, python, compiler, cache), output, dirs_exist_ok=True)
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc", "requirements.txt", "ruff.toml")
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "source"
        shutil.copytree(SOURCE, source, ignore=unwanted)
        _compile(source, compiler)
        shutil.copytree(source, output, dirs_exist_ok=True)
    (output / HOST).mkdir()
    for name, content in host_files().items():
        (output / HOST / name).write_bytes(content)
    _make_readable(output)


@jsii.implements(ILocalBundling)
class _LocalBundling:
    """The CDK's door to `build`."""

    def __init__(self, *, arch: str, python: str) -> None:
        self._arch, self._python = arch, python

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:
        build(Path(output_dir), arch=self._arch, python=self._python)
        return True


def _dependencies(arch: str, python: str, compiler: Path | None, cache: Path) -> Path:
    """Return the folder with the installed requirements, made now or earlier."""
    version = _output([str(compiler), "-VV"]) if compiler else "no byte code"
    parts = (_RECIPE, arch, python, version, REQUIREMENTS.read_text(), BUILD_REQUIREMENTS.read_text())
    entry = cache / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    if not entry.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            made = Path(scratch) / "made"
            _install(made, arch, python)
            _compile(made, compiler)
            try:
                made.rename(entry)
            except OSError:  # another synth was quicker, or the folder is not ours to write
                if not entry.exists():
                    raise
    return entry


def _install(target: Path, arch: str, python: str) -> None:
    command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--no-binary", _PURE_BUT_NO_WHEEL, "--build-constraints", str(BUILD_REQUIREMENTS)]
    command += ["--python", sys.executable, "--python-version", python, "--python-platform", _PLATFORMS[arch]]
    command += ["--no-compile-bytecode", "--target", str(target), "--requirements", str(REQUIREMENTS)]
    _output(command)
    for pattern in _NOT_SHIPPED:
        for found in target.glob(pattern):
            shutil.rmtree(found) if found.is_dir() else found.unlink()
    for tests in [path for path in target.rglob("tests") if path.is_dir()]:
        shutil.rmtree(tests)


def _compile(folder: Path, compiler: Path | None) -> None:
    """Add byte code that Python trusts without looking at the source's time, naming files as Lambda will have them."""
    if compiler is None:
        return
    command = [str(compiler), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    # The same file gives the same bytes only under the same order of sets.
    _output([*command, "-s", str(folder), "-p", "/var/task", str(folder)], PYTHONHASHSEED="0")


def _make_readable(folder: Path) -> None:
    """Give everything below `folder` the modes that Lambda needs, whatever the umask of this machine."""
    for path in folder.rglob("*"):
        path.chmod(_FOLDER_MODE if path.is_dir() else _FILE_MODE)


def interpreter(python: str) -> Path | None:
    """Find a CPython of just this version: byte code of another one is refused by Lambda's."""
    candidates = [Path(sys.executable), *sorted(Path.home().glob(f".pyenv/versions/{python}.*/bin/python{python}"))]
    found = subprocess.run(
        [uv.find_uv_bin(), "python", "find", python, "--no-python-downloads", "--no-project"],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode == 0:
        candidates.append(Path(found.stdout.strip()))
    probe = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2])"
    for candidate in candidates:
        if _output([str(candidate), "-c", probe]) == f"cpython {python}":
            return candidate
    return None


def _output(command: list[str], **environment: str) -> str:
    """Run a tool and return what it says. Raises BundleError with its own words."""
    inherited = {**os.environ, **environment}  # noqa: TID251 - a child has what we have, and a little more
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=inherited)
    if done.returncode:
        words = f"{done.stdout}\n{done.stderr}".strip()
        raise BundleError(f"Bundling the functions failed at: {' '.join(command[:4])} ...\n{words}")
    return done.stdout.strip()
