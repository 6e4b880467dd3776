"""What the tests would miss: `uv run --group mutation python -m tests.mutation`.

mutmut changes one thing at a time in a file of the program (a sign, a boundary, an argument) and runs the tests of that
file's package. A change that no test notices has survived: it is shown, and either a test is missing or the change
changes nothing. The work goes on in .lastseen/mutation, where an interrupted run is taken up again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from infra.bundle import ROOT

SACRED = [f"core/{name}.py" for name in ("machine", "moments", "dues", "runs")] + ["storage/conditions.py"]
"""Where a fault would be a false alert or a lost one."""

NOTICED = {"killed", "timeout", "suspicious"}
UNTRIED = {"not checked"}
LEFT_OUT = ("tests/lastseen/core/test_schedule_zones.py",)
"""Takes longer than all other tests of the core, and is about zones alone."""

SETTINGS = """\
[tool.pytest.ini_options]
addopts = "--import-mode=importlib --strict-markers -p no:cacheprovider -m 'not slow and not emulator'"
pythonpath = ["."]
markers = ["emulator", "slow"]

[tool.mutmut]
source_paths = ["src"]
only_mutate = {mutated}
also_copy = ["app.py", "cdk.json", "cli", "docs", "functions", "infra"]
pytest_add_cli_args = ["--hypothesis-seed=0", "-n", "0"]
pytest_add_cli_args_test_selection = {tests}
use_git_change_detection = false
"""


def main() -> int:
    """Mutate, show what survived, and how much was noticed in each file; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("files", nargs="*", default=SACRED, help=f"below functions/lastseen; without any: {SACRED}")
    parser.add_argument("--minutes", type=float, default=60, help="stop then, and count what was tried (default: 60)")
    chosen = parser.parse_args()
    packages = sorted({Path(file).parts[0] for file in chosen.files})
    for package in packages:
        folder = _prepared(package, [file for file in chosen.files if Path(file).parts[0] == package])
        _mutate(folder, seconds=chosen.minutes * 60 / len(packages))
        _show(folder)
    return 0


def _mutate(folder: Path, *, seconds: float) -> None:
    """Try one change after the other, until none is left or the time is up."""
    mutating = subprocess.Popen(_mutmut("run"), cwd=folder, start_new_session=True)
    try:
        status = mutating.wait(seconds)
    except subprocess.TimeoutExpired:
        print("\nThe time is up.")  # noqa: T201 - the output of a command
    else:
        if status:
            raise SystemExit(f"mutmut stopped with exit status {status}: see above.")
    finally:
        if mutating.poll() is None:  # whatever ended the wait ends the tests that it runs, too
            os.killpg(mutating.pid, signal.SIGTERM)
            mutating.wait()


def _mutmut(*words: str) -> list[str]:
    return [sys.executable, "-m", "mutmut", *words]


def _prepared(package: str, files: list[str]) -> Path:
    """Lay out the program as mutmut wants it, with what the tests need beside it; return the folder."""
    # What mutmut knows of tests it knows of these files alone, so others have a folder of their own.
    folder = ROOT / ".lastseen" / "mutation" / "-".join([package, *sorted(Path(file).stem for file in files)])
    folder.mkdir(parents=True, exist_ok=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for source, target in (("functions/lastseen", "src/lastseen"), ("functions", "functions"), *_beside()):
        if (ROOT / source).is_dir():
            shutil.rmtree(folder / target, ignore_errors=True)
            shutil.copytree(ROOT / source, folder / target, ignore=ignored)
        else:
            shutil.copy2(ROOT / source, folder / target)
    tests = [f"tests/lastseen/{package}", *(f"--ignore={path}" for path in LEFT_OUT)]
    mutated = [f"src/lastseen/{file}" for file in files]
    (folder / "pyproject.toml").write_text(SETTINGS.format(mutated=mutated, tests=tests))
    return folder


def _beside() -> list[tuple[str, str]]:
    return [(name, name) for name in ("app.py", "cdk.json", "cli", "docs", "infra", "tests")]


def _show(folder: Path) -> None:
    """Print the changes that nobody noticed, and the score of each file."""
    said = subprocess.run(_mutmut("results", "--all", "true"), cwd=folder, check=True, capture_output=True, text=True)
    fates = dict(line.strip().split(": ", 1) for line in said.stdout.splitlines() if ": " in line)
    for mutant, fate in fates.items():
        if fate not in NOTICED | UNTRIED:
            shown = subprocess.run(_mutmut("show", mutant), cwd=folder, check=True, capture_output=True, text=True)
            print(shown.stdout)  # noqa: T201 - as above
    for module in sorted({mutant.rpartition(".")[0] for mutant in fates}):
        counted = Counter(fate for mutant, fate in fates.items() if mutant.rpartition(".")[0] == module)
        tried = sum(counted.values()) - sum(counted[fate] for fate in UNTRIED)
        noticed = sum(counted[fate] for fate in NOTICED)
        untried = f", {counted.total() - tried} not tried" if tried < counted.total() else ""
        print(f"{module}: {noticed} of {tried} noticed, {noticed / max(tried, 1):.0%}{untried}")  # noqa: T201 - as above


if __name__ == "__main__":
    sys.exit(main())
