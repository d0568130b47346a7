"""The commands of a page of docs/, as somebody would paste them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/first-hour.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def scripts(heading: str, places: dict[str, str], page: Path = PAGE) -> list[str]:
    """Return the blocks of a section, with the places of a reader's machine in them."""
    _, _, section = page.read_text("utf-8").partition(f"## {heading}\n")
    text = section.partition("\n## ")[0]
    blocks = BLOCK.findall(text)
    for usual, own in places.items():
        blocks = [block.replace(usual, own) for block in blocks]
    return blocks


def commands(blocks: list[str]) -> int:
    """Count the commands that somebody types: lines that go on count with the line before."""
    return sum(map(_commands, blocks))


def _commands(block: str) -> int:
    text = re.sub(r"<<'TEXT'.*?^TEXT$", "", block, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"'[^']*'", "''", text.replace("\\\n", " "))
    return len([line for line in text.splitlines() if line.strip()])
