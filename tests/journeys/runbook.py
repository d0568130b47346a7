"""The commands and settings of docs/run-175b.md."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.journeys.documented import scripts

PAGE = Path(__file__).parents[2] / "docs/run-175b.md"
TEXT = PAGE.read_text("utf-8")
TWO_HOSTS = "6a. Serve on two hosts of 8 V100-32GB"
ONE_HOST = "6b. Serve on one host of 8 A100-80GB"


def commands(heading: str, **places: str) -> list[list[str]]:
    """Return the words of each command of a section, with this machine's places in them."""
    text = "\n".join(scripts(heading, places, PAGE)).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


def all_commands() -> list[list[str]]:
    headings = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    return [words for heading in headings for words in commands(heading)]


def settings_under(heading: str) -> dict[str, str]:
    """Return the settings that a section gives."""
    _, _, section = TEXT.partition(f"## {heading}\n")
    lines = section.partition("\n## ")[0]
    return dict(re.findall(r"^(WEIGHTGATE_\w+)=(\S+)$", lines, re.MULTILINE))
