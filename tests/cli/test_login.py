"""`lastseen login`, `logout` and `context`, and the contexts in their file."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lastseen.core.keys import Scope, hashed
from lastseen_cli import contexts
from lastseen_cli.contexts import Context, Contexts
from lastseen_cli.errors import CliError, UsageError
from lastseen_cli.login import _api_url
from tests.cli.conftest import Done, Terminal
from tests.cli.test_daily import completed
from tests.cli.test_terminal import FORGED, HOSTILE, is_harmless


class Teletype(io.StringIO):
    """A stdin at which somebody sits."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def site(lastseen: Terminal) -> str:
    """The deployment's address, which no variable names."""
    lastseen.monkeypatch.setenv("LASTSEEN_LOCAL", "0")
    url = os.environ["LASTSEEN_API_URL"].removesuffix("/api")  # noqa: TID251 - tests are an entry point
    for name in ("LASTSEEN_API_URL", "LASTSEEN_API_KEY"):
        lastseen.monkeypatch.delenv(name)
    return url


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "lastseen" / "contexts.json"


def login(terminal: Terminal, url: str, key: str, *arguments: str) -> Done:
    terminal.monkeypatch.setattr("sys.stdin", io.StringIO(f"{key}\n"))
    return terminal("login", url, *arguments)


def listed(terminal: Terminal) -> dict[str, tuple[str, str, bool]]:
    found = json.loads(terminal.ok("context", "ls", "--json").out)["contexts"]
    return {each["name"]: (each["project"], each["scope"], each["current"]) for each in found}


def test_login_asks_the_deployment_and_from_then_on_nothing_has_to_be_set(
    lastseen: Terminal, site: str, file: Path
) -> None:
    done = login(lastseen, site, lastseen.world.write)
    key_id = hashed(lastseen.world.write)[:12]
    assert done.status == 0
    assert done.err == (
        f"Logged in: the project default at {site}/api, by the key {key_id} (rw); it may read and write.\n"
        f"It is the current context, default, stored in {file}, which only you can read.\n"
    )
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(file.parent.iterdir()) == [file]
    made = lastseen.ok("checks", "create", "x")
    assert made.err.startswith(f"Using the context default: {site}/api.\n")
    assert lastseen.world.write not in done.out + done.err + made.err + lastseen.ok("context", "ls", "--json").out


def test_each_way_to_give_the_key(
    lastseen: Terminal, site: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text(f"{lastseen.world.read}\r\n")
    assert json.loads(lastseen.ok("login", site, "--key-file", str(tmp_path / "key"), "--json").out) == {
        "name": "default",
        "url": f"{site}/api",
        "project": "default",
        "scope": "ro",
        "key_id": hashed(lastseen.world.read)[:12],
        "current": True,
    }
    assert login(lastseen, site, lastseen.world.write, "--key-file", "-").status == 0
    assert listed(lastseen) == {"default": ("default", "rw", True)}
    monkeypatch.setattr("sys.stdin", Teletype())
    answers = {False: site, True: lastseen.world.read}
    monkeypatch.setattr("typer.prompt", lambda _text, *, err, hide_input=False: err and answers[hide_input])
    lastseen.ok("login")
    assert listed(lastseen) == {"default": ("default", "ro", True)}
    assert file.exists()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("lsw_wrong", "refused the key (wrong api key). Give another one."),
        ("PING", "this is a ping key; it pings, and does nothing else"),
        ("", "No key was given. With AWS credentials you can make one: lastseen keys create NAME --api-url http"),
        ("two words", "characters that no key has"),
    ],
)
def test_a_key_that_does_not_open_is_not_stored(
    lastseen: Terminal, site: str, file: Path, key: str, words: str
) -> None:
    key = lastseen.world.key(Scope.PING) if key == "PING" else key
    done = login(lastseen, site, key)
    assert (done.status in {1, 2}, words in done.err, file.exists()) == (True, True, False)
    assert not key or f"{key} " not in done.err.replace("wrong api key", "")


