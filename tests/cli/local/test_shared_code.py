from __future__ import annotations

import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lastseen_cli.local.shared_code import SharedZipFile


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def archive(path: Path, **files: str) -> str:
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in files.items():
            packed.writestr(name.replace("__", "/") + ".py", text)
    return str(path)


def unpack(path: str, into: Path) -> Path:
    into.mkdir()
    with SharedZipFile(path) as packed:
        packed.extractall(into)
    return into


def test_workers_share_one_copy_of_their_functions_code(scratch: Path) -> None:
    code = {"ping": "1", "lastseen__core__check": "2"}
    first = unpack(archive(scratch / "a.zip", **code), scratch / "a")
    second = unpack(archive(scratch / "b.zip", **code), scratch / "b")
    for folder in (first, second):
        assert (folder / "ping.py").read_text() == "1"
        assert (folder / "lastseen/core/check.py").read_text() == "2"
    assert (first / "ping.py").samefile(second / "ping.py")
    assert len(list(scratch.glob("code-*"))) == 1
    assert not list(scratch.glob("*.zip"))


def test_other_code_is_another_copy(scratch: Path) -> None:
    old = unpack(archive(scratch / "a.zip", ping="old"), scratch / "a")
    new = unpack(archive(scratch / "b.zip", ping="new"), scratch / "b")
    assert [(folder / "ping.py").read_text() for folder in (old, new)] == ["old", "new"]


def test_workers_that_start_at_once_unpack_once(scratch: Path) -> None:
    paths = [archive(scratch / f"{n}.zip", **{f"module{i}": str(i) for i in range(200)}) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda n: unpack(paths[n], scratch / str(n)), range(8)))
    assert {len(list(folder.iterdir())) for folder in folders} == {200}
    assert len(list(scratch.glob("code-*"))) == 1
