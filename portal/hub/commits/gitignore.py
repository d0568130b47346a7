"""Tell which files a ``.gitignore`` leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portal.catalog.contents import Content
from portal.catalog.formats.globs import matches
from portal.errors import Invalid
from portal.storage import blob_store

FILE = ".gitignore"
LARGEST_BYTES = 100_000
MOST_LINES = 2000
MOST_COMPARISONS = 4_000_000  # of a part of a path with a rule, in one request: a few seconds


@dataclass(frozen=True)
class IgnoreRule:
    """A line of .gitignore; ``leaves_out`` is False where it takes back an earlier one."""

    pattern: str
    folders_only: bool
    leaves_out: bool


def ignore_rules(standing: dict[str, Content], sent: str) -> list[IgnoreRule]:
    """Return the rules sent with the request, else those of the branch. Raises Invalid."""
    text = sent or _held(standing.get(FILE))
    lines = text.splitlines()
    if len(text) > LARGEST_BYTES or len(lines) > MOST_LINES:
        raise Invalid(f"{FILE} may have up to {MOST_LINES} lines.", field="gitIgnore")
    return [rule for rule in map(_rule, lines) if rule.pattern]


def _rule(line: str) -> IgnoreRule:
    line = "" if line.startswith("#") else line.rstrip()
    leaves_out = not line.startswith("!")
    pattern = line.removeprefix("!")
    return IgnoreRule(pattern.rstrip("/"), pattern.endswith("/"), leaves_out)


def ignored(rules: list[IgnoreRule], path: str) -> bool:
    """Tell whether git ignores the path: by the last rule that matches it or a folder of it."""
    parts = path.split("/")
    return any(_is_left_out(rules, parts[:depth], parts) for depth in range(1, len(parts) + 1))


def require_few(rules: list[IgnoreRule], paths: Sequence[str]) -> None:
    """Raise Invalid where holding these paths against these rules would take too long."""
    if len(rules) * sum(path.count("/") + 1 for path in paths) > MOST_COMPARISONS:
        raise Invalid(f"Shorten {FILE}, or ask for fewer files at once.", field="files")


def _is_left_out(rules: list[IgnoreRule], inside: list[str], whole: list[str]) -> bool:
    is_folder = len(inside) < len(whole)
    for rule in reversed(rules):
        if (is_folder or not rule.folders_only) and matches(inside, rule.pattern):
            return rule.leaves_out
    return False


def _held(file: Content | None) -> str:
    if file is None or file.size_bytes > LARGEST_BYTES:
        return ""
    with blob_store().open(file.sha256) as content:
        return content.read().decode("utf-8", "replace")