def test_what_is_not_a_deployment_is_not_stored(lastseen: Terminal, site: str, file: Path) -> None:
    done = login(lastseen, f"{site}/elsewhere", lastseen.world.write)
    assert (done.status, file.exists()) == (1, False)
    assert f"There is no API of Lastseen at {site}/elsewhere/api" in done.err


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://host/api", "https://host/api"),
        (" https://host ", "https://host/api"),
        ("https://host/", "https://host/api"),
        ("https://host/api/v3/", "https://host/api"),
        ("https://host/ping", "https://host/api"),
        ("https://host:8443/below/api", "https://host:8443/below/api"),
        ("http://127.0.0.1:8000/api", "http://127.0.0.1:8000/api"),
        ("http://[::1]:8000", "http://[::1]:8000/api"),
        ("http://lastseen.localhost", "http://lastseen.localhost/api"),
        ("http://host.docker.internal:8000", "http://host.docker.internal:8000/api"),
    ],
)
def test_any_address_of_a_deployment_leads_to_its_api(given: str, url: str) -> None:
    assert _api_url(given) == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "lsw_secret",
            "host/api",
            "ftp://host",
            "https://",
            "https://host/?x=1",
            "https://host/#x",
            "https://host:x/",
        ),
        *("https://lsw_secret@host/api", "https://a:lsw_secret@host:443", "https://host:0/api"),
        *("https://[::1", "http://host/api", "http://192.0.2.1/api", "http://localhost.example.org"),
    ],
)
def test_what_is_no_address_or_would_send_the_key_in_the_clear_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        _api_url(url)
    assert "lsw_" not in str(refused.value)


def test_a_url_that_is_none_is_refused_before_a_key_is_asked_for(
    lastseen: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Teletype())
    done = lastseen("login", "http://host/api")
    assert (done.status, "your key would be sent unencrypted to host" in done.err) == (2, True)


def test_several_contexts_are_named_used_and_forgotten(lastseen: Terminal, site: str, file: Path) -> None:
    lastseen.by_aws()
    lastseen.ok("projects", "create", "shop", "--api-url", f"{site}/api")
    theirs = lastseen.ok("keys", "create", "x", "--project", "shop", "--api-url", f"{site}/api").out.strip()
    login(lastseen, site, lastseen.world.write)
    login(lastseen, site, theirs)
    login(lastseen, site, lastseen.world.read, "--name", "reader")
    assert listed(lastseen) == {
        "default": ("default", "rw", False),
        "reader": ("default", "ro", True),
        "shop": ("shop", "rw", False),
    }
    assert "the project shop at" in lastseen.ok("context", "use", "shop").err
    lastseen.ok("checks", "create", "of the shop")
    assert [check.project for check in lastseen.world.store.checks.values()] == ["shop"]
    assert lastseen.ok("checks", "list", "--context", "default").err.startswith("There is no check")
    assert lastseen.ok("context", "ls").out.splitlines()[2].split("\t") == ["*", "shop", "shop", "rw", f"{site}/api"]

    assert f"until it is revoked: lastseen keys revoke {hashed(theirs)[:12]}\n" in lastseen.ok("logout").err
    assert "No context is current now" in lastseen.ok("context", "rm", "reader").err
    assert lastseen("logout").status == 2
    lastseen.ok("logout", "default")
    assert not file.exists()
    assert "lastseen login" in lastseen.ok("context", "ls").err


def test_a_name_is_never_taken_from_another_context(lastseen: Terminal, site: str, file: Path) -> None:
    other = Context("https://other.example/api", "lsw_other", "default", "rw", "abc")
    contexts.change(os.environ, lambda known: known.including("default", other))  # noqa: TID251 - the test's own
    done = login(lastseen, site, lastseen.world.write, "--name", "default")
    assert (done.status, "The name default is taken (the project default at https://other" in done.err) == (2, True)
    assert login(lastseen, site, lastseen.world.write).status == 0
    assert listed(lastseen) == {"default": ("default", "rw", False), "default-127": ("default", "rw", True)}
    assert json.loads(file.read_text())["contexts"]["default"]["key"] == "lsw_other"
    assert login(lastseen, site, lastseen.world.write, "--name", "-x y").status == 2


