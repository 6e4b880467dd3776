from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastseen.api.seal import Seal
from tests.memory import MemoryStore


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_was_sealed_opens_for_its_purpose_alone(content: bytes, purpose: str) -> None:
    seal = Seal(MemoryStore())
    name = seal.closed(purpose, content)
    assert seal.opened(purpose, name) == content
    assert seal.opened(purpose + "x", name) is None


@given(st.text(max_size=100))
def test_a_name_of_somebody_elses_opens_to_nothing(name: str) -> None:
    assert Seal(MemoryStore()).opened("badge", name) is None


def test_the_same_content_has_the_same_name_in_every_environment() -> None:
    store = MemoryStore()
    assert Seal(store).closed("badge", b"one") == Seal(store).closed("badge", b"one")
    assert Seal(store).closed("badge", b"one") != Seal(store).closed("badge", b"two")
    assert Seal(MemoryStore()).closed("badge", b"one") != Seal(store).closed("badge", b"one")


def test_two_that_make_the_secret_at_once_have_the_same() -> None:
    store = MemoryStore()
    names: list[str] = []

    def race(call: str, when: str) -> None:
        if (call, when) == ("put_setting", "before") and not names:
            names.append("")
            names.append(Seal(store).closed("badge", b"one"))

    store.hook = race
    assert Seal(store).closed("badge", b"one") == names[1]


def test_the_secret_is_read_once() -> None:
    store = MemoryStore()
    seal = Seal(store)
    seal.closed("badge", b"one")
    store.hook = lambda call, _: pytest.fail(call)
    seal.closed("badge", b"two")


def test_another_spelling_of_a_name_opens_to_nothing() -> None:
    seal = Seal(MemoryStore())
    name = seal.closed("badge", b"x")  # 17 bytes: the last letter has bits to spare
    others = [name[:-1] + last for last in string.ascii_letters + string.digits + "-_" if last != name[-1]]
    assert not any(seal.opened("badge", other) for other in others)
    assert seal.opened("badge", f"{name}=") is None
    assert seal.opened("badge", f"{name}\n") is None
