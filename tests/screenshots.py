"""The pictures of the dashboard in README and docs, taken from a real run of `lastseen local --demo`.

    uv run --group pictures python -m tests.screenshots [--chromium /usr/bin/chromium]

It takes some two minutes, most of which the demo's own story takes, and writes docs/dashboard*.png.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
WIDTH = 1100
PORT = 8000
SHOWN_CHECK = "Payments settlement"


def main() -> int:
    """Take all pictures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser; default: as found in PATH")
    asked = parser.parse_args()
    if not asked.chromium:
        parser.error("no Chromium found: install it (Debian: apt install chromium), or name it by --chromium")
    with _demo() as (url, key), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=asked.chromium)
        _take(browser, url, key, "light", {"dashboard.png": ("/", 1010), "dashboard-check.png": (SHOWN_CHECK, 900)})
        _take(browser, url, key, "dark", {"dashboard-dark.png": ("/", 1010)})
        browser.close()
    return 0


@contextmanager
def _demo() -> Iterator[tuple[str, str]]:
    """Run the demo to its end; yield the dashboard's URL and the key to sign in with."""
    command = [str(Path(sys.executable).with_name("lastseen")), "local", "--demo", "--port", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            printed = ""
            for line in process.stdout or ():
                printed += line
                if "demo: That was all" in line:
                    break
            found = re.search(r"dashboard +(\S+?)/?\n.*?read-only key +(\S+)", printed, re.DOTALL)
            if not found:
                raise SystemExit(f"The demo did not come up:\n{printed}")
            yield found[1], found[2]
        finally:
            process.send_signal(signal.SIGINT)


def _take(browser: Browser, url: str, key: str, scheme: str, pictures: dict[str, tuple[str, int]]) -> None:
    page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": WIDTH, "height": 900})
    page.goto(url)
    page.fill("#key", key)
    page.click("button.main")
    for name, (place, height) in pictures.items():
        page.set_viewport_size({"width": WIDTH, "height": height})
        if place == "/":
            page.goto(url)
        else:
            page.click(f"a:has-text('{place}')")
        page.wait_for_load_state()
        page.screenshot(path=DOCS / name)
    page.close()


if __name__ == "__main__":
    sys.exit(main())