def test_an_unknown_name_is_answered_with_the_right_one(lastseen: Terminal, site: str, file: Path) -> None:
    assert "Make one with: lastseen login" in lastseen("checks", "list", "--context", "prod").err
    login(lastseen, site, lastseen.world.write, "--name", "production")
    for command in (("checks", "list", "--context"), ("context", "use"), ("logout",)):
        done = lastseen(*command, "prodution")
        assert (done.status, "Did you mean production?" in done.err) == (2, True)
    assert file.exists()


def test_a_key_that_was_revoked_says_how_to_log_in_again(lastseen: Terminal, site: str, file: Path) -> None:
    login(lastseen, site, lastseen.world.write)
    lastseen.ok("keys", "revoke", hashed(lastseen.world.write)[:12], "--yes")
    assert f"Log in again: lastseen login {site}/api --name default" in lastseen("checks", "list").err
    assert file.exists()


def test_login_says_what_comes_before_the_context(
    lastseen: Terminal, site: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LASTSEEN_API_KEY", "lsw_other")
    assert "But LASTSEEN_API_KEY comes first" in login(lastseen, site, lastseen.world.write).err
    monkeypatch.delenv("LASTSEEN_API_KEY")
    monkeypatch.setenv("LASTSEEN_CONTEXT", "other")
    assert "But LASTSEEN_CONTEXT comes first" in login(lastseen, site, lastseen.world.write).err
    monkeypatch.setenv("LASTSEEN_CONTEXT", "default")
    assert "But" not in login(lastseen, site, lastseen.world.write).err
    assert file.exists()


def test_a_shell_completes_the_names_of_contexts(
    lastseen: Terminal, site: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login(lastseen, site, lastseen.world.write, "--name", "production")
    login(lastseen, site, lastseen.world.read, "--name", "reader")
    document = json.loads(file.read_text())
    document["contexts"]["$(x)"] = document["contexts"]["reader"]
    file.write_text(json.dumps(document))
    for line in ("context use ", "logout ", "checks list --context "):
        assert completed(lastseen, f"lastseen {line}", monkeypatch) == ["production", "reader"], line
    assert completed(lastseen, "lastseen context use p", monkeypatch) == ["production"]
    lastseen.world.check(name="nightly", slug="nightly")
    assert completed(lastseen, "lastseen checks show ", monkeypatch) == ["nightly"]
    file.chmod(0o644)
    assert completed(lastseen, "lastseen context use ", monkeypatch) == []


# --- the file ---

WHOLE = {"url": "https://h/api", "key": "lsw_secret", "project": "p", "scope": "rw", "key_id": "i"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "are damaged"),
        ("no JSON", "are damaged"),
        ("[" * 100_000, "are damaged"),
        ("[]", "are damaged"),
        ("{}", "are damaged"),
        ('{"version": 1}', "are damaged"),
        (json.dumps({"version": 1, "current": "", "contexts": []}), "are damaged"),
        (json.dumps({"version": 1, "current": "gone", "contexts": {"a": WHOLE}}), "are damaged"),
        (json.dumps({"version": 1, "current": 5, "contexts": {"a": WHOLE}}), "are damaged"),
        (json.dumps({"version": 1, "current": "a", "contexts": {"a": {"url": "https://h/api"}}}), "are damaged"),
        (json.dumps({"version": 1, "current": "a", "contexts": {"a": {**WHOLE, "url": 5}}}), "are damaged"),
        (json.dumps({"version": 1, "current": "a", "contexts": {"a": {**WHOLE, "new": ""}}}), "are damaged"),
        (json.dumps({"version": 1, "current": "", "contexts": {}}) + " " * 1_000_000, "are damaged"),
        (json.dumps({"version": 2, "current": "\x1b[31m"}), "have the form 2, and this version of the command knows"),
        (json.dumps({"version": "\x1b[31m\n"}), "have the form"),
    ],
)
def test_a_file_that_is_not_understood_is_named_and_left_alone(file: Path, content: str, words: str) -> None:
    file.parent.mkdir()
    file.touch(0o600)
    file.write_text(content)
    environ = {"XDG_CONFIG_HOME": str(file.parents[1])}
    attempts: list[Callable[[], Contexts]] = [
        lambda: contexts.read(environ),
        lambda: contexts.change(environ, lambda known: known),
    ]
    for attempt in attempts:
        with pytest.raises(CliError) as refused:
            attempt()
        assert f"The contexts in {file} {words}" in str(refused.value)
        assert "lsw_secret" not in str(refused.value)
        assert "\n" not in str(refused.value)
    assert file.read_text() == content


