"""Check the model card's front matter, as catalogues and the Hub's clients read it."""

from __future__ import annotations

from pathlib import Path

from portal.parsing.cards import NamesNothing, read_head
from portal.parsing.yaml import NotYaml

LARGEST_CARD_BYTES = 1_000_000
REMEDY = "begin it with ---, a line such as “license: other”, and ---"


def card_problems(card: Path) -> list[str]:
    """Say what is wrong with README.md, if anything."""
    if card.stat().st_size > LARGEST_CARD_BYTES:
        return ["README.md is over 1 MB: move what is longer to a file of its own"]
    try:
        fields = read_head(card.read_text("utf-8"))
    except UnicodeDecodeError:
        return ["README.md is not UTF-8: save it as that"]
    except NamesNothing:
        fields = {}
    except NotYaml as error:
        return [f"README.md’s front matter is not YAML: {error}"]
    if fields is None:
        return [f"README.md has no front matter: {REMEDY}"]
    if not fields:
        return [f"README.md’s front matter names no fields: {REMEDY}"]
    if not fields.get("license"):
        return ["README.md’s front matter names no license: add “license: other”, or the right one"]
    return []
