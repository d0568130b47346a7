"""The model card's front matter: what catalogues and the Hub's clients read of it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
REMEDY = "begin it with ---, a line such as “license: other”, and ---"


def card_problems(card: Path) -> list[str]:
    """What is wrong with README.md, if anything."""
    try:
        text = card.read_text("utf-8")
    except UnicodeDecodeError:
        return ["README.md is not UTF-8: save it as that"]
    found = FRONT_MATTER.match(text)
    if not found:
        return [f"README.md has no front matter: {REMEDY}"]
    return _front_matter_problems(found[1])


def _front_matter_problems(text: str) -> list[str]:
    try:
        fields = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return [f"README.md’s front matter is not YAML: {' '.join(str(error).split())}"]
    if not isinstance(fields, dict):
        return [f"README.md’s front matter names no fields: {REMEDY}"]
    if not fields.get("license"):
        return ["README.md’s front matter names no license: add “license: other”, or the right one"]
    return []