def test_every_command_that_needs_a_damaged_file_says_so(lastseen: Terminal, site: str, file: Path) -> None:
    file.parent.mkdir()
    file.touch(0o600)
    for command in (("checks", "list"), ("logout", "a"), ("login", site)):
        done = lastseen(*command)
        assert (done.status, f"The contexts in {file} are damaged" in done.err) == (1, True)


@pytest.fixture
def kept(file: Path) -> dict[str, str]:
    """An environment with a context in the file."""
    environ = {"XDG_CONFIG_HOME": str(file.parents[1])}
    contexts.change(environ, lambda known: known.including("prod", Context(**WHOLE)))
    assert contexts.read(environ).by_name == {"prod": Context(**WHOLE)}
    return environ


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o777])
def test_a_file_that_others_can_read_or_change_is_not_used(kept: dict[str, str], file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(CliError, match=f"Run: chmod 600 {file}. If others work on this machine, revoke"):
        contexts.read(kept)


def test_a_file_of_another_user_is_not_used(kept: dict[str, str], file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: file.stat().st_uid + 1)
    with pytest.raises(CliError, match="a file of another user"):
        contexts.read(kept)


def test_what_cannot_be_read_is_said(kept: dict[str, str], file: Path) -> None:
    file.unlink()
    file.mkdir(0o700)
    with pytest.raises(CliError, match="cannot be read: Is a directory"):
        contexts.read(kept)


def test_a_damaged_file_stops_no_command_that_does_not_need_it(lastseen: Terminal, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("no JSON")
    lastseen.ok("checks", "list")


@pytest.mark.usefixtures("file")
def test_foreign_text_of_the_file_is_harmless_in_every_command(lastseen: Terminal, site: str) -> None:
    worst = "".join(HOSTILE)
    texts = [*HOSTILE, worst]
    odd = {text: Context(f"{site}/api", "lsw_key", text, text, text) for text in texts}
    contexts.change(os.environ, lambda _: Contexts(worst, odd))  # noqa: TID251 - the test's own
    commands = [("context", "ls"), ("context", "use", "--", worst), ("context", "rm", "prod"), ("status",), ("logout",)]
    for command in commands:
        done = lastseen(*command)
        assert done.out + done.err
        assert is_harmless(done.out + done.err), command
        assert f"\n{FORGED}" not in f"\n{done.out}\n{done.err}", command


def test_a_write_that_fails_leaves_the_file_as_it_was(
    lastseen: Terminal, site: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login(lastseen, site, lastseen.world.write)
    before = file.read_text()

    def full(_path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    done = login(lastseen, site, lastseen.world.read)
    assert (done.status, "cannot be written: No space left on device" in done.err) == (1, True)
    assert (file.read_text(), list(file.parent.iterdir())) == (before, [file])


def test_logins_at_once_lose_nothing(file: Path) -> None:
    one = Context("https://h/api", "lsw_key", "p", "rw", "i")

    def add(n: int) -> None:
        contexts.change({"XDG_CONFIG_HOME": str(file.parents[1])}, lambda known: known.including(f"c{n}", one))

    threads = [threading.Thread(target=add, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(contexts.read({"XDG_CONFIG_HOME": str(file.parents[1])}).by_name) == {f"c{n}" for n in range(20)}


def test_a_context_shows_its_key_to_nobody() -> None:
    one = Context("https://h/api", "lsw_key", "p", "rw", "i")
    assert "lsw_key" not in repr(Contexts("c", {"c": replace(one, project="q")}))
