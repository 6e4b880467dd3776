"""The dashboard in a browser's way, through the gateway of `lastseen local`: cookie, redirect, form."""

from __future__ import annotations

import re

import httpx

from tests.conftest import Local

HTML = {"accept": "text/html"}
PATIENCE = 60.0  # seconds; a busy machine starts a function slowly


def test_a_person_signs_in_sees_a_check_pauses_it_and_signs_out(local: Local) -> None:
    api = {"X-Api-Key": local.api_key}
    made = httpx.post(
        f"{local.api_url}/v3/checks/", json={"name": "pages-e2e <b>"}, headers=api, timeout=PATIENCE
    ).json()
    httpx.post(made["ping_url"], content=b"all rows copied", timeout=PATIENCE)
    with httpx.Client(base_url=local.site_url, headers=HTML, follow_redirects=True, timeout=PATIENCE) as browser:
        form = browser.get("/")
        assert form.url.path == "/sign-in"
        assert browser.post("/sign-in", data={"key": "lsw_wrong"}).status_code == 401

        home = browser.post("/sign-in", data={"key": local.api_key, "back": "/"})
        assert (home.status_code, home.url.path) == (200, "/")
        found = re.search(r'<a href="(/checks/[0-9a-f]{40})">pages-e2e &lt;b&gt;</a>', home.text)
        assert found

        page = browser.get(found[1])
        assert "all rows copied" in page.text
        assert made["ping_url"] in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")

        token = re.search(r'name="token" value="([^"]+)"', page.text)
        assert token
        paused = browser.post(f"{found[1]}/pause", data={"token": token[1]})
        assert (paused.url.path, "Resume" in paused.text) == (found[1], True)
        assert httpx.get(made["update_url"], headers=api, timeout=PATIENCE).json()["status"] == "paused"

        assert browser.post("/sign-out", data={"token": token[1]}).url.path == "/sign-in"
        assert browser.get(found[1]).url.path == "/sign-in"


def test_a_read_only_key_shows_no_ping_url(local: Local) -> None:
    api = {"X-Api-Key": local.api_key}
    made = httpx.post(
        f"{local.api_url}/v3/checks/", json={"name": "pages-e2e-reader"}, headers=api, timeout=PATIENCE
    ).json()
    with httpx.Client(base_url=local.site_url, headers=HTML, follow_redirects=True, timeout=PATIENCE) as browser:
        home = browser.post("/sign-in", data={"key": local.api_key_readonly})
        assert "pages-e2e-reader" in home.text
        assert made["uuid"] not in home.text
