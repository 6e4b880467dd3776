"""The asset of the functions, really built; dependencies come from uv's cache or the package index."""

import hashlib
import importlib.util
import inspect
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uv
from aws_cdk import FileSystem

from infra import bundle as bundle_module
from infra.bundle import BUILD_REQUIREMENTS, REQUIREMENTS, ROOT, SOURCE, BundleError, build
from lastseen.aws.client import SQS, DynamoDB

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
ANOTHER = "3.12" if HERE != "3.12" else "3.13"
ELF_MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}
UNCHECKED_HASH = 0b01


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def bundle(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built for x86_64 and the Python that runs the tests: the one whose byte code can always be made."""
    output = tmp_path_factory.mktemp("bundle")
    build(output, arch="x86_64", python=HERE, cache=cache)
    return output


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


def test_the_same_input_gives_the_same_bytes_with_a_cache_and_without_and_whatever_the_umask(
    bundle: Path, cache: Path, tmp_path: Path
) -> None:
    """Files that only their owner may read would be files that Lambda cannot import."""
    strict = tmp_path / "anew"
    build(tmp_path / "cached", arch="x86_64", python=HERE, cache=cache)
    before = os.umask(0o077)
    try:
        build(strict, arch="x86_64", python=HERE, cache=tmp_path / "other cache")
    finally:
        os.umask(before)
    assert contents(tmp_path / "cached") == contents(bundle)
    assert contents(strict) == contents(bundle)
    assert modes(strict) == modes(bundle)
    assert {mode for path, mode in modes(strict).items() if (strict / path).is_dir()} == {0o755}
    assert {mode for path, mode in modes(strict).items() if (strict / path).is_file()} == {0o644}
    assert FileSystem.fingerprint(str(strict)) == FileSystem.fingerprint(str(bundle))


def test_what_builds_a_package_from_source_is_hashed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forged, only = tmp_path / "build-requirements.txt", tmp_path / "requirements.txt"
    forged.write_text(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", BUILD_REQUIREMENTS.read_text()))
    [from_source] = re.findall(r"^oncalendar==.*\n(?:    --hash.*\n)+", REQUIREMENTS.read_text(), re.MULTILINE)
    only.write_text(from_source)
    monkeypatch.setattr(bundle_module, "BUILD_REQUIREMENTS", forged)
    monkeypatch.setattr(bundle_module, "REQUIREMENTS", only)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))  # one that has not built it before
    with pytest.raises(BundleError, match=r"Hash mismatch for `setuptools=="):
        build(tmp_path / "out", arch="x86_64", python=HERE, cache=tmp_path / "cache")


def test_our_source_is_all_there_and_nothing_of_the_build(bundle: Path) -> None:
    ours = {
        path.relative_to(SOURCE) for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert {path for path in ours if path.name not in {"requirements.txt", "ruff.toml"}} <= {
        path.relative_to(bundle) for path in bundle.rglob("*")
    }
    left_out = ("bin", ".lock", "requirements.txt", "**/ruff.toml", "*.dist-info", "**/tests", "boto3", "botocore")
    assert [path for pattern in left_out for path in bundle.glob(pattern)] == []


def test_byte_code_lies_beside_every_module_and_is_trusted_as_it_is(bundle: Path) -> None:
    modules = list(bundle.rglob("*.py"))
    for module in modules:
        compiled = Path(importlib.util.cache_from_source(str(module))).read_bytes()
        assert compiled[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(compiled[4:8], "little") == UNCHECKED_HASH
        assert str(ROOT).encode() not in compiled
    assert len(modules) > 100


def test_byte_code_of_another_python_never_ships(cache: Path, tmp_path: Path) -> None:
    build(tmp_path, arch="arm64", python="3.13", cache=cache)
    assert {path.suffixes[0] for path in tmp_path.rglob("*.pyc")} <= {".cpython-313"}


def test_without_the_right_python_there_is_no_byte_code_and_a_word_about_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = subprocess.run([uv.find_uv_bin(), "cache", "dir"], check=True, capture_output=True, text=True).stdout
    monkeypatch.setenv("UV_CACHE_DIR", kept.strip())
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    build(tmp_path / "out", arch="arm64", python=ANOTHER, cache=cache)
    assert list((tmp_path / "out").rglob("*.pyc")) == []
    assert f"Fix: uv python install {ANOTHER}" in capsys.readouterr().err


@pytest.mark.parametrize("arch", ELF_MACHINES)
def test_binaries_are_for_the_processor_asked_for(arch: str, cache: Path, tmp_path: Path) -> None:
    build(tmp_path, arch=arch, python="3.13", cache=cache)
    libraries = list(tmp_path.rglob("*.so"))
    assert {int.from_bytes(one.read_bytes()[18:20], "little") for one in libraries} == {ELF_MACHINES[arch]}
    assert any("pydantic_core" in one.name and "313" in one.name for one in libraries)


def test_everything_that_ships_can_be_imported_without_its_metadata(bundle: Path) -> None:
    names = "aws_lambda_powertools, aws_lambda_powertools.event_handler, apprise, cronsim, jinja2, oncalendar, pydantic"
    program = f"import sys; sys.path.insert(0, {str(bundle)!r}); import {names}; print(pydantic.__file__)"
    found = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(bundle))


def run_app(context: dict[str, str], output: Path, monkeypatch: pytest.MonkeyPatch) -> subprocess.CompletedProcess[str]:
    monkeypatch.setenv("CDK_OUTDIR", str(output))
    monkeypatch.setenv("CDK_CONTEXT_JSON", json.dumps(context))
    return subprocess.run([sys.executable, "app.py"], cwd=ROOT, check=False, capture_output=True, text=True)


def test_plain_python_synthesizes_the_app_and_its_asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_app({"arch": "x86_64", "python": HERE, "throwaway": "true"}, tmp_path, monkeypatch)
    assert done.returncode == 0, done.stderr
    [asset] = tmp_path.glob("asset.*")
    assert (asset / "ping.py").is_file()
    assert (asset / "pydantic").is_dir()


def test_a_bad_choice_ends_the_synth_with_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_app({"arch": "mips"}, tmp_path, monkeypatch)
    assert done.returncode == 1
    assert done.stderr.strip() == "Error: arch='mips' is not known. Use one of: arm64, x86_64."


def test_what_the_region_lacks_is_refused_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDK_DEFAULT_REGION", "us-gov-west-1")  # as the CDK's command line sets it
    done = run_app({"slack_workspace_id": "T07EA123LEP", "slack_channel_id": "C07EZ1ABC23"}, tmp_path, monkeypatch)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: slack_workspace_id: Amazon Q Developer")


def test_the_ping_function_can_make_the_calls_that_it_may_make_and_no_other(template: dict[str, Any]) -> None:
    [ping] = [
        resource["Properties"]["PolicyDocument"]["Statement"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Policy" and name.startswith("FunctionsPingRole")
    ]
    allowed = {action for statement in ping for action in _listed(statement["Action"])}
    needed = {action.replace("sqs:SendMessage", "sqs:SendMessageBatch") for action in allowed if "logs:" not in action}
    made = {
        f"{service.__name__}:{call.replace('_', '')}".lower()
        for service in (DynamoDB, SQS)
        for call, _ in inspect.getmembers(service, inspect.isfunction)
        if not call.startswith("_")
    }
    assert {action.lower() for action in needed} == made - {"dynamodb:transactwriteitems"}  # granted by its parts


def _listed(action: str | list[str]) -> list[str]:
    return [action] if isinstance(action, str) else action
