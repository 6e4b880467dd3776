"""Which deployment a command talks to: every combination of what may be there, in the order of docs/contexts.md."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lastseen_cli import contexts, ways
from lastseen_cli.contexts import Context
from lastseen_cli.errors import UsageError
from lastseen_cli.local.state import LocalRun, remembered
from lastseen_cli.ways import Access
from tests.cli.conftest import Terminal

PAGE = Path(__file__).parents[2] / "docs" / "contexts.md"
PROD = Context("https://prod/api", "lsw_prod", "shop", "rw", "p")
TEST = Context("https://test/api", "lsr_test", "lab", "ro", "t")
RUN = LocalRun("http://127.0.0.1:8000", {}, {})
LOCAL = "http://127.0.0.1:8000/api"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}


@pytest.fixture
def two(environ: dict[str, str]) -> dict[str, str]:
    """A user with the contexts prod and test, of which prod is current."""
    contexts.change(environ, lambda known: known.including("test", TEST).including("prod", PROD))
    return environ


@pytest.fixture
def local(environ: dict[str, str]) -> Iterator[None]:
    with remembered(RUN, environ):
        yield


URL, KEY = {"api_url": "https://x/api"}, {"api_key": "k"}
TYPED_URL = {**URL, "typed": frozenset({"api_url"})}
TYPED_CONTEXT = {"typed": frozenset({"context"})}

TABLE = [
    # what was asked for, and what is used: URL, key, and what is said
    ({}, PROD.url, PROD.key, "Using the context prod: https://prod/api."),
    ({"context": "test"}, TEST.url, TEST.key, ""),
    ({"context": " test\n", "api_url": " ", "api_key": "\n"}, TEST.url, TEST.key, ""),
    ({**URL, **KEY}, "https://x/api", "k", ""),
    (URL, "https://x/api", "", ""),
    (KEY, "", "k", ""),
    (
        {**URL, "context": "test"},
        "https://x/api",
        "",
        "LASTSEEN_CONTEXT=test is not used: LASTSEEN_API_URL comes first.",
    ),
    (
        {**URL, **KEY, "context": "gone\n"},
        "https://x/api",
        "k",
        "LASTSEEN_CONTEXT=gone is not used: LASTSEEN_API_URL and LASTSEEN_API_KEY come first.",
    ),
    ({**TYPED_URL, **KEY, "context": "test"}, "https://x/api", "k", ""),
    ({**URL, **KEY, "context": "test", **TYPED_CONTEXT}, TEST.url, TEST.key, ""),
    ({"project": "shop"}, PROD.url, PROD.key, "Using the context prod: https://prod/api."),
    ({"api_key": None}, PROD.url, None, "Using the context prod: https://prod/api, with your AWS credentials."),
    ({"api_key": None, "context": "test"}, TEST.url, None, ""),
    ({"api_key": None, **URL}, "https://x/api", None, ""),
]


@pytest.mark.parametrize(("asked", "url", "key", "note"), TABLE)
def test_a_way_is_found_and_what_was_not_named_is_said(
    two: dict[str, str], asked: dict[str, str], url: str, key: str, note: str
) -> None:
    way = ways.find(Access(**asked), two)  # type: ignore[arg-type] # a table
    assert (way.api_url, way.api_key, way.note, way.local) == (url, key, note, None)


@pytest.mark.usefixtures("local")
def test_a_running_local_comes_before_the_current_context_and_both_are_said(two: dict[str, str]) -> None:
    way = ways.find(Access(), two)
    assert (way.api_url, way.local) == (LOCAL, RUN)
    assert way.note == (
        "Using the `lastseen local` at http://127.0.0.1:8000, not the context prod. For another deployment: "
        "LASTSEEN_LOCAL=0"
    )
    for switch in ({"LASTSEEN_LOCAL": "0"}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}):
        assert ways.find(Access(), two | switch).api_url == PROD.url
    contexts.file_of(two).write_text("damaged")
    assert ways.find(Access(), two).api_url == LOCAL


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({**TYPED_URL, "context": "test", "typed": frozenset({"api_url", "context"})}, "--context excludes --api-url"),
        ({**KEY, "context": "test", "typed": frozenset({"api_key", "context"})}, "--context excludes --api-url"),
        ({"project": "lab"}, "--project lab: the context prod is a key of the project shop"),
        ({"project": "shop", "context": "test"}, "--project shop: the context test is a key of the project lab"),
        ({"context": "tset"}, 'No context is called "tset". Did you mean test?'),
    ],
)
def test_what_contradicts_itself_is_refused(two: dict[str, str], asked: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        ways.find(Access(**asked), two)  # type: ignore[arg-type] # a table


SOURCES = {
    "what the command line names": "https://typed/api",
    "`LASTSEEN_API_URL` and `LASTSEEN_API_KEY`": "https://x/api",
    "`LASTSEEN_CONTEXT`": TEST.url,
    "a running `lastseen local`": LOCAL,
    "the current context": PROD.url,
    "the stack `Lastseen`": "",
}


def documented() -> list[str]:
    """Return the order as the page has it."""
    lines = re.findall(r"^\d\. (.*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    order = [source for line in lines for source in SOURCES if line.startswith(source)]
    assert len(order) == len(lines) == len(SOURCES)
    return order


def test_whatever_is_there_the_first_of_the_documented_order_is_used(environ: dict[str, str]) -> None:
    *optional, last = documented()
    for chosen in itertools.product([False, True], repeat=len(optional)):
        there = [source for source, is_there in zip(optional, chosen, strict=True) if is_there]
        with ExitStack() as stack:
            if "a running `lastseen local`" in there:
                stack.enter_context(remembered(RUN, environ))
            current = "prod" if "the current context" in there else ""
            contexts.change(environ, lambda _: contexts.Contexts(current, {"prod": PROD, "test": TEST}))  # noqa: B023
            typed, named = "what the command line names" in there, "`LASTSEEN_API_URL` and `LASTSEEN_API_KEY`" in there
            access = Access(
                api_url="https://typed/api" if typed else "https://x/api" if named else "",
                context="test" if "`LASTSEEN_CONTEXT`" in there else "",
                typed=frozenset({"api_url"} if typed else ()),
            )
            first, way = [*there, last][0], ways.find(access, environ)
            assert way.api_url == SOURCES[first], there
            assert (way.local is not None) == (first == "a running `lastseen local`")
            assert bool(way.note) == (
                first in {"a running `lastseen local`", "the current context"}
                or ("`LASTSEEN_CONTEXT`" in there and first == "`LASTSEEN_API_URL` and `LASTSEEN_API_KEY`")
            )


def test_an_option_and_a_variable_are_told_apart(lastseen: Terminal, two: dict[str, str]) -> None:
    """`lastseen` has a URL and a key that may write in its variables; the context's key may only read."""
    lastseen.monkeypatch.setenv("XDG_CONFIG_HOME", two["XDG_CONFIG_HOME"])
    reader = Context(os.environ["LASTSEEN_API_URL"], lastseen.world.read, "default", "ro", "r")  # noqa: TID251 - its own
    contexts.change(two, lambda known: known.including("reader", reader))
    assert lastseen("checks", "list", "--context", "reader", "--api-key", "k").status == 2
    assert "this key is read-only" in lastseen("checks", "create", "x", "--context", "reader").err
    lastseen.monkeypatch.setenv("LASTSEEN_CONTEXT", "reader")
    assert "LASTSEEN_CONTEXT=reader is not used" in lastseen.ok("checks", "create", "x").err
    for name in ("LASTSEEN_API_URL", "LASTSEEN_API_KEY"):
        lastseen.monkeypatch.delenv(name)
    assert "this key is read-only" in lastseen("checks", "create", "y").err
    assert lastseen("checks", "list").status == 0
