"""The pages of docs/clients, so that tests can run what they show.

Each fenced block begins with a comment that names it, like `# tasks.py`: so a reader knows where it goes, and a test
can ask for it. A test that reads a page says which blocks it has: one that nobody runs cannot slip in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r"^(?:#|//|--|<!--) *([^\n]+?)(?: *-->)?\n")


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    text: str
    blocks: tuple[Block, ...]

    @property
    def titles(self) -> list[str]:
        return [block.title for block in self.blocks]

    def __getitem__(self, title: str) -> str:
        [found] = [block.text for block in self.blocks if block.title == title]
        return found

    def section(self, heading: str) -> str:
        """The text below a heading, up to the next one; "" if there is none."""
        found = re.search(rf"^##+ {heading}\n(.*?)(?=^##? |\Z)", self.text, re.MULTILINE | re.DOTALL)
        return found[1].strip() if found else ""


def page(name: str) -> Page:
    text = (DOCS / name).read_text()
    blocks = []
    for language, body in FENCE.findall(text):
        title = TITLE.match(body)
        assert title, f"{name}: this block has no comment that names it:\n{body}"
        blocks.append(Block(language, title[1], body))
    return Page(name, text, tuple(blocks))


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file
